"""``solve_mip``: a mixed-integer program in, a checked point and a bound that no point beats out.

The data are scaled, the branch and bound runs in the solver's own process, and what comes back is judged here:
the point is rounded and checked against the form in float64, its objective is c·x computed here, the bound is the
smaller of the solver's (with its tolerance added) and the one our own dual evaluation proves, and

    gap = |bound − objective| / max(|bound|, |objective|)

decides the status. Large models go through a core first (``optimizer.solve.core``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optimizer.solve.child import Outcome, SolverChild, StopSignal, run_in_child
from optimizer.solve.feasible import settle, tightened, violations
from optimizer.solve.highs import Settings
from optimizer.solve.linear_model import MatrixForm
from optimizer.solve.lp import dual_bound, solve_lp
from optimizer.solve.scaling import Scaled, scale

Floats = NDArray[np.float64]
MipStatus = Literal["optimal", "feasible", "infeasible", "unbounded", "no_plan", "failed"]
MipProgress = Callable[[str, float, float], None]

# HiGHS prunes what is within its feasibility tolerance (1e-6) of the incumbent, and its LPs hold to 1e-7.
SOLVER_MARGIN = 2e-6
_RELATIVE_MARGIN = 1e-9
CORE_THRESHOLD = 3_000  # integer columns from which a core is worth its LP
_REPAIRS = 3


@dataclass(frozen=True)
class MipResult:
    """The answer of ``solve_mip``.

    Attributes
    ----------
    status : str
        optimal (gap reached), feasible (stopped), infeasible, unbounded, no_plan (the limit came first), failed.
    x : array or None
        Satisfies the form to 1e-9 × (|bound| + Σ|a x|), integers exactly.
    objective, bound : float
        c·x + offset of ``x`` (−∞ without one), and what no point exceeds.
    bound_by : {"own", "solver"}
        Whose bound: our evaluation of dual prices, or HiGHS's tree.
    notes : tuple of str
        What went wrong on the way.
    interrupted : bool
        Ctrl-C came.
    """

    status: MipStatus
    x: Floats | None
    objective: float
    bound: float
    seconds: float
    bound_by: Literal["own", "solver"] = "own"
    notes: tuple[str, ...] = ()
    interrupted: bool = False


def relative_gap(objective: float, bound: float) -> float:
    """|bound − objective| / max(|bound|, |objective|), 0 where they are equal, ∞ where one is infinite."""
    if objective == bound:
        return 0.0
    if not (math.isfinite(objective) and math.isfinite(bound)):
        return math.inf
    return abs(bound - objective) / max(abs(bound), abs(objective))


@dataclass
class Search:
    """What is known so far about one form: the best point, the best bound, and the clock."""

    form: MatrixForm
    scaled: Scaled
    gap: float
    seed: int
    deadline: float
    stop: StopSignal | None
    progress: MipProgress | None
    child: SolverChild | None
    x: Floats | None = None
    objective: float = -math.inf
    own_bound: float = math.inf
    solver_bound: float = math.inf
    verdict: MipStatus | None = None
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def bound(self) -> float:
        """The least valid upper bound; never below the best point."""
        return max(min(self.own_bound, self.solver_bound), self.objective)

    @property
    def margin(self) -> float:
        """What the solver's tolerances leave undecided, in units of the objective."""
        return SOLVER_MARGIN / self.scaled.objective_scale

    @property
    def closed(self) -> bool:
        """Whether the gap is reached, or is too small for the solver to see."""
        if self.x is None:
            return False
        return relative_gap(self.objective, self.bound) <= self.gap or self.bound - self.objective <= 2 * self.margin

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do, or no time to do it."""
        if self.verdict is not None or self.interrupted or self.closed or time.monotonic() >= self.deadline:
            return True
        if self.stop is None:
            return False
        return bool(self.stop() if callable(self.stop) else self.stop.is_set())

    def offer(self, x: Floats) -> bool:
        """Take a point if it can be made exact and is the best yet; says whether it could be made exact."""
        point = settle(self.form, x)
        if point is None:
            return False
        objective = float(self.form.objective @ point) + self.form.offset
        if objective > self.objective:
            self.x, self.objective = point, objective
            if self.solver_bound < objective - self.margin - _RELATIVE_MARGIN * abs(objective):
                self.notes.append("the solver's bound was below a plan found; it is not used")
                self.solver_bound = math.inf
        return True

    def report(self, stage: str) -> Callable[[float, float], None]:
        """Make a listener for one stage, in units of the objective."""

        def listen(cost: float, bound: float) -> None:
            if self.progress is not None:
                best = max(self.objective, self.scaled.objective(cost) if math.isfinite(cost) else -math.inf)
                known = self.scaled.objective(bound) if math.isfinite(bound) else math.inf
                self.progress(stage, best, max(best, min(self.bound, known)))

        return listen

    def take(self, outcome: Outcome, *, whole: bool) -> None:
        """Take what a run on this form's columns found; its bound counts only if the run saw the ``whole`` problem."""
        self.interrupted |= outcome.interrupted
        found = [x for _, x in outcome.incumbents]
        if outcome.answer is not None and outcome.answer.x is not None:
            found.append(outcome.answer.x)
        for x in reversed(found):
            if self.offer(self.scaled.point(x)):
                break
        if whole and math.isfinite(outcome.bound):
            bound = self.scaled.objective(outcome.bound)
            bound += self.margin + _RELATIVE_MARGIN * abs(bound)
            if bound < self.objective - self.margin:
                self.notes.append("the solver's bound was below a plan found; it is not used")
            else:
                self.solver_bound = min(self.solver_bound, bound)

    def result(self, seconds: float) -> MipResult:
        """Return what is to be handed back."""
        if self.x is not None:
            status: MipStatus = "optimal" if self.closed else "feasible"
        else:
            status = self.verdict or "no_plan"
        return MipResult(
            status=status,
            x=self.x,
            objective=self.objective,
            bound=-math.inf if status == "infeasible" else self.bound,
            seconds=seconds,
            bound_by="own" if self.own_bound <= self.solver_bound else "solver",
            notes=tuple(self.notes),
            interrupted=self.interrupted,
        )


