#!/usr/bin/env python3
"""Fine-tuning with LLaMA-Factory on the CPU, of all weights or of LoRA adapters: how fast, with how much memory. Prints one JSON line.

Real tokens (no padding) are counted where the model gets them, from the third step to the beginning of the last. Needs llamafactory.
"""
import argparse
import contextlib
import json
import os
import pathlib
import resource
import sys
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", required=True, help="Hugging Face folder")
parser.add_argument("--data", required=True, help="JSON lines with instruction, input, output")
parser.add_argument("--template", default="chatml", help="LLaMA-Factory's name of one")
parser.add_argument("--rows", type=int, default=400)
parser.add_argument("--steps", type=int, default=6)
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--max_length", type=int, default=1024)
parser.add_argument("--packing", default="packed", choices=["none", "packed", "neat"], help="neat: rows that do not see each other")
parser.add_argument("--lora_rank", type=int, default=0, help="0: all weights")
parser.add_argument("--amp", action="store_true", help="bf16 autocast")
parser.add_argument("--threads", type=int, default=os.cpu_count())
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)

import torch  # noqa: E402  (the number of threads has to be known before)
from transformers import Trainer  # noqa: E402

WARM_UP = 2
tokens, begins = [], []
train_one = Trainer.training_step


def training_step(self, model, inputs, *rest, **named):
    mask = inputs.get("attention_mask")
    begins.append(time.perf_counter())
    tokens.append(int((mask != 0).sum()) if mask is not None else inputs["input_ids"].numel())
    return train_one(self, model, inputs, *rest, **named)


def described_rows(folder):
    """The first rows as a data set that LLaMA-Factory knows by the name `rows`."""
    with open(args.data, encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(args.rows))]
    columns = ("instruction", "input", "output")
    (folder / "rows.json").write_text(json.dumps([{c: row.get(c, "") for c in columns} for row in rows]), encoding="utf-8")
    (folder / "dataset_info.json").write_text(json.dumps({"rows": {"file_name": "rows.json"}}))
    return {"dataset": "rows", "dataset_dir": str(folder)}


def main():
    torch.set_num_threads(args.threads)
    Trainer.training_step = training_step
    from llamafactory.train.tuner import run_exp
    folder = pathlib.Path(tempfile.mkdtemp(prefix="llamafactory-"))
    lora = {"lora_rank": args.lora_rank, "lora_alpha": 2 * args.lora_rank, "lora_target": "all"} if args.lora_rank else {}
    with contextlib.redirect_stdout(sys.stderr):
        run_exp({"model_name_or_path": args.model, "stage": "sft", "do_train": True, "template": args.template,
                 "finetuning_type": "lora" if lora else "full", **lora, **described_rows(folder), "cutoff_len": args.max_length,
                 "packing": args.packing != "none", "neat_packing": args.packing == "neat", "preprocessing_num_workers": 1,
                 "dataloader_num_workers": 0, "per_device_train_batch_size": args.batch, "gradient_accumulation_steps": 1,
                 "learning_rate": 3e-5, "max_steps": args.steps, "logging_steps": args.steps, "save_strategy": "no",
                 "report_to": "none", "plot_loss": False, "bf16": args.amp, "use_cpu": True, "output_dir": str(folder / "out")})
    print(json.dumps({"tokens_per_s": sum(tokens[WARM_UP:-1]) / (begins[-1] - begins[WARM_UP]),
                      "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}))


main()
