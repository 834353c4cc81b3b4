"""Kills training runs and looks whether they go on as if nothing had happened (see tests/kill.sh).

Half of the kills come at a random time of the run, half wait until a checkpoint is being written. A kill counts only when
the process was alive and had not finished; it was inside a write when the half-written folder is still there after it.
"""
import hashlib
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLOCK_FIELDS = ("elapsed_s", "tokens_per_s", "memory_gb", "memory_peak_gb", "eta_s")
COMMON = ["--num_train_epochs", "8", "--per_device_train_batch_size", "2", "--gradient_accumulation_steps", "2",
          "--val_size", "8", "--learning_rate", "0.003", "--lr_scheduler_type", "cosine", "--eval_steps", "7",
          "--save_steps", "5", "--sample_count", "1", "--max_new_tokens", "4", "--precision", "fp32", "--threads", "1"]
KINDS = {
    "full": ["--mix_strategy", "multi_task", "--kl_replay", "1", "--kl_replay_tokens", "512", "--kl_replay_top_k", "8"],
    "lora": ["--finetuning_type", "lora", "--lora_rank", "4", "--lora_dropout", "0.1", "--mix_strategy", "dmt", "--dmt_k", "0.5",
             "--order_by", "length", "--stages", '[{"epochs": 2}, {"epochs": 6, "learning_rate": 0.002}]'],
}
SOURCES = {"full": ({}, {"weight": 2}), "lora": ({"role": "general"}, {"role": "specialist"})}


def make_model(folder):
    """The tiny golden Llama with a tokenizer of one token a character; '~' ends a turn."""
    shutil.copytree(ROOT / "tests/golden/data/llama", folder)
    characters = [chr(c) for c in range(32, 127)] + ["\n"]
    split = {"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated", "invert": False}
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": split, "post_processor": None, "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": {c: i for i, c in enumerate(characters)}, "unk_token": "?"}}))
    template = ("{% for m in messages %}{{ m.role[0] + ':' + m.content + '~' }}{% endfor %}"
                "{% if add_generation_prompt %}a:{% endif %}")
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "~", "chat_template": template}))


def make_rows(path, count):
    rows = ({"instruction": f"say {chr(97 + i % 26)} {i}", "output": chr(97 + i % 26) * (1 + i % 5)} for i in range(count))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def command(program, work, kind, run):
    datasets = json.dumps([{"path": str(work / name), **more} for name, more in zip(("rows.jsonl", "more.jsonl"), SOURCES[kind])])
    return [program, "train", "--model_name_or_path", work / "model", "--datasets", datasets,
            "--general_dataset", work / "general.jsonl", "--output_dir", run, "--resume", "true", *COMMON, *KINDS[kind]]


def finish(args):
    """Runs to the end; the program's words when it does not get there."""
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"the run ended with code {done.returncode}:\n{done.stdout}")


def result(run):
    """What must not depend on kills: the saved tensors' bytes and every metric but the clock's."""
    weights = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((run / "model").glob("*.safetensors"))}
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return weights, [{k: v for k, v in row.items() if k not in CLOCK_FIELDS} for row in rows]


def writing(run, since):
    """Whether a checkpoint is half-written; what an earlier kill left does not count."""
    try:
        return any(part.stat().st_ctime > since for part in (run / "checkpoints").glob("*.part"))
    except FileNotFoundError:  # it was just renamed
        return False


def kill_one(args, run, span, in_write):
    """Starts the run and kills it. Returns 'finished', 'killed' or 'killed inside a write'."""
    started = time.time()
    with open(run.parent / "keel.log", "wb") as log:
        process = subprocess.Popen(args, stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + random.uniform(0.05, span)
    while process.poll() is None:
        late = time.monotonic() >= deadline
        if late and (not in_write or writing(run, started)):
            process.kill()
            break
        time.sleep(0.0002 if late else 0.002)
    code = process.wait()
    if code == 0:
        return "finished"
    if code != -9:
        sys.exit(f"the run ended with code {code}:\n" + (run.parent / "keel.log").read_text())
    return "killed inside a write" if writing(run, started) else "killed"


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    program = sys.argv[2] if len(sys.argv) > 2 else str(ROOT / "build/keel")
    random.seed(wanted)
    kills = inside = resumes = differences = runs = 0
    with tempfile.TemporaryDirectory(prefix="keel-kill-") as name:
        work = pathlib.Path(name)
        make_model(work / "model")
        make_rows(work / "rows.jsonl", 88)
        make_rows(work / "more.jsonl", 20)
        make_rows(work / "general.jsonl", 6)
        expected, span = {}, {}
        for kind in KINDS:
            start = time.monotonic()
            finish(command(program, work, kind, work / f"{kind}-undisturbed"))
            span[kind] = time.monotonic() - start
            expected[kind] = result(work / f"{kind}-undisturbed")
        while kills < wanted:
            kind = list(KINDS)[runs % len(KINDS)]
            run = work / f"run-{runs}" / kind
            run.parent.mkdir()
            args = command(program, work, kind, run)
            outcome, before = "", kills
            while outcome != "finished" and kills < wanted:
                outcome = kill_one(args, run, 0.9 * span[kind], in_write=kills % 2 == 1)
                kills += outcome != "finished"
                inside += outcome == "killed inside a write"
            if outcome != "finished":
                finish(args)
            runs, resumes = runs + 1, resumes + kills - before
            same = result(run) == expected[kind]
            differences += not same
            print(f"{kind}: {kills - before} kills, {'equal' if same else 'DIFFERENT'}", flush=True)
            shutil.rmtree(run.parent)
    print(f"{kills} kills ({inside} inside a checkpoint write), {resumes} resumes, {runs} runs, {differences} differences")
    sys.exit(0 if differences == 0 and inside * 5 >= kills else 1)


if __name__ == "__main__":
    main()
