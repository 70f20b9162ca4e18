"""The decomposed path from a problem to a solution: diagrams, prices, a core, and a bound of our own (DESIGN §5)."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping

import numpy as np

from optimizer.problem import Bools, Floats, Ints, Problem
from optimizer.reuse import Memory
from optimizer.solve.compiling import Compiling
from optimizer.solve.decomposed.alternatives import alternatives
from optimizer.solve.decomposed.core import INSIDE, CorePlan, solve_core
from optimizer.solve.decomposed.dual import Dual, Point
from optimizer.solve.decomposed.first_plan import first_plan, sampled_prices
from optimizer.solve.decomposed.lean import lean_cores
from optimizer.solve.decomposed.near import menders, nearest_ties
from optimizer.solve.decomposed.prepared import prepare
from optimizer.solve.decomposed.pricing import BLOCKS, Pricing
from optimizer.solve.decomposed.steps import fallen, step_of_worth
from optimizer.solve.decomposed.structure import read_structure
from optimizer.solve.decomposed.sweep import Choice
from optimizer.solve.decomposed.tree import MOVES, SCALES, Tree, is_structural
from optimizer.solve.mip import relative_gap
from optimizer.solve.solution import Solution, Status

Progress = Callable[[str, float, float], None]

#: Units up to which all of them stand in the core, with all their choices up to ``WHOLE_CHOICES`` each.
WHOLE, WHOLE_CHOICES = 400, 400
#: Units the core begins with, and the most it grows to; choices of each.
CORE, LARGEST_CORE, CHOICES = 400, 40_000, 6
#: Units of a core that is small enough to be tried once more, four times as large, before anything else.
RETRIED = 2_000
#: Units up to which lean cores come first: of many, others reach the gap sooner.
LEAN_FIRST = 50_000
#: Seconds for a first plan when time is over, or the search broken off, before any core.
LAST_TRY = 15.0
#: Seconds after the limit that are left to classes still being built: without them there is no plan at all.
LAST_CLASSES = 40.0


#: Parts of a curve's range around the answer within which breakpoints are finest, one core after another.
CURVE_WIDTHS = (0.1, 0.02, 0.003, 0.0005, 0.0001)


#: How a note begins that says where the search was when it was stopped without anything to show.
STOPPED = "stopped while"


class NotDecomposed(Exception):
    """The problem is not one for this path; the message says why."""


class _Stopped(Exception):
    """Asked to stop where there is nothing yet to make a plan from; the message says where."""


class _Solve:
    """One run of the decomposed path."""

    def __init__(
        self,
        problem: Problem,
        gap: float,
        deadline: float,
        progress: Progress | None,
        stop: Callable[[], bool] | None,
        tighten: float,
        start: Mapping[tuple[str, str], float],
        memory: Memory | None,
    ) -> None:
        self.problem, self.gap, self.memory = problem, gap, memory
        self.progress, self.asked, self.tighten, self.start = progress, stop, tighten, start
        self.compiling = Compiling()
        self.deadline = deadline
        self.best: CorePlan | None = None
        self.bound = math.inf
        self.notes: list[str] = []
        self.late = self.tried = False
        self.known: tuple[Floats, Floats] | None = None  # prices to start from, and how far to look at first
        self.step = 0.0  # every plan's worth is a whole multiple of it, but for the constant
        self.lowest = -math.inf  # no plan is worth less
        self.floor: float | None = None  # a bound no higher is as good as any lower
        self.by_solver = False  # whether the bound rests on the solver's tree

    @property
    def deadline(self) -> float:
        """When to stop, as ``time.monotonic`` has it; what compiling has taken since it was set is added."""
        return self._deadline + self.compiling.seconds

    @deadline.setter
    def deadline(self, deadline: float) -> None:
        self._deadline = deadline - self.compiling.seconds

    def out_of_time(self) -> bool:
        """Whether to stop with what there is."""
        return time.monotonic() >= self.deadline or (self.asked is not None and self.asked())

    def tell(self, stage: str, bound: float | None = None) -> None:
        """Report a stage with the best plan and bound so far."""
        if self.progress is not None:
            objective = self.best.worth if self.best is not None else math.nan
            self.progress(stage, objective, self.bound if bound is None else bound)

    def _between(self, stage: str) -> None:
        """Report a step before any price; of a limit that came so early a first plan is still waited for a while."""
        self.tell(stage)
        if self.asked is not None and self.asked():
            raise _Stopped(f"{STOPPED} classes were built of customers, before there were prices")
        if time.monotonic() > self.deadline + LAST_CLASSES:
            raise _Stopped(f"{STOPPED} classes were built of customers, {LAST_CLASSES:g} seconds after the limit")

    def run(self) -> Status:
        """Search; the status where no plan was found."""
        problem = self.problem
        structure = read_structure(problem)
        try:
            prepared = prepare(problem, structure, self.memory, self._between)
        except _Stopped as where:
            self.notes.append(str(where))
            return "no_plan"
        if prepared.whole is None:
            return "infeasible"
        self.dual = prepared.whole.dual(structure)
        if not prepared.wide:
            self.step = step_of_worth(self.dual.structure, self.dual.columns)
        self.price()
        if not math.isfinite(self.bound) or self.bound < self.lowest:
            self.notes.append(self._against())
            return "infeasible"
        self.notes.append(f"solved by prices: {prepared.classes:,} classes of customers, {self.dual.sweeps:,} sweeps")
        if prepared.wide:
            if prepared.part is None:
                raise NotDecomposed(f"local rules of {prepared.wide:,} customers allow too many states for a diagram")
            self._fall_back(prepared.part.dual(structure), prepared.wide)
        else:
            self._find()
        return "no_plan"

    def _find(self) -> None:
        """Plans at the prices found."""
        if self.dual.columns.units > WHOLE and is_structural(self.dual.structure):
            Tree(self).search()
        else:
            self.cores(self.point, self.choice)
        self._first_plan()

    def _first_plan(self) -> None:
        """A plan without a core, where there is none yet."""
        if self.best is None and not self.tried:
            self.best, self.tried = first_plan(self), True

    def _fall_back(self, within: Dual, wide: int) -> None:
        """Plans where diagrams of some customers hold a part of what rules allow; the bound stays that of all."""
        part = copy.copy(self)
        part.dual, part.bound = within, math.inf
        part.known = self.point.price, MOVES * np.abs(self.point.price) + SCALES * self.scales
        part.price()
        if math.isfinite(part.bound):
            part._find()
        self.best, self.dual = part.best, within
        self.notes.append(f"{wide:,} of {len(self.problem.customer_names):,} customers by a fallback")

    def _against(self) -> str:
        """Which rules no plan keeps together, as prices tell: those that weigh most in what makes D fall."""
        rows, price = self.dual.structure.rows, self.point.price
        bound = np.array([row.upper if value > 0 else row.lower for row, value in zip(rows, price, strict=True)])
        weight = np.where(price != 0, np.abs(price * np.where(np.isfinite(bound), bound, 0.0)), 0.0)
        names = [
            f"{rows[r].rule} [{rows[r].scope}]" if rows[r].scope else rows[r].rule
            for r in np.argsort(-weight)[:5]
            if weight[r] > 0.01 * weight.max()
        ]
        if not names:
            return "some customer has no choice that all hard rules allow"
        return "no plan keeps these rules together: " + ", ".join(dict.fromkeys(names))

    def price(self) -> None:
        """Prices for everyone, and the bound they prove."""
        self.lowest = self.least()
        floor = self.lowest if self.floor is None else self.floor
        pricing = Pricing(self.dual, self.gap, self.start, self.out_of_time, self.tell, self.known, floor)
        found = pricing.run()
        self.everyone, self.scales = pricing.everyone, pricing.scales
        self.point, self.choice, self.losses = found.point, found.choice, found.losses
        unknown = bool(self.dual.structure.rows) and not self.point.price.any()
        if unknown and self.out_of_time() and math.isfinite(found.bound):
            self._price_a_sample()
        self.bound = self.fallen(self.point.value)

    def _price_a_sample(self) -> None:
        """Prices of a sample, where time was over before there were any: without them neither plan nor bound is any."""
        self.tell("pricing a sample")
        found = self.dual.chosen(sampled_prices(self.dual), self.everyone)
        if found.point.value < self.point.value:
            self.point, self.choice, self.losses = found.point, found.choice, self.dual.of_all(found.losses)

    def fallen(self, bound: float) -> float:
        """The most that a plan within a bound is worth."""
        return fallen(bound, self.dual.structure.constant, self.step)

    def least(self) -> float:
        """No plan is worth less: D below it proves that there is none."""
        structure, columns = self.dual.structure, self.dual.columns
        total = columns.least + structure.constant
        diagrams = columns.diagrams
        if (diagrams.low_worth < 0).any() or (diagrams.high_worth < 0).any() or (diagrams.root_worth < 0).any():
            return -math.inf  # penalties: their sum is not looked for here
        for row in structure.rows:
            for bound, penalty in ((row.lower, row.penalty_below), (row.upper, row.penalty_above)):
                if np.isfinite(bound) and np.isfinite(penalty):
                    return -math.inf
        for curved in self.dual.curved:
            block = curved.block
            spent = abs(block.worth[0]) * max(abs(block.low), abs(block.high))
            made = abs(block.worth[1]) * max(abs(block.value(float(s))) for s in curved.points)
            total -= spent + made + abs(block.worth[2])
            most = max(abs(block.factor(float(s))) for s in curved.points) if block.parts else 0.0
            total -= sum(abs(part.worth) * most * max(abs(part.low), abs(part.high)) for part in block.parts)
        return total - 1e-6 * abs(total)

    # --- the core --------------------------------------------------------------------------------------------

    def cores(self, point: Point, choice: Choice) -> None:
        """Cores of growing size until the gap is reached."""
        dual = self.dual
        columns = dual.columns
        prices = dual.links.prices(point.price)
        everyone = np.arange(columns.units, dtype=np.int32)
        standing = dual.standing(everyone)
        if len(standing) <= WHOLE:
            self._core(standing, prices, choice, point.places, WHOLE_CHOICES, math.inf, proves=True)
            return
        losses = self.losses
        lean = not any(block.curve is not None for block in dual.structure.blocks)
        if lean and columns.units <= LEAN_FIRST:
            lean_cores(self)
            lean = False
            if self.reached or self.out_of_time():
                return
        order = standing[nearest_ties(losses[standing], columns.group[standing], LARGEST_CORE)]
        size = min(CORE + 10 * len(dual.structure.rows), len(order))
        if self.out_of_time():
            self._first_plan()
            if self.best is not None:
                return
            # Prices came late or were broken off: one core more, and there is a plan with its gap.
            self.deadline, self.asked, self.late = time.monotonic() + LAST_TRY, None, True
            size = min(4 * size, LARGEST_CORE, len(order))
        while True:
            core = np.union1d(order[:size], dual.standing(menders(dual, point, choice, losses, size))).astype(np.int32)
            nearest = losses[core]
            widest = float(np.max(nearest, where=np.isfinite(nearest), initial=0.0))
            self._core(core, prices, choice, point.places, CHOICES, widest, proves=False)
            if self.reached or self.out_of_time():
                return
            if size < RETRIED and size < len(order):
                size = min(4 * size, len(order))
                continue
            if lean:
                lean_cores(self)
                lean = False
                if self.reached or self.out_of_time():
                    return
            if self.best is not None:
                left = self.bound - self.best.worth
                near = dual.standing(np.flatnonzero(losses <= left).astype(np.int32))
                if len(near) <= LARGEST_CORE and not dual.structure.curved:
                    self._core(near, prices, choice, point.places, 4 * CHOICES, left, proves=True)
                    return
            if size >= min(LARGEST_CORE, len(order)):
                return
            size = min(4 * size, LARGEST_CORE, len(order))

    def settled(self, core: Ints, choice: Choice) -> tuple[Bools, float]:
        """Columns chosen by units outside a core, (J,), and what they are worth with the constant of the objective."""
        columns = self.dual.columns
        free = np.zeros(columns.units, bool)
        free[core] = True
        settled = choice.chosen.copy()
        settled[columns.of(core)[0]] = False
        worth = float(columns.worth[settled].sum() + choice.constant[~free].sum())
        return settled, worth + self.dual.structure.constant

    def listener(self, label: str) -> Callable[[float, float], None]:
        """Who hears what a core finds on its way."""

        def report(objective: float, bound: float) -> None:
            del bound
            if self.progress is not None:
                self.progress(label, max(objective, self.best.worth if self.best else -math.inf), self.bound)

        return report

    @property
    def inside(self) -> float:
        """Part of their size by which real-valued rows are kept away from their bounds."""
        return max(INSIDE, self.tighten)

    @property
    def reached(self) -> bool:
        """Whether the gap asked for is reached."""
        return self.best is not None and relative_gap(self.best.worth, self.bound) <= self.gap

    def _core(
        self, core: Ints, prices: Floats, choice: Choice, places: Floats, most: int, loss: float, *, proves: bool
    ) -> None:
        """Solve one core, given by those that stand for twins.

        Where it holds all choices that a better plan may hold, its bound counts too.
        """
        dual = self.dual
        columns = dual.columns
        options = alternatives(columns, core, prices, most, loss)
        core = core if dual.twins is None else dual.twins.members(core)
        settled, worth = self.settled(core, choice)
        label = f"core of {len(core):,} customers, {columns.units - len(core):,} settled"
        self.tell(label)
        report = self.listener(label)
        found = None
        for width in CURVE_WIDTHS if dual.structure.curved else CURVE_WIDTHS[:1]:
            if found is not None:
                places = found.places
            found = None
            for bent in (True, False) if self.late or dual.links.groups > 2 * BLOCKS else (False,):
                if found is None and not self.out_of_time():
                    found = solve_core(
                        dual, options, settled, worth, places, gap=self.gap / 2, deadline=self.deadline, bent=bent,
                        stop=self.out_of_time, report=report, inside=self.inside, width=width,
                    )  # fmt: skip
            if found is None:
                return
            if self.best is None or found.worth > self.best.worth:
                self.best = found
            if self.reached or self.out_of_time():
                break
        assert found is not None
        assert self.best is not None
        held = np.bincount(options.unit, minlength=columns.units)
        if proves and not dual.structure.curved and (held < most).all():
            self.prove(found.bound, by_solver=found.by_solver)

    def prove(self, bound: float, *, by_solver: bool) -> None:
        """Take a core's bound, which may rest on the solver's word; that of tightened rows is none."""
        if self.tighten:
            return
        bound = max(self.fallen(bound), self.best.worth if self.best is not None else -math.inf)
        if bound < self.bound:
            self.bound, self.by_solver = bound, by_solver


def solve_decomposed(
    problem: Problem,
    *,
    gap: float = 1e-4,
    time_limit: float = 600.0,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    tighten: float = 0.0,
    start: Mapping[tuple[str, str], float] | None = None,
    memory: Memory | None = None,
) -> Solution:
    """Solve by prices; parameters as ``solve_by_size``. Only for problems of which ``unsupported`` says nothing."""
    started = time.monotonic()
    run = _Solve(problem, gap, started + time_limit, progress, stop, tighten, start or {}, memory)
    with run.compiling.listening(run.tell):
        status = run.run()
    seconds = time.monotonic() - started
    contacts, spend = np.zeros(len(problem.customer), bool), np.zeros(len(problem.media))
    if run.best is None:
        return Solution(status, contacts, spend, -np.inf, run.bound, "own", seconds, {}, run.notes)
    contacts[run.dual.columns.pair[run.best.chosen]] = True
    for block, place in zip(run.dual.structure.blocks, run.best.places, strict=True):
        if block.medium >= 0:
            spend[block.medium] = place
    price: dict[tuple[str, str], float] = {}
    for row, value in zip(run.dual.structure.rows, run.point.price, strict=True):
        price[row.rule, row.scope] = price.get((row.rule, row.scope), 0.0) + float(value)
    return Solution(
        "optimal" if run.reached else "feasible", contacts, spend, run.best.worth, max(run.bound, run.best.worth),
        "solver" if run.by_solver else "own", seconds, price, run.notes,
    )  # fmt: skip
