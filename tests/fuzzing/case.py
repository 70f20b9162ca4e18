"""One random scenario a seed, the same on every machine."""

from __future__ import annotations

from random import Random

from tests.bruteforce.filters import Row
from tests.bruteforce.world import VERBS
from tests.fuzzing.anchor import anchor
from tests.fuzzing.rules import rule
from tests.fuzzing.stage import stage


def case(seed: int, only: str | None = None) -> Row:
    """A scenario as a planner writes it, its tables as lists of records.

    Parameters
    ----------
    seed : int
    only : str, optional
        A verb that must be there (when the scenario has a use for it).
    """
    rng = Random(f"scenario {seed}")
    spec = stage(rng)
    here = anchor(rng, spec)
    wanted = rng.choices(VERBS, k=rng.choice((1, 2, 3, 3, 4, 5)))
    if only:
        wanted[0] = only
    if spec["objective"] == {"minimize": "cost"}:
        wanted.append(rng.choice(("volume", "contacts", "sum", "include", "targets")))
    spec["rules"] = []
    for k, verb in enumerate(wanted):
        if (made := rule(rng, here, verb, f"{verb} {k + 1}")) is not None:
            spec["rules"].append(made)
    return spec
