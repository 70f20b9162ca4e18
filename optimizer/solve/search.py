"""The state of one search: the best point, the best bound, the clock; and one run of branch and bound.

Nothing enters here unchecked. A point counts after it has been made exact against the form, with c·x computed here;
a bound of the solver's counts with its tolerance added, only if its run saw everything that could be better, and
only while no point contradicts it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optimizer.solve.child import Outcome, SolverChild, StopSignal, run_in_child, stop_asked
from optimizer.solve.feasible import settle, tightened, violations
from optimizer.solve.highs import Job, Settings
from optimizer.solve.linear_model import MatrixForm
from optimizer.solve.scaling import Scaled, scale

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
MipStatus = Literal["optimal", "feasible", "infeasible", "unbounded", "no_plan", "failed"]
MipProgress = Callable[[str, float, float], None]
Ending = Literal["solved", "stopped", "infeasible", "unbounded", "died", "inexact"]

# HiGHS prunes what is within its feasibility tolerance (1e-6) of the incumbent, and its LPs hold to 1e-7.
SOLVER_MARGIN = 2e-6
RELATIVE_MARGIN = 1e-9
_REPAIRS = 4


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
    row_dual : array or None
        Marginal objective of each row in the linear relaxation, where it was solved on the way.
    """

    status: MipStatus
    x: Floats | None
    objective: float
    bound: float
    seconds: float
    bound_by: Literal["own", "solver"] = "own"
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    row_dual: Floats | None = None


def relative_gap(objective: float, bound: float) -> float:
    """|bound − objective| / max(|bound|, |objective|), 0 where they are equal, ∞ where one is infinite."""
    if objective == bound:
        return 0.0
    if not (math.isfinite(objective) and math.isfinite(bound)):
        return math.inf
    return abs(bound - objective) / max(abs(bound), abs(objective))


@dataclass(frozen=True)
class Part:
    """The form with some columns held: ``columns`` are free, the others stand at ``held`` (full length)."""

    form: MatrixForm
    columns: Indices
    held: Floats

    @staticmethod
    def everything(form: MatrixForm) -> Part:
        """Hold nothing."""
        return Part(form, np.arange(len(form.objective)), np.zeros(len(form.objective)))

    def lift(self, x: Floats) -> Floats:
        """Return the whole point of a point of the part."""
        full = self.held.copy()
        full[self.columns] = x
        return full

    def restrict(self, x: Floats) -> Floats | None:
        """Return a whole point in the part's columns, or None where it lies outside."""
        inside = x[self.columns]
        if (self.lift(inside) != x).any() or (inside < self.form.lower).any() or (inside > self.form.upper).any():
            return None
        return inside


@dataclass
class Search:
    """What is known so far about one form."""

    form: MatrixForm
    gap: float
    seed: int
    deadline: float
    stop: StopSignal | None
    progress: MipProgress | None
    child: SolverChild | None
    scaled: Scaled = field(init=False)
    x: Floats | None = None
    objective: float = -math.inf
    own_bound: float = math.inf
    solver_bound: float = math.inf
    verdict: MipStatus | None = None
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False
    row_dual: Floats | None = None

    def __post_init__(self) -> None:
        """Scale the form once."""
        self.scaled = scale(self.form)
        self._step = _integral_step(self.form)

    @property
    def bound(self) -> float:
        """The least valid upper bound; never below the best point."""
        return max(self.stepped(min(self.own_bound, self.solver_bound)), self.objective)

    @property
    def margin(self) -> float:
        """What the solver's tolerances leave undecided, in units of the objective."""
        return SOLVER_MARGIN / self.scaled.objective_scale

    @property
    def closed(self) -> bool:
        """Whether the gap is reached, or is too small for the solver to see."""
        return self.good_enough(min(self.own_bound, self.solver_bound))

    @property
    def seconds_left(self) -> float:
        """Time until the deadline."""
        return max(self.deadline - time.monotonic(), 0.0)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do, or no time to do it."""
        return (
            self.verdict is not None
            or self.interrupted
            or self.closed
            or self.seconds_left <= 0
            or stop_asked(self.stop)
        )

    def stepped(self, bound: float) -> float:
        """Lower a bound to the next multiple of the objective's step: no plan is worth anything in between."""
        if not self._step or not math.isfinite(bound):
            return bound
        multiple = math.floor((bound - self.form.offset) / self._step + 1e-7)
        return min(bound, multiple * self._step + self.form.offset)

    def good_enough(self, bound: float) -> bool:
        """Whether the best point is within the gap of a bound, or too near for the solver to see the rest."""
        if self.x is None:
            return False
        bound = max(self.stepped(bound), self.objective)
        return relative_gap(self.objective, bound) <= self.gap or bound - self.objective <= 2 * self.margin

    def target(self, bound: float) -> float:
        """The objective at which the gap to a bound is reached."""
        bound = self.stepped(bound)
        # A hair under the gap, so that the objective computed here reaches it too.
        return bound - 0.999 * self.gap * abs(bound) if math.isfinite(bound) else math.inf

    def offer(self, x: Floats) -> bool:
        """Take a point if it can be made exact and is the best yet; says whether it could be made exact."""
        point = settle(self.form, x)
        if point is None:
            return False
        objective = float(self.form.objective @ point) + self.form.offset
        if objective > self.objective:
            self.x, self.objective = point, objective
            self._check_bound()
        return True

    def take_bound(self, bound: float) -> None:
        """Take a bound that rests on the solver's word, unless a point contradicts it."""
        self.solver_bound = min(self.solver_bound, bound)
        self._check_bound()

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
            row_dual=self.row_dual,
        )

    def report(self, stage: str, scaled: Scaled, *, proves: bool) -> Callable[[float, float], None]:
        """Make a listener for one stage that speaks in units of the objective."""

        def listen(cost: float, bound: float) -> None:
            if self.progress is not None:
                found = scaled.objective(cost) if math.isfinite(cost) else -math.inf
                best = max(self.objective, found)
                known = scaled.objective(bound) if proves and math.isfinite(bound) else math.inf
                self.progress(stage, best, max(best, min(self.bound, known)))

        return listen

    def _check_bound(self) -> None:
        if self.solver_bound < self.objective - self.margin - RELATIVE_MARGIN * abs(self.objective):
            self.notes.append("the solver's bound was below a plan found; it is not used")
            self.solver_bound = math.inf


