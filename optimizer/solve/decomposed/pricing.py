"""From no prices to prices that hold for everyone: samples of growing size first, then all, until D is near its least.

Samples and problems with curves go by cutting planes (``prices``); where all the customers choose, Newton steps on the
model of their ties lead (``ties``), and cutting planes take over should these fail.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from optimizer.problem import Floats, Ints
from optimizer.solve.decomposed.alternatives import price_moves, second_best_losses
from optimizer.solve.decomposed.dual import Dual, Point, Stage
from optimizer.solve.decomposed.prices import Prices, find_prices, first_reach
from optimizer.solve.decomposed.structure import allowed
from optimizer.solve.decomposed.sweep import Choice
from optimizer.solve.decomposed.ties import lead

#: What is told: a stage, and the bound there.
Tell = Callable[[str, float], None]

#: Customers in the samples that the first prices come from; a sample is at most half of all.
SAMPLES = (4_000, 40_000)
#: Customers a row that a sample must have: fewer mislead.
CUSTOMERS_A_ROW = 60
#: Customers that always set the prices; of more, those whose choice is nearest to a tie.
FREE = 20_000
#: Columns' moves a choice is taken to lose by while prices move inside their box; the next sweep over all judges it.
LIKELY_MOVES = 0.15
#: How near the first prices come to the best, relatively, where no sample can give them.
FIRST = 1e-4
#: Blocks of units that answer the master with a column each.
BLOCKS = 24
#: Blocks where rows tell more groups of customers apart than this.
MORE_BLOCKS = 256
#: Rounds of prices at most, each time; places to look that Newton steps may name.
ROUNDS, LEADS = 400, 30
#: Part of what the model promised that D must give for the model to be believed as far again.
KEPT_PROMISE = 0.25


@dataclass
class Priced:
    """The best prices known: D there, what attains it, and what each unit's second choice loses."""

    point: Point
    choice: Choice
    losses: Floats

    @property
    def bound(self) -> float:
        """No plan is worth more."""
        return self.point.value


