"""Trains for a long time and looks whether memory, threads and open files stay what they were (see tests/soak.sh)."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from kill_runs import ROOT, make_model, make_rows

OPTIONS = ["--max_steps", "1000000000", "--per_device_train_batch_size", "2", "--gradient_accumulation_steps", "2", "--val_size", "8",
           "--learning_rate", "0.001", "--lr_scheduler_type", "constant", "--max_length", "128", "--mix_strategy", "multi_task",
           "--kl_replay", "1", "--kl_replay_tokens", "512", "--kl_replay_top_k", "8", "--eval_steps", "500", "--save_steps", "500",
           "--save_total_limit", "2", "--logging_steps", "500", "--sample_count", "2", "--max_new_tokens", "8",
           "--metric_for_best_model", "frontier", "--threads", "1"]
TOLD_EVERY = 20  # minutes
# What an allocator may keep at one time and not at another: a hundredth, and the pages of one arena.
SHARE, PAGES_MB = 0.01, 2.0


def look(pid):
    """Memory of its own (MB), threads, open files, of the process."""
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) / 1024, int(status["Threads"]), len(os.listdir(f"/proc/{pid}/fd"))


def watch(process, run):
    """What look() saw each second from the first checkpoint on: before it the run is still being built up."""
    seen, told = [], time.monotonic()
    while process.poll() is None:
        time.sleep(1)
        if any((run / "checkpoints").glob("step-*[0-9]")):
            try:
                seen.append(look(process.pid))
            except (FileNotFoundError, ProcessLookupError, KeyError):
                break  # it has ended
        if seen and time.monotonic() - told > 60 * TOLD_EVERY:
            told = time.monotonic()
            print("{:.1f} MB, {} threads, {} files".format(*seen[-1]), flush=True)
    return seen


def medians(seen, begin, end):
    part = seen[int(len(seen) * begin):int(len(seen) * end)]
    return [statistics.median(column) for column in zip(*part)]


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 120
    program = sys.argv[2] if len(sys.argv) > 2 else str(ROOT / "build/keel")
    with tempfile.TemporaryDirectory(prefix="keel-soak-") as name:
        work = pathlib.Path(name)
        make_model(work / "model")
        make_rows(work / "rows.jsonl", 88)
        make_rows(work / "general.jsonl", 16)
        with open(work / "keel.log", "wb") as log:
            process = subprocess.Popen(
                [program, "train", "--model_name_or_path", work / "model", "--dataset", work / "rows.jsonl", "--general_dataset",
                 work / "general.jsonl", "--output_dir", work / "run", "--max_time", str(minutes), *OPTIONS],
                stdout=log, stderr=subprocess.STDOUT)
        seen = watch(process, work / "run")
        if process.wait() != 0 or len(seen) < 40:
            sys.exit(f"the run ended with code {process.returncode}, seen {len(seen)} times:\n" + (work / "keel.log").read_text()[-2000:])
        rows = (work / "run/metrics.jsonl").read_text().splitlines()
        steps = json.loads(rows[-1])["step"]
    early, late = medians(seen, 0.25, 0.5), medians(seen, 0.75, 1)
    flat = late[0] <= early[0] * (1 + SHARE) + PAGES_MB and late[1:] == early[1:]
    for what, values in (("second quarter", early), ("last quarter", late)):
        print("{}: {:.1f} MB, {:.0f} threads, {:.0f} files".format(what, *values))
    print(f"{minutes:g} minutes, {steps} steps, {len(rows)} lines of metrics: {'flat' if flat else 'GROWING'}")
    sys.exit(0 if flat else 1)


if __name__ == "__main__":
    main()