@dataclass(frozen=True)
class Found:
    """How a run ended, and the bound that it proves for its part (∞: none), the solver's tolerance added."""

    ending: Ending
    bound: float = math.inf


def explore(
    search: Search,
    part: Part,
    *,
    stage: str,
    gap: float,
    proves: bool = False,
    target: float = math.inf,
    cutoff: bool = False,
    start: Floats | None = None,
    node_limit: int | None = None,
    presolve: bool = True,
    seed: int | None = None,
) -> Found:
    """Run branch and bound on a part of the form, and offer what it finds.

    Parameters
    ----------
    part : Part
        What is free.
    gap, target : float
        The run stops at this relative gap, or at the first point worth ``target``.
    proves : bool
        Whether all that is better than the best point lies in the part, so that its bound may be shown as progress.
    cutoff : bool
        Look only for points better than the best one.
    start : array, optional
        A whole point, NaN where unknown; the best point goes before it if it lies in the part.

    Returns
    -------
    Found
        ``infeasible`` has been confirmed without presolve (its bound: −∞, or the best objective with a cutoff);
        ``inexact``: a solution that cannot be made exact.
    """
    form, tight = part.form, False
    ending: Ending = "stopped"
    bound = math.inf
    for _ in range(_REPAIRS):
        scaled = scale(form)
        known = part.restrict(search.x) if search.x is not None else None
        if known is None and start is not None:
            known = start[part.columns]
        floor = search.objective if cutoff else -math.inf
        settings = Settings(
            gap=gap,
            seed=search.seed if seed is None else seed,
            presolve=presolve,
            node_limit=node_limit,
            target=scaled.cost(target),
            cutoff=scaled.cost(floor),
            start=None if known is None else scaled.scaled_point(known),
        )
        outcome = run_in_child(
            Job("mip", scaled.program, settings),
            deadline=search.deadline,
            stop=search.stop,
            progress=search.report(stage, scaled, proves=proves and not tight),
            child=search.child,
        )
        search.interrupted |= outcome.interrupted
        exact = _offer(search, part, scaled, outcome)
        ending = _ending(outcome)
        if not tight and math.isfinite(outcome.bound):
            reached = scaled.objective(outcome.bound)
            bound = min(bound, reached + search.margin + RELATIVE_MARGIN * abs(reached))
        if outcome.ended == "died":
            search.notes.append(f"the solver died on every attempt: {outcome.detail}")
        if ending == "infeasible" and presolve and search.seconds_left > 0:
            presolve = False  # a wrong presolve is the likeliest lie: ask again without
            continue
        if ending == "infeasible":
            return Found("inexact", bound) if tight else Found(ending, floor)
        if outcome.answer is not None and outcome.answer.x is not None and not exact:
            # Solved within the solver's tolerance, not within ours: ask for a little more of the rows it missed.
            point = scaled.point(outcome.answer.x)
            beyond = violations(form, np.where(form.integer, np.round(point), point))
            form, tight, ending = tightened(form, beyond, SOLVER_MARGIN / scaled.row_scale), True, "inexact"
            if search.seconds_left > 0 and beyond.any() and not search.interrupted:
                continue
        break
    return Found(ending, bound)


def _offer(search: Search, part: Part, scaled: Scaled, outcome: Outcome) -> bool:
    """Offer what a run found, best first; says whether one of them was exact."""
    found = [x for _, x in outcome.incumbents]
    if outcome.answer is not None and outcome.answer.x is not None:
        found.append(outcome.answer.x)
    return any(search.offer(part.lift(scaled.point(x))) for x in reversed(found))


def _ending(outcome: Outcome) -> Ending:
    if outcome.ended == "died":
        return "died"
    answer = outcome.answer
    if answer is None or answer.status == "stopped":
        return "stopped"
    if answer.status == "error":
        return "died"
    return "unbounded" if answer.status == "unclear" else answer.status


def _integral_step(form: MatrixForm) -> float:
    """Return the power of two of which every objective value (less the offset) is a multiple, or 0."""
    used = form.objective != 0
    if not used.any() or not form.integer[used].all():
        return 0.0
    worth = np.abs(form.objective[used])
    mantissa, exponent = np.frexp(worth)
    digits = np.ldexp(mantissa, 53).astype(np.int64)
    lowest = np.frexp((digits & -digits).astype(float))[1] - 1 + exponent - 53
    step = float(np.ldexp(1.0, int(lowest.min())))
    return step if worth.max() / step < 2**20 else 0.0
