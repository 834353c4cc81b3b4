#!/usr/bin/env python3
"""Keel's speed on named workloads, alone or side by side with what people use.

  bench/workloads.py [NAME ...] [--model DIR] [--data DIR] [--peers PYTHON] [--llamafactory PYTHON] [--rounds 3] [--amp] [--json FILE]

W0 full, packed, the bundled harbour
W1 full, packed · W2 LoRA r16 · W3 LoRA r16 of a Qwen2.5-0.5B shape · W4, W4s, W4c a step per 10 tokens, NLIRG, LoRA (long answers, short ones, long ones behind a cached prefix)
W5 a model of 0.7 M · W6 rows of 8,000 tokens · W7 a head of 151,936 words over 45 M · W8, W8b answers, 1 and 16 at a time
W9 from the command to the first step · W10 100,000 rows read, tokenised and packed

Without names: all. --model: SmolLM2-135M-Instruct (./dev model smollm2-135m). --data: a folder with medquad_en.jsonl (abachaa/MedQuAD),
ytrainer_nli_zh.json (yafo-ai/y-trainer) and tinystories-656k (a Llama of that size); what is not there is skipped, with its name.
--peers: a Python that has trl, peft and transformers; each workload is then run in alternation with the peer on the same rows,
`rounds` times, and the middle of the ratios is told with the least and the largest. --llamafactory: a Python that has llamafactory, a peer
of W1 to W3, W6 and W7. The peers get the allocator settings that make them fastest (TUNED); --amp gives them bf16 autocast,
and bf16 weights in answering.

Of training: real tokens a second from the third step on, supervised ones, GB (10^9 bytes) held at most, the share of the step that
its matrix products would take alone (bench/roofline.cc), where the time goes (keel train --profile).
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

import shapes
from checkpoint_cost import seconds_to_first_step

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench/peers"
WARM_UP = 2
TUNED = {"THP_MEM_ALLOC_ENABLE": "1", "GOMP_SPINCOUNT": "1000", "OMP_NUM_THREADS": str(os.cpu_count()),
         "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=34359738368:glibc.malloc.trim_threshold=34359738368"}
LORA = {"finetuning_type": "lora", "lora_rank": 16, "lora_alpha": 32}
PACKED = {"cutoff_len": 1024, "per_device_train_batch_size": 4, "max_steps": 8}
WINDOWS = {**LORA, "token_batch": 10, "token_weighting": "nlirg", "per_device_train_batch_size": 1, "cutoff_len": 1024}


class Missing(Exception):
    pass


def run(command, environment=None, tell=None):
    """Standard output; of a command that fails the end of what it said."""
    done = subprocess.run([str(a) for a in command], capture_output=True, text=True, env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(a) for a in command)}\n{done.stderr[-3000:]}")
    return done.stderr if tell == "stderr" else done.stdout


def peer(python, script, *more):
    return json.loads(run([python, PEERS / script, *more], TUNED).splitlines()[-1])


class Place:
    """Where models, rows and runs of one workload lie."""

    def __init__(self, o, work):
        self.o, self.work = o, work

    def data(self, name):
        path = self.o.data / name
        if not path.exists():
            raise Missing(f"no {path}")
        return path

    def model(self):
        if not (self.o.model / "config.json").exists():
            raise Missing(f"no model in {self.o.model}: ./dev model smollm2-135m, or --model")
        return self.o.model

    def shape(self, name):
        folder = self.work / name
        return folder if folder.exists() else shapes.write_shape(name, folder, self.model())

    def roofline_program(self):
        return self.o.program.parent / "bench/keel_roofline"

    def long_rows(self):
        """Rows of about 8,000 tokens: texts of the data set behind one another."""
        path = self.work / "long.jsonl"
        texts, rows = "", []
        for line in self.data("medquad_en.jsonl").read_text().splitlines():
            texts += json.loads(line)["output"] + "\n"
            if len(texts) > 30_000:
                rows.append({"instruction": "Tell all you know.", "output": texts[:30_000]})
                texts = ""
        path.write_text("".join(json.dumps(row) + "\n" for row in rows[:12]))
        return path

    def one_row(self):
        """The same row several times, so that keel and the peer step through samples of one length."""
        rows = map(json.loads, self.data("medquad_en.jsonl").read_text().splitlines())
        row = min(rows, key=lambda row: abs(len(row["output"]) - 1300))
        path = self.work / "one.jsonl"
        path.write_text("".join(json.dumps({**row, "instruction": f"({i}) {row['instruction']}"}) + "\n" for i in range(4)))
        return path

    def many_rows(self, count):
        lines = self.data("medquad_en.jsonl").read_text().splitlines()
        path = self.work / f"rows{count}.jsonl"
        path.write_text("".join(lines[i % len(lines)].replace('"instruction": "', f'"instruction": "({i}) ', 1) + "\n" for i in range(count)))
        return path


def keel_train(place, model, data, options):
    out = place.work / "run"
    shutil.rmtree(out, ignore_errors=True)
    settings = {"model_name_or_path": model, "dataset": data, "output_dir": out, "profile": "true", "sample_count": 0, "monitor_share": 0,
                "dataset_prepared_path": place.work / "tokens", "max_rejected": 1, **options}
    run([place.o.program, "train", *arguments(settings)])
    steps = [row for row in map(json.loads, (out / "metrics.jsonl").read_text().splitlines()) if "loss" in row]
    first, last = steps[WARM_UP - 1], steps[-1]
    seconds = last["elapsed_s"] - first["elapsed_s"]
    return {"tokens_per_s": (last["tokens"] - first["tokens"]) / seconds,
            "supervised_per_s": (last["supervised_tokens"] - first["supervised_tokens"]) / seconds,
            "peak_gb": last["memory_peak_gb"], "precision": used(out, "precision"), "profile": json.loads((out / "profile.json").read_text())}


def arguments(options):
    return [str(part) for key, value in options.items() for part in (f"--{key}", value)]


def used(run_dir, option):
    lines = (run_dir / "config.yaml").read_text().splitlines()
    return next(line.split(": ")[1] for line in lines if line.startswith(f"{option}: "))


def roofline(place, model, lora, precision):
    done = run([place.roofline_program(), model / "config.json", place.work / "run/profile.json", 16 if lora else 0, precision],
               {"GOMP_SPINCOUNT": "1000"})
    return json.loads(done)


class Training:
    """peer_options: of the scripts in PEERS, besides model and data. template: LLaMA-Factory's for the model, if it has one."""

    def __init__(self, what, model, data, options, script="trl_sft.py", peer_options=(), speed="tokens_per_s", template="chatml"):
        self.what, self.model, self.data, self.options = what, model, data, options
        self.script, self.peer_options, self.speed, self.template = script, peer_options, speed, template

    def keel(self, place):
        return keel_train(place, self.model(place), self.data(place), self.options)

    def peers(self, place):
        lora = ["--lora_rank", 16] if "lora_rank" in self.options else []
        more = ["--model", self.model(place), "--data", self.data(place), *lora, *self.peer_options, *(["--amp"] if place.o.amp else [])]
        known = {}
        if place.o.peers:
            known[self.script] = lambda: peer(place.o.peers, self.script, *more)
        if place.o.llamafactory and self.script == "trl_sft.py" and self.template:
            script = "llamafactory_sft.py"
            known[script] = lambda: peer(place.o.llamafactory, script, *more, "--template", self.template)
        return known

    def describe(self, place, found):
        found = found | {"roofline": roofline(place, self.model(place), "lora_rank" in self.options, found["precision"])}
        parts, seconds = found["profile"]["seconds_by_work"], found["profile"]["seconds"]
        shares = ", ".join(f"{name} {100 * parts[name] / seconds:.1f} %" for name in sorted(parts, key=parts.get, reverse=True) if name != "aside")
        r = found["roofline"]
        return (f"{found['tokens_per_s']:.1f} tokens/s, {found['supervised_per_s']:.1f} supervised, {found['peak_gb']:.2f} GB; "
                f"roofline share {100 * r['roofline_share']:.0f} %, {r['flop_per_s'] / 1e9:.0f} of {r['peak_flop_per_s'] / 1e9:.0f} GFLOP/s\n"
                f"    {shares}"), found


