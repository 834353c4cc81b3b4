"""Writes tests/golden/data: the numbers that Keel's C++ tests compare with. See README.md beside this file.

usage: python tests/golden/make_goldens.py [--out DIR] [--part families|lora|methods] [--only NAME]
"""

import argparse
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # PEFT would look the base's name up on a hub
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

import torch  # noqa: E402


def main():
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=here / "data")
    parser.add_argument("--part", choices=("families", "lora", "methods"))
    parser.add_argument("--only", help="one family or one adapter by name")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # one order of every sum
    torch.use_deterministic_algorithms(True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.part in (None, "families"):
        from families import make_families

        make_families(arguments.out, arguments.only)
    if arguments.part in (None, "lora"):
        from lora import make_adapters

        make_adapters(arguments.out, arguments.only)
    if arguments.part in (None, "methods"):
        from methods_ref import make_methods

        make_methods(arguments.out)


if __name__ == "__main__":
    main()
