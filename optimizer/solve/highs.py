"""Arrays to HiGHS and back: the one file that talks to the solver.

A program is  min cost·x + offset  subject to  row_lower ≤ A x ≤ row_upper,  lower ≤ x ≤ upper,  x integer where
marked, with A by rows. One thread, a fixed seed and the default tolerances, so that the same arrays give the same
answer to the bit. HiGHS's word is raw material: statuses, gaps and values are judged by the caller.

Imports numpy and highspy alone, because the solver's process starts with this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import highspy
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
AnswerStatus = Literal["solved", "stopped", "infeasible", "unbounded", "unclear", "error"]

_ROWWISE = 2
_MINIMISE = 1
_JUMP_FROM = 2_000  # columns; the feasibility jump costs 20 ms, thirty times a small model's solve
_EVENT = highspy.cb.HighsCallbackType
_STATUS: dict[Any, AnswerStatus] = {
    highspy.HighsModelStatus.kOptimal: "solved",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kUnbounded: "unbounded",
    highspy.HighsModelStatus.kUnboundedOrInfeasible: "unclear",
    highspy.HighsModelStatus.kObjectiveBound: "stopped",
    highspy.HighsModelStatus.kObjectiveTarget: "stopped",
    highspy.HighsModelStatus.kTimeLimit: "stopped",
    highspy.HighsModelStatus.kIterationLimit: "stopped",
    highspy.HighsModelStatus.kSolutionLimit: "stopped",
    highspy.HighsModelStatus.kInterrupt: "stopped",
}


@dataclass(frozen=True)
class Program:
    """A minimisation in plain arrays, the matrix by rows (``start`` has one entry more than there are rows)."""

    cost: Floats
    offset: float
    start: NDArray[np.int32]
    index: NDArray[np.int32]
    value: Floats
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: NDArray[np.bool_]


@dataclass(frozen=True)
class Settings:
    """What may vary from run to run; limits are in work first, in seconds as the last resort.

    ``target``: stop at the first solution at most this costly. ``cutoff``: only cheaper solutions are looked for.
    ``node_limit``: branch-and-bound nodes.
    ``method``: of an LP, ``simplex`` or ``ipx``.
    """

    gap: float = 1e-4
    seed: int = 0
    presolve: bool = True
    target: float = -np.inf
    cutoff: float = np.inf
    node_limit: int | None = None
    seconds: float = np.inf
    method: Literal["choose", "simplex", "ipx"] = "choose"
    start: Floats | None = None


@dataclass(frozen=True)
class Bounds:
    """New bounds of some columns."""

    columns: NDArray[np.int32]
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class Job:
    """One request to the solver's process.

    ``mip``: solve ``program``. ``lp``: solve its relaxation after ``change``; the model is kept under ``token``, and
    a later job with that token may leave ``program`` out.
    """

    kind: Literal["mip", "lp"]
    program: Program | None
    settings: Settings
    change: Bounds | None = None
    token: int = 0


@dataclass(frozen=True)
class Answer:
    """What HiGHS said. ``bound`` is its lower bound; ``row_dual`` and, if infeasible, a dual ``ray`` are for LPs."""

    status: AnswerStatus
    x: Floats | None
    objective: float
    bound: float
    row_dual: Floats | None = None
    ray: Floats | None = None
    nodes: int = 0
    detail: str = ""


def solve_mip_arrays(
    program: Program,
    settings: Settings,
    *,
    on_incumbent: Callable[[float, Floats], None],
    on_progress: Callable[[float, float], None],
    should_stop: Callable[[], bool],
) -> Answer:
    """Run the branch and bound.

    Parameters
    ----------
    on_incumbent : callable (objective, x)
        Called at each improving solution.
    on_progress : callable (objective, bound)
        Called whenever HiGHS would write a line of its log.
    should_stop : callable
        Asked between nodes and cut rounds.
    """
    solver = _load(program, settings)
    _set(solver, "output_flag", True)  # without it HiGHS calls no log listener
    _set(solver, "mip_rel_gap", settings.gap)
    _set(solver, "mip_min_logging_interval", 1.0)
    if len(program.cost) < _JUMP_FROM:
        _set(solver, "mip_heuristic_run_feasibility_jump", False)
    if np.isfinite(settings.seconds):
        _set(solver, "time_limit", max(settings.seconds, 0.01))
    if np.isfinite(settings.cutoff):
        _set(solver, "objective_bound", settings.cutoff)
    if settings.node_limit is not None:
        _set(solver, "mip_max_nodes", settings.node_limit)
    if settings.start is not None:
        known = np.flatnonzero(np.isfinite(settings.start)).astype(np.int32)
        solver.setSolution(len(known), known, settings.start[known])
    reached = False
    lowest = -np.inf

    def listen(event: Any, _message: str, data: Any, reply: Any, _user: Any) -> None:
        nonlocal reached, lowest
        if event == _EVENT.kCallbackMipImprovingSolution:
            objective = float(data.objective_function_value)
            if not reached:
                on_incumbent(objective, np.array(data.mip_solution, float))
            # The first solution that reaches the target is the answer, however long HiGHS takes to stop.
            reached = reached or objective <= settings.target
        elif event == _EVENT.kCallbackMipLogging:
            lowest = max(lowest, float(data.mip_dual_bound))
            on_progress(float(data.mip_primal_bound), lowest)
        elif reached or should_stop():
            reply.user_interrupt = True

    solver.setCallback(listen, None)
    for event in (_EVENT.kCallbackMipImprovingSolution, _EVENT.kCallbackMipLogging, _EVENT.kCallbackMipInterrupt):
        solver.startCallback(event)
    solver.run()
    info = solver.getInfo()
    status = solver.getModelStatus()
    # A limit that stops HiGHS before its first solution still leaves a valid bound behind.
    return Answer(
        status=_STATUS.get(status, "error"),
        x=_values(solver, info),
        objective=float(info.objective_function_value),
        bound=max(lowest, float(info.mip_dual_bound)) if np.isfinite(info.mip_dual_bound) else lowest,
        nodes=int(info.mip_node_count),
        detail=str(solver.modelStatusToString(status)),
    )


class WarmLp:
    """An LP that is solved again and again with other column bounds, each time from the last basis."""

    def __init__(self, program: Program, settings: Settings) -> None:
        self.solver = _load(program, settings, relaxed=True)
        _set(self.solver, "solver", settings.method)
        self.warm = False

    def solve(self, change: Bounds | None, seconds: float, should_stop: Callable[[], bool] | None = None) -> Answer:
        """Solve; row duals come in HiGHS's sense (reduced cost = cost − Aᵀ·dual)."""
        solver = self.solver
        if self.warm:
            _set(solver, "solver", "simplex")  # an interior point method would throw the basis away
        if change is not None:
            solver.changeColsBounds(len(change.columns), change.columns, change.lower, change.upper)
        # HiGHS counts its clock over all runs of one object.
        _set(solver, "time_limit", solver.getRunTime() + max(seconds, 0.01) if np.isfinite(seconds) else np.inf)
        if should_stop is not None:

            def listen(_event: Any, _message: str, _data: Any, reply: Any, _user: Any) -> None:
                if should_stop():
                    reply.user_interrupt = True

            solver.setCallback(listen, None)
            solver.startCallback(_EVENT.kCallbackSimplexInterrupt)
            solver.startCallback(_EVENT.kCallbackIpmInterrupt)
        solver.run()
        info = solver.getInfo()
        status = solver.getModelStatus()
        solution = solver.getSolution()
        self.warm = status == highspy.HighsModelStatus.kOptimal
        return Answer(
            status=_STATUS.get(status, "error"),
            x=_values(solver, info),
            objective=float(info.objective_function_value),
            bound=-np.inf,
            row_dual=np.array(solution.row_dual, float) if solution.dual_valid else None,
            ray=_ray(solver) if status == highspy.HighsModelStatus.kInfeasible else None,
            detail=str(solver.modelStatusToString(status)),
        )


