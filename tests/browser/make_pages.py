"""Makes one page of each kind with the program: good, stopped and hostile runs of a tiny model, a comparison, a data check."""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from chromium import PLANTED, Page
from kill_runs import make_model, make_rows

COMMON = {"per_device_train_batch_size": 4, "val_size": 12, "learning_rate": 0.003, "precision": "fp32", "threads": 1,
          "max_new_tokens": 8, "sample_count": 0}
SET = f"window.{PLANTED}=1"
HOSTILE = [f"<script>{SET};alert(1)</script>", f"\"><img src=x onerror=\"{SET}\">", f"</title></style></svg></pre><script>{SET}</script>",
           "\u202e\u202ewritten from the right \u2066and never closed", "W" * 400, "港口的船只今天几点出发？" * 12,
           "نص من اليمين إلى اليسار", "&lt;b&gt; &#60;i&#62; %3Cscript%3E", "\x00\x08\x1b[31m\ufeff\ufffe", "x" * 30 + "\n" * 40 + "y"]
HOSTILE_NAME = f"\"><img src=x onerror={SET}>"


def call(program, work, *args, code=0):
    """Runs it in the folder, with the names of files in it: how long a page's title is must not depend on where that lies."""
    done = subprocess.run([program, *map(str, args)], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != code:
        sys.exit(f"keel {args[0]} ended with code {done.returncode}, wanted {code}:\n{done.stdout}")


def train(program, work, folder, code=0, **options):
    """The page of a run; options as on the command line, over those that all runs here share."""
    common = {**COMMON, "model_name_or_path": "model", "general_dataset": "general.jsonl"}
    if "datasets" not in options:
        common["dataset"] = "rows.jsonl"
    args = [word for name, value in {**common, **options}.items()
            for word in (f"--{name}", value if isinstance(value, str) else json.dumps(value))]
    call(program, work, "train", *args, "--output_dir", folder, code=code)
    return work / folder / "report.html"


def compare(program, work):
    base = {**COMMON, "model_name_or_path": "model", "dataset": "rows.jsonl", "general_dataset": "general.jsonl",
            "num_train_epochs": 2, "eval_steps": 10}
    del base["learning_rate"], base["sample_count"]
    plan = {"output_dir": "compare", "base": base, "learning_rates": [0.001, 0.003], "seeds": [1],
            "arms": {"plain": {"token_weighting": "none"}, "nlirg": {"token_weighting": "nlirg"}}}
    (work / "plan.yaml").write_text(json.dumps(plan))
    call(program, work, "compare", "plan.yaml")
    return work / "compare"


def make_hostile_rows(path):
    rows = [{"instruction": f"{HOSTILE[i % len(HOSTILE)]} {i}", "output": f"{HOSTILE[(i + 1) % len(HOSTILE)]} {i // 3}"}
            for i in range(60)]
    path.write_text("".join(json.dumps(row, ensure_ascii=i % 2 == 0) + "\n" for i, row in enumerate(rows)))


def hostile_run(program, work):
    sources = [{"path": "hostile.jsonl", "name": HOSTILE_NAME}, {"path": "rows.jsonl", "name": "N" * 100}]
    return train(program, work, f"<img src=x onerror={SET}>", datasets=sources, num_train_epochs=2, sample_count=12,
                 eval_steps=10, learning_rate=2e-5, monitor_share=0.5)


def data_page(program, work, command, rows, page, *more):
    call(program, work, "data", command, "--dataset", rows, "--html", page, *more)
    return work / page


def make_pages(program, work):
    make_model(work / "model")
    make_rows(work / "rows.jsonl", 88)
    make_rows(work / "general.jsonl", 12)
    make_hostile_rows(work / "hostile.jsonl")
    compared = compare(program, work)
    return [
        Page("a run that ends well", train(program, work, "well", token_weighting="nlirg", num_train_epochs=16, eval_steps=40,
                                           sample_count=8, monitor_share=0.2), "^The run finished"),
        Page("a crossed red line", train(program, work, "line", code=3, num_train_epochs=2, gates={"general_loss": {"max": 0.01}}),
             "RED LINE crossed: general_loss"),
        Page("stopped at the frontier", train(program, work, "early", num_train_epochs=20, eval_steps=5, learning_rate=0.03,
                                              metric_for_best_model="frontier", early_stopping_patience=2), "without a better frontier"),
        Page("a comparison", compared / "report.html", "."),
        Page("its frontier as a file", compared / "frontier.svg", drawing=True),
        Page("a data check", data_page(program, work, "check", "rows.jsonl", "check.html"), "0 errors"),
        Page("a check of hostile data", data_page(program, work, "check", "hostile.jsonl", "hostile-check.html", "--model_name_or_path", "model"),
             "[0-9]+ warning"),
        Page("a preview of hostile data", data_page(program, work, "preview", "hostile.jsonl", "preview.html", "--rows", 30,
                                                    "--model_name_or_path", "model")),
        Page("a run on hostile data", hostile_run(program, work), "^The run finished"),
    ]
