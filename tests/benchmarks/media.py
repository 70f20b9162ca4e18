"""Eight S-shaped media under one budget: the engine against a dynamic programme on a fine grid."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import optimizer as opt
from tests.benchmarks.truth import Response, allocate, hill

MEDIA = 8
STEPS = 4000


@dataclass(frozen=True)
class Instance:
    """Hill parameters of every medium (top, half, slope) and the budget."""

    seed: int
    curves: list[tuple[float, float, float]]
    budget: float

    @classmethod
    def of(cls, seed: int) -> Instance:
        """Draw an instance: slopes 1 to 3.5, and money for a part of the media only."""
        random = np.random.default_rng(seed)
        half = random.uniform(10_000, 60_000, MEDIA)
        top = half * random.uniform(1.5, 6.0, MEDIA)
        slope = random.uniform(1.0, 3.5, MEDIA)
        curves = [
            (round(float(a), 3), round(float(b), 3), round(float(c), 3))
            for a, b, c in zip(top, half, slope, strict=True)
        ]
        return cls(seed, curves, round(float(half.sum() * random.uniform(0.2, 1.2)), 2))

    @property
    def responses(self) -> list[Response]:
        """The curves, from their formula."""
        return [hill(*curve) for curve in self.curves]

    @property
    def keys(self) -> dict[str, Any]:
        """The keys of the scenario file."""
        return {
            "name": f"media {self.seed}",
            "media": {
                f"medium {k + 1}": {
                    "spend": {"min": 0.0, "max": self.budget},
                    "curve": {"hill": {"top": top, "half": half, "slope": slope}},
                }
                for k, (top, half, slope) in enumerate(self.curves)
            },
            "rules": [{"name": "budget", "budget": {"max": self.budget}}],
        }


@dataclass(frozen=True)
class Result:
    """One instance: the engine's objective and bound, the truth, and the time taken."""

    seed: int
    objective: float
    bound: float
    truth: float
    seconds: float

    @property
    def share(self) -> float:
        """Objective as a share of the dynamic programme's; above 1 where the grid is too coarse to follow."""
        return self.objective / self.truth

    @property
    def gap(self) -> float:
        """The certificate's gap."""
        return abs(self.bound - self.objective) / max(abs(self.bound), abs(self.objective))


def run(seed: int, gap: float = 1e-4, steps: int = STEPS) -> Result:
    """Solve one instance both ways."""
    instance = Instance.of(seed)
    started = time.perf_counter()
    plan = opt.solve(opt.Scenario(**instance.keys), gap=gap, time_limit=60.0)
    seconds = time.perf_counter() - started
    spend = np.asarray([plan.spend[f"medium {k + 1}"] for k in range(MEDIA)])
    # The plan's worth from the formula, not from the engine.
    worth = float(sum(float(r(s)) - s for r, s in zip(instance.responses, spend, strict=True)))
    assert spend.sum() <= instance.budget * (1 + 1e-9)
    assert abs(worth - plan.certificate.objective) <= 1e-6 * max(1.0, abs(worth))
    truth, _ = allocate(instance.responses, instance.budget, steps)
    return Result(seed, worth, plan.certificate.bound, truth, seconds)


def main(seeds: int, gap: float) -> bool:
    """Run and print; True where every figure meets its target."""
    results = []
    for seed in range(seeds):
        result = run(seed, gap)
        results.append(result)
        print(
            f"media {seed:3d}  plan {result.objective:14.2f}  bound {result.bound:14.2f}  grid {result.truth:14.2f}"
            f"  share {100 * result.share:8.4f} %  gap {result.gap:.1e}  {result.seconds:5.2f} s",
            flush=True,
        )
    worst, largest = min(r.share for r in results), max(r.gap for r in results)
    held = all(r.bound >= r.truth * (1 - 1e-9) for r in results)
    median = float(np.median([r.seconds for r in results]))
    print(
        f"{seeds} instances: smallest share {100 * worst:.4f} % (target 99.95 %), largest gap {largest:.1e}, bounds "
        f"{'all hold' if held else 'BROKEN'}, median {median:.2f} s (target 5 s)"
    )
    return worst >= 0.9995 and held and median <= 5.0
