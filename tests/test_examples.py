"""Every boundary example, through the compiled problem and through the independent check: both say what it says."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from optimizer import Scenario
from optimizer.plan.verify import Verdict, verify
from optimizer.problem import Problem
from optimizer.rules import compile_problem, sentence
from optimizer.scenario.rule_schema import VERBS
from tests.examples import Example, examples, read, scenario_arguments, verbs
from tests.problem_check import Judgement, check

EXAMPLES = list(examples())


@cache
def _compiled(verb: str, title: str) -> tuple[Scenario, Problem]:
    entry = next(entry for entry in read(verb) if entry["example"] == title)
    scenario = Scenario(**scenario_arguments(verb, entry))
    return scenario, compile_problem(scenario)


def _spend(example: Example, scenario: Scenario) -> dict[str, float]:
    return {cell.name: float(example.spend.get(cell.name, 0.0)) for cell in scenario.facts.media}


def judged(example: Example) -> Judgement:
    """The problem's verdict."""
    scenario, problem = _compiled(example.verb, example.title)
    plan = example.contacts(scenario.facts.activities)
    rows = {name: row for row, name in enumerate(problem.activity_names)}
    customers = {name: row for row, name in enumerate(problem.customer_names)}
    contacts = np.zeros(len(problem.customer), bool)
    for customer, activity in plan.itertuples(index=False):
        pair = (problem.customer == customers[customer]) & (problem.activity == rows[activity])
        assert pair.sum() == 1, f"{customer} {activity} is not an eligible pair"
        contacts |= pair
    return check(problem, contacts, np.array(list(_spend(example, scenario).values()), float))


def verified(example: Example) -> Verdict:
    """The independent check's verdict."""
    scenario, _ = _compiled(example.verb, example.title)
    return verify(scenario, example.contacts(scenario.facts.activities), _spend(example, scenario))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_problem_says_what_the_example_says(example):
    judgement = judged(example)
    assert judgement.accepted == example.accepted, judgement.broken
    assert {rule for rule, *_ in judgement.broken} <= example.rules | {"removed pair"}
    if example.penalty is not None:
        assert judgement.penalty == pytest.approx(example.penalty)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_check_says_what_the_example_says(example):
    verdict = verified(example)
    assert verdict.passed == example.accepted, verdict.failures
    failed = verdict.checks.loc[~verdict.checks["passed"].astype(bool), "rule"]
    assert set(failed) <= example.rules, verdict.failures
    assert example.accepted or len(failed), verdict.failures
    if example.penalty is not None:
        assert verdict.checks["penalty"].sum() == pytest.approx(example.penalty)


def test_every_verb_has_examples_on_both_sides():
    assert set(verbs()) == set(VERBS)
    for verb in VERBS:
        ours = list(examples(verb))
        assert sum(example.accepted for example in ours) >= 2, verb
        assert sum(not example.accepted for example in ours) >= 2, verb


@pytest.mark.parametrize("verb", VERBS)
def test_every_example_reads_as_a_sentence(verb):
    for entry in read(verb):
        scenario, _ = _compiled(verb, entry["example"])
        text = sentence(scenario.rules[0], scenario)
        assert text[0].isupper()
        assert "{" not in text
        assert "None" not in text
