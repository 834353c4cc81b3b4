#!/usr/bin/env python3
"""What checkpoints cost a run: bench/checkpoint_cost.py MODEL [--rounds 1] [--every 4] [--saves 3] [--program FILE] [OPTIONS …].

Rows of one length are trained on; each round trains without saving, saving beside the training and saving at once, in turn.
Told of each run: seconds a step, wall time from the first step's end to the last's over the steps between; the least and
most that the training waited for one save (wall time between two lines of metrics that is no training time);
how long a checkpoint was being written; what a save cost in all: by how much the steps from it to the next one took longer
than as many of their median, which a machine that drifts between runs does not change (the run that saves nothing shows
what noise makes of it). At the end, the middle of --starts: from the start of the program to its first step, afresh, and
resumed from a checkpoint that lies on the disk or in the system's cache; and how long dd takes to read that checkpoint.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORDS = "the harbour opens at dawn and the boats go out with the tide to fish beyond the old lighthouse until night".split()
MODES = {"none": "false", "beside": "true", "at once": "false"}  # async_save


def make_rows(path):
    rows = ({"instruction": f"tell story {100 + i}", "output": " ".join(WORDS * 10)} for i in range(200))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def watch(process, run):
    """(time, seconds of training) of each step and (first seen, whole) of each checkpoint, as they appear."""
    steps, saves = [], {}
    while process.poll() is None:
        now = time.monotonic()
        lines = (run / "metrics.jsonl").read_text().splitlines() if (run / "metrics.jsonl").exists() else []
        for line in lines[len(steps):]:
            row = json.loads(line)
            steps.append((now, row["tokens"] / row["tokens_per_s"]))
        for folder in (run / "checkpoints").glob("step-*"):
            times = saves.setdefault(folder.name.removesuffix(".part"), [now, None])
            if not folder.name.endswith(".part") and times[1] is None:
                times[1] = now
        time.sleep(0.01)
    return steps, saves


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--every", type=int, default=4, help="steps from one save to the next")
    parser.add_argument("--saves", type=int, default=3)
    parser.add_argument("--starts", type=int, default=1, help="of each kind, at the end")
    parser.add_argument("--program", default=str(ROOT / "build/keel"))
    return parser.parse_known_args()


def command(o, work, run, more):
    args = [o.program, "train", "--model_name_or_path", o.model, "--template", "chatml", "--dataset", work / "rows.jsonl", "--output_dir", run,
            "--per_device_train_batch_size", "1", "--max_steps", str(o.every * o.saves + 1), "--sample_count", "0", "--precision", "fp32",
            "--save_total_limit", "1", "--dataset_prepared_path", work / "tokens", *more]
    return [str(a) for a in args]


def train(args, run):
    before = os.times()
    process = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    steps, saves = watch(process, run)
    if process.returncode != 0:
        sys.exit(process.stderr.read())
    after = os.times()
    return steps, saves, after.children_user + after.children_system - before.children_user - before.children_system


def seconds_to_first_step(args):
    """The sizes of checkpoints are told right before it; behind it the run saves and ends (max_time)."""
    start, told = time.monotonic(), None
    process = subprocess.Popen([*args, "--max_time", "1e-9"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        told = told or ("a checkpoint takes" in line and time.monotonic() - start)
    return told if process.wait() == 0 else sys.exit("the run failed")


def newest_checkpoint(run):
    return max((run / "checkpoints").iterdir())


def seconds_to_read(run):
    start = time.monotonic()
    for file in newest_checkpoint(run).glob("*.safetensors"):
        subprocess.run(["dd", f"if={file}", "of=/dev/null", "bs=4M", "iflag=direct"], stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def keep_in_cache(run, wanted):
    """Of the system, or not, the run's checkpoints."""
    for path in run.glob("checkpoints/*/*"):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while wanted and file.read(1 << 22):
                pass


def costs(wall, every):
    """Of each save but the last, which few steps follow."""
    rounds = [wall[i:i + every] for i in range(every - 1, len(wall) - every + 1, every)]
    return [sum(steps) - every * statistics.median(steps) for steps in rounds]


def measure(mode, every, steps, saves, cpu):
    """Seconds a step, and what each save cost."""
    wall = [b[0] - a[0] for a, b in zip(steps, steps[1:])]
    waits = [w - (b[1] - a[1]) for w, a, b in zip(wall, steps, steps[1:])][every - 1::every]
    text = f"{mode:8} {sum(wall) / len(wall):.2f} s a step, {cpu:.0f} s of CPU time in all"
    if mode != "none":
        text += f", waits {min(waits):.2f} to {max(waits):.2f} s a save"
        text += f", written in {statistics.median(b - a for a, b in saves.values() if b):.1f} s"
    print(text, flush=True)
    return sum(wall) / len(wall), costs(wall, every)


def middle(values):
    return f"{statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})"


def time_starts(o, more, work):
    run = work / "new"
    seconds = {"afresh": [], "from the disk": [], "from the cache": []}
    reading = []
    for _ in range(o.starts):
        shutil.rmtree(run, ignore_errors=True)
        for name, found in seconds.items():
            keep_in_cache(run, name == "from the cache")
            args = command(o, work, run, [*more, *([] if name == "afresh" else ["--resume"])])
            found.append(seconds_to_first_step(args))
        reading.append(seconds_to_read(run))
    for name, found in seconds.items():
        print(f"to the first step, {name}: {middle(found)}")
    print(f"dd reads the checkpoint past the cache in {middle(reading)}")


def main():
    o, more = parse_arguments()
    seconds, cost = {mode: [] for mode in MODES}, {mode: [] for mode in MODES}
    with tempfile.TemporaryDirectory(prefix="keel-checkpoints-", dir=os.environ.get("KEEL_BENCH_DISK")) as name:
        work = pathlib.Path(name)
        make_rows(work / "rows.jsonl")
        for _ in range(o.rounds):
            for mode, beside in MODES.items():
                shutil.rmtree(work / "run", ignore_errors=True)
                every = 1_000_000 if mode == "none" else o.every
                args = command(o, work, work / "run", ["--save_steps", str(every), "--async_save", beside, *more])
                step, saves = measure(mode, o.every, *train(args, work / "run"))
                seconds[mode].append(step)
                cost[mode] += saves
        print(f"a checkpoint: {sum(f.stat().st_size for f in newest_checkpoint(work / 'run').iterdir()) / 1e9:.2f} GB")
        for mode in ("beside", "at once"):
            ratios = [s / n for s, n in zip(seconds[mode], seconds["none"])]
            print(f"{mode}: {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}) times the step of a run that "
                  f"saves nothing, {o.every} steps to a save")
        for mode, found in cost.items():
            if found:
                print(f"{mode}: a save costs {middle(found)}, {100 * statistics.median(found) / o.every / statistics.median(seconds['none']):.1f} % "
                      f"of the {o.every} steps to the next")
        time_starts(o, more, work)


if __name__ == "__main__":
    main()
