"""Curves and customers in one program: against enumeration where that is possible, against two steps where it is not.

Small: up to 8 customers, a saturated channel and a plain one, two S-shaped media, one budget. Every choice of contacts
is enumerated; what it leaves of the budget is split over the media on fine grids.

Large: 2,000 customers. "Budget first, customers after" splits the budget over media and channel by their curves, with
the average worth of a response, and then picks the best customers within each share; the joint plan does both at once.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import optimizer as opt
from tests.benchmarks.truth import best_split, hill, saturated

Parameters = tuple[float, float, float]


@dataclass(frozen=True)
class Instance:
    """Customers with scores by channel and a worth a response; curves of the media and of the channel ``print``."""

    seed: int
    scores: np.ndarray  # (N, 2): print, email
    worth: np.ndarray  # (N,)
    costs: tuple[float, float]
    print_curve: Parameters
    reference: float
    media: tuple[Parameters, Parameters]
    budget: float
    most: int  # contacts a customer

    @classmethod
    def of(cls, seed: int) -> Instance:
        """Draw a small instance in which money is short and the channel saturates."""
        random = np.random.default_rng(1000 + seed)
        customers = int(random.integers(4, 9))
        scores = np.round(random.uniform(0.05, 0.6, (customers, 2)), 3)
        worth = np.round(random.uniform(20.0, 200.0, customers), 2)
        costs = (round(float(random.uniform(4.0, 12.0)), 2), round(float(random.uniform(0.5, 3.0)), 2))
        reference = round(customers * costs[0] * float(random.uniform(0.3, 0.8)), 2)
        # R(reference) is a part of what all scores promise: beyond it the channel saturates.
        promised = float(scores[:, 0].sum()) * float(random.uniform(0.3, 0.8))
        slope = round(float(random.uniform(0.8, 2.5)), 2)
        half = round(reference * float(random.uniform(0.4, 1.5)), 2)
        top = round(promised * (1 + (half / reference) ** slope), 4)
        media = tuple(
            (
                round(float(random.uniform(150, 500)), 2),
                round(float(random.uniform(40, 120)), 2),
                round(float(random.uniform(1.2, 3.5)), 2),
            )
            for _ in range(2)
        )
        budget = round(float(random.uniform(60, 260)), 2)
        return cls(seed, scores, worth, costs, (top, half, slope), reference, media, budget, int(random.integers(1, 3)))  # type: ignore[arg-type]

    @property
    def z_ref(self) -> float:
        """Worth of the responses that the channel's curve credits at its reference."""
        p = self.scores[:, 0]
        return float(hill(*self.print_curve)(np.asarray(self.reference)) * (p * self.worth).sum() / p.sum())

    @property
    def keys(self) -> dict[str, Any]:
        """The keys of the scenario file."""
        identifiers = [f"c{k}" for k in range(len(self.worth))]
        top, half, slope = self.print_curve
        return {
            "name": f"joint {self.seed}",
            "customers": pd.DataFrame({"customer_id": identifiers, "worth": self.worth}),
            "appetence": pd.DataFrame(
                {"customer_id": identifiers, "print": self.scores[:, 0], "email": self.scores[:, 1]}
            ),
            "channels": {
                "print": {
                    "unit_cost": self.costs[0],
                    "response_curve": {
                        "hill": {"top": top, "half": half, "slope": slope},
                        "spend_ref": self.reference,
                    },
                },
                "email": {"unit_cost": self.costs[1]},
            },
            "offers": {"offer": {"gross_margin": "worth"}},
            "media": {
                name: {
                    "spend": {"min": 0.0, "max": self.budget},
                    "curve": {"hill": dict(zip(("top", "half", "slope"), curve, strict=True))},
                }
                for name, curve in zip(("display", "social"), self.media, strict=True)
            },
            "rules": [
                {"name": "budget", "budget": {"max": self.budget}},
                {"name": "contacts", "contacts": {"max": self.most}},
            ],
        }

    def truth(self, steps: int = 2000) -> float:
        """Best objective over every choice of contacts and, for each, the best split of what is left."""
        customers = len(self.worth)
        options = [(0, 0), (1, 0), (0, 1)] + ([(1, 1)] if self.most > 1 else [])
        choice = np.asarray(list(itertools.product(range(len(options)), repeat=customers)))
        made = np.asarray(options)[choice]  # (choices, N, 2)
        cost = made.reshape(len(made), -1) @ np.tile(self.costs, customers)
        margin = self.scores * self.worth[:, None]
        keep = saturated(hill(*self.print_curve), self.reference, self.z_ref)
        value = keep(made[:, :, 0] @ margin[:, 0]) + made[:, :, 1] @ margin[:, 1] - cost
        fits = cost <= self.budget + 1e-9
        value, cost = value[fits], cost[fits]
        first, second = (hill(*curve) for curve in self.media)
        # What the media are worth grows with what is left: on a grid, from above, to set aside what cannot win.
        grid = np.linspace(0.0, self.budget, 401)
        media = np.asarray([best_split(first, second, left, 400, 2) for left in grid])
        above = np.minimum(np.ceil((self.budget - cost) / self.budget * 400 - 1e-9).astype(int), 400)
        hope = value + media[above] * (1 + 2e-3) + 1e-9
        best = -np.inf
        for k in np.argsort(-hope):
            if hope[k] <= best:
                break
            best = max(best, float(value[k]) + best_split(first, second, self.budget - float(cost[k]), steps))
        return best


@dataclass(frozen=True)
class Result:
    """One instance: the engine's objective and bound, the truth, and the time taken."""

    seed: int
    objective: float
    bound: float
    truth: float
    seconds: float

    @property
    def difference(self) -> float:
        """Relative distance of the plan from the truth."""
        return abs(self.objective - self.truth) / max(abs(self.truth), 1e-9)


