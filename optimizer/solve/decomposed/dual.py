"""The dual function D(λ): one sweep over units, curves and rows; an upper bound on every plan for any prices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Floats, Ints
from optimizer.solve.decomposed.blocks import Curved
from optimizer.solve.decomposed.columns import Columns
from optimizer.solve.decomposed.links import Links
from optimizer.solve.decomposed.structure import Structure, row_value
from optimizer.solve.decomposed.sweep import Choice, Plan, Swept, choose, plan_sweep, sweep
from optimizer.solve.decomposed.twins import Twins

_EPSILON = np.finfo(float).eps
#: Roundings a unit's value may have gone through: terms on a path, rows in a price, units of a tile, and room.
_ROUNDINGS = 256.0


@dataclass(frozen=True)
class Point:
    """D at some prices, and the columns that attain it.

    ``value`` includes what rounding may have hidden. ``worth`` (B,) and ``use`` (B, rows) are those of the blocks of
    units, then of the curves. ``places`` (curves,): where each curve stands.
    """

    price: Floats
    value: float
    worth: Floats
    use: Floats
    places: Floats


@dataclass(frozen=True)
class Stage:
    """A choice of units that stands for all: each counts ``weight`` times.

    ``frozen_worth`` and ``frozen_use`` (rows,) are those of units that keep the choice they had: fixed, so that D is
    a little too small away from where they were frozen.
    """

    plan: Plan
    weight: float
    frozen_worth: float = 0.0
    frozen_use: Floats | None = None


class Chosen(NamedTuple):
    """D at some prices, what attains it, and what each unit of the stage, (n,), loses with its second choice."""

    point: Point
    choice: Choice
    losses: Floats


class Dual:
    """D and its pieces for one problem."""

    def __init__(
        self,
        columns: Columns,
        links: Links,
        structure: Structure,
        twins: Twins | None = None,
        plans: dict[tuple[int, bool], Plan] | None = None,
    ) -> None:
        self.columns, self.links, self.structure, self.twins = columns, links, structure, twins
        self._plans = {} if plans is None else plans  # of everyone, by number of blocks and whether twins are told
        self.curved = [Curved(block) for block in structure.blocks]
        self.sweeps = 0

    @cached_property
    def contact(self) -> Floats:
        """What one contact adds to each row at most, about, (rows,); 1 to a row that none adds to."""
        most = np.zeros(len(self.structure.rows))
        for b, table in enumerate(self.links.tables if len(self.columns.pair) else []):
            largest = np.zeros(table.shape[1])
            np.maximum.at(largest, table.indices, np.abs(table.data))
            most = np.maximum(most, largest * self.columns.usual[b])
        return np.where(most > 0, most, 1.0)

    def everyone(self, blocks: int) -> Stage:
        """All units; of twins one, as often as there are."""
        key = blocks, self.twins is not None
        if key not in self._plans:
            units, copies = np.arange(self.columns.units, dtype=np.int32), None
            if self.twins is not None:
                units, copies = self.twins.first, self.twins.copies
            self._plans[key] = plan_sweep(self.columns, units, blocks, copies)
        return Stage(self._plans[key], 1.0)

    def of_all(self, numbers: Floats) -> Floats:
        """A number a unit, (U,), from one each of those that stand for their twins, as ``everyone`` has them."""
        return numbers if self.twins is None else numbers[self.twins.of]

    def standing(self, units: Ints) -> Ints:
        """Those of which a core states the choices: of twins one."""
        return units if self.twins is None else self.twins.standing(units)

    def stage(self, units: Ints, blocks: int) -> Stage:
        """Let these units stand for all."""
        return Stage(plan_sweep(self.columns, units, blocks), self.columns.units / max(len(units), 1))

    def matched(self, stage: Stage, point: Point) -> Stage:
        """The same sample, its D brought to the value and the slope that D of all has at a point.

        What a sample misjudges of D's slope there is the same wherever prices go, nearly. So its best prices are wrong
        only by how its slope bends otherwise on the way there, not by all that it misjudges.
        """
        seen = self.at(point.price, stage)
        use = point.use.sum(axis=0) - seen.use.sum(axis=0)
        worth = point.value - seen.value + float(point.price @ use)
        return replace(stage, frozen_worth=worth, frozen_use=use)

    def blocks(self, stage: Stage) -> int:
        """Number of blocks: of units, of curves, and what is frozen."""
        return stage.plan.blocks + len(self.curved) + (stage.frozen_use is not None)

    def frozen(self, units: Ints, blocks: int, choice: Choice) -> Stage:
        """Let these units and their twins choose, and all others keep ``choice``."""
        free = np.zeros(self.columns.units, bool)
        free[units] = True
        copies = None
        if self.twins is not None:
            copies = self.twins.copies[self.twins.of[units]]
            free = free[self.twins.first[self.twins.of]]
        kept = choice.chosen.copy()
        kept[self.columns.of(np.flatnonzero(free).astype(np.int32))[0]] = False
        columns = np.flatnonzero(kept)
        worth = float(self.columns.worth[columns].sum() + choice.constant[~free].sum())
        return Stage(plan_sweep(self.columns, units, blocks, copies), 1.0, worth, self.use(columns))

    def use(self, columns: NDArray[np.int64]) -> Floats:
        """Σ of the linking rows' coefficients of columns, (rows,)."""
        code = self.columns.code[columns]
        counts = [np.bincount(code, minlength=self.links.codes).astype(float)]
        for base in self.columns.base:
            counts.append(np.bincount(code, base[columns], minlength=self.links.codes))
        return self.links.sums(np.stack(counts))

    def at(self, price: Floats, stage: Stage) -> Point:
        """Evaluate D, every unit of the stage counted ``weight`` times."""
        self.sweeps += 1
        return self._point(price, sweep(self.columns, stage.plan, self.links.prices(price)), stage)

    def looked(self, price: Floats, stage: Stage) -> Chosen:
        """Evaluate D, and say what attains it; of twins only those that stand for them choose."""
        self.sweeps += 1
        swept, choice, losses = choose(self.columns, stage.plan, self.links.prices(price))
        return Chosen(self._point(price, swept, stage), choice, losses)

    def chosen(self, price: Floats, stage: Stage) -> Chosen:
        """Evaluate D, and say what attains it; twins choose as those that stand for them."""
        found = self.looked(price, stage)
        return found._replace(choice=self.of_everyone(found.choice))

    def of_everyone(self, choice: Choice) -> Choice:
        """What all choose, where of twins those chose that stand for them."""
        return choice if self.twins is None else self.twins.told(self.columns, choice)

    def _point(self, price: Floats, swept: Swept, stage: Stage) -> Point:
        structure, weight = self.structure, stage.weight
        use = self.links.sums(swept.counts) * weight
        worth = swept.worth * weight
        total = [float(value) * weight for value in swept.value]
        size = float(swept.size.sum()) * weight + float(np.abs(use) @ np.abs(price) @ np.ones(len(use)))
        places = np.zeros(len(self.curved))
        more_worth, more_use = [], []
        for k, curved in enumerate(self.curved):
            stand = curved.best(price)
            total.append(stand.value)
            places[k] = stand.place
            more_worth.append(stand.worth)
            more_use.append(stand.use)
            size += abs(stand.value)
        if stage.frozen_use is not None:
            total.append(stage.frozen_worth - float(price @ stage.frozen_use))
            more_worth.append(stage.frozen_worth)
            more_use.append(stage.frozen_use)
        rows, _ = row_value(structure.rows, price)
        value = float(np.sum(total)) + rows + structure.constant
        allowance = _ROUNDINGS * _EPSILON * (size + abs(rows) + abs(structure.constant))
        if more_worth:
            worth = np.r_[worth, more_worth]
            use = np.concatenate([use, np.stack(more_use)])
        return Point(price, value + allowance, worth, use, places)
