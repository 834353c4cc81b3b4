"""What the scripts that fine-tune with a peer have in common: their options, and the line that tells their figures."""
import argparse
import json
import os
import resource

WARM_UP = 2  # steps before those that count


def parser(description, steps=6, lora_rank=0):
    out = argparse.ArgumentParser(description=description)
    out.add_argument("--model", required=True, help="Hugging Face folder")
    out.add_argument("--data", required=True, help="JSON lines with instruction, input, output")
    out.add_argument("--steps", type=int, default=steps)
    out.add_argument("--max_length", type=int, default=1024)
    out.add_argument("--lora_rank", type=int, default=lora_rank, help="0: all weights, where the script can")
    out.add_argument("--amp", action="store_true", help="bf16 autocast")
    out.add_argument("--threads", type=int, default=os.cpu_count())
    return out


def add_batches(options):
    options.add_argument("--rows", type=int, default=400)
    options.add_argument("--batch", type=int, default=1)


def parse(options):
    """Before torch is imported: it has to know the number of threads."""
    args = options.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    return args


def rows_of(args):
    with open(args.data, encoding="utf-8") as file:
        return [json.loads(line) for line, _ in zip(file, range(args.rows))]


def tell(tokens_per_s):
    print(json.dumps({"tokens_per_s": tokens_per_s, "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}))
