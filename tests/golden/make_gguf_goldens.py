"""Small GGUF files, written by the `gguf` package, and what it reads from them.

usage: make_gguf_goldens.py [--out tests/golden/data/gguf]
quants.gguf          one tensor of each type that Keel reads: 2 rows of 256 values from random blocks
quants.safetensors   the same tensors as gguf.quants.dequantize gives them, fp32
llama.gguf, qwen2.gguf, qwen3.gguf
                     the golden folders of those names (make_goldens.py), converted as llama.cpp's converter does: fp32, rows of
                     llama's q and k interleaved; with a byte-level tokenizer of 96 tokens, two of them only filling
"""

import argparse
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize
from safetensors.numpy import load_file, save_file

DATA = Path(__file__).resolve().parent / "data"
# type: positions of the half-precision scales and minima in a block; everything else may be any bits
HALVES = {Type.Q8_0: (0,), Type.Q4_0: (0,), Type.Q4_1: (0, 2), Type.Q5_0: (0,), Type.Q5_1: (0, 2), Type.Q4_K: (0, 2),
          Type.Q5_K: (0, 2), Type.Q6_K: (208,)}
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
         "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


def random_blocks(kind, rng):
    block, size = GGML_QUANT_SIZES[kind]
    count = 512 // block
    raw = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in HALVES[kind]:
        scales = (rng.standard_normal(count) / 64).astype(np.float16)
        scales[0] = np.float16(6e-7)  # a subnormal
        raw[:, at:at + 2] = scales.view(np.uint8).reshape(count, 2)
    return raw.reshape(2, -1)


def write_quants(out):
    rng = np.random.default_rng(7)
    writer = GGUFWriter(out / "quants.gguf", "llama")
    expected = {}
    for kind in HALVES:
        raw = random_blocks(kind, rng)
        writer.add_tensor(kind.name, raw, raw_dtype=kind)
        expected[kind.name] = dequantize(raw, kind).astype(np.float32)
    values = rng.standard_normal((2, 256)).astype(np.float32)
    halves = values.astype(np.float16)
    halves[0, :4] = [6e-8, -6e-5, 65504, -0.0]
    brain = (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
    for kind, raw in ((Type.F32, values), (Type.F16, halves), (Type.BF16, brain)):
        writer.add_tensor(kind.name, raw, raw_dtype=kind)
        expected[kind.name] = dequantize(raw, kind).astype(np.float32)
    finish(writer)
    save_file(expected, out / "quants.safetensors")


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def interleave(weight, heads):
    return weight.reshape(heads, 2, -1, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def gguf_name(name):
    top = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
           "lm_head.weight": "output.weight"}
    if name in top:
        return top[name]
    layer, part, kind = name.removeprefix("model.layers.").split(".", 1)[0], *name.split(".", 3)[3].rsplit(".", 1)
    return f"blk.{layer}.{NAMES[part]}.{kind}"


def add_tokenizer(writer, pre):
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    letters = [chr(c) for c in range(ord("A"), ord("z") + 1)] + ["Ġ", "Ċ"]
    merges = ["h e", "l l", "he ll", "hell o", "Ġ hello"]
    made = [m.replace(" ", "") for m in merges]
    own = ["<tool call>"]
    tokens = special + letters + made + own
    kinds = [3] * 3 + [1] * (len(letters) + len(made)) + [4]
    filling = 96 - len(tokens)
    tokens += [f"[PAD{i}]" for i in range(filling)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds + [5] * filling)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_eot_token_id(0)
    writer.add_chat_template("{% for m in messages %}{{ m.content }}{% endfor %}")


def write_model(out, family, pre, eps, theta, kv_heads, head_dim):
    writer = GGUFWriter(out / f"{family}.gguf", family)
    writer.add_block_count(2)
    writer.add_context_length(512)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(20)
    writer.add_head_count(4)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(eps)
    writer.add_rope_freq_base(theta)
    if head_dim != 8:
        writer.add_key_length(head_dim)
    add_tokenizer(writer, pre)
    for name, weight in load_file(DATA / family / "model.safetensors").items():
        if family == "llama" and "q_proj" in name:
            weight = interleave(weight, 4)
        if family == "llama" and "k_proj" in name:
            weight = interleave(weight, kv_heads)
        writer.add_tensor(gguf_name(name), np.ascontiguousarray(weight))
    finish(writer)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DATA / "gguf")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    write_quants(folder)
    write_model(folder, "llama", "smollm", 1e-5, 10000.0, 2, 8)
    write_model(folder, "qwen2", "qwen2", 1e-6, 1000000.0, 2, 8)
    write_model(folder, "qwen3", "qwen2", 1e-6, 1000000.0, 1, 12)
