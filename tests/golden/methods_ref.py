"""Token weightings and loss reductions from their formulas alone, in float64 with NumPy.

The printed tables of the design are asserted here, so a golden cannot disagree with them unseen.
"""

import json
from pathlib import Path

import numpy as np

# Options have the names and defaults of the program.
DEFAULTS = {
    "nlirg_k": 1.7, "nlirg_x0": 1.2, "nlirg_loss_threshold": 3.0, "nlirg_loss_deadline": 15.0,
    "nlirg_descent_center": 6.2, "nlirg_max_lr": 1.0, "nlirg_min_lr": 5e-8, "nlirg_smooth_k": 2.0,
    "nlirg_smooth_center": 3.3, "focal_gamma": 2.0, "dft_floor": 0.1,
    "eaft_alpha": 1.0, "infosft_probability": 0.93, "entropy_gate_floor": 0.1,
    "stm_perplexity": 2.5, "gem_temperature": 0.7, "gem_slope": 0.01, "psft_clip": 0.2,
}
# What the grid over losses takes for the signals that are no function of the loss.
GRID_SIGNALS = {"top_entropy": 1.5, "sum_p2": 0.25, "reference_nll": 0.75}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def none(loss, o):
    return np.ones_like(loss)


def nlirg(loss, o):
    rise = sigmoid(o["nlirg_k"] * (loss - o["nlirg_x0"]))
    descent = sigmoid(o["nlirg_descent_center"] - loss)
    w = np.where(loss <= o["nlirg_loss_threshold"], rise, descent) * o["nlirg_max_lr"]
    return np.where(loss >= o["nlirg_loss_deadline"], 0.0, np.maximum(w, o["nlirg_min_lr"]))


def nlirg_article(loss, o):
    k = o["nlirg_k"]
    low = sigmoid(-k * (loss - o["nlirg_x0"]))
    middle = sigmoid(k * (loss - 3))
    high = sigmoid(-k * (loss - 15))
    w = np.where(loss <= 1.45, low, np.where(loss < 6.6, middle, np.where(loss < 15, high, 0.0)))
    return np.clip(w, 5e-8, 1.0)


def nlirg_smooth(loss, o):
    rise = sigmoid(o["nlirg_k"] * (loss - o["nlirg_x0"]))
    return rise * sigmoid(o["nlirg_smooth_k"] * (o["nlirg_smooth_center"] - loss))


def focal(loss, o):
    return (1 - np.exp(-loss)) ** o["focal_gamma"]


def dft(loss, o):
    return np.maximum(np.exp(-loss), o["dft_floor"])


def eaft(loss, o, signals):
    return (signals["top_entropy"] / 3) ** o["eaft_alpha"] + 0 * loss


def deft(loss, o, signals):
    return np.exp(-loss) ** signals["sum_p2"]


def infosft(loss, o, signals):
    p, bound = np.exp(-loss), o["infosft_probability"]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 1 - np.log(p / -np.expm1(-loss)) / np.log(bound / (1 - bound))
    return p * np.where(loss > 0, np.maximum(0, share), 0.0)


def entropy_gate(loss, o, signals):
    gate = np.maximum(o["entropy_gate_floor"], signals["top_entropy"] / 3)
    return np.where(loss >= o["nlirg_loss_deadline"], 0.0, gate * sigmoid(o["nlirg_descent_center"] - loss))


def stm(loss, o, signals):
    return np.where(np.exp(signals["reference_nll"]) <= o["stm_perplexity"], 1.0, 0.0) + 0 * loss


def psft(loss, o, signals):
    ratio = np.exp(-loss) / np.exp(-np.asarray(signals["reference_nll"]))
    return np.where(ratio <= 1 + o["psft_clip"], ratio, 0.0)


def gem(logits, label, o):
    """Loss of each row and its gradient on the logits, q and h held still."""
    rows = np.arange(len(label))
    q = np.exp(logits / o["gem_temperature"] - (logits / o["gem_temperature"]).max(-1, keepdims=True))
    q /= q.sum(-1, keepdims=True)
    ahead = logits - logits[rows, label][:, None]
    push = q * (sigmoid(o["gem_slope"] * ahead) if o["gem_slope"] > 0 else 1.0)
    gradient = push.copy()
    gradient[rows, label] -= push.sum(-1)
    return (push * ahead).sum(-1), gradient