class Generation:
    """Greedy answers to as many questions at a time."""
    speed = "tokens_per_s"

    def __init__(self, what, batch):
        self.what, self.batch = what, batch

    def prompts(self, place):
        path = place.work / "prompts.jsonl"
        topics = "the sea,a lighthouse,winter,bread,a bridge,the moon,trade,rivers,clocks,music,a garden,maps,glass,wool,rain,horses".split(",")
        path.write_text("".join(json.dumps({"prompt": f"Write a long essay about {topic}."}) + "\n" for topic in topics[:self.batch]))
        return path

    def keel(self, place):
        told = run([place.o.program, "generate", "--model_name_or_path", place.model(), "--prompts", self.prompts(place), "--max_new_tokens",
                    128, "--output", place.work / "answers.jsonl"], tell="stderr")
        return {"tokens_per_s": float(told.split(" tokens/s")[0].split()[-1])}

    def peers(self, place):
        if not place.o.peers:
            return {}
        dtype = "bfloat16" if place.o.amp else "float32"
        return {"generate.py": lambda: peer(place.o.peers, "generate.py", "--model", place.model(), "--prompts", self.prompts(place), "--dtype", dtype)}

    def describe(self, place, found):
        text = f"{found['tokens_per_s']:.1f} tokens/s"
        if self.batch == 1:  # each token reads every weight once
            read = found["tokens_per_s"] * (place.model() / "model.safetensors").stat().st_size
            most = json.loads(run([place.roofline_program(), "bandwidth"], {"GOMP_SPINCOUNT": "1000"}))["bytes_per_s"]
            found = found | {"bytes_per_s": read, "bandwidth": most}
            text += f", {100 * read / most:.0f} % of the {most / 1e9:.1f} GB/s that the memory gives"
        return text, found


