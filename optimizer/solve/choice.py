"""The choice between the exact path and the decomposed one, by size and by what the problem holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from optimizer.errors import NoPlan
from optimizer.problem import Problem
from optimizer.reuse import Memory
from optimizer.solve.exact import solve_problem
from optimizer.solve.linear_model import MatrixForm
from optimizer.solve.solution import Solution

if TYPE_CHECKING:
    from optimizer.solve.compiling import Compiling

Progress = Callable[[str, float, float], None]

#: Pairs from which the decomposed path is taken where it can be.
DECOMPOSED_PAIRS = 20_000
#: Pairs up to which the exact path has a try where the decomposed one found no plan, or refused the problem.
SECOND_TRY_PAIRS = 2_000_000


def solve_by_size(
    problem: Problem,
    *,
    gap: float,
    time_limit: float,
    progress: Progress | None,
    stop: Callable[[], bool] | None,
    tighten: float = 0.0,
    edited: MatrixForm | None = None,
    start: Mapping[tuple[str, str], float] | None = None,
    memory: Memory | None = None,
) -> Solution:
    """Solve by the path that suits the problem, and say in the notes which it was.

    Parameters are those of ``solve_problem``; ``start`` gives prices by rule and scope to begin with,
    ``memory`` what an earlier solve on the same facts has left.

    Raises
    ------
    NoPlan
        When the decomposed path refuses a problem that is too large for the exact one.
    """
    pairs = int(np.count_nonzero(~problem.removed))
    if edited is not None or pairs < DECOMPOSED_PAIRS:
        return solve_problem(
            problem, gap=gap, time_limit=time_limit, progress=progress, stop=stop, tighten=tighten, edited=edited
        )
    from optimizer.solve.compiling import Compiling

    with Compiling().listening() as compiling:
        solution = _by_prices(
            problem, pairs, compiling, gap=gap, time_limit=time_limit, progress=progress, stop=stop, tighten=tighten,
            start=start, memory=memory,
        )  # fmt: skip
    return replace(solution, compiling=compiling.seconds, notes=[*solution.notes, *compiling.notes])


def _by_prices(
    problem: Problem,
    pairs: int,
    compiling: Compiling,
    *,
    gap: float,
    time_limit: float,
    progress: Progress | None,
    stop: Callable[[], bool] | None,
    tighten: float,
    start: Mapping[tuple[str, str], float] | None,
    memory: Memory | None,
) -> Solution:
    """Solve by prices, and as one program where these find nothing and it is small enough."""
    from optimizer.solve.decomposed.decomposed import NotDecomposed, solve_decomposed
    from optimizer.solve.decomposed.structure import unsupported

    started = time.monotonic()

    def left() -> float:
        return time_limit - (time.monotonic() - started - compiling.seconds)

    reasons = unsupported(problem)
    if not reasons:
        try:
            solution = solve_decomposed(
                problem,
                gap=gap,
                time_limit=time_limit,
                progress=progress,
                stop=stop,
                tighten=tighten,
                start=start,
                memory=memory,
            )
        except NotDecomposed as refusal:
            reasons = [str(refusal)]
        else:
            over = left() <= 0 or (stop is not None and stop())
            if solution.status != "no_plan" or pairs > SECOND_TRY_PAIRS or over:
                return solution
            reasons = ["no plan by prices"]
    if pairs > SECOND_TRY_PAIRS:
        raise NoPlan(
            f"{pairs:,} eligible pairs are too many for one program ({SECOND_TRY_PAIRS:,} at most), and this scenario "
            f"cannot be solved by prices: {', '.join(reasons)}; relax the rule that is named, or split the scenario by "
            "country or by customer"
        )
    solution = solve_problem(
        problem, gap=gap, time_limit=max(left(), 1.0), progress=progress, stop=stop, tighten=tighten
    )
    return replace(solution, notes=[*solution.notes, f"solved as one program: {', '.join(reasons)}"])
