"""The choice between the two paths: what neither can take is said before it is tried."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.errors import NoPlan
from optimizer.rules import compile_problem
from optimizer.solve import choice
from optimizer.solve.decomposed import decomposed
from optimizer.solve.decomposed.decomposed import NotDecomposed
from tests.fuzzing.case import case
from tests.fuzzing.properties import scenario_of


def test_what_prices_refuse_and_is_too_large_for_one_program_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **settings: object) -> None:
        raise NotDecomposed("local rules of 7 customers allow too many states for a diagram")

    monkeypatch.setattr(decomposed, "solve_decomposed", refuse)
    monkeypatch.setattr(choice, "DECOMPOSED_PAIRS", 0)
    problem = compile_problem(scenario_of(case(32_020)))
    settings: dict[str, Any] = {"gap": 1e-4, "time_limit": 10.0, "progress": None, "stop": None}
    assert choice.solve_by_size(problem, **settings).notes[-1].startswith("solved as one program: local rules of 7")
    monkeypatch.setattr(choice, "SECOND_TRY_PAIRS", 0)
    with pytest.raises(NoPlan, match=r"too many for one program .* local rules of 7 customers"):
        choice.solve_by_size(problem, **settings)
