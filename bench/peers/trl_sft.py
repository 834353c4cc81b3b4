#!/usr/bin/env python3
"""Fine-tuning with TRL's SFTTrainer on the CPU, of all weights or of LoRA adapters: how fast, with how much memory. Prints one JSON line.

Real tokens (no padding) are counted where the model gets them, from the third step on. Needs trl and transformers.
"""
import tempfile
import time

import sft_arguments

options = sft_arguments.parser(__doc__)
sft_arguments.add_batches(options)
options.add_argument("--packing", default="bfd", choices=["none", "bfd"])
args = sft_arguments.parse(options)

import torch  # noqa: E402  (the number of threads has to be known before)
from datasets import Dataset  # noqa: E402
from transformers import AutoTokenizer, TrainerCallback  # noqa: E402
from trl import SFTConfig, SFTTrainer  # noqa: E402

WARM_UP = sft_arguments.WARM_UP
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
rows = [conversation(row) for row in sft_arguments.rows_of(args)]
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
sft_arguments.tell(sum(tokens[WARM_UP:]) / (ends[-1] - ends[WARM_UP - 1]))
