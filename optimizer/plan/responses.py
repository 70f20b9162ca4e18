"""Effective responses of a plan's contacts: effects, combination within groups, saturation of cells.

    q = min(1, p · rank factor · change factor · message factors)
    ρ = q, or the contact's part P · q / Σq of its group's combination P (independent 1 − Π(1 − q), best max q)
    ρ = ρ · F(z) / z in a saturated cell, z = Σ worth · ρ, F(z) = z_ref · min(r, φ(r)), r = z / z_ref

(docs/meaning.md; DESIGN §2). What depends on the contacts alone is worked out once; the responses then follow for the
scenario's own scores and curves, and for any others that a forecast draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.order import Order
from optimizer.plan.records import Records, pair_rows
from optimizer.scenario.curves import Curve
from optimizer.scenario.facts import Facts, Floats, Saturation
from optimizer.scenario.rule_schema import Effect, Rule

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

#: Pairs added up in one go.
BLOCK = 1 << 20


@dataclass(frozen=True)
class Expected:
    """Expected response and kpis of each contact, after effects, combination and saturation (arrays of shape (R,))."""

    response: Floats
    kpis: dict[str, Floats]


@dataclass(frozen=True)
class _Cells:
    """One saturated channel in a plan: its contacts, their cells and worth, and the scale of every cell."""

    saturation: Saturation
    own: NDArray[np.intp]
    cell: NDArray[np.int32]
    worth: Floats
    #: Σ score of the scored pairs of each cell, and Σ score × worth.
    weight: Floats
    scored_worth: Floats


class Responses:
    """The effective responses of some contacts.

    Parameters
    ----------
    scenario : Scenario
    plan : Records
        Our contacts.
    order : Order
        Which of them comes when.
    """

    def __init__(self, scenario: Scenario, plan: Records, order: Order) -> None:
        self.scenario, self.plan = scenario, plan
        self.rows = pair_rows(plan)
        pairs, factor = scenario.facts.pairs, effect_factors(scenario, plan, order)
        self.effect = factor
        self.score = pairs.score[self.rows] * factor
        self.kpis = {name: score[self.rows] * factor for name, score in pairs.kpis.items()}
        self.groups = Groups(scenario.facts, plan)

    def expected(
        self,
        scale: Floats | None = None,
        curves: Mapping[str, Curve] | None = None,
        shift: Floats | None = None,
    ) -> Expected:
        """Response and kpis of each contact.

        Parameters
        ----------
        scale : float64 (R,), optional
            A factor on each contact's score and kpis, beside those of the effects.
        curves : mapping of str to Curve, optional
            Channel -> a curve in place of the scenario's own.
        shift : float64 (R,), optional
            What is added to each contact's score after the factor.
        """
        factor, added = 1.0 if scale is None else scale, 0.0 if shift is None else shift
        score = self.score if scale is None and shift is None else self.score * factor + added
        response = self.groups.combined(np.minimum(1.0, score))
        kpis = {name: self.groups.combined(np.minimum(1.0, score * factor)) for name, score in self.kpis.items()}
        if self._cells:
            shrink = self._saturation(response, curves or {})
            response, kpis = response * shrink, {name: value * shrink for name, value in kpis.items()}
        return Expected(response, kpis)

    def _saturation(self, response: Floats, curves: Mapping[str, Curve]) -> Floats:
        """F(z) / z of the cell of each contact; 1 where the channel has no saturation."""
        factor = np.ones(len(self.plan))
        for cells in self._cells:
            saturation = cells.saturation
            curve = curves.get(saturation.channel, saturation.curve)
            reference = float(curve.value(saturation.reference))
            count = len(saturation.cells)
            load = np.bincount(cells.cell, response[cells.own] * cells.worth, count)
            scale = np.ones(count)
            for k in range(count):
                weight = cells.weight[k]
                anchor = reference * cells.scored_worth[k] / weight if weight != 0 else 0.0
                if load[k] <= 0 or anchor <= 0:
                    continue
                r = load[k] / anchor
                shape = float(curve.value(r * saturation.reference)) / reference
                scale[k] = anchor * min(r, shape) / load[k]
            factor[cells.own] = scale[cells.cell]
        return factor

    @cached_property
    def _cells(self) -> list[_Cells]:
        found = []
        for saturation in self.scenario.facts.saturations:
            weight, scored_worth = _scored(self.scenario, saturation)
            own = np.flatnonzero(saturation.cell[self.rows] >= 0)
            worth = response_worth(self.scenario, self.rows[own])
            found.append(_Cells(saturation, own, saturation.cell[self.rows[own]], worth, weight, scored_worth))
        return found


class Groups:
    """The groups in which contacts respond together, in one order of the contacts.

    Attributes
    ----------
    order : int array (R,)
        Contacts, those of one group side by side.
    start, size : int arrays (G,)
        Where each group begins in ``order``, and how many contacts it has.
    """

    def __init__(self, facts: Facts, plan: Records) -> None:
        self.combine = facts.combine
        if facts.combine == "additive" or not len(plan):
            self.order = self.start = np.arange(len(plan))
            self.size = np.ones(len(plan), dtype=np.int64)
            self.alone = True
            return
        group = facts.group[pair_rows(plan)].astype(np.int64)
        self.order = np.argsort(group, kind="stable")
        _, self.start = np.unique(group[self.order], return_index=True)
        self.size = np.diff(np.append(self.start, len(plan)))
        self.alone = False

    def combined(self, response: Floats) -> Floats:
        """Each contact's part of the response of its group, by the scenario's ``combine``."""
        if self.alone:
            return response
        order, start, size = self.order, self.start, self.size
        q = response[order]
        if self.combine == "independent":
            together = 1.0 - np.multiply.reduceat(1.0 - q, start)
        else:
            together = np.maximum.reduceat(q, start)
        total = np.add.reduceat(q, start)
        # a group whose responses add up to nothing shares its combination evenly
        flat = total == 0.0
        scale = np.repeat(np.where(flat, 0.0, together / np.where(flat, 1.0, total)), size)
        part = np.where(np.repeat(flat, size), np.repeat(together / size, size), q * scale)
        part = np.where(np.repeat(size, size) == 1, q, part)
        result = np.empty_like(response)
        result[order] = part
        return result


def effect_factors(scenario: Scenario, plan: Records, order: Order) -> Floats:
    """The product of the factors each contact gets from the scenario's effects."""
    effects = [
        (rule, rule.effect) for rule in scenario.rules if isinstance(rule.effect, Effect) and rule.mode == "enforce"
    ]
    if (table := _factors_by_cell(effects, plan, order)) is not None:
        return table.ravel()[plan.cells]
    factor = np.ones(len(plan))
    for rule, effect in effects:
        if effect.contact is None and effect.alternate is None:
            factor[plan.holds(rule.where)] *= effect.factor
    by_rank = [(rule, effect) for rule, effect in effects if effect.contact is not None]
    if by_rank:
        last = np.zeros(len(plan), dtype=np.int64)
        for rule, effect in by_rank:
            last = np.where(plan.holds(rule.where), np.maximum(last, effect.contact or 0), last)
        rank = np.minimum(order.ranks, last)
        product = np.ones(len(plan))
        for rule, effect in by_rank:
            product[plan.holds(rule.where) & (rank == effect.contact)] *= effect.factor
        factor *= product
    by_change = [(rule, effect) for rule, effect in effects if effect.alternate is not None]
    if by_change:
        for rule, effect in by_change:
            factor[order.changed & plan.holds(rule.where)] *= effect.factor
    return factor


