"""From no prices to prices that hold for everyone: samples of growing size first, then all, until D is near its least.

Samples and problems with curves go by cutting planes (``prices``); where all the customers choose, Newton steps on the
model of their ties lead (``ties``), and cutting planes take over should these fail.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from optimizer.problem import Bools, Floats, Ints
from optimizer.solve.decomposed.alternatives import price_moves
from optimizer.solve.decomposed.dual import Chosen, Dual, Point, Stage
from optimizer.solve.decomposed.prices import Prices, find_prices, first_reach
from optimizer.solve.decomposed.structure import allowed
from optimizer.solve.decomposed.sweep import Choice
from optimizer.solve.decomposed.ties import lead

#: What is told: a stage, and the bound there.
Tell = Callable[[str, float], None]

#: Customers in the samples that the first prices come from, and of how many such a sample is taken at least.
SAMPLES = {4_000: 8_000, 40_000: 80_000, 400_000: 2_000_000}
#: Customers in the first sample; and from which on a sample's prices are worth finding as near as those of all.
FEW, TELLING = 4_000, 40_000
#: Customers a row that a sample must have: fewer mislead.
CUSTOMERS_A_ROW = 60
#: Customers that always set the prices; of more, those whose choice is nearest to a tie.
FREE = 20_000
#: Customers above which ties lead, and how many a row: fewer are priced as fast by cutting planes, or faster.
LED, LED_A_ROW = 50_000, 500
#: Customers whose ties a model holds; of more, those nearest to one: a model without some promises too much.
MODELLED = 100_000
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
#: How far prices of another scenario may mislead, in parts of what a row's unit is worth on average.
ANOTHER = 0.02
#: Newton steps end where D is so many times nearer to its least than the gap asked for; and so many times nearer
#: still, where more contacts than these would have to change before every row is kept.
CLOSE, CLOSER, CHANGES = 30, 30, 100
#: Part of what D may still lie above its least that is not worth a colder model.
NO_NEARER = 0.02
#: Part of what the model promised that D must give for the model to be believed as far again.
KEPT_PROMISE = 0.25
#: Steps near enough that gain less than this part of what is near enough, after which rows are left to the core.
MOST_STILL, STILL = 3, 0.1
#: Broken promises in a row after which ties no longer lead: too few customers are near one.
MOST_SHRUNK = 3


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
    """One search for prices, from those of an earlier plan, or from ``known`` ones and how far the best may lie."""

    def __init__(
        self,
        dual: Dual,
        gap: float,
        start: Mapping[tuple[str, str], float],
        stop: Callable[[], bool],
        tell: Tell,
        known: tuple[Floats, Floats] | None = None,
        floor: float = -math.inf,
    ) -> None:
        self.dual, self.gap, self.start, self.stop, self.tell, self.known = dual, gap, start, stop, tell, known
        self.floor = floor  # D no higher is as good as any lower
        self.rows = dual.structure.rows
        self.blocks = BLOCKS if dual.links.groups <= 2 * BLOCKS else min(dual.links.groups, MORE_BLOCKS)
        self.everyone = dual.everyone(self.blocks)
        few = dual.stage(self._sample(min(dual.columns.units, FEW)), self.blocks)
        self.usual = self.scales = self._scaled(few)[2]

    def run(self) -> Priced:
        """Search; the point's value is not finite where a unit has no choice at all."""
        dual = self.dual
        price, half = self._first()
        self.scales = self.usual
        self.tell(f"pricing all {dual.columns.units:,} customers", math.inf)
        found = dual.looked(price, self.everyone)
        self.best = self._priced(found)
        if not math.isfinite(self.best.bound):
            return self.best
        left: Floats | None = half
        if self._leads():
            found, left = self._led(self.everyone, found, half, self.gap / CLOSE, "all")
            self.best = self._priced(found)
        if left is not None:
            self._fenced(left)
        return self.best

    def _priced(self, found: Chosen) -> Priced:
        """What was found where all choose, twins too."""
        return Priced(found.point, self.dual.of_everyone(found.choice), self.dual.of_all(found.losses))

    def _leads(self) -> bool:
        """Whether customers are so many that Newton steps lead."""
        many = len(self.everyone.plan.units) > max(LED, LED_A_ROW * len(self.rows))
        return many and bool(self.rows) and not self.dual.curved

    def _sample(self, size: int) -> Ints:
        """So many units that are like all."""
        even = self.dual.columns.even
        return np.sort(even[np.arange(size, dtype=np.int64) * len(even) // size])

    def _scaled(self, stage: Stage) -> tuple[Floats, float, Floats]:
        """The size of every row, that of the objective, and what a unit of each row is worth on average."""
        _, row_scale, scale = first_reach(self.dual, stage)
        return row_scale, scale, scale / row_scale

    # --- first prices ----------------------------------------------------------------------------------------

    def _first(self) -> tuple[Floats, Floats]:
        """Prices to begin with, and how far from them the best may lie."""
        dual, rows, count = self.dual, self.rows, len(self.everyone.plan.units)
        if self.known is not None:
            return self.known
        price, half = np.zeros(len(rows)), None
        started = any(self.start.get((row.rule, row.scope)) for row in rows)
        samples = [size for size, least in SAMPLES.items() if CUSTOMERS_A_ROW * len(rows) <= size and least <= count]
        tolerance = max(self.gap, 2e-5) / 2
        if started:
            # What a sample leads to from there is nearer than what another scenario's prices say.
            price, samples = self._started(), samples if self._leads() else []
            half = 0.3 * np.abs(price) + ANOTHER * self.scales if samples else None
        elif not samples and count > FREE:
            samples, tolerance = [count], FIRST
        for size in samples:
            stage = dual.stage(self._sample(size), self.blocks)
            if half is not None and self._leads():
                stage = dual.matched(stage, dual.at(price, self.everyone))
            # The smaller a sample, the further its best prices lie from those of all, however well they are known.
            before, enough = price, tolerance * max(TELLING / size, 1.0)
            if half is not None and size > FEW and self._leads():
                price = self._led(stage, dual.looked(price, stage), half, enough, f"{size:,}")[0].point.price
            else:
                price = self._descend(stage, price, half, enough, f"{size:,} customers").best.price
            half = self._reach(price, before, half, size)
        return price, np.full(len(rows), np.inf) if half is None else half

    def _started(self) -> Floats:
        """Prices of the plan to start from; rows that share a name share its price."""
        alike: dict[tuple[str, str], int] = {}
        for row in self.rows:
            alike[row.rule, row.scope] = alike.get((row.rule, row.scope), 0) + 1
        price = [self.start.get((row.rule, row.scope), 0.0) / alike[row.rule, row.scope] for row in self.rows]
        return allowed(self.rows, np.array(price))

    def _kept(self, point: Point) -> bool:
        """Whether few contacts would have to change for every row to be kept."""
        use, short = point.use.sum(axis=0), 0.0
        for r, row in enumerate(self.rows):
            if not np.isfinite(min(row.penalty_below, row.penalty_above)):
                short += max(row.lower - use[r], use[r] - row.upper, 0.0) / self.dual.contact[r]
        return short <= CHANGES

    def _reach(self, price: Floats, before: Floats, half: Floats | None, size: int) -> Floats:
        """How far prices may move next: as a sample of that size may have misled."""
        share = math.sqrt(FEW / size)
        moved = np.abs(price - before) if half is not None else np.abs(price)
        return np.maximum(0.3 * moved, 0.1 * share * np.abs(price)) + 1e-3 * share * self.scales

    def _boxed(self, half: Floats, price: Floats) -> Floats:
        """A box to begin with where none is known."""
        return half if np.isfinite(half).all() else 0.1 * np.abs(price) + 1e-3 * self.scales

    def _near(self, units: Ints, losses: Floats, half: Floats, most: int) -> tuple[Bools, float]:
        """Which units may change their choice in the box, and the part of the box for which they are all that may."""
        move = price_moves(self.dual.columns, units, self.dual.links.moves(half))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(move > 0, losses / (LIKELY_MOVES * move), np.inf)
        free = min(max(len(units) // 8, most), len(units) - 1)
        reach = float(np.partition(ratio, free)[free])
        return ratio <= min(reach, 1.0), reach

    # --- Newton steps --------------------------------------------------------------------------------------------

    def _led(
        self, stage: Stage, begin: Chosen, half: Floats, tolerance: float, who: str
    ) -> tuple[Chosen, Floats | None]:
        """Follow the model of ties: the best prices, and the box left to cutting planes, if any is."""
        units, there, best = stage.plan.units, begin, begin.point
        wide = half = self._boxed(half, best.price)
        shrunk, still, far = 0, 0, math.inf
        for number in range(1, LEADS + 1):
            if self.stop() or (stage is self.everyone and best.value <= self.floor):
                return there, None
            near = self._near(units, there.losses, half, MODELLED)[0]
            close = max(tolerance / 4 * abs(best.value), NO_NEARER * far if math.isfinite(far) else 0.0)
            weight = np.asarray(stage.weight * stage.plan.copies[near], np.float64)
            found = lead(self.dual, best, units[near], weight, half, far=far, close=close, stop=self.stop)
            then = self.dual.looked(found.price, stage)
            promised, kept = best.value - found.least, best.value - then.point.value
            if kept > 0.0:
                there, best = then, then.point
            far = max(best.value - found.least, close)
            apart = max(best.value - found.least, 0.0) / max(abs(best.value), 1e-300)
            resting = int(stage.plan.copies[~near].sum())
            self.tell(f"pricing {who} customers: step {number}, {resting:,} settled, {apart:.1e} apart", best.value)
            near_enough = apart <= tolerance and not found.leaning.any()
            if stage.weight > 1.0:
                # What leaning prices may still gain is about half of what their slopes promise as far again.
                further = 0.5 * float(np.abs(found.leaning) @ half) / max(abs(best.value), 1e-300)
                near_enough = apart + further <= tolerance
            if near_enough and (stage.weight > 1.0 or self._kept(best) or apart <= tolerance / CLOSER):
                return there, None
            # Where D is flat no step keeps rows better: prices turn from one of its corners to the next.
            still += apart <= tolerance and kept <= STILL * tolerance * abs(best.value)
            if still >= MOST_STILL:
                return there, None
            if kept < KEPT_PROMISE * promised:
                half, shrunk = half / 4.0, shrunk + 1
            else:
                half, shrunk = np.where(found.leaning != 0, 4.0 * half, half), 0
            if shrunk > MOST_SHRUNK:
                break
        return there, wide

    # --- all customers: cutting planes ---------------------------------------------------------------------------

    def _fenced(self, half: Floats) -> None:
        """Let those near a tie set the prices by cutting planes, all others at rest, until D is near its least."""
        dual, master, failures = self.dual, -math.inf, 0
        while self.best.bound > self.floor and not (
            self.best.bound - master <= self.gap / 5 * abs(self.best.bound) or failures > 3 or self.stop()
        ):
            stage, half = self._frozen(half)
            whole = stage is self.everyone
            label = f"{stage.plan.copies.sum():,} of {dual.columns.units:,} customers"
            found = self._descend(stage, self.best.point.price, half, self.gap / 8, label, inside=not whole)
            if found.converged:
                master = max(master, found.master)
            if whole and not found.converged:
                failures += 1
            elif not whole and found.leaning.any():
                half = half * np.where(np.abs(found.leaning) > 0, 2.0, 1.0)
            then = dual.looked(found.best.price, self.everyone)
            if then.point.value < self.best.bound:
                self.best = self._priced(then)
            else:
                half, failures = half / 4.0, failures + 1

    def _frozen(self, half: Floats) -> tuple[Stage, Floats]:
        """Those whose choice may change inside the box set the prices; the box shrinks until they are few enough."""
        units = self.everyone.plan.units
        if len(units) <= FREE:
            return self.everyone, half
        half = self._boxed(half, self.best.point.price)
        active, reach = self._near(units, self.best.losses[units], half, FREE)
        return self.dual.frozen(units[active], self.blocks, self.best.choice), half * min(reach, 1.0)

    def _descend(
        self, stage: Stage, price: Floats, half: Floats | None, tolerance: float, label: str, *, inside: bool = False
    ) -> Prices:
        """Bring D down on one stage."""
        row_scale, scale, self.scales = self._scaled(stage)

        def report(number: int, value: float, master: float) -> None:
            apart = (value - master) / max(abs(value), 1e-300)
            self.tell(f"pricing {label}: round {number}, {apart:.1e} apart", value)

        return find_prices(
            self.dual, stage, price, 10.0 * self.scales if half is None or not np.isfinite(half).all() else half,
            row_scale, scale, tolerance=tolerance, rounds=ROUNDS, inside=inside,
            floor=self.floor if stage is self.everyone else -math.inf, stop=self.stop, report=report,
        )  # fmt: skip
