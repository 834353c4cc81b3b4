"""Reads a run's TensorBoard events with TensorBoard's own reader and compares them with metrics.jsonl.

usage: python tools/oracle/read_events.py RUN_DIR      (needs: pip install tensorboard)
Prints what was compared; exit code 1 at the first difference.
"""
import json
import math
import pathlib
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def flatten(name, value):
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from flatten(f"{name}/{key}" if name else key, item)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield name, struct.unpack("f", struct.pack("f", value))[0]


run = pathlib.Path(sys.argv[1])
events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "histograms": 0}).Reload()
want = {}
for line in (run / "metrics.jsonl").read_text().splitlines():
    row = json.loads(line)
    for name, value in flatten("", row):
        if name != "step":
            want.setdefault(name, []).append((row["step"], value))
got = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
assert got == want, (got, want)
for tag in events.Tags()["histograms"]:
    for e in events.Histograms(tag):
        h = e.histogram_value
        assert sum(h.bucket) == h.num and len(h.bucket) == len(h.bucket_limit) and math.isfinite(h.sum)
        print(f"{tag} step {e.step}: n {h.num:g} min {h.min:g} max {h.max:g} sum {h.sum:g} squares {h.sum_squares:g}")
print(f"{len(want)} scalars over {sum(map(len, want.values()))} points are equal")
