"""Random tiny scenarios over every rule: the engine and its check agree with an enumeration of all plans.

Each example is a seed of ``tests.fuzzing.case``; ``python -m tests.fuzz`` runs as many as one likes. What fails is
printed as the smallest scenario that still does.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import optimizer as opt
from tests.bruteforce.filters import Row
from tests.bruteforce.judge import evaluate
from tests.bruteforce.search import best
from tests.bruteforce.world import VERBS
from tests.fuzz import minimal
from tests.fuzzing import properties
from tests.fuzzing.arguments import dump
from tests.fuzzing.case import case
from tests.fuzzing.properties import solved, trial
from tests.fuzzing.tally import Tally

SEEDS = st.integers(1_000_000, 2_000_000)
#: A smaller seed is no smaller scenario: what fails is shrunk by its own rules.
PHASES = (Phase.explicit, Phase.generate)


def explain(spec: Row, seed: int, faults: list[str]) -> str:
    """The faults and the smallest scenario found that shows the first."""
    return "\n".join([f"seed {seed}", *faults, dump(minimal(spec, seed, "all", 0.0, faults[0]))])


@settings(max_examples=120, phases=PHASES)
@given(SEEDS)
def test_plan_and_check_equal_brute_force(seed: int) -> None:
    spec = case(seed)
    one = trial(spec)
    faults, _ = properties.check_solve(one)
    faults += properties.check_verify(one, Random(f"properties {seed}"))
    if faults:
        pytest.fail(explain(spec, seed, faults))


@pytest.mark.parametrize("verb", VERBS)
@settings(max_examples=3, phases=PHASES)
@given(seed=SEEDS)
def test_every_verb(verb: str, seed: int) -> None:
    spec = case(seed, verb)
    one = trial(spec)
    faults, _ = properties.check_solve(one)
    if faults:
        pytest.fail(explain(spec, seed, faults))


def solved_case(seed: int) -> tuple[Row, opt.Plan | None]:
    """A random scenario and the engine's plan."""
    spec = case(seed)
    return spec, solved(properties.scenario_of(spec))


@settings(max_examples=15, phases=PHASES)
@given(SEEDS)
def test_row_order_gives_the_identical_plan(seed: int) -> None:
    spec, plan = solved_case(seed)
    assert plan is None or not properties.check_row_order(spec, plan, Random(seed)), dump(spec)


@settings(max_examples=15, phases=PHASES)
@given(SEEDS)
def test_other_names_give_the_same_plan(seed: int) -> None:
    spec, plan = solved_case(seed)
    assert plan is None or not properties.check_relabelling(spec, plan, Random(seed)), dump(spec)


@settings(max_examples=15, phases=PHASES)
@given(SEEDS)
def test_units_change_nothing(seed: int) -> None:
    spec, plan = solved_case(seed)
    assert plan is None or not properties.check_units(spec, plan), dump(spec)


@settings(max_examples=15, phases=PHASES)
@given(SEEDS)
def test_relaxing_loses_nothing(seed: int) -> None:
    spec, plan = solved_case(seed)
    assert plan is None or not properties.check_relaxing(spec, plan, Random(seed)), dump(spec)


def test_generator_makes_every_verb_bind() -> None:
    tally = Tally()
    for verb in VERBS:
        for seed in range(60):
            spec = case(seed, verb)
            tally.add(spec, best(spec), binding=any(verb in rule for rule in spec["rules"]))
            if tally.bound[verb] > 0:
                break
    assert all(tally.bound[verb] > 0 for verb in VERBS), tally.table()


def test_an_engine_that_forgets_a_rule_is_noticed() -> None:
    seed, spec = next((s, spec) for s in range(100) if forgetful(spec := case(s)))
    whole, forgot = trial(spec), trial({**spec, "rules": spec["rules"][1:]})
    faults, _ = properties.check_solve(replace(whole, scenario=forgot.scenario))
    assert any(fault.startswith("engine breaks") for fault in faults), seed
    assert forgot.found is not None
    faults = properties.check_verify(replace(whole, found=forgot.found, scenario=forgot.scenario), Random(0), count=0)
    assert [fault.split(":")[0] for fault in faults] == ["verify accepts"]


def forgetful(spec: Row) -> bool:
    """Whether the best plan without the first rule breaks that rule."""
    hard = spec["rules"] and "soft" not in spec["rules"][0] and "table" not in dump(spec["rules"][0])
    if not hard or "effect" in spec["rules"][0] or (free := best(spec, skip=0)) is None or best(spec) is None:
        return False
    return not evaluate(spec, free.plan, free.spend).feasible