class Pricing:
    """One search for prices."""

    def __init__(
        self, dual: Dual, gap: float, start: Mapping[tuple[str, str], float], stop: Callable[[], bool], tell: Tell
    ) -> None:
        self.dual, self.gap, self.start, self.stop, self.tell = dual, gap, start, stop, tell
        self.rows = dual.structure.rows
        self.blocks = BLOCKS if dual.links.groups <= 2 * BLOCKS else min(dual.links.groups, MORE_BLOCKS)
        self.everyone_units = np.arange(dual.columns.units, dtype=np.int32)

    def run(self) -> Priced:
        """Search; the point's value is not finite where a unit has no choice at all."""
        dual, count = self.dual, self.dual.columns.units
        price, half = self._first()
        self.everyone = dual.stage(self.everyone_units, self.blocks)
        _, row_scale, scale = first_reach(dual, dual.stage(_sample(count, min(count, SAMPLES[0])), self.blocks))
        self.scales = scale / row_scale
        self.tell(f"pricing all {count:,} customers", math.inf)
        point, choice = dual.chosen(price, self.everyone)
        if not math.isfinite(point.value):
            return Priced(point, choice, np.empty(0))
        self.best = Priced(point, choice, self._losses(point))
        if count > FREE and not dual.curved:
            half = self._led(half)
        if half is not None:
            self._fenced(half)
        return self.best

    def _losses(self, point: Point) -> Floats:
        return second_best_losses(self.dual.columns, self.everyone_units, self.dual.links.prices(point.price))

    @property
    def _target(self) -> float:
        return self.gap / 5 * abs(self.best.bound)

    def _take(self, point: Point, choice: Choice) -> bool:
        """Keep what is better than the best."""
        if point.value >= self.best.bound:
            return False
        self.best = Priced(point, choice, self._losses(point))
        return True

    # --- first prices ----------------------------------------------------------------------------------------

    def _first(self) -> tuple[Floats, Floats]:
        """Prices to begin with, and how far from them the best may lie."""
        dual, rows, count = self.dual, self.rows, self.dual.columns.units
        price, half = np.zeros(len(rows)), None
        if any(self.start.get((row.rule, row.scope)) for row in rows):
            return self._started(), np.full(len(rows), np.inf)
        samples = [size for size in SAMPLES if CUSTOMERS_A_ROW * len(rows) <= size <= count // 2]
        tolerance = max(self.gap, 2e-5) / 2
        if not samples and count > FREE:
            samples, tolerance = [count], FIRST
        for size in samples:
            found = self._descend(
                dual.stage(_sample(count, size), self.blocks), price, half, tolerance, f"{size:,} customers"
            )
            half, price = self._reach(found, price, half, size), found.best.price
        return price, np.full(len(rows), np.inf) if half is None else half

    def _started(self) -> Floats:
        """Prices of the plan to start from; rows that share a name share its price."""
        alike: dict[tuple[str, str], int] = {}
        for row in self.rows:
            alike[row.rule, row.scope] = alike.get((row.rule, row.scope), 0) + 1
        price = [self.start.get((row.rule, row.scope), 0.0) / alike[row.rule, row.scope] for row in self.rows]
        return allowed(self.rows, np.array(price))

    def _reach(self, found: Prices, before: Floats, half: Floats | None, size: int) -> Floats:
        """How far prices may move next: as a sample of that size may have misled."""
        share = math.sqrt(SAMPLES[0] / size)
        moved = np.abs(found.best.price - before) if half is not None else np.abs(found.best.price)
        return np.maximum(0.3 * moved, 0.1 * share * np.abs(found.best.price)) + 1e-3 * share * self.scales

    def _boxed(self, half: Floats) -> Floats:
        """A box to begin with where none is known."""
        return half if np.isfinite(half).all() else 0.1 * np.abs(self.best.point.price) + 1e-3 * self.scales

    def _near(self, half: Floats) -> tuple[Ints, float]:
        """Units whose choice may change in the box, and the part of the box for which they are all that may."""
        columns, count = self.dual.columns, self.dual.columns.units
        move = price_moves(columns, self.dual.links.moves(half))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(move > 0, self.best.losses / (LIKELY_MOVES * move), np.inf)
        free = min(max(count // 8, FREE), count - 1)
        reach = float(np.partition(ratio, free)[free])
        return np.flatnonzero(ratio <= min(reach, 1.0)).astype(np.int32), reach

    # --- all customers: Newton steps -----------------------------------------------------------------------------

    def _led(self, half: Floats) -> Floats | None:
        """Follow the model of ties; the box that is left for cutting planes, None where D is near its least."""
        half = self._boxed(half)
        for number in range(1, LEADS + 1):
            if self.stop():
                return None
            units, _ = self._near(half)
            found = lead(self.dual, self.best.point, units, half, stop=self.stop)
            promised = self.best.bound - found.least
            point, choice = self.dual.chosen(found.price, self.everyone)
            kept = self.best.bound - point.value
            self._take(point, choice)
            apart = max(self.best.bound - found.least, 0.0)
            self.tell(
                f"pricing all customers: step {number}, {apart / abs(self.best.bound):.1e} apart", self.best.bound
            )
            if apart <= self._target and not found.leaning.any():
                return None
            if kept < KEPT_PROMISE * promised:
                half = half / 4.0
            else:
                half = np.where(found.leaning != 0, 4.0 * half, half)
        return half

    # --- all customers: cutting planes ---------------------------------------------------------------------------

    def _fenced(self, half: Floats) -> None:
        """Let those near a tie set the prices by cutting planes, all others at rest, until D is near its least."""
        dual, master, failures = self.dual, -math.inf, 0
        while not (self.best.bound - master <= self._target or failures > 3 or self.stop()):
            stage, half = self._frozen(half)
            whole = stage is self.everyone
            label = f"{len(stage.plan.units):,} of {dual.columns.units:,} customers"
            found = self._descend(stage, self.best.point.price, half, self.gap / 8, label, inside=not whole)
            if found.converged:
                master = max(master, found.master)
            if whole and not found.converged:
                failures += 1
            elif not whole and found.leaning.any():
                half = half * np.where(np.abs(found.leaning) > 0, 2.0, 1.0)
            if not self._take(*dual.chosen(found.best.price, self.everyone)):
                half, failures = half / 4.0, failures + 1

    def _frozen(self, half: Floats) -> tuple[Stage, Floats]:
        """Those whose choice may change inside the box set the prices; the box shrinks until they are few enough."""
        if self.dual.columns.units <= FREE:
            return self.everyone, half
        half = self._boxed(half)
        active, reach = self._near(half)
        return self.dual.frozen(active, self.blocks, self.best.choice), half * min(reach, 1.0)

    def _descend(
        self, stage: Stage, price: Floats, half: Floats | None, tolerance: float, label: str, *, inside: bool = False
    ) -> Prices:
        """Bring D down on one stage."""
        _, row_scale, scale = first_reach(self.dual, stage)
        self.scales = scale / row_scale

        def report(number: int, value: float, master: float) -> None:
            apart = (value - master) / max(abs(value), 1e-300)
            self.tell(f"pricing {label}: round {number}, {apart:.1e} apart", value)

        return find_prices(
            self.dual, stage, price, 10.0 * self.scales if half is None or not np.isfinite(half).all() else half,
            row_scale, scale, tolerance=tolerance, rounds=ROUNDS, inside=inside, stop=self.stop, report=report,
        )  # fmt: skip


def _sample(count: int, size: int) -> Ints:
    """Units evenly over the classes, and inside each over the canonical order, which is by content."""
    return (np.arange(size, dtype=np.int64) * count // size).astype(np.int32)