def _factors_by_cell(effects: list[tuple[Rule, Effect]], plan: Records, order: Order) -> Floats | None:
    """The factors, shape (B, A), where they hang on bundle and activity alone; products in the same order."""
    bundles = plan.bundles
    by_rank = any(effect.contact is not None for _, effect in effects)
    if bundles is None or any(effect.alternate is not None for _, effect in effects) or (by_rank and len(order.booked)):
        return None
    parts = [plan.columns.apart(rule.where) for rule, _ in effects]
    if any(part is None or part.customers is not None for part in parts):
        return None
    held = [(part.activities, effect) for part, (_, effect) in zip(parts, effects, strict=True) if part is not None]
    factor = np.ones(bundles.holds.shape)
    for activities, effect in held:
        if effect.contact is None:
            factor[:, activities] *= effect.factor
    if by_rank:
        last = np.zeros(len(bundles.days), dtype=np.int64)
        for activities, effect in held:
            last = np.where(activities, np.maximum(last, effect.contact or 0), last)
        rank = np.minimum(1 + bundles.earlier, last)
        product = np.ones(bundles.holds.shape)
        for activities, effect in held:
            if effect.contact is not None:
                product[activities & (rank == effect.contact)] *= effect.factor
        factor *= product
    return factor


def response_worth(scenario: Scenario, rows: NDArray[np.int64]) -> Floats:
    """What one response of each of these pairs adds to the objective, without kpi margins."""
    pairs = scenario.facts.pairs
    if scenario.objective == "net_margin":
        return np.nan_to_num(pairs.gross_margin[rows]) - pairs.response_cost[rows]
    if scenario.objective == "revenue":
        return np.nan_to_num(pairs.revenue[rows])
    return np.ones(len(rows))


def _scored(scenario: Scenario, saturation: Saturation) -> tuple[Floats, Floats]:
    """Σ score of the eligible pairs of each cell, and what they are worth: Σ score × worth."""
    pairs = scenario.facts.pairs
    weight, worth = np.zeros(len(saturation.cells)), np.zeros(len(saturation.cells))
    for start in range(0, len(saturation.cell), BLOCK):
        cell = saturation.cell[start : start + BLOCK]
        inside = np.flatnonzero(cell >= 0)
        score = pairs.score[start + inside]
        np.add.at(weight, cell[inside], score)
        np.add.at(worth, cell[inside], score * response_worth(scenario, start + inside))
    return weight, worth
