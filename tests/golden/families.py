"""Tiny random models of every family that Keel knows, and the numbers transformers gets from them.

Each spec becomes a Hugging Face folder. The weights come from our own seeded generator, not from the library's
initialiser, so the same script gives the same files under another transformers version.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

IGNORE = -100
SEGMENT_LENGTHS = (11, 7)
STEPS = 10
ADAMW = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1, "max_grad_norm": 1.0}
WEIGHT_STD = 0.15
VOCAB = 96

COMMON = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": None,
    "attention_dropout": 0.0,
}
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    # wavelengths of the four pairs are 6.3, 63, 628 and 6283: one is kept, one blended, two divided
    "original_max_position_embeddings": 64,
}


def rope(theta):
    return {"rope_type": "default", "rope_theta": theta}


def llama(**changes):
    return LlamaConfig(**{**COMMON, "rope_parameters": rope(10000.0), "tie_word_embeddings": True, **changes})


def qwen2(**changes):
    return Qwen2Config(**{**COMMON, "rope_parameters": rope(1e6), "rms_norm_eps": 1e-6, "tie_word_embeddings": True,
                          **changes})


def qwen3(**changes):
    # head_dim 12 is not hidden_size / heads = 8
    return Qwen3Config(**{**COMMON, "rope_parameters": rope(1e6), "rms_norm_eps": 1e-6, "head_dim": 12,
                          "num_key_value_heads": 1, "tie_word_embeddings": True, **changes})


def mistral():
    return MistralConfig(**COMMON, rope_parameters=rope(10000.0), head_dim=8, sliding_window=None,
                         tie_word_embeddings=False)


# name: seed of the weights, config, dtype of the saved weights, then what is special about the folder
SPECS = {
    "llama": {"seed": 11, "config": llama},
    "llama3-rope": {
        "seed": 12,
        "config": lambda: llama(rope_parameters=LLAMA3_ROPE, tie_word_embeddings=False, num_key_value_heads=1),
    },
    "llama-mha-oldkeys": {"seed": 13, "config": lambda: llama(num_key_value_heads=4, rope_parameters=rope(25000.0)),
                          "old_keys": True},
    "mistral": {"seed": 14, "config": mistral},
    "qwen2": {"seed": 15, "config": qwen2},
    "qwen2-sharded": {"seed": 16, "config": lambda: qwen2(tie_word_embeddings=False, num_key_value_heads=1),
                      "shard": "40KB"},
    "qwen3": {"seed": 17, "config": qwen3},
    "llama-bf16": {"seed": 18, "config": llama, "dtype": torch.bfloat16},
    "qwen3-fp16": {"seed": 19, "config": qwen3, "dtype": torch.float16},
}
BF16_FORWARD = ("llama", "qwen3")
FINAL_TENSORS = ("model.layers.0.mlp.gate_proj.weight", "model.layers.1.self_attn.k_proj.weight")
EMBEDDINGS = "model.embed_tokens.weight"  # large, so its final value is kept for one tied and one untied model only


def fill(model, seed):
    """Random weights in the order of the names; norms around 1, biases around 0, so that none is a no-op."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if "norm" in name else WEIGHT_STD * noise)


def old_style(config):
    """The keys as folders from before transformers 5 have them."""
    old = dict(config)
    parameters = old.pop("rope_parameters")
    old["rope_theta"] = parameters["rope_theta"]
    scaling = {key: value for key, value in parameters.items() if key != "rope_theta"}
    old["rope_scaling"] = None if scaling["rope_type"] == "default" else scaling
    old["torch_dtype"] = old.pop("dtype")
    old["transformers_version"] = "4.44.0"
    return old


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def save_folder(spec, folder):
    model = AutoModelForCausalLM.from_config(spec["config"](), attn_implementation="eager")
    fill(model, spec["seed"])
    model.to(spec.get("dtype", torch.float32))
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, **({"max_shard_size": spec["shard"]} if "shard" in spec else {}))
    path = folder / "config.json"
    config = json.loads(path.read_text())
    if spec.get("old_keys"):
        write_json(path, old_style(config))
    elif config["rope_parameters"]["rope_type"] == "llama3":
        write_json(folder / "config.oldkeys.json", old_style(config))
        read = AutoConfig.from_pretrained(folder / "config.oldkeys.json")
        assert {**read.rope_parameters, **config["rope_parameters"]} == read.rope_parameters


def load(folder, dtype=torch.float32):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager")
    return model.eval()


def make_batch(seed):
    """Two segments and their labels. labels[t] is the token that position t predicts, or IGNORE."""
    generator = torch.Generator().manual_seed(1000 + seed)
    total = sum(SEGMENT_LENGTHS)
    ids = torch.randint(3, VOCAB, (total,), generator=generator)
    trained = torch.rand(total, generator=generator) < 0.7
    labels = torch.full((total,), IGNORE)
    begin = 0
    for length in SEGMENT_LENGTHS:
        trained[begin] = False  # nothing predicts the first token of a segment
        for t in range(begin, begin + length - 1):
            if trained[t + 1]:
                labels[t] = ids[t + 1]
        begin += length
    return ids, labels, trained


def forward(model, ids):
    """Logits [T, V]: every segment is a sequence of its own, computed alone, then put one behind the other."""
    return torch.cat([model(input_ids=part[None], use_cache=False).logits[0] for part in ids.split(SEGMENT_LENGTHS)])


