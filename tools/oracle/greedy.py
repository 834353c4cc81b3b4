"""Greedy answers of transformers with the folder's chat template, to compare with `keel generate`.

usage: greedy.py DIR prompts.json [--adapter DIR] [--max-new-tokens 64] [--out FILE]
prompts.json: a list whose items are strings (one user message each) or lists of messages.
Writes a list of {prompt_ids, ids, text, smallest_margin}: `ids` ends with the end-of-turn token where it was reached, and a
difference after a step with a tiny margin (best minus second logit) is rounding, not a mistake. fp32.
Needs torch, transformers, jinja2, peft for --adapter.
"""

import argparse
import json
import sys

import torch
from transformers import AutoTokenizer

from check_export import open_model


def stop_ids(model, tokenizer):
    found = model.generation_config.eos_token_id
    found = found if isinstance(found, list) else [found]
    return {i for i in [*found, tokenizer.eos_token_id] if i is not None}


@torch.no_grad()
def answer(model, tokenizer, prompt, limit):
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    prompt_ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    stops, ids, margin, past = stop_ids(model, tokenizer), [], float("inf"), None
    step = prompt_ids
    while len(ids) < limit and not (ids and ids[-1] in stops):
        out = model(input_ids=torch.tensor([step]), past_key_values=past, use_cache=True)
        past = out.past_key_values
        top = out.logits[0, -1].topk(2)
        margin = min(margin, (top.values[0] - top.values[1]).item())
        step = [top.indices[0].item()]
        ids += step
    return {"prompt_ids": prompt_ids, "ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=True),
            "smallest_margin": margin}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("prompts")
    parser.add_argument("--adapter")
    parser.add_argument("--max-new-tokens", type=int, default=64)
    parser.add_argument("--out", help="default: standard output")
    args = parser.parse_args()
    words = AutoTokenizer.from_pretrained(args.folder)
    net = open_model(args.folder, args.adapter)
    with open(args.prompts) as file:
        answers = [answer(net, words, prompt, args.max_new_tokens) for prompt in json.load(file)]
    with open(args.out, "w") if args.out else sys.stdout as sink:
        json.dump(answers, sink, ensure_ascii=False, indent=1)
        sink.write("\n")