def run(seed: int, gap: float = 1e-5) -> Result:
    """Solve one small instance both ways."""
    instance = Instance.of(seed)
    started = time.perf_counter()
    plan = opt.solve(opt.Scenario(**instance.keys), gap=gap, time_limit=60.0)
    seconds = time.perf_counter() - started
    return Result(seed, plan.certificate.objective, plan.certificate.bound, instance.truth(), seconds)


def large_keys(customers: int = 2000, seed: int = 7) -> dict[str, Any]:
    """A scenario in which customers differ: few are worth much, and print is dear."""
    random = np.random.default_rng(seed)
    identifiers = [f"c{k}" for k in range(customers)]
    worth = np.round(random.lognormal(3.4, 1.0, customers), 2)
    liking = random.beta(1.5, 12.0, customers)
    scores = {
        "print": np.round(np.clip(liking * random.uniform(0.6, 1.4, customers), 0.001, 0.9), 4),
        "email": np.round(np.clip(0.25 * liking * random.uniform(0.4, 1.6, customers), 0.0005, 0.9), 4),
    }
    reference = 800.0
    promised = 0.45 * float(scores["print"].sum())
    half, slope = 900.0, 1.4
    top = round(promised * (1 + (half / reference) ** slope), 3)
    return {
        "name": f"joint, {customers:,} customers",
        "customers": pd.DataFrame({"customer_id": identifiers, "worth": worth}),
        "appetence": pd.DataFrame({"customer_id": identifiers, **scores}),
        "channels": {
            "print": {
                "unit_cost": 1.1,
                "response_curve": {"hill": {"top": top, "half": half, "slope": slope}, "spend_ref": reference},
            },
            "email": {"unit_cost": 0.05},
        },
        "offers": {"offer": {"gross_margin": "worth"}},
        "media": {
            "display": {"spend": {"max": 2500.0}, "curve": {"hill": {"top": 3200.0, "half": 1000.0, "slope": 2.2}}},
            "social": {"spend": {"max": 2500.0}, "curve": {"hill": {"top": 2600.0, "half": 900.0, "slope": 1.8}}},
        },
        "rules": [
            {"name": "budget", "budget": {"max": 2500.0}},
            {"name": "one contact", "contacts": {"max": 1}},
        ],
    }


def budget_first(keys: dict[str, Any], gap: float, time_limit: float) -> dict[str, Any]:
    """Split the budget by curves alone, and return the scenario in which media and print are held to their shares.

    Print enters the split as a medium would: its attributed responses times the average worth of a response.
    """
    curve = keys["channels"]["print"]["response_curve"]["hill"]
    p, worth = keys["appetence"]["print"], keys["customers"]["worth"]
    average = float((p * worth).sum() / p.sum())
    budget = keys["rules"][0]["budget"]["max"]
    as_medium = {"spend": {"max": budget}, "curve": {"hill": {**curve, "top": curve["top"] * average}}}
    split = opt.solve(
        opt.Scenario(
            name="budget first", media={**keys["media"], "print by its curve": as_medium}, rules=keys["rules"][:1]
        ),
        gap=gap,
        time_limit=time_limit,
    ).spend
    media = {
        name: {**medium, "spend": {"min": split[name], "max": split[name]}} for name, medium in keys["media"].items()
    }
    rules = [
        *keys["rules"],
        {"name": "print share", "where": {"channel": "print"}, "budget": {"max": split["print by its curve"]}},
    ]
    return {**keys, "name": "customers after", "media": media, "rules": rules}


def large(gap: float = 1e-4, time_limit: float = 120.0) -> tuple[opt.Plan, opt.Plan, float]:
    """Plan 2,000 customers jointly, and budget first; what the latter allots to print."""
    keys = large_keys()
    joint = opt.solve(opt.Scenario(**keys), gap=gap, time_limit=time_limit)
    held = budget_first(keys, gap, time_limit)
    after = opt.solve(opt.Scenario(**held), gap=gap, time_limit=time_limit)
    return joint, after, float(held["rules"][-1]["budget"]["max"])


def main(seeds: int, gap: float) -> bool:
    """Run and print; True where every figure meets its target."""
    results = []
    for seed in range(seeds):
        result = run(seed, gap)
        results.append(result)
        print(
            f"joint {seed:3d}  plan {result.objective:11.4f}  bound {result.bound:11.4f}"
            f"  enumeration {result.truth:11.4f}  off {result.difference:.1e}  {result.seconds:5.2f} s",
            flush=True,
        )
    worst = max(r.difference for r in results)
    held = all(r.bound >= r.truth - 1e-6 * abs(r.truth) for r in results)
    median = float(np.median([r.seconds for r in results]))
    print(
        f"{seeds} instances: largest difference {worst:.1e} (target 1e-4), bounds "
        f"{'all hold' if held else 'BROKEN'}, median {median:.2f} s"
    )
    joint, after, allotted = large()
    for name, plan in (("joint", joint), ("budget first, customers after", after)):
        proved = plan.certificate
        shares = ", ".join(f"{medium} {money:,.0f}" for medium, money in plan.spend.items())
        print(
            f"{name}: net margin {proved.objective:,.2f} (bound {proved.bound:,.2f}, gap {proved.gap:.1e}, "
            f"{proved.seconds:.1f} s); {shares}, contacts {len(plan.contacts):,} at {plan.contacts['cost'].sum():,.0f}"
        )
    gain = joint.certificate.objective - after.certificate.objective
    print(f"budget first allots {allotted:,.0f} to print by its curve and the average worth of a response")
    print(f"the joint plan earns {gain:,.2f} more ({100 * gain / abs(after.certificate.objective):.2f} %)")
    return worst <= 1e-4 and held and gain > 0
