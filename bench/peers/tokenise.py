#!/usr/bin/env python3
"""Tokenises the rows of `keel_data_bench --benchmark_filter=DataTokenise` with Hugging Face's tokenizers, on all cores.

usage: tokenise.py MODEL_FOLDER [ROUNDS]

Run the benchmark first: it leaves its rows in the folder for temporary files. Prints MB of text a second, best round.
"""
import json
import pathlib
import sys
import tempfile
import time

from tokenizers import Tokenizer

ROWS = 10_000  # as the benchmark


def main():
    tokenizer = Tokenizer.from_file(str(pathlib.Path(sys.argv[1]) / "tokenizer.json"))
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    lines = (pathlib.Path(tempfile.gettempdir()) / "keel-bench-chats.jsonl").read_text().splitlines()[:ROWS]
    texts = ["\n".join(m["content"] for m in json.loads(line)["messages"]) for line in lines]
    size = sum(len(text.encode()) for text in texts)
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False):
            encoding.ids
        best = min(best, time.perf_counter() - start)
    print(f"{size / best / 2**20:.1f} MB/s, {len(texts) / best:.0f} rows/s")


if __name__ == "__main__":
    main()