class Start:
    """Seconds from the command to the first step; rows: of the data set, nothing of it kept from before."""
    speed = None

    def __init__(self, what, rows, warm):
        self.what, self.rows, self.warm = what, rows, warm

    def seconds(self, place, rows):
        data = place.many_rows(rows)
        out = place.work / "start"
        shutil.rmtree(out, ignore_errors=True)
        options = {"model_name_or_path": place.model(), "dataset": data, "output_dir": out, "cutoff_len": 1024, "max_rejected": 1, "sample_count": 0, "monitor_share": 0,
                   "dataset_prepared_path": place.work / "tokens" if self.warm else "none"}
        return seconds_to_first_step([str(place.o.program), "train", *arguments(options)])

    def keel(self, place):
        if self.warm:
            self.seconds(place, self.rows)
            return {"seconds": self.seconds(place, self.rows)}
        few = self.seconds(place, 8)
        return {"seconds": self.seconds(place, self.rows) - few}

    def describe(self, _, found):
        return f"{found['seconds']:.2f} s", found


def medquad(place):
    return place.data("medquad_en.jsonl")


WORKLOADS = {
    "W0": Training("full, the bundled harbour", Place.model, lambda _: ROOT / "examples/harbor/train.jsonl", {**PACKED, "per_device_train_batch_size": 8}),
    "W1": Training("full, packed to 1,024", Place.model, medquad, {**PACKED, "max_samples": 400}),
    "W2": Training("LoRA r16 on all linear layers, packed to 1,024", Place.model, medquad, {**PACKED, **LORA, "max_samples": 400}),
    "W3": Training("LoRA r16, Qwen2.5-0.5B shape", lambda p: p.shape("qwen2.5-0.5b"), medquad,
                   {**PACKED, **LORA, "max_samples": 400, "per_device_train_batch_size": 2, "max_steps": 4}, peer_options=("--steps", 4)),
    "W4": Training("a step per 10 tokens, NLIRG, LoRA r16, long answers", Place.model, Place.one_row,
                   {**WINDOWS, "max_steps": 2}, "window_steps.py", speed="supervised_per_s"),
    "W4s": Training("the same, short answers", Place.model, lambda p: p.data("ytrainer_nli_zh.json"),
                    {**WINDOWS, "max_samples": 60, "max_steps": 40}, "window_steps.py", speed="supervised_per_s"),
    "W4c": Training("as W4, token_batch_prefix: cached", Place.model, Place.one_row,
                    {**WINDOWS, "max_steps": 2, "token_batch_prefix": "cached"}, "window_steps.py", speed="supervised_per_s"),
    "W5": Training("full, a model of 0.7 M", lambda p: p.data("tinystories-656k"), medquad,
                   {**PACKED, "max_samples": 2000, "max_steps": 100, "template": "chatml"}, peer_options=("--steps", 40, "--rows", 2000), template=None),
    "W6": Training("full, rows of 8,000 tokens", Place.model, Place.long_rows, {"cutoff_len": 8192, "per_device_train_batch_size": 1, "max_steps": 4},
                   peer_options=("--max_length", 8192, "--steps", 4)),
    "W7": Training("full, 151,936 words over 45 M", lambda p: p.shape("qwen3-45m"), medquad, {**PACKED, "max_samples": 400}),
    "W8": Generation("one greedy answer of 128 tokens", 1),
    "W8b": Generation("16 greedy answers of 128 tokens", 16),
    "W9": Start("to the first step, tokens of before", 400, True),
    "W10": Start("100,000 rows read, tokenised, packed", 100_000, False),
}


