"""What compiling takes is no part of a limit: deadlines move by it, progress and notes say it."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numba.core.event import end_event, start_event

import optimizer as opt
from optimizer.solve import choice
from optimizer.solve.compiling import COMPILE, STAGE, Compiling
from optimizer.solve.decomposed import decomposed
from optimizer.solve.decomposed.decomposed import _Solve
from optimizer.solve.decomposed.prepared import prepare


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def compiles(self, seconds: float) -> None:
        start_event(COMPILE)  # type: ignore[no-untyped-call]
        self.now += seconds
        end_event(COMPILE)  # type: ignore[no-untyped-call]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", made)
    return made


def test_a_loop_inside_another_counts_once(clock: Clock) -> None:
    with Compiling().listening() as compiling:
        clock.now += 5.0
        assert compiling.seconds == 0.0
        start_event(COMPILE)  # type: ignore[no-untyped-call]
        clock.now += 2.0
        assert compiling.seconds == 2.0  # one that is being compiled counts so far
        clock.compiles(3.0)
        clock.now += 4.0
        end_event(COMPILE)  # type: ignore[no-untyped-call]
        clock.now += 7.0
        clock.compiles(1.0)
        assert compiling.seconds == 10.0
        assert compiling.notes == ["kernels were compiled once: 10 s beyond the limit"]
    clock.compiles(1.0)  # nobody listens any more
    assert compiling.seconds == 10.0


def test_what_began_before_anybody_listened_does_not_count(clock: Clock) -> None:
    start_event(COMPILE)  # type: ignore[no-untyped-call]
    with Compiling().listening() as compiling:
        clock.now += 3.0
        end_event(COMPILE)  # type: ignore[no-untyped-call]
        assert compiling.seconds == 0.0
        clock.compiles(0.25)
        assert compiling.seconds == 0.25
        assert compiling.notes == []


def test_those_who_wait_are_told_by_their_own_thread(clock: Clock) -> None:
    told: list[str] = []
    with Compiling().listening(told.append) as compiling:
        other = threading.Thread(target=clock.compiles, args=(2.0,))
        other.start()
        other.join()
        assert told == []
        clock.compiles(1.0)
        assert told == [STAGE]
        assert compiling.seconds == 3.0


def test_the_deadline_moves(clock: Clock) -> None:
    problem: Any = None
    run = _Solve(problem, 1e-4, clock.now + 10.0, None, None, 0.0, {}, None)
    with run.compiling.listening():
        clock.now += 6.0
        clock.compiles(60.0)
        assert not run.out_of_time()
        clock.now += 3.0
        assert not run.out_of_time()
        clock.now += 1.0
        assert run.out_of_time()
        run.deadline = clock.now + 5.0  # a last try: what was compiled before it counts no more
        clock.compiles(20.0)
        clock.now += 4.0
        assert not run.out_of_time()
        clock.now += 1.0
        assert run.out_of_time()


def test_a_limit_shorter_than_compiling_gives_a_plan(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "DECOMPOSED_PAIRS", 1)

    def slow(*arguments: Any) -> Any:
        clock.compiles(65.0)
        return prepare(*arguments)

    monkeypatch.setattr(decomposed, "prepare", slow)
    people = pd.DataFrame({"customer_id": [f"c{k:03}" for k in range(600)], "email": np.linspace(0.01, 0.4, 600)})
    scenario = opt.Scenario(
        objective="responses", customers=people[["customer_id"]], appetence=people,
        channels={"email": {"unit_cost": 0.01}}, rules=[{"name": "some", "volume": {"max": 100}}],
    )  # fmt: skip
    stages: list[str] = []
    plan = opt.solve(scenario, time_limit=1, progress=lambda stage, objective, bound: stages.append(stage))
    assert plan.certificate.status == "optimal"
    assert len(plan.contacts) == 100
    assert STAGE in stages
    assert "kernels were compiled once: 65 s beyond the limit" in plan.notes
