#!/usr/bin/env python3
"""Keel and a peer on the same work, in alternation, so that a machine that drifts drifts for both.

usage: alternate.py ROUNDS KEEL_COMMAND PEER_COMMAND

Each is a shell command. Keel's is a `keel train` without --output_dir; its speed is taken from metrics.jsonl from the third
step on. The peer's prints a JSON line with tokens_per_s and peak_gb (10^9 bytes) at the end. Prints each round and then the
median of the ratios with their spread.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

WARM_UP = 2


def run_keel(command):
    with tempfile.TemporaryDirectory(prefix="keel-bench-") as folder:
        run = pathlib.Path(folder) / "run"
        done = subprocess.run(f"{command} --output_dir {run}", shell=True, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    steps = [row for row in rows if "loss" in row]
    first, last = steps[WARM_UP - 1], steps[-1]
    return {"tokens_per_s": (last["tokens"] - first["tokens"]) / (last["elapsed_s"] - first["elapsed_s"]),
            "peak_gb": last["memory_peak_gb"]}


def run_peer(command):
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    rounds, keel, peer = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    speed, memory = [], []
    for n in range(rounds):
        order = [("keel", run_keel, keel), ("peer", run_peer, peer)]
        found = {name: run(command) for name, run, command in (order if n % 2 == 0 else order[::-1])}
        speed.append(found["keel"]["tokens_per_s"] / found["peer"]["tokens_per_s"])
        memory.append(found["keel"]["peak_gb"] / found["peer"]["peak_gb"])
        print(f"round {n + 1}: " + ", ".join(f"{name} {one['tokens_per_s']:.0f} tokens/s {one['peak_gb']:.2f} GB"
                                             for name, one in sorted(found.items())), flush=True)
    for name, ratios in (("speed", speed), ("memory", memory)):
        print(f"{name}: keel / peer {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
