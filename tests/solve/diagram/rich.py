"""Random problems of few customers and many activities, with every primitive in the shapes that rules give it."""

from __future__ import annotations

import numpy as np

from optimizer.problem import (
    ChangeFactor,
    Clash,
    Count,
    Distinct,
    Expression,
    LocalRule,
    Precedence,
    Problem,
    RankFactor,
    Responses,
    Soft,
    Units,
    Weights,
)


def rich_problem(seed: int, customers: int = 2, most_pairs: int = 9, kinds: str = "CDXP") -> Problem:
    """A problem with windows, weights, groups, lags, precedences and effects over 8 to 10 activities.

    ``kinds``: C counts, D distinct groups, X clashes, P precedences.
    """
    rng = np.random.default_rng([seed, 7])
    n, a = customers, int(rng.integers(8, 11))
    day = np.sort(rng.integers(0, 12, a)).astype(np.int32)
    customer, activity = (grid.ravel().astype(np.int32) for grid in np.meshgrid(range(n), range(a), indexing="ij"))
    wide = rng.random() < 0.4 and n > 1
    share = most_pairs / (a * (2 if wide else 1))
    keep = rng.random(n * a) < share
    keep[0] = True
    customer, activity = customer[keep], activity[keep]
    e = len(customer)
    alone = Units("customer", np.arange(n, dtype=np.int32), [f"c{i}" for i in range(n)])
    house = Units("household", (np.arange(n) // 2).astype(np.int32), [f"h{i}" for i in range((n + 1) // 2)])
    lag = day[None, :] - day[:, None]

    def soft() -> Soft | None:
        if rng.random() < 0.6:
            return None
        sides = [(True, True), (True, False), (False, True)][rng.integers(3)]
        return Soft(float(rng.choice([0.5, 1.0, 0.37])), float(rng.choice([np.inf, 1.0, 2.0])), *sides)

    def mask() -> Weights:
        parts = [
            Weights(),
            Weights(activity=(rng.random(a) < 0.6).astype(float)),
            Weights(customer=(rng.random(n) < 0.7).astype(float)),
            Weights(activity=(rng.random(a) < 0.8).astype(float), pair=(rng.random(e) < 0.8).astype(float)),
        ]
        return parts[rng.integers(4)]

    def weights() -> Weights:
        window = ((day >= (low := rng.integers(0, 8))) & (day <= low + rng.integers(2, 12))).astype(float)
        shapes = [
            Weights(activity=window),
            Weights(activity=window * rng.choice([0.0, 0.5, 1.0, 1.5], a)),
            Weights(activity=window * rng.choice([1 / 3, 2 / 3, 1.0], a), factor=3.0),
            Weights(activity=window, customer=rng.choice([0.1, 0.2, 0.3], n)),
            Weights(pair=rng.choice([-1.0, 1.0, 2.0, 0.0], e)),
            Weights(pair=rng.uniform(0.2, 1.5, e)),
        ]
        return shapes[rng.integers(len(shapes))]

    local: list[LocalRule] = []
    for _ in range(rng.integers(1, 6)):
        units = house if wide and rng.random() < 0.6 else alone
        bound = np.flatnonzero(rng.random(len(units.names)) < 0.9).astype(np.int32)
        size = len(bound)
        upper = np.where(rng.random(size) < 0.7, rng.choice([0.0, 1.0, 2.0, 2.5, 3.0], size), np.inf)
        lower = np.where(rng.random(size) < 0.3, np.minimum(rng.choice([1.0, 1.5, 2.0], size), upper), -np.inf)
        kind = kinds[rng.integers(len(kinds))]
        if kind == "C":
            local.append(Count("count", "", weights(), units, bound, lower, upper, soft()))
        elif kind == "D":
            groups = (day == np.unique(day)[:, None]) if rng.random() < 0.4 else rng.random((4, a)) < 0.4
            touched = rng.random((size, len(groups))) < 0.1
            conditional = bool(rng.random() < 0.4)
            low = np.full(size, float(rng.integers(1, 4))) if conditional else lower
            local.append(
                Distinct(
                    "distinct", "", groups, mask(), units, bound, touched, low, np.maximum(upper, low), conditional,
                    soft(),
                )
            )  # fmt: skip
        elif kind == "X":
            near = (lag >= rng.integers(-2, 1)) & (lag <= rng.integers(0, 5))
            local.append(Clash("clash", "", mask(), mask(), near, units, soft()))
        else:
            before = (lag < 0) & (lag > -rng.integers(3, 12))
            anywhere = rng.random((a, a)) < 0.3
            enables = [before, before.T, before | before.T, anywhere][rng.integers(4)]
            local.append(Precedence("precedence", "", mask(), mask(), enables, units, soft()))
    ranks = [RankFactor("fatigue", k, float(rng.choice([0.8, 0.9])), mask()) for k in (1, 2, 3) if rng.random() < 0.4]
    changes = [ChangeFactor("change", float(rng.uniform(0.5, 1.6)), mask())] if rng.random() < 0.5 else []
    booked = rng.integers(0, n, int(rng.integers(0, 4))).astype(np.int32)
    responses = Responses(
        {"responses": rng.uniform(0.05, 0.9, e)},
        np.ones(e),
        "additive",
        np.full(e, -1, np.int32),
        day,
        rng.integers(0, 3, a).astype(np.int32),
        ranks,
        changes,
        booked,
        rng.integers(0, 12, len(booked)).astype(np.int32),
        rng.integers(0, 3, len(booked)).astype(np.int32),
    )
    return Problem(
        "rich", alone.names, [f"a{k}" for k in range(a)], customer, activity, rng.random(e) < 0.03,
        rng.permutation(n).astype(np.int32), alone, responses, local, [], [], [], [], [], Expression(),
    )  # fmt: skip