OF_LOSS = {"none": none, "nlirg": nlirg, "nlirg-article": nlirg_article, "nlirg-smooth": nlirg_smooth,
           "focal": focal, "dft": dft}
OF_DISTRIBUTION = {"eaft": eaft, "deft": deft, "infosft": infosft, "stm": stm, "psft": psft, "entropy-gate": entropy_gate}


def weigh(name, loss, options, signals):
    return OF_LOSS[name](loss, options) if name in OF_LOSS else OF_DISTRIBUTION[name](loss, options, signals)


CASES = [(name, {}) for name in [*OF_LOSS, *OF_DISTRIBUTION]] + [
    ("nlirg", {"nlirg_k": 2.0, "nlirg_x0": 1.0, "nlirg_loss_threshold": 2.5, "nlirg_loss_deadline": 12.0,
               "nlirg_descent_center": 5.0, "nlirg_max_lr": 0.75, "nlirg_min_lr": 0.0625}),
    ("nlirg-smooth", {"nlirg_smooth_center": 4.5, "nlirg_smooth_k": 1.0}),
    ("focal", {"focal_gamma": 1.0}),
    ("dft", {"dft_floor": 0.0}),
    ("eaft", {"eaft_alpha": 2.0}),
    ("infosft", {"infosft_probability": 0.8}),
    ("entropy-gate", {"entropy_gate_floor": 0.625, "nlirg_loss_deadline": 12.0}),
    ("stm", {"stm_perplexity": 20.0}),
    ("psft", {"psft_clip": 2.0}),
]

PRINTED_L = [0, 0.05, 0.5, 0.69, 1.2, 2, 3, 3.15, 4, 5, 6.2, 8, 10, 15]
PRINTED_NLIRG = [0.1151, 0.1240, 0.2333, 0.2959, 0.5, 0.7958, 0.9552, 0.9548, 0.9002, 0.7685, 0.5, 0.1419, 0.0219, 0]
# 1.45 and 6.6 are no fp32 numbers and nlirg-article jumps there, so the grid goes around them
GRID_L = sorted(set(PRINTED_L + [0.001, 0.1, 0.25, 1.0, 1.449, 1.451, 2.5, 2.501, 3.001, 6.599, 6.601, 7, 9, 11.999,
                                 12, 14.999, 15.001, 20, 40]))


def fp32(values):
    """The same numbers as exact fp32 values, so that the program starts from equal bits."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)


def near(got, printed, digits=4):
    got, printed = np.asarray(got, dtype=np.float64), np.asarray(printed, dtype=np.float64)
    assert np.all(np.abs(got - printed) <= 0.5001 * 10.0**-digits), (got, printed)


def statistics(logits, label):
    z = logits - logits.max(-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    p = np.exp(log_p)
    loss = -np.take_along_axis(log_p, label[:, None], -1)[:, 0]
    return p, loss, -(p * log_p).sum(-1), (p * p).sum(-1)


def top_entropy(p, count=20):
    """Entropy of the likeliest words as a distribution of their own."""
    top = -np.sort(-p, axis=-1)[:, :count]
    top = top / top.sum(-1, keepdims=True)
    return -(top * np.log(top)).sum(-1)


def check_printed():
    near(nlirg(np.array(PRINTED_L, dtype=np.float64), DEFAULTS), PRINTED_NLIRG)
    near(nlirg_article(np.array([0.0]), DEFAULTS), 0.885, 3)
    assert nlirg_article(np.array([15.0]), DEFAULTS)[0] == 5e-8
    p, loss, _, s2 = statistics(np.array([[2.0, 1, 0, -1]]), np.array([1]))
    p_y, signals = p[0, 1], {"top_entropy": top_entropy(p, 4), "sum_p2": s2}
    near([p_y, loss[0], focal(loss, DEFAULTS)[0], dft(loss, DEFAULTS)[0], s2[0]],
         [0.2369, 1.4402, 0.5823, 0.2369, 0.4794])
    near([eaft(loss, DEFAULTS, signals)[0], infosft(loss, DEFAULTS, signals)[0]], [0.3158, 0.3440])
    worked = np.array([[2.0, 1, 0, -1]]), np.array([1])
    near([gem(*worked, DEFAULTS)[0][0], gem(*worked, {**DEFAULTS, "gem_slope": 0.0})[0][0]], [0.3511, 0.6981])
    near([(1 - p_y ** s2[0]) / s2[0], -deft(loss, DEFAULTS, signals)[0] * (1 - p_y)], [1.0402, -0.3826])


def random_rows():
    """Six rows over 40 words, the label's logit set so that the losses fall into every zone."""
    rng = np.random.default_rng(7)
    logits = rng.normal(size=(6, 40)) * 2
    label = rng.integers(0, 40, size=6)
    for row, (target, y) in enumerate(zip((0.02, 0.9, 2.4, 4.5, 8.5, 16.5), label)):
        others = np.log(np.exp(np.delete(logits[row], y)).sum())
        logits[row, y] = others - np.log(np.expm1(target))
    return fp32(logits), label


