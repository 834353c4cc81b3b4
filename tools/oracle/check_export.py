"""Opens a folder that Keel wrote with transformers (and PEFT) and compares the numbers with Keel's own.

usage: check_export.py DIR [--adapter DIR] --ids 5,17,3 --logits LOGITS.safetensors [--bound 1e-3]
       check_export.py DIR [--adapter DIR] --per-token per_token.jsonl [--rows 20] [--bound 1e-3]
LOGITS.safetensors holds `logits` [tokens, vocabulary]; per_token.jsonl is what `keel eval --per_token true --precision fp32` writes.
Prints one JSON line; exit status 1 when a difference is above the bound. Needs torch, transformers, safetensors, peft.
"""

import argparse
import itertools
import json
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--adapter")
    parser.add_argument("--ids", type=lambda text: [int(part) for part in text.replace(",", " ").split()])
    parser.add_argument("--logits", help="file of the logits that Keel computed for --ids")
    parser.add_argument("--per-token", help="file of the NLL that Keel computed")
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--bound", type=float, default=1e-3)
    got = parser.parse_args()
    if bool(got.ids and got.logits) == bool(got.per_token):
        parser.error("give either --ids and --logits, or --per-token")
    return got


def open_model(folder, adapter):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, adapter)
    return model.eval()


@torch.no_grad()
def logits_of(model, ids):
    return model(input_ids=torch.tensor([ids])).logits[0].float()


def compare_logits(model, ids, path):
    keel = load_file(path)["logits"].float()
    other = logits_of(model, ids)
    if keel.shape != other.shape:
        sys.exit(f"{path}: logits {list(keel.shape)}, wanted {list(other.shape)}")
    agree = (keel.argmax(-1) == other.argmax(-1)).float().mean().item()
    return {"max_abs": (keel - other).abs().max().item(), "token_agreement": agree, "tokens": len(ids)}


def compare_nll(model, path, rows):
    worst, tokens, read = 0.0, 0, 0
    with open(path) as lines:
        for row in map(json.loads, itertools.islice(lines, rows)):
            read += 1
            log_p = logits_of(model, row["ids"]).log_softmax(-1)
            for t, (label, nll) in enumerate(zip(row["ids"][1:], row["nll"])):
                if nll:  # 0 or null: not supervised
                    worst = max(worst, abs(-log_p[t, label].item() - nll))
                    tokens += 1
    return {"max_abs": worst, "tokens": tokens, "rows": read}


if __name__ == "__main__":
    args = arguments()
    net = open_model(args.folder, args.adapter)
    result = compare_nll(net, args.per_token, args.rows) if args.per_token else compare_logits(net, args.ids, args.logits)
    print(json.dumps({"folder": args.folder, "adapter": args.adapter, **result}))
    sys.exit(result["max_abs"] > args.bound or result["tokens"] == 0)