def token_nll(logits, labels):
    return torch.nn.functional.cross_entropy(logits.float(), labels, ignore_index=IGNORE, reduction="none")


def mean_loss(model, ids, labels):
    return token_nll(forward(model, ids), labels).sum() / (labels != IGNORE).sum()


def train(model, ids, labels):
    """Ten AdamW steps on the same batch: the loss before each step, the norm before clipping."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": [p for p in parameters if p.dim() == 2], "weight_decay": ADAMW["weight_decay"]},
              {"params": [p for p in parameters if p.dim() != 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=ADAMW["lr"], eps=ADAMW["eps"],
                                  betas=(ADAMW["beta1"], ADAMW["beta2"]), foreach=False)
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = mean_loss(model, ids, labels)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, ADAMW["max_grad_norm"]).item())
        losses.append(loss.item())
        optimizer.step()
    with torch.no_grad():
        final = mean_loss(model, ids, labels).item()
    return {"losses": losses, "grad_norms": norms, "loss_after": final}


def norm_of(tensors):
    return sum(t.double().square().sum().item() for t in tensors) ** 0.5


def nudge(model, seed):
    """Moves every trainable weight by one fp32 epsilon, up or down: about one rounding."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                sign = torch.randint(0, 2, parameter.shape, generator=generator) * 2.0 - 1
                parameter.mul_(1 + sign * 2.0**-23)


def sensitivity(model, other, run, other_run):
    """What one rounding of every weight does to ten steps: tests may allow a small multiple of it."""
    def worst(a, b):
        return max(abs(x - y) for x, y in zip(a, b))
    pairs = zip(model.named_parameters(), other.named_parameters())
    return {"losses": worst(run["losses"], other_run["losses"]),
            "grad_norms": worst(run["grad_norms"], other_run["grad_norms"]),
            "parameters": max((a - b).abs().max().item() for (_, a), (_, b) in pairs)}


def greedy(model, seed, count=20, prompt_length=6):
    """Greedy ids of the first prompt whose answer is varied and nowhere close to a tie."""
    generator = torch.Generator().manual_seed(2000 + seed)
    best = None
    for _ in range(40):
        ids = torch.randint(3, VOCAB, (prompt_length,), generator=generator).tolist()
        prompt, margin = list(ids), float("inf")
        with torch.no_grad():
            for _ in range(count):
                top = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].topk(2)
                margin = min(margin, (top.values[0] - top.values[1]).item())
                ids.append(top.indices[0].item())
        answer = ids[prompt_length:]
        key = (margin > 0.01 and 2 not in answer, len(set(answer)))
        if best is None or key > best[0]:
            best = (key, {"prompt": prompt, "ids": answer, "smallest_margin": margin})
    assert best[0][0], "every prompt ends early or has a near tie"
    return best[1]


def bf16_record(folder, ids, logits):
    with torch.no_grad():
        low = forward(load(folder, torch.bfloat16), ids).float()
    return low, {"max_abs": (low - logits).abs().max().item(), "rms": (low - logits).square().mean().sqrt().item(),
                 "logit_rms": logits.square().mean().sqrt().item()}


def golden(name, spec, folder):
    model = load(folder)
    assert model.config.rope_parameters == spec["config"]().rope_parameters, "the keys on disk say something else"
    ids, labels, trained = make_batch(spec["seed"])
    logits = forward(model, ids)
    nll = token_nll(logits, labels)
    count = int((labels != IGNORE).sum())
    (nll.sum() / count).backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters()}
    logits, nll = logits.detach(), nll.detach()
    log_p = logits.double().log_softmax(-1)
    tensors = {"logits": logits, "nll": nll, "entropy": -(log_p.exp() * log_p).sum(-1).float(),
               "sum_p2": (2 * log_p).exp().sum(-1).float()}
    record = {
        "name": name, "model_type": model.config.model_type, "ids": ids.tolist(), "labels": labels.tolist(),
        "trained": [int(t) for t in trained], "segment_lengths": list(SEGMENT_LENGTHS), "vocab": VOCAB,
        "weights_dtype": str(spec.get("dtype", torch.float32)).removeprefix("torch."),
        "loss_sum": nll.double().sum().item(), "loss_count": count, "parameters": sorted(gradients),
        "grad_norm": norm_of(gradients.values()), "greedy": greedy(model, spec["seed"]), "adamw": ADAMW,
    }
    if name in BF16_FORWARD:
        tensors["logits_bf16"], record["bf16_error"] = bf16_record(folder, ids, logits)
    tensors.update({f"grad.{n}": g for n, g in gradients.items()})

    other = load(folder)
    nudge(other, spec["seed"])
    record["train"] = train(model, ids, labels)
    record["train"]["one_rounding"] = sensitivity(model, other, record["train"], train(other, ids, labels))
    state = dict(model.named_parameters())
    record["train"]["final_norm"] = norm_of(p.detach() for p in state.values())
    kept = FINAL_TENSORS + ((EMBEDDINGS,) if name in ("llama", "mistral") else ())
    tensors.update({f"final.{n}": state[n].detach() for n in kept})
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder / "golden.safetensors")
    write_json(folder / "golden.json", record)


def make_families(out, only=None):
    for name, spec in SPECS.items():
        if only in (None, name):
            folder = Path(out) / name
            save_folder(spec, folder)
            golden(name, spec, folder)
            print(f"{name}: {sum(f.stat().st_size for f in folder.iterdir()) / 1000:.0f} kB")
