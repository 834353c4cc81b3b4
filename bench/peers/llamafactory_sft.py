#!/usr/bin/env python3
"""Fine-tuning with LLaMA-Factory on the CPU, of all weights or of LoRA adapters: how fast, with how much memory. Prints one JSON line.

Real tokens (no padding) are counted where the model gets them, from the third step to the beginning of the last. Needs llamafactory.
"""
import contextlib
import json
import pathlib
import sys
import tempfile
import time

import sft_arguments

options = sft_arguments.parser(__doc__)
sft_arguments.add_batches(options)
options.add_argument("--template", default="chatml", help="LLaMA-Factory's name of one")
options.add_argument("--packing", default="packed", choices=["none", "packed", "neat"], help="neat: rows that do not see each other")
args = sft_arguments.parse(options)

import torch  # noqa: E402  (the number of threads has to be known before)
from transformers import Trainer  # noqa: E402

WARM_UP = sft_arguments.WARM_UP
tokens, begins = [], []
train_one = Trainer.training_step


def real_tokens(inputs, padding):
    """A packed row is filled up with padding that its mask does not show; the first of the run at its end may be its own."""
    mask = inputs.get("attention_mask")
    real = 0
    for row, ids in enumerate(inputs["input_ids"].tolist()):
        count = len(ids) if mask is None else int((mask[row] != 0).sum())
        while count > 1 and ids[count - 1] == ids[count - 2] == padding:
            count -= 1
        real += count
    return real


def training_step(self, model, inputs, *rest, **named):
    begins.append(time.perf_counter())
    tokens.append(real_tokens(inputs, self.processing_class.pad_token_id))
    return train_one(self, model, inputs, *rest, **named)


def described_rows(folder):
    """The first rows as a data set that LLaMA-Factory knows by the name `rows`."""
    rows = sft_arguments.rows_of(args)
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
    sft_arguments.tell(sum(tokens[WARM_UP:-1]) / (begins[-1] - begins[WARM_UP]))


main()