def compare(name, workload, place, rounds):
    """Keel and its peers, in turns; each round begins with another one."""
    runs = {"keel": lambda: workload.keel(place), **workload.peers(place)}
    ratios = {peer: {"speed": [], "memory": []} for peer in runs if peer != "keel"}
    for n in range(rounds if ratios else 0):
        order = list(runs)[n % len(runs):] + list(runs)[:n % len(runs)]
        found = {who: runs[who]() for who in order}
        keel = found["keel"]
        for peer_name, of_peer in ratios.items():
            other = found[peer_name]
            of_peer["speed"].append(keel[workload.speed] / other["tokens_per_s"])
            text = f"{name} round {n + 1}: keel {keel[workload.speed]:.1f}, {peer_name} {other['tokens_per_s']:.1f} tokens/s"
            if "peak_gb" in keel:
                of_peer["memory"].append(keel["peak_gb"] / other["peak_gb"])
                text += f"; {keel['peak_gb']:.2f} and {other['peak_gb']:.2f} GB"
            print(text, flush=True)
    for peer_name, of_peer in ratios.items():
        for what, all_of in of_peer.items():
            if all_of:
                print(f"{name} {what}: {statistics.median(all_of):.2f} ({min(all_of):.2f} to {max(all_of):.2f}) of {peer_name}'s", flush=True)
    return ratios


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models/smollm2-135m")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "data")
    parser.add_argument("--peers", help="a Python with trl, peft and transformers")
    parser.add_argument("--llamafactory", help="a Python with llamafactory")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--amp", action="store_true", help="peers with bf16 autocast, in answering with bf16 weights")
    parser.add_argument("--json", type=pathlib.Path, help="file for all figures")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/keel")
    o = parser.parse_args()
    for name in set(o.names) - set(WORKLOADS):
        parser.error(f"no workload {name}; there are {', '.join(WORKLOADS)}")
    return o


def main():
    o = parse_arguments()
    figures = {}
    for name in o.names or WORKLOADS:
        workload = WORKLOADS[name]
        with tempfile.TemporaryDirectory(prefix="keel-bench-") as folder:
            place = Place(o, pathlib.Path(folder))
            try:
                text, found = workload.describe(place, workload.keel(place))
                print(f"{name} {workload.what}: {text}", flush=True)
                if workload.speed:
                    found["rounds"] = compare(name, workload, place, o.rounds)
                figures[name] = found
            except Missing as reason:
                print(f"{name} {workload.what}: skipped, {reason}", flush=True)
    if o.json:
        o.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
