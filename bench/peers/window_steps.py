#!/usr/bin/env python3
"""One AdamW step per 10 supervised tokens of a sample, NLIRG-weighted, in plain PyTorch with LoRA on the CPU: how fast.

The whole sample goes forward and backward for each step, as trainers that step inside a sample do. Prints one JSON line.
Needs transformers and peft.
"""
import json
import time

import sft_arguments

options = sft_arguments.parser(__doc__, steps=30, lora_rank=16)
options.add_argument("--window", type=int, default=10)
args = sft_arguments.parse(options)

import torch  # noqa: E402  (the number of threads has to be known before)
from peft import LoraConfig, get_peft_model  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

WARM_UP = sft_arguments.WARM_UP
torch.set_num_threads(args.threads)


def rows():
    with open(args.data, encoding="utf-8") as file:
        text = file.read()
    return json.loads(text) if text.startswith("[") else (json.loads(line) for line in text.splitlines())


def samples(tokenizer):
    """(ids, first trained position), those that fit only."""
    for row in rows():
        question = row["instruction"] + ("\n" + row["input"] if row.get("input") else "")
        chat = [{"role": "user", "content": question}]
        prompt = tokenizer(tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False), add_special_tokens=False)
        reply = tokenizer(row["output"], add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
        ids = prompt["input_ids"] + reply
        if len(ids) <= args.max_length:
            yield torch.tensor([ids]), len(prompt["input_ids"])


def nlirg(nll):
    weight = torch.where(nll <= 3, torch.sigmoid(1.7 * (nll - 1.2)), torch.sigmoid(6.2 - nll))
    return weight * (nll < 15)


def windows(tokenizer):
    for ids, trained in samples(tokenizer):
        for begin in range(trained, ids.shape[1], args.window):
            yield ids, begin, min(begin + args.window, ids.shape[1])


tokenizer = AutoTokenizer.from_pretrained(args.model)
model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)
model = get_peft_model(model, LoraConfig(r=args.lora_rank, lora_alpha=2 * args.lora_rank, target_modules="all-linear",
                                         task_type="CAUSAL_LM"))
optimiser = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=5e-6)
tokens, start = 0, 0.0
for step, (ids, begin, end) in zip(range(args.steps), windows(tokenizer)):
    if step == WARM_UP:
        tokens, start = 0, time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.amp):
        logits = model(input_ids=ids).logits[0, begin - 1:end - 1]
    nll = torch.nn.functional.cross_entropy(logits.float(), ids[0, begin:end], reduction="none")
    (nlirg(nll.detach()) * nll).mean().backward()
    optimiser.step()
    optimiser.zero_grad()
    tokens += end - begin
sft_arguments.tell(tokens / (time.perf_counter() - start))
