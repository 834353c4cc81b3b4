#!/usr/bin/env python3
"""Greedy answers by transformers on the CPU: how fast. Prints one JSON line. Needs transformers."""
import argparse
import json
import os
import resource
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", required=True, help="Hugging Face folder")
parser.add_argument("--prompts", required=True, help='JSON lines with "prompt"; answered together')
parser.add_argument("--max_new_tokens", type=int, default=128)
parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
parser.add_argument("--threads", type=int, default=os.cpu_count())
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)

import torch  # noqa: E402  (the number of threads has to be known before)
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

torch.set_num_threads(args.threads)
tokenizer = AutoTokenizer.from_pretrained(args.model, padding_side="left")
model = AutoModelForCausalLM.from_pretrained(args.model, dtype=getattr(torch, args.dtype)).eval()
with open(args.prompts, encoding="utf-8") as file:
    chats = [[{"role": "user", "content": json.loads(line)["prompt"]}] for line in file]
texts = [tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False) for chat in chats]
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
inputs = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)


def answers(most):
    return model.generate(**inputs, do_sample=False, max_new_tokens=most)[:, inputs["input_ids"].shape[1]:]


answers(2)
start = time.perf_counter()
ids = answers(args.max_new_tokens)
seconds = time.perf_counter() - start
ends = set(model.generation_config.eos_token_id if isinstance(model.generation_config.eos_token_id, list)
           else [model.generation_config.eos_token_id])
tokens = sum(next((i for i, token in enumerate(row) if token in ends), len(row)) for row in ids.tolist())
print(json.dumps({"tokens_per_s": tokens / seconds, "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}))