def solve_mip(
    form: MatrixForm,
    *,
    gap: float = 1e-4,
    time_limit: float = 600.0,
    start: Floats | None = None,
    seed: int = 0,
    progress: MipProgress | None = None,
    stop: StopSignal | None = None,
    child: SolverChild | None = None,
) -> MipResult:
    """Solve a mixed-integer program.

    Parameters
    ----------
    form : MatrixForm
        The maximisation.
    gap : float
        Relative gap at which a plan counts as optimal.
    time_limit : float
        Seconds; reaching it gives up determinism. The call returns within a few seconds of it.
    start : array, optional
        A point to start from; NaN where unknown. It is never lost: the answer is at least as good.
    seed : int
        Of the solver.
    progress : callable (stage, objective, bound), optional
        Called about once a second, in this thread.
    stop : threading.Event or callable, optional
        Ends the search early with the best point so far, as Ctrl-C does.
    child : SolverChild, optional
        Another solver process than the usual one.

    Returns
    -------
    MipResult
    """
    began = time.monotonic()
    search = Search(form, scale(form), gap, seed, began + time_limit, stop, progress, child)
    try:
        _solve(search, start)
    except KeyboardInterrupt:
        search.interrupted = True
    return search.result(time.monotonic() - began)


def _solve(search: Search, start: Floats | None) -> None:
    form = search.form
    if (form.lower > form.upper).any() or (form.row_lower > form.row_upper).any():
        search.verdict = "infeasible"
        return
    if (form.lower == form.upper).all():
        _fixed(search)
        return
    if start is not None and np.isfinite(start).all():
        search.offer(start)
    if not form.integer.any():
        _continuous(search)
        return
    if not form.matrix.nnz:
        _separable(search)
        return
    whole(search, start)


def _fixed(search: Search) -> None:
    """Nothing to decide: the point holds or it does not."""
    if search.offer(search.form.lower):
        search.own_bound = search.objective
    else:
        search.verdict = "infeasible"


