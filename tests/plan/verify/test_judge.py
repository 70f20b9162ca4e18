"""Things judged by kinds give the row that they give one by one."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from optimizer.plan.verify.judge import judge_rule, listed
from optimizer.scenario.rule_schema import Rule


def ruled(rng: Random) -> Rule:
    """A cap, hard, soft or told."""
    soft: dict[str, Any] = {"penalty": rng.choice([0.0, 1.5]), "side": rng.choice(["min", "max", "both"])}
    if rng.random() < 0.5:
        soft["tolerance"] = rng.choice([0, 1, 2])
    extra: dict[str, Any] = rng.choice([{}, {"soft": soft}, {"mode": "report"}])
    return Rule.model_validate({"name": "cap", "contacts": {"min": 1, "max": 2}, **extra})


def _named(things: NDArray[np.int64], k: int) -> str:
    return f"thing {things[k]}"


@pytest.mark.parametrize("seed", range(200))
def test_kinds_and_single_things_agree(seed: int) -> None:
    rng = Random(seed)
    rule = ruled(rng)
    one, alike = judge_rule(rule, "scope"), judge_rule(rule, "scope")
    for _ in range(rng.randint(1, 3)):
        count = rng.randint(1, 6)
        value = np.array([float(rng.randint(0, 4)) for _ in range(count)])
        lower = np.array([rng.choice([-np.inf, 0.0, 1.0, 2.0]) for _ in range(count)])
        upper = np.array([rng.choice([np.inf, 1.0, 2.0, 3.0]) for _ in range(count)])
        counted = np.array([rng.random() < 0.8 for _ in range(count)])
        kind = np.array([rng.randrange(count) for _ in range(rng.randint(0, 12))], dtype=np.int64)
        things = np.flatnonzero(counted[kind]) if len(kind) else np.empty(0, np.int64)
        at = kind[things]
        noise = np.array([rng.choice([0.0, 1e-9, 1.0]) for _ in range(count)])
        one.add(value[at], lower[at], upper[at], noise=noise[at], name=partial(_named, things))
        number = np.bincount(kind, minlength=count)
        of_thing = partial(np.copy, kind)
        alike.add_alike(value, lower, upper, number, of_thing, counted=counted, noise=noise, name="thing {}".format)
    # What is bare of values shows nan, which is not itself.
    assert repr(one.check()) == repr(alike.check())


def test_a_few_names_and_their_number() -> None:
    assert listed(["a", "b", "c"], 3) == "a, b, c"
    assert listed(["a", "b", "c"], 1000) == "a, b, c, … (1000 in all)"
