"""The exact path: state the whole problem, solve it, refine its curves around the answer until the gap closes.

    bound      = optimum of the relaxation (curves over-estimated), so no plan on the true curves beats it
    objective  = value on the true curves of the best plan that holds every row on the true curves

Each round adds breakpoints where the last answers lie. Without curves there is one round.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from optimizer.problem import Floats, Problem
from optimizer.solve.curve_rows import CurveUse, PriceUse
from optimizer.solve.formulation import Formulation
from optimizer.solve.linear_model import MatrixForm
from optimizer.solve.lp import solve_lp
from optimizer.solve.mip import MipResult, relative_gap, solve_mip
from optimizer.solve.solution import Solution, Status

Progress = Callable[[str, float, float], None]
#: Refinement rounds before a curve's gap is stated as it is.
ROUNDS = 25
#: Real-valued rows hold within this part of |bound| + Σ|g x| (DESIGN §6).
ROW_TOLERANCE = 1e-9
#: The part of the objective's size below which the solver's tolerances may hide a gap.
RESOLUTION = 1e-5
#: Width, as a part of a curve's range, of the segments beside the answer where a sum is split.
PIN = 1e-4
#: Seconds that shadow prices may take where no relaxation was solved on the way.
PRICE_SECONDS = 20.0


@dataclass(frozen=True)
class Candidate:
    """A plan and its value on the true curves; ``values`` are its columns in the model that gave it."""

    objective: float
    contacts: np.ndarray
    spend: np.ndarray


def solve_problem(
    problem: Problem,
    *,
    gap: float = 1e-4,
    time_limit: float = 600.0,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    tighten: float = 0.0,
    edited: MatrixForm | None = None,
) -> Solution:
    """Solve the problem to a relative gap, on its true curves.

    Parameters
    ----------
    problem : the compiled problem.
    gap : relative gap at which the plan is called optimal.
    time_limit : seconds of wall clock.
    progress : called with a stage, the best objective and the bound.
    stop : asked now and then whether to stop with the best plan so far.
    tighten : part of |bound| + Σ|g| by which plans keep away from real-valued coupling bounds, after a plan has failed
        the independent check by rounding; the bound keeps the true rows.
    edited : the relaxation as an expert has edited it, its first columns those of the problem's own model; curves then
        keep their first breakpoints.

    Returns
    -------
    Solution
        ``infeasible`` only when the relaxation is proved so.
    """
    started = time.monotonic()
    search = _Search(problem, gap, started + time_limit, progress, stop, tighten, edited)
    status = search.run()
    best = search.best
    seconds = time.monotonic() - started
    if best is None:
        return Solution(
            status, np.zeros(len(problem.customer), bool), np.zeros(len(problem.media)), -np.inf, search.bound,
            search.bound_by, seconds,
        )  # fmt: skip
    reached = search.reached
    return Solution(
        "optimal" if reached else "feasible", best.contacts, best.spend, best.objective,
        max(search.bound, best.objective), search.bound_by, seconds, search.shadow_prices(),
    )  # fmt: skip


class _Search:
    """Rounds of relaxation, plan and refinement."""

    def __init__(
        self,
        problem: Problem,
        gap: float,
        deadline: float,
        progress: Progress | None,
        stop: Callable[[], bool] | None,
        tighten: float,
        edited: MatrixForm | None,
    ) -> None:
        self.problem, self.gap, self.deadline = problem, gap, deadline
        self.progress, self.stop, self.tighten, self.edited = progress, stop, tighten, edited
        self.best: Candidate | None = None
        self.bound = np.inf
        self.bound_by: Literal["own", "solver"] = "solver"
        self.resolution = 0.0  # what the solver's tolerances leave undecided, in units of the objective
        self.breakpoints: dict[str, Floats] = {}
        self.interrupted = False
        self.row_dual: Floats | None = None
        self.relaxed: Formulation | None = None

    def run(self) -> Status:
        """Search; the status where no plan was found."""
        short = np.inf
        for round_number in range(ROUNDS):
            relaxed = Formulation(self.problem, "relaxation", self.breakpoints)
            self.relaxed = relaxed
            curved = bool(relaxed.curves or relaxed.prices) and self.edited is None
            label = f"round {round_number + 1}" if curved else "solve"
            gap = self.gap / 4 if curved else self.gap
            result = self._mip(relaxed, label, gap, whole=True)
            self.interrupted |= result.interrupted
            self.row_dual = result.row_dual
            if result.status == "infeasible":
                return "infeasible" if self.best is None else "feasible"
            if result.bound < self.bound:
                self.bound, self.bound_by = result.bound, result.bound_by
            if result.x is None:
                return "no_plan" if result.status in {"no_plan", "feasible"} else "failed"
            points = [result.x]
            # After a failed check the plan comes from tightened rows alone.
            held = not self.tighten and self._consider(relaxed, result.x)
            if not held and self.edited is None:
                self._keep_to_the_safe_side(relaxed, result.x, label)
            if result.status == "optimal":
                undecided = max(result.bound - result.objective, 0.0)
                hidden = relative_gap(result.objective, result.bound) > gap
                visible = undecided > RESOLUTION * _magnitude(relaxed)
                self.resolution = undecided if hidden and not visible else 0.0
            before, short = short, self.bound - self.best.objective if self.best is not None else np.inf
            # A gap that tolerances hide is left alone once another round no longer halves it.
            if self.reached and (not curved or self.within or short > 0.5 * before):
                break
            self.interrupted |= self._out_of_time()
            if not curved or self.interrupted:
                break
            if not self._refine(relaxed, points):
                break
        return "no_plan"

    def _keep_to_the_safe_side(self, relaxed: Formulation, x: Floats, label: str) -> None:
        """Find a plan that holds on the true curves: the relaxation's contacts with other money, else any plan."""
        restricted = Formulation(self.problem, "restriction", self.breakpoints)
        form, stage = restricted.model.form(), f"{label}, on the safe side"
        columns = restricted.contact[restricted.free]
        if self.problem.media and len(columns):
            lower, upper = form.lower.copy(), form.upper.copy()
            lower[columns] = upper[columns] = np.round(x[relaxed.contact[restricted.free]])
            inside = self._mip(
                restricted, stage, self.gap / 4, whole=False, form=replace(form, lower=lower, upper=upper)
            )
            if inside.x is not None and self._consider(restricted, inside.x):
                return
        inside = self._mip(restricted, stage, self.gap / 4, whole=False)
        if inside.x is not None:
            self._consider(restricted, inside.x)

    @property
    def within(self) -> bool:
        """Whether the gap itself is reached."""
        return self.best is not None and relative_gap(self.best.objective, self.bound) <= self.gap

    @property
    def reached(self) -> bool:
        """Whether the gap is reached, or is smaller than the solver's tolerances can show."""
        if self.best is None:
            return False
        short = self.bound - self.best.objective
        return self.within or short <= 2.0 * self.resolution

    def _out_of_time(self) -> bool:
        return time.monotonic() >= self.deadline or (self.stop is not None and self.stop())

    def _mip(
        self, formulation: Formulation, stage: str, gap: float, *, whole: bool, form: MatrixForm | None = None
    ) -> MipResult:
        """Solve one formulation (or ``form``, where its bounds were moved), starting from the best plan."""
        if form is None:
            form = formulation.model.form() if self.edited is None else self.edited
        if self.tighten and not whole:
            form = _tightened(formulation, form, self.tighten)
        start = None
        if self.best is not None and self.edited is None:
            start = self._settled(formulation, form, self.best.contacts, self.best.spend)

        def report(name: str, objective: float, bound: float) -> None:
            assert self.progress is not None
            self.progress(f"{stage}: {name}", objective, min(bound, self.bound) if whole else self.bound)

        structure = form.integer.copy()
        structure[formulation.contact[formulation.free]] = False
        return solve_mip(
            form,
            structural=np.flatnonzero(structure),
            gap=gap,
            time_limit=max(self.deadline - time.monotonic(), 0.5),
            start=start,
            progress=report if self.progress is not None else None,
            stop=self.stop,
        )

    def _settled(
        self, formulation: Formulation, form: MatrixForm, contacts: np.ndarray, spend: np.ndarray
    ) -> Floats | None:
        """All columns once contacts and money are fixed: openings, violations and patterns at their best."""
        free = formulation.free
        if len(form.lower) == len(free):
            return contacts[free].astype(float)
        lower, upper = form.lower.copy(), form.upper.copy()
        columns = formulation.contact[free]
        lower[columns] = upper[columns] = contacts[free].astype(float)
        lower[formulation.spend] = upper[formulation.spend] = np.clip(
            spend, form.lower[formulation.spend], form.upper[formulation.spend]
        )
        result = solve_mip(replace(form, lower=lower, upper=upper), gap=0.0, time_limit=30.0)
        return result.x

    def _consider(self, formulation: Formulation, x: Floats) -> bool:
        """Take the plan when it holds on the true curves; False when it does not."""
        contacts = np.zeros(len(self.problem.customer), bool)
        contacts[formulation.free] = np.round(x[formulation.contact[formulation.free]]) > 0.5
        spend = np.clip(x[formulation.spend], 0.0, None)
        values = self._settled(formulation, formulation.model.form(), contacts, spend)
        if values is None:
            return False
        objective = formulation.true_objective(values, ROW_TOLERANCE)
        if objective is None:
            return False
        if self.best is None or objective > self.best.objective:
            self.best = Candidate(objective, contacts, values[formulation.spend])
            if self.progress is not None:
                self.progress("plan", objective, self.bound)
        return True

    def _refine(self, relaxed: Formulation, points: list[Floats]) -> bool:
        """Add breakpoints where the relaxation's answer and the best plan lie; False when none is new."""
        new = False
        if self.best is not None:
            settled = self._settled(relaxed, relaxed.model.form(), self.best.contacts, self.best.spend)
            if settled is not None:
                points = [*points, settled]
        uses: list[CurveUse | PriceUse] = [*relaxed.curves.values(), *relaxed.prices.values()]
        for use in uses:
            old = use.breakpoints
            added = np.concatenate([[], *(_around(use, use.argument.at(values)) for values in points)])
            merged = np.unique(np.concatenate([old, added]))
            self.breakpoints[use.name if isinstance(use, CurveUse) else f"price of {use.cell.name}"] = merged
            new |= len(merged) > len(old)
        return new

    def shadow_prices(self) -> dict[tuple[str, str], float]:
        """Marginal value of one unit of each coupling bound, from the relaxation's linear program."""
        if self.relaxed is None or not self.relaxed.row_numbers:
            return {}
        form, dual = self.relaxed.model.form(), self.row_dual
        structure = form.integer.copy()
        structure[self.relaxed.contact[self.relaxed.free]] = False
        if structure.any() and self.best is not None:
            # What is opened and the piece of a curve reached stay as in the plan: the next unit is priced there.
            settled = self._settled(self.relaxed, form, self.best.contacts, self.best.spend)
            if settled is not None:
                lower, upper = form.lower.copy(), form.upper.copy()
                lower[structure] = upper[structure] = np.round(settled[structure])
                form, dual = replace(form, lower=lower, upper=upper), None
        if dual is None:
            dual = solve_lp(form, time_limit=PRICE_SECONDS).row_dual
        if dual is None:
            return {}
        return {key: float(sum(dual[n] for n in numbers)) for key, numbers in self.relaxed.row_numbers.items()}


