"""Model folders of a known shape with random weights: how fast a step is does not depend on their values."""
import array
import json
import random
import shutil
import struct

SHAPES = {
    "qwen2.5-0.5b": {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864,
                     "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2, "vocab_size": 151936},
    "qwen3-45m": {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 512, "intermediate_size": 1536,
                  "num_hidden_layers": 8, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 64, "vocab_size": 151936},
}
COMMON = {"hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 8192,
          "tie_word_embeddings": True, "torch_dtype": "bfloat16", "bos_token_id": None}


def tensors(c):
    """name -> shape"""
    d, f, v = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    head = c.get("head_dim", d // c["num_attention_heads"])
    q, k = c["num_attention_heads"] * head, c["num_key_value_heads"] * head
    out = {"model.embed_tokens.weight": [v, d], "model.norm.weight": [d]}
    for i in range(c["num_hidden_layers"]):
        at = f"model.layers.{i}."
        for name, rows, columns in (("q", q, d), ("k", k, d), ("v", k, d), ("o", d, q)):
            out[f"{at}self_attn.{name}_proj.weight"] = [rows, columns]
            if c["model_type"] == "qwen2" and name != "o":
                out[f"{at}self_attn.{name}_proj.bias"] = [rows]
        if c["model_type"] == "qwen3":
            out[f"{at}self_attn.q_norm.weight"] = out[f"{at}self_attn.k_norm.weight"] = [head]
        for name, rows, columns in (("gate", f, d), ("up", f, d), ("down", d, f)):
            out[f"{at}mlp.{name}_proj.weight"] = [rows, columns]
        out[f"{at}input_layernorm.weight"] = out[f"{at}post_attention_layernorm.weight"] = [d]
    return out


def noise(values):
    """Little-endian bf16: the upper halves of as many small fp32 numbers."""
    source = random.Random(1)
    halves = array.array("H", array.array("f", (source.gauss(0, 0.02) for _ in range(values))).tobytes())
    return halves[1::2].tobytes()


def write_shape(name, folder, tokenizer_of):
    """tokenizer_of: a model folder whose tokenizer and chat template are taken; its ids must fit."""
    config = {**COMMON, **SHAPES[name]}
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (tokenizer_of / file).exists():
            shutil.copy(tokenizer_of / file, folder)
    config["eos_token_id"] = json.loads((tokenizer_of / "config.json").read_text())["eos_token_id"]
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for tensor, shape in tensors(config).items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[tensor] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    block = noise(1 << 20)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        while offset > 0:
            file.write(block[:offset])
            offset -= len(block)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    return folder
