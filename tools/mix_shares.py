#!/usr/bin/env python3
"""Shares of the sources among the tokens a run has trained: over each whole stage, and how far any window of 100
steps is from its stage's share.

    tools/mix_shares.py RUN_FOLDER [STEPS_OF_STAGE_1 STEPS_OF_STAGE_2 …]

Reads metrics.jsonl of a run with logging_steps: 1. Without numbers the run is one stage.
"""
import json
import sys
from pathlib import Path

WINDOW = 100


def trained(folder):
    """Tokens of each source up to each step, from step 0 on."""
    rows = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    steps = [row for row in rows if "source_share" in row]
    names = list(steps[0]["source_share"])
    assert [row["step"] for row in steps] == list(range(1, len(steps) + 1)), "logging_steps has to be 1"
    return names, [[0.0] * len(names)] + [[row["source_share"][n] * row["tokens"] for n in names] for row in steps]


def shares(sums, begin, end):
    parts = [b - a for a, b in zip(sums[begin], sums[end])]
    return [part / sum(parts) for part in parts]


def main(folder, *stages):
    names, sums = trained(folder)
    steps = [int(n) for n in stages] or [len(sums) - 1]
    assert sum(steps) == len(sums) - 1, f"the run has {len(sums) - 1} steps"
    begin = 0
    for stage, count in enumerate(steps, 1):
        end = begin + count
        whole = shares(sums, begin, end)
        off = max((abs(w - s) for at in range(begin, end - WINDOW + 1)
                   for w, s in zip(shares(sums, at, at + WINDOW), whole)), default=float("nan"))
        told = ", ".join(f"{name} {100 * s:.2f} %" for name, s in zip(names, whole))
        print(f"stage {stage}, {count} steps: {told}; windows of {WINDOW} steps differ by at most {100 * off:.2f} points")
        begin = end


if __name__ == "__main__":
    main(*sys.argv[1:])