def _magnitude(formulation: Formulation) -> float:
    """Σ |c| · the largest |x|, the size of what the objective sums."""
    lower, upper = formulation.model.bounds()
    most = np.maximum(np.abs(lower), np.abs(upper))[formulation.stated.column]
    return float(np.abs(formulation.stated.coefficient * np.where(np.isfinite(most), most, 0.0)).sum())


def _around(use: CurveUse | PriceUse, z: float) -> Floats:
    """Breakpoints that make the approximation exact at z and halve what lies beside it."""
    if isinstance(use, PriceUse):
        n = round(z)
        return np.array([n, n + 1.0])
    z = float(np.clip(z, use.low, use.high))
    points = use.breakpoints
    spread = 1e-9 * max(abs(use.low), abs(use.high), 1e-300)
    near = points[np.abs(points - z) <= spread]
    k = int(np.searchsorted(points, z))
    below, above = points[max(k - 1, 0)], points[min(k + (1 if len(near) else 0), len(points) - 1)]
    centre = float(near[0]) if len(near) else z
    share = 0.02 if np.isinf(use.curve.slope(centre)) else 0.5
    middle = [centre - 0.5 * (centre - below), centre + share * (above - centre)]
    if use.split:
        # Chords and tangents are off by the square of a width, factors of a segment by the width itself; and plans of
        # few contacts lie apart: a segment this narrow values one as it is, at once.
        middle += [centre - 0.1 * (centre - below), centre + 0.1 * (above - centre)]
        pin = PIN * (use.high - use.low)
        middle += [max(centre - pin, below), min(centre + pin, above)]
    return np.array([centre, *(m for m in middle if abs(m - centre) > spread)])


def _tightened(formulation: Formulation, form: MatrixForm, part: float) -> MatrixForm:
    """Coupling bounds moved inward by ``part`` of |bound| + Σ|g|·upper, where a coefficient is not a whole number."""
    lower, upper = form.row_lower.copy(), form.row_upper.copy()
    for numbers in formulation.row_numbers.values():
        for row in numbers:
            entries = form.matrix[[row], :]
            if (entries.data == np.round(entries.data)).all():
                continue
            for bound, sign in ((lower, 1.0), (upper, -1.0)):
                if np.isfinite(bound[row]):
                    bound[row] += sign * part * (1.0 + abs(bound[row]))
    return replace(form, row_lower=lower, row_upper=upper)
