"""Paired statistics from an independent implementation: tests/golden/data/paired.json, read by tests/eval.

McNemar's exact p in whole numbers (fractions); the bootstrap's distribution for right/wrong items exactly, by
convolution, and for NLL items by NumPy's own generator with many more resamples than the program draws. Sample sizes
from the normal quantiles of statistics.NormalDist.

usage: python tests/golden/paired_ref.py
"""

import json
from fractions import Fraction
from math import ceil, comb, sqrt
from pathlib import Path
from statistics import NormalDist

import numpy as np

RESAMPLES = 400_000
TAILS = (0.025, 0.975)


def mcnemar(lost, won):
    n = lost + won
    tail = sum(comb(n, k) for k in range(min(lost, won) + 1))
    return float(min(Fraction(1), Fraction(2 * tail, 2**n)))


def exact_rate_quantiles(lost, won, same):
    """Quantiles of the mean of n draws from {-1: lost, +1: won, 0: same}, and the probability up to each."""
    n = lost + won + same
    one = np.array([lost, same, won], dtype=np.float64) / n
    mass = np.array([1.0])
    for _ in range(n):
        mass = np.convolve(mass, one)
    values = np.arange(-n, n + 1) / n
    total = np.cumsum(mass)
    return [float(values[np.searchsorted(total, tail)]) for tail in TAILS]


def rate_case(lost, won, same):
    return {"lost": lost, "won": won, "same": same, "interval": exact_rate_quantiles(lost, won, same)}


def ratio_case(rng, items, shift):
    size = rng.integers(20, 200, items)
    before = size * rng.normal(3.0, 0.5, items)
    after = before + size * rng.normal(shift, 0.08, items)
    change = after - before
    means = np.empty(RESAMPLES)
    for begin in range(0, RESAMPLES, 20_000):
        drawn = rng.integers(0, items, (20_000, items))
        means[begin : begin + 20_000] = change[drawn].sum(1) / size[drawn].sum(1)
    return {
        "before": before.tolist(),
        "after": after.tolist(),
        "size": size.tolist(),
        "difference": float(change.sum() / size.sum()),
        "interval": np.quantile(means, TAILS).tolist(),
        "deviation": float(means.std()),
    }


def strata_case(rng):
    """Two strata of right/wrong items with weights 3 and 1."""
    parts = [(3.0, rng.integers(0, 2, (40, 2))), (1.0, rng.integers(0, 2, (15, 2)))]
    means = np.zeros(RESAMPLES)
    for weight, pairs in parts:
        change = (pairs[:, 1] - pairs[:, 0]).astype(np.float64)
        drawn = rng.integers(0, len(change), (RESAMPLES, len(change)))
        means += weight * change[drawn].mean(1) / 4.0
    return {
        "strata": [{"weight": w, "before": p[:, 0].tolist(), "after": p[:, 1].tolist()} for w, p in parts],
        "difference": float(sum(w * (p[:, 1] - p[:, 0]).mean() for w, p in parts) / 4.0),
        "interval": np.quantile(means, TAILS).tolist(),
        "deviation": float(means.std()),
    }


def needed_rate(changed, difference):
    level, power = NormalDist().inv_cdf(0.975), NormalDist().inv_cdf(0.8)
    root = level * sqrt(changed) + power * sqrt(changed - difference**2)
    return ceil((root / difference) ** 2)


def main():
    rng = np.random.default_rng(20261121)
    pairs = [(0, 0), (0, 5), (0, 6), (6, 0), (3, 9), (10, 10), (25, 44), (300, 352), (1000, 0), (900, 1101)]
    out = {
        "mcnemar": [{"lost": b, "won": c, "p": mcnemar(b, c)} for b, c in pairs],
        "rate": [rate_case(9, 3, 88), rate_case(0, 5, 20), rate_case(40, 60, 300)],
        "ratio": [ratio_case(rng, 27, 0.03), ratio_case(rng, 120, -0.01)],
        "strata": strata_case(rng),
        "needed_rate": [{"changed": c, "difference": d, "items": needed_rate(c, d)}
                        for c, d in [(0.1, 0.05), (0.3, 0.05), (0.05, 0.05), (0.5, 0.1)]],
    }
    path = Path(__file__).resolve().parent / "data" / "paired.json"
    path.write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
