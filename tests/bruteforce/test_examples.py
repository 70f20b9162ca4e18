"""The brute force agrees with the boundary examples, which another reader wrote from the same contract."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from tests.bruteforce.judge import evaluate, ready
from tests.examples import Example, examples


def plan_of(example: Example) -> list[tuple[str, str]]:
    world = ready(example.scenario).world
    columns = ("activity", "offer", "channel", "wave")
    activities = pd.DataFrame([{name: row[name] for name in columns} for row in world.activities])
    contacts = example.contacts(activities)
    return list(zip(contacts["customer_id"], contacts["activity"], strict=True))


@pytest.mark.parametrize("example", list(examples()), ids=lambda one: one.name)
def test_example(example: Example) -> None:
    plan = plan_of(example)
    judged = evaluate(example.scenario, plan, example.spend)
    assert judged.feasible == example.accepted, judged.reasons
    if example.penalty is not None and example.accepted:
        free = {**example.scenario, "rules": [{**rule, "mode": "report"} for rule in example.scenario["rules"]]}
        paid = evaluate(free, plan, example.spend).objective - judged.objective
        assert math.isclose(abs(paid), example.penalty, abs_tol=1e-9)