def _load(program: Program, settings: Settings, *, relaxed: bool = False) -> Any:
    solver = highspy._core._Highs()
    _set(solver, "output_flag", False)
    _set(solver, "log_to_console", False)
    _set(solver, "threads", 1)
    _set(solver, "parallel", "off")
    _set(solver, "random_seed", settings.seed)
    # HiGHS drops smaller coefficients without a word, and its bound is then that of another program.
    _set(solver, "small_matrix_value", 1e-12)
    _set(solver, "presolve", "choose" if settings.presolve else "off")
    height, width = len(program.row_lower), len(program.cost)
    integrality = np.zeros(width, np.int32) if relaxed else program.integer.astype(np.int32)
    status = solver.passModel(
        width,
        height,
        len(program.index),
        _ROWWISE,
        _MINIMISE,
        program.offset,
        program.cost,
        program.lower,
        program.upper,
        program.row_lower,
        program.row_upper,
        program.start,
        program.index,
        program.value,
        integrality,
    )
    if status == highspy.HighsStatus.kError:
        raise ValueError("HiGHS refused the model")
    return solver


def _ray(solver: Any) -> Floats | None:
    """Return the multipliers of the rows that prove infeasibility, where the simplex has them."""
    _, exists, ray = solver.getDualRay()
    return np.array(ray, float) if exists else None


def _set(solver: Any, option: str, value: object) -> None:
    if solver.setOptionValue(option, value) != highspy.HighsStatus.kOk:
        raise ValueError(f"HiGHS refused option {option}={value!r}")


def _values(solver: Any, info: Any) -> Floats | None:
    if info.primal_solution_status != int(highspy.SolutionStatus.kSolutionStatusFeasible):
        return None
    return np.array(solver.getSolution().col_value, float)
