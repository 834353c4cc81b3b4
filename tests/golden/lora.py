"""LoRA goldens: adapters written by PEFT on two of the tiny families, with B not zero, and PEFT's numbers for them."""

import json
import math
import shutil
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

import families as fam

RANK, ALPHA = 4, 8
VARIANTS = {
    "all-linear": {"target_modules": "all-linear", "use_rslora": False},
    "qv-rslora": {"target_modules": ["q_proj", "v_proj"], "use_rslora": True},
}
MERGED = "model.layers.1.self_attn.q_proj"


def saved_name(name):
    """The name of a parameter in adapter_model.safetensors: without the adapter's own name."""
    return name.replace(".default.", ".")


def fill(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if "lora_" in name:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))


def save_adapter(base, variant, seed, folder):
    model = get_peft_model(fam.load(base), LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, bias="none",
                                                      task_type="CAUSAL_LM", **variant))
    fill(model, seed)
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = base.name
    config["target_modules"] = sorted(config["target_modules"])  # PEFT keeps a set: its order is not stable
    fam.write_json(path, config)


def load(base, folder):
    return PeftModel.from_pretrained(fam.load(base), folder, is_trainable=True).eval()


def trainable(model):
    return {saved_name(n): p for n, p in model.named_parameters() if p.requires_grad}


def golden(base, variant, seed, folder):
    model = load(base, folder)
    ids, labels, trained = fam.make_batch(seed)
    count = int((labels != fam.IGNORE).sum())
    logits = fam.forward(model, ids)
    nll = fam.token_nll(logits, labels)
    (nll.sum() / count).backward()
    gradients = {n: p.grad.clone() for n, p in trainable(model).items()}
    assert sorted(gradients) == sorted(get_peft_model_state_dict(model))
    tensors = {"logits": logits.detach(), "nll": nll.detach()}
    tensors.update({f"grad.{n}": g for n, g in gradients.items()})
    merged = load(base, folder).merge_and_unload()
    tensors["merged"] = merged.get_parameter(MERGED + ".weight").detach()
    with torch.no_grad():
        merge_error = (fam.forward(merged, ids) - logits).abs().max().item()
        base_logits = fam.forward(fam.load(base), ids)
    record = {
        "base": base.name, "r": RANK, "alpha": ALPHA, "use_rslora": variant["use_rslora"],
        "scale": ALPHA / (math.sqrt(RANK) if variant["use_rslora"] else RANK),
        "ids": ids.tolist(), "labels": labels.tolist(), "trained": [int(t) for t in trained],
        "segment_lengths": list(fam.SEGMENT_LENGTHS), "loss_sum": nll.double().sum().item(), "loss_count": count,
        "parameters": sorted(gradients), "grad_norm": fam.norm_of(gradients.values()), "adamw": fam.ADAMW,
        "merged": MERGED + ".weight", "merged_max_abs": merge_error,
        "base_max_abs": (base_logits - logits).abs().max().item(),
    }
    other = load(base, folder)
    fam.nudge(other, seed)
    record["train"] = fam.train(model, ids, labels)
    record["train"]["one_rounding"] = fam.sensitivity(model, other, record["train"], fam.train(other, ids, labels))
    state = trainable(model)
    record["train"]["final_norm"] = fam.norm_of(p.detach() for p in state.values())
    for side in "AB":
        name = f"base_model.model.{MERGED}.lora_{side}.weight"
        tensors["final." + name] = state[name].detach()
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder / "golden.safetensors")
    fam.write_json(folder / "golden.json", record)


def make_adapters(out, only=None):
    for i, base in enumerate(("llama", "qwen3")):
        for k, (kind, variant) in enumerate(VARIANTS.items()):
            name = f"{base}-{kind}"
            if only not in (None, name):
                continue
            folder = Path(out) / "lora" / name
            save_adapter(Path(out) / base, variant, 100 + 2 * i + k, folder)
            golden(Path(out) / base, variant, 100 + 2 * i + k, folder)
            print(f"lora/{name}: {sum(f.stat().st_size for f in folder.iterdir()) / 1000:.0f} kB")
