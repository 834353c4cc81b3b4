"""Dequantises a GGUF file with the `gguf` package, independent of Keel, under Hugging Face names in fp32.

usage: dequant_gguf.py MODEL.gguf OUT.safetensors [--compare HF_FOLDER]
With --compare it also prints the largest difference of each tensor of the folder; exit status 1 when a tensor differs or is missing.
Needs gguf, numpy, safetensors, and torch for --compare.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.numpy import save_file

TOP = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
       "output.weight": "lm_head.weight"}
LAYER = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
         "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
         "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}


def hf_name(name):
    if name in TOP or not name.startswith("blk."):
        return TOP.get(name)
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{LAYER[part]}.{kind}"


def rows_to_halves(weight, heads):
    """Llama files pair rotary rows (0,1), (2,3), …; Hugging Face pairs row i with row i + half."""
    head = weight.reshape(heads, -1, 2, *weight.shape[1:])
    return head.swapaxes(1, 2).reshape(weight.shape)


def read(path):
    reader = GGUFReader(path)
    family = reader.fields["general.architecture"].contents()
    heads = reader.fields[f"{family}.attention.head_count"].contents()
    kv_field = reader.fields.get(f"{family}.attention.head_count_kv")
    pairs = {"attn_q": heads, "attn_k": kv_field.contents() if kv_field else heads}
    tensors = {}
    for tensor in reader.tensors:
        name = hf_name(tensor.name)
        if name is None:
            print(f"left out: {tensor.name}", file=sys.stderr)
            continue
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        part = tensor.name.split(".")[2] if tensor.name.startswith("blk.") else ""
        if family == "llama" and part in pairs:
            values = rows_to_halves(values, pairs[part])
        tensors[name] = np.ascontiguousarray(values)
    return tensors


def compare(tensors, folder):
    from safetensors.torch import load_file

    found = {k: v.float().numpy() for f in sorted(Path(folder).glob("*.safetensors")) for k, v in load_file(f).items()}
    worst = {n: float(np.abs(t - found[n]).max()) if n in found else float("inf") for n, t in tensors.items()}
    for name in sorted(worst, key=worst.get, reverse=True)[:5]:
        print(f"{worst[name]:.3e}  {name}")
    print(f"{sum(d == 0 for d in worst.values())} of {len(worst)} tensors equal; only in the folder: {sorted(set(found) - set(worst))}")
    return max(worst.values()) == 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf")
    parser.add_argument("out")
    parser.add_argument("--compare", metavar="HF_FOLDER")
    args = parser.parse_args()
    weights = read(args.gguf)
    save_file(weights, args.out)
    print(f"{len(weights)} tensors, {sum(w.size for w in weights.values())} values")
    sys.exit(0 if not args.compare or compare(weights, args.compare) else 1)
