#!/usr/bin/env python3
"""Writes the binary seeds of corpus/: GGUF, safetensors, and Parquet files of tests/golden with the byte of the kind.

    python3 tests/fuzz/make_seeds.py

Needs the standard library only; the same files come out every time.
"""
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent
OUT = HERE / "corpus"
U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5
F32_TENSOR, Q8_0, Q4_K = 0, 8, 12
BLOCK_BYTES = {F32_TENSOR: (1, 4), Q8_0: (32, 34), Q4_K: (256, 144)}


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key, value):
    """A key with its value; the kind follows from the Python type."""
    if isinstance(value, bool):
        return text(key) + struct.pack("<IB", BOOL, value)
    if isinstance(value, int):
        return text(key) + struct.pack("<II", U32, value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", F32, value)
    if isinstance(value, str):
        return text(key) + struct.pack("<I", STRING) + text(value)
    kind, pack = {str: (STRING, text), int: (I32, lambda v: struct.pack("<i", v)),
                  float: (F32, lambda v: struct.pack("<f", v))}[type(value[0])]
    return text(key) + struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(map(pack, value))


def gguf(metadata, tensors):
    """tensors: name -> (sides, innermost first; type)."""
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    out += b"".join(pair(key, value) for key, value in metadata.items())
    data = b""
    for name, (sides, kind) in tensors.items():
        values, size = BLOCK_BYTES[kind]
        count = 1
        for side in sides:
            count *= side
        out += text(name) + struct.pack(f"<I{len(sides)}QIQ", len(sides), *sides, kind, len(data))
        data += bytes(i % 60 for i in range(count // values * size))
        data += bytes(-len(data) % 32)
    return out + bytes(-len(out) % 32) + data


def model(arch, **more):
    """The metadata of a model with one layer of the least size."""
    sizes = {"context_length": 64, "embedding_length": 4, "feed_forward_length": 4, "block_count": 1,
             "attention.head_count": 2, "attention.layer_norm_rms_epsilon": 1e-5, "rope.freq_base": 10000.0}
    return {"general.architecture": arch, **{f"{arch}.{key}": value for key, value in sizes.items()}, **more}


def weights(rows, more=()):
    names = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
    return {"token_embd.weight": ([4, rows], F32_TENSOR), "output_norm.weight": ([4], F32_TENSOR),
            **{f"blk.0.{name}.weight": ([4, 4], F32_TENSOR) for name in names},
            **{f"blk.0.{name}": ([4], F32_TENSOR) for name in ("attn_norm.weight", "ffn_norm.weight", *more)}}


def byte_level():
    return {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm",
            "tokenizer.ggml.tokens": ["<s>", "</s>", "a", "b", "ab", "<pad>"],
            "tokenizer.ggml.token_type": [3, 3, 1, 1, 1, 5], "tokenizer.ggml.merges": ["a b"],
            "tokenizer.ggml.bos_token_id": 0, "tokenizer.ggml.eos_token_id": 1,
            "tokenizer.ggml.add_bos_token": True, "tokenizer.chat_template": "{{ messages[0].content }}"}


def sentencepiece():
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + ["a", "b", "ab", "\u2581ab"]
    return {"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": pieces,
            "tokenizer.ggml.scores": [0.0] * 259 + [-1.0, -2.0, -3.0, -4.0],
            "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * 4,
            "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2,
            "tokenizer.ggml.unknown_token_id": 0, "tokenizer.ggml.add_space_prefix": False}


def gguf_seeds():
    qkv = ("attn_q.bias", "attn_k.bias", "attn_v.bias")
    norms = ("attn_q_norm.weight", "attn_k_norm.weight")
    yarn = {"qwen2.rope.scaling.type": "yarn", "qwen2.rope.scaling.factor": 4.0}
    return {
        "empty": gguf({}, {}),
        "llama": gguf(model("llama", **byte_level()), weights(6)),
        "qwen2": gguf(model("qwen2", **byte_level(), **yarn), weights(6, qkv)),
        "qwen3": gguf(model("qwen3", **byte_level()), weights(6, norms)),
        "llama3-rope": gguf(model("llama"), {"token_embd.weight": ([4, 6], F32_TENSOR),
                                             "rope_freqs.weight": ([2], F32_TENSOR)}),
        "sentencepiece": gguf({"general.architecture": "llama", "llama.context_length": 64, **sentencepiece()}, {}),
        "quantised": gguf({"general.alignment": 32}, {"a": ([32, 2], Q8_0), "b": ([256], Q4_K)}),
    }


def safetensors(header, data_bytes):
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + bytes(data_bytes)


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def safetensors_seeds():
    return {
        "empty": safetensors({}, 0),
        "two": safetensors({"__metadata__": {"format": "pt"}, "a": entry("F32", [2, 3], 0, 24),
                            "b": entry("BF16", [], 24, 26)}, 26),
        "no-values": safetensors({"a": entry("I64", [0, 4], 0, 0), "b": entry("BOOL", [3], 0, 3)}, 3),
        "hole": safetensors({"a": entry("U8", [2], 1, 3)}, 3),
        "overflow": safetensors({"a": entry("F64", [1 << 32, 1 << 32], 0, 8)}, 8),
    }


def parquet_seeds():
    golden = HERE.parent / "golden" / "data" / "parquet"
    return {f"parquet-{name}": b"\0" + (golden / f"{name}.parquet").read_bytes()
            for name in ("chats-snappy", "chats-zstd", "kinds")}


def main():
    for target, seeds in {"gguf": gguf_seeds(), "safetensors": safetensors_seeds(), "corpus": parquet_seeds()}.items():
        (OUT / target).mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (OUT / target / name).write_bytes(data)


if __name__ == "__main__":
    main()