def _separable(search: Search) -> None:
    """No rows: every column goes to its better bound."""
    form = search.form
    if ((form.row_lower > 0) | (form.row_upper < 0)).any():
        search.verdict = "infeasible"
        return
    lower = np.where(form.integer, np.ceil(form.lower - 1e-9), form.lower)
    upper = np.where(form.integer, np.floor(form.upper + 1e-9), form.upper)
    nearest = np.clip(0.0, lower, upper)
    x = np.where(form.objective > 0, upper, np.where(form.objective < 0, lower, nearest))
    if (lower > upper).any():
        search.verdict = "infeasible"
    elif not np.isfinite(x).all():
        search.verdict = "unbounded"
    elif search.offer(x):
        search.own_bound = search.objective


def _continuous(search: Search) -> None:
    """Solve a linear program; the bound is our own evaluation of its duals."""
    answer = solve_lp(search.form, time_limit=search.deadline - time.monotonic(), stop=search.stop)
    if answer.row_dual is not None:
        search.own_bound = min(search.own_bound, dual_bound(search.form, answer.row_dual))
    if answer.x is not None:
        search.offer(answer.x)
    if answer.status == "optimal":
        if search.x is None:
            search.notes.append("the solver's point breaks a row and cannot be mended")
            search.verdict = "failed"
    elif answer.status in ("infeasible", "unbounded"):
        search.verdict = "infeasible" if answer.status == "infeasible" else "unbounded"


def whole(search: Search, start: Floats | None, *, presolve: bool = True) -> None:
    """Branch and bound on the whole form; points that cannot be made exact tighten the rows they miss."""
    form, scaled = search.form, search.scaled
    tight = False
    for _ in range(1 + _REPAIRS):
        outcome = _run(search, scaled, start, presolve=presolve)
        search.take(outcome, whole=not tight)
        if search.finished or outcome.answer is None:
            break
        answer = outcome.answer
        if answer.status == "infeasible" and search.x is None and not tight:
            if presolve:  # a wrong presolve is the likeliest lie: ask again without
                presolve = False
                continue
            search.verdict = "infeasible"
        elif answer.status in ("unbounded", "unclear") and search.x is None:
            _unbounded(search)
        elif answer.x is not None and search.x is None:
            # Solved within the solver's tolerance, not within ours: ask for a little more on the rows missed.
            point = np.where(form.integer, np.round(scaled.point(answer.x)), scaled.point(answer.x))
            form, tight = tightened(form, violations(form, point)), True
            scaled = scale(form)
            continue
        elif answer.status == "solved" and presolve:
            # Its tree is done and yet the gap is open: its bound and its point contradict each other.
            presolve = False
            start = search.x
            continue
        break
    if search.x is None and search.verdict is None and outcome.ended == "died":
        search.notes.append(outcome.detail)
        search.verdict = "failed"
    if not search.closed and search.own_bound == math.inf and search.verdict is None:
        _own_bound(search)


def _run(search: Search, scaled: Scaled, start: Floats | None, *, presolve: bool) -> Outcome:
    known = search.x if search.x is not None else start
    settings = Settings(
        gap=search.gap,
        seed=search.seed,
        presolve=presolve,
        start=None if known is None else scaled.scaled_point(known),
    )
    outcome = run_in_child(
        "mip",
        scaled.program,
        settings,
        deadline=search.deadline,
        stop=search.stop,
        progress=search.report("branch and bound"),
        child=search.child,
    )
    if outcome.ended == "died":
        search.notes.append(f"the solver died on every attempt: {outcome.detail}")
    return outcome


def _unbounded(search: Search) -> None:
    """Tell unbounded from infeasible by asking whether there is any point at all."""
    form = replace(search.form, objective=np.zeros_like(search.form.objective), offset=0.0)
    inner = solve_mip(form, time_limit=search.deadline - time.monotonic(), seed=search.seed, stop=search.stop)
    if inner.x is not None:
        search.verdict = "unbounded"
    elif inner.status == "infeasible":
        search.verdict = "infeasible"


def _own_bound(search: Search) -> None:
    """Find a bound of our own for a search that ended early, if the relaxation is quick."""
    answer = solve_lp(search.form, time_limit=5.0)
    if answer.row_dual is not None:
        search.own_bound = min(search.own_bound, dual_bound(search.form, answer.row_dual))