def weighting_record():
    grid = fp32(GRID_L)
    logits, label = random_rows()
    p, loss, entropy, s2 = statistics(logits, label)
    one_hot = np.eye(logits.shape[1])[label]
    reference = fp32([0.05, 1.1, 2.0, 0.9, 7.0, 0.25])
    cases = []
    for name, changes in CASES:
        options = {**DEFAULTS, **changes}
        w = weigh(name, loss, options, {"top_entropy": top_entropy(p), "sum_p2": s2, "reference_nll": reference})
        on_grid = weigh(name, grid, options, GRID_SIGNALS)
        cases.append({"weighting": name, "options": changes, "grid": on_grid.tolist(),
                      "weight": w.tolist(), "grad_logits": (w[:, None] * (p - one_hot)).tolist()})
    gems = []
    for changes in ({}, {"gem_slope": 0.0}, {"gem_temperature": 1.5, "gem_slope": 0.5}):
        losses, gradient = gem(logits, label, {**DEFAULTS, **changes})
        gems.append({"options": changes, "loss": losses.tolist(), "grad_logits": gradient.tolist()})
    return {"gem": gems, "reference_nll": reference.tolist(), "defaults": DEFAULTS, "grid_L": grid.tolist(), "grid_signals": GRID_SIGNALS, "logits": logits.tolist(), "labels": label.tolist(),
            "nll": loss.tolist(), "entropy": entropy.tolist(), "sum_p2": s2.tolist(), "cases": cases}


EXAMPLES = {
    "A": {"losses": [1, 1, 0.5, 0.5, 0.5, 0.5], "turn": [0, 0, 1, 1, 1, 1], "sample": [0] * 6},
    "B": {"losses": [1.0] * 2 + [1.0] * 2 + [1.0] * 4 + [0.2] * 2,
          "turn": [0] * 2 + [1] * 2 + [2] * 4 + [3] * 2, "sample": [0] * 2 + [1] * 8},
}
PRINTED_REDUCTIONS = {"A": {"token": 0.6667, "turn": 0.75, "sample": 0.6667, "sqrt": 0.6667},
                      "B": {"token": 0.84, "turn": 0.80, "sample": 0.90, "sqrt": 0.8667}}


def token_share(kind, example):
    """d loss / d L_t: what each token counts in the step's loss."""
    turn, sample = np.array(example["turn"]), np.array(example["sample"])
    if kind == "token":
        return np.full(len(turn), 1 / len(turn))
    group = turn if kind == "turn" else sample
    size = np.bincount(group)
    power = 0.5 if kind == "sqrt" else 1.0
    return size[group] ** -power / (size ** (1 - power)).sum()


def reduction_record():
    record = {}
    for name, example in EXAMPLES.items():
        shares = {kind: token_share(kind, example) for kind in ("token", "turn", "sample", "sqrt")}
        loss = {kind: float(share @ np.array(example["losses"])) for kind, share in shares.items()}
        for kind, value in loss.items():
            near(value, PRINTED_REDUCTIONS[name][kind])
        record[name] = {**example, "loss": loss, "token_share": {k: s.tolist() for k, s in shares.items()}}
    return record


def make_methods(out):
    check_printed()
    for name, record in (("weightings", weighting_record()), ("reductions", reduction_record())):
        path = Path(out) / f"{name}.json"
        path.write_text(json.dumps(record, sort_keys=True) + "\n")
        print(f"{name}: {path.stat().st_size / 1000:.0f} kB")
