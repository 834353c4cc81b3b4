#!/usr/bin/env python3
"""Fine-tuning with TRL's SFTTrainer on the CPU, of all weights or of LoRA adapters: how fast, with how much memory. Prints one JSON line.

Real tokens (no padding) are counted where the model gets them, from the third step on. Needs trl and transformers.
"""
import argparse
import json
import os
import resource
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", required=True, help="Hugging Face folder")
parser.add_argument("--data", required=True, help="JSON lines with instruction, input, output")
parser.add_argument("--rows", type=int, default=400)
parser.add_argument("--steps", type=int, default=6)
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--max_length", type=int, default=1024)
parser.add_argument("--packing", default="bfd", choices=["none", "bfd"])
parser.add_argument("--lora_rank", type=int, default=0, help="0: all weights")
parser.add_argument("--amp", action="store_true", help="bf16 autocast")
parser.add_argument("--threads", type=int, default=os.cpu_count())
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)

import torch  # noqa: E402  (the number of threads has to be known before)
from datasets import Dataset  # noqa: E402
from transformers import AutoTokenizer, TrainerCallback  # noqa: E402
from trl import SFTConfig, SFTTrainer  # noqa: E402

WARM_UP = 2
tokens, ends = [], []


class Trainer(SFTTrainer):
    def training_step(self, model, inputs, *rest, **named):
        mask = inputs.get("attention_mask")
        tokens.append(int(mask.sum()) if mask is not None else inputs["input_ids"].numel())
        return super().training_step(model, inputs, *rest, **named)


class Clock(TrainerCallback):
    def on_step_end(self, *rest, **named):
        ends.append(time.perf_counter())


def conversation(row):
    question = row["instruction"] + ("\n" + row["input"] if row.get("input") else "")
    return {"prompt": [{"role": "user", "content": question}],
            "completion": [{"role": "assistant", "content": row["output"]}]}


torch.set_num_threads(args.threads)
with open(args.data, encoding="utf-8") as file:
    rows = [conversation(json.loads(line)) for line, _ in zip(file, range(args.rows))]
settings = SFTConfig(
    output_dir=tempfile.mkdtemp(prefix="trl-"), max_steps=args.steps, per_device_train_batch_size=args.batch,
    max_length=args.max_length, packing=args.packing != "none", packing_strategy="bfd", learning_rate=3e-5, use_cpu=True,
    bf16=args.amp, gradient_checkpointing=False, report_to=[], save_strategy="no", logging_steps=args.steps, disable_tqdm=True,
    model_init_kwargs={"dtype": "float32", "attn_implementation": "sdpa"})
adapters = None
if args.lora_rank:
    from peft import LoraConfig
    adapters = LoraConfig(r=args.lora_rank, lora_alpha=2 * args.lora_rank, target_modules="all-linear", task_type="CAUSAL_LM")
trainer = Trainer(model=args.model, args=settings, peft_config=adapters, train_dataset=Dataset.from_list(rows),
                  processing_class=AutoTokenizer.from_pretrained(args.model), callbacks=[Clock()])
trainer.train()
print(json.dumps({"tokens_per_s": sum(tokens[WARM_UP:]) / (ends[-1] - ends[WARM_UP - 1]),
                  "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}))
