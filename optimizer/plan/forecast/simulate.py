"""A plan's outcome, drawn many times: responses, kpis, revenue, gross margin and cost of every group.

    ρ_c   the contact's expected response under the drawn score factors and curves, by the plan's own formula
    y_c   1 with probability ρ_c: within a group of combined contacts at most one of them responds, drawn by one
          uniform u that falls into the contact's part of [0, 1]; kpis share their contact's u
    money = y · (gross margin, revenue) + Σ kpi · its margin; cost = price + y · response cost
    media R(spend) · factor under the drawn curve; a Poisson number of it where the curve yields responses or a kpi

Where a baseline b was subtracted, customers respond with ρ_c + b, and b is taken off again: what is seen of a customer
is a response or none, never a share of one. A drawn factor f of the level moves the score, and f_b the baseline: the
net score is p f − b f_b. A calibrated channel's curve carries the level of its scores: they are multiplied by
R*(ref) / R(ref) of the drawn curve R*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimizer.plan.forecast.grouping import Grouping
from optimizer.plan.forecast.uncertainty import CurveDraws, ScoreLevels
from optimizer.plan.order import Order
from optimizer.plan.records import Records, pair_rows
from optimizer.plan.responses import Groups, Responses
from optimizer.plan.valuation import contact_prices, kpi_margin
from optimizer.scenario.facts import Floats, MediumCell

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

#: What is added up, before net margin and return; kpis stand between the two.
FIRST, LAST = ("response",), ("revenue", "gross_margin", "cost")


@dataclass(frozen=True)
class Prices:
    """Money of the plan that no draw changes: of a contact and a response of each contact (arrays of shape (R,))."""

    contact: Floats
    response_cost: Floats
    gross_margin: Floats
    revenue: Floats
    kpi_margin: dict[str, Floats]

    @classmethod
    def of(cls, scenario: Scenario, plan: Records) -> Prices:
        """The prices of a plan's contacts."""
        pairs, rows = scenario.facts.pairs, pair_rows(plan)
        return cls(
            contact=contact_prices(scenario.facts, plan),
            response_cost=np.asarray(pairs.response_cost[rows], dtype=np.float64),
            gross_margin=np.nan_to_num(pairs.gross_margin[rows]),
            revenue=np.nan_to_num(pairs.revenue[rows]),
            kpi_margin={name: kpi_margin(scenario, name)[plan.customer] for name in scenario.spec.kpis},
        )


class Simulation:
    """A plan whose outcome is added up by groups, as expected or as drawn.

    Parameters
    ----------
    scenario : Scenario
    plan, booked : Records
        Our contacts, and those committed inside the horizon.
    spend : float64 (M,)
        Money on each medium cell.
    groupings : list of Grouping
    """

    def __init__(
        self, scenario: Scenario, plan: Records, booked: Records, spend: Floats, groupings: Sequence[Grouping]
    ) -> None:
        self.scenario, self.plan, self.spend, self.groupings = scenario, plan, spend, groupings
        self.responses = Responses(scenario, plan, Order(plan, booked))
        self.prices = Prices.of(scenario, plan)
        self.organic = organic_responses(scenario, plan, self.responses.groups)
        facts = scenario.facts
        self.kpis = list(facts.pairs.kpis)
        self.measures = [*FIRST, *self.kpis, *LAST]
        used = np.bincount(plan.activity, minlength=len(facts.activities)) > 0
        self.fixed = np.array(
            [one.amount * bool(one.activities[used].any()) for one in facts.fixed_costs], dtype=np.float64
        )
        self.media_cost = spend + np.array([cell.fixed_cost for cell in facts.media], dtype=np.float64) * (spend > 0)
        self.constant = [self._constant(way) for way in groupings]
        self._references = {one.channel: float(one.curve.value(one.reference)) for one in facts.saturations}
        self._calibrated = calibrated_channels(scenario)
        self._subtracted = None if self.organic is None else self._in_scores()
        self._taken_off = None if self.organic is None else self._of_contacts(self.organic)

    def expected(self) -> list[Floats]:
        """Sums of expectations, one array (measures, groups) a grouping: the plan's own figures."""
        found = self.responses.expected()
        media = np.array([float(cell.curve.value(money)) for cell, money in self._media()], dtype=np.float64)
        every = np.arange(len(self.plan))
        return self._added(every, found.response, found.kpis, media)

    def drawn(
        self, levels: ScoreLevels, curves: CurveDraws, draws: int, rng: np.random.Generator, *, sampling: bool
    ) -> list[Floats]:
        """Sums of every draw, one array (draws, measures, groups) a grouping."""
        factors = levels.drawn(rng, draws)
        chosen = {size: rng.integers(0, size, draws) for size in curves.sizes()}
        result = [np.empty((draws, len(self.measures), len(way.texts))) for way in self.groupings]
        luck = Luck(self.responses.groups)
        source, everyone = levels.activity[self.plan.activity], np.arange(len(self.plan))
        for draw in range(draws):
            own = {name: drawn[chosen[len(drawn)][draw]] for name, drawn in curves.curves.items()}
            scale, base = factors[draw][source], factors[draw][levels.baseline]
            shift = None if self._subtracted is None else self._subtracted * (scale - base)
            for channel in self._calibrated & own.keys():
                saturation = next(one for one in self.scenario.facts.saturations if one.channel == channel)
                level = float(own[channel].value(saturation.reference)) / self._references[channel]
                moved = np.where(saturation.cell[self.responses.rows] >= 0, level, 1.0)
                scale, shift = scale * moved, None if shift is None else shift * moved
            found = self.responses.expected(scale, own, shift)
            media = np.array(
                [float(own.get(cell.name, cell.curve).value(money)) for cell, money in self._media()], dtype=np.float64
            )
            media *= factors[draw][levels.medium]
            response, kpis, rows = found.response, found.kpis, everyone
            if sampling:
                seen = response if self.organic is None else np.maximum(response + base * self.organic, 0.0)
                response, kpis, rows = luck.drawn(rng, seen, kpis)
                counted = np.array([cell.yields != "gross_margin" for cell, _ in self._media()], dtype=bool)
                media = np.where(counted, rng.poisson(np.where(counted, media, 0.0)), media)
            for way, sums in enumerate(self._added(rows, response, kpis, media)):
                result[way][draw] = sums
                if sampling and self._taken_off is not None:
                    result[way][draw] -= base * self._taken_off[way]
        return result

    def _in_scores(self) -> Floats:
        """The part of each contact's score that the baseline took, by the factors that the score went through."""
        found = self.scenario.without_contact(self.plan.customer, self.plan.activity)
        assert found is not None
        found = found * self.responses.effect
        for one in self.scenario.facts.saturations:
            found = found * np.where(one.cell[self.responses.rows] >= 0, one.factor or 1.0, 1.0)
        return found

    def _of_contacts(self, response: Floats) -> list[Floats]:
        """What these responses of the contacts add to each sum, without what is paid anyway."""
        none, media = np.zeros(len(self.plan)), np.zeros(len(self.spend))
        sums = self._added(np.arange(len(self.plan)), response, dict.fromkeys(self.kpis, none), media)
        for found, constant in zip(sums, self.constant, strict=True):
            found[-1] -= constant
        return sums

    def _media(self) -> list[tuple[MediumCell, float]]:
        return list(zip(self.scenario.facts.media, self.spend.tolist(), strict=True))

    def _constant(self, way: Grouping) -> Floats:
        """What is paid whatever is drawn: unit costs, fixed costs and media, shape (groups,)."""
        count = len(way.texts)
        money = np.bincount(way.contact, self.prices.contact, count).astype(np.float64)
        return money + np.bincount(way.medium, self.media_cost, count) + np.bincount(way.fixed, self.fixed, count)

    def _added(self, rows: np.ndarray, response: Floats, kpis: Mapping[str, Floats], media: Floats) -> list[Floats]:
        """Sums by group of the contacts in ``rows`` (all others yield nothing) and of media."""
        prices, facts = self.prices, self.scenario.facts
        gross_margin = response * prices.gross_margin[rows]
        for name, value in kpis.items():
            gross_margin = gross_margin + value * prices.kpi_margin[name][rows]
        parts = [
            response,
            *(kpis[name] for name in self.kpis),
            response * prices.revenue[rows],
            gross_margin,
            response * prices.response_cost[rows],
        ]
        worth = np.nan_to_num([cell.margin for cell in facts.media])
        of_media = [np.where([cell.yields == kind for cell in facts.media], media, 0.0) for kind in self._kinds()]
        media_parts = [*of_media, np.zeros(len(media)), media * worth, np.zeros(len(media))]
        found = []
        for way, constant in zip(self.groupings, self.constant, strict=True):
            count, at = len(way.texts), way.contact[rows]
            sums = np.array(
                [
                    np.bincount(at, part, count) + np.bincount(way.medium, medium, count)
                    for part, medium in zip(parts, media_parts, strict=True)
                ],
                dtype=np.float64,
            )
            sums[-1] += constant
            found.append(sums)
        return found

    def _kinds(self) -> list[str]:
        return ["responses", *self.kpis]


class Luck:
    """The customers' own responses: who of them responds, when each does so with its probability."""

    def __init__(self, groups: Groups) -> None:
        self.groups = groups

    def drawn(
        self, rng: np.random.Generator, response: Floats, kpis: Mapping[str, Floats]
    ) -> tuple[Floats, dict[str, Floats], np.ndarray]:
        """Responses (0, 1) and kpis of the contacts that show any, and which contacts those are."""
        luck = rng.random(len(self.groups.start))
        if not self.groups.alone:
            each = np.empty(len(response))
            each[self.groups.order] = np.repeat(luck, self.groups.size)
            luck = each
        low = self._low(np.maximum.reduce([response, *kpis.values()]))
        hits = _hits(luck, low, response)
        of_kpis = {name: _hits(luck, low, value) for name, value in kpis.items()}
        rows = np.flatnonzero(np.logical_or.reduce([hits != 0, *(hit != 0 for hit in of_kpis.values())]))
        return hits[rows], {name: hit[rows] for name, hit in of_kpis.items()}, rows

    def _low(self, chance: Floats) -> Floats | float:
        """Where each contact's part of [0, 1] begins: after those of the contacts before it in its group."""
        if self.groups.alone:
            return 0.0
        ordered = chance[self.groups.order]
        before = np.cumsum(ordered) - ordered
        low = np.empty(len(chance))
        low[self.groups.order] = before - np.repeat(before[self.groups.start], self.groups.size)
        return low


def _hits(luck: Floats, low: Floats | float, chance: Floats) -> Floats:
    hit: Floats = ((luck >= low) & (luck < low + chance)).astype(np.float64)
    return hit


def organic_responses(scenario: Scenario, plan: Records, groups: Groups) -> Floats | None:
    """What each contact's customer responds without it, by the baseline; contacts that combine share it."""
    found = scenario.without_contact(plan.customer, plan.activity)
    if found is None:
        return None
    shared = np.empty(len(plan))
    shared[groups.order] = np.repeat(groups.size, groups.size)
    organic: Floats = found / shared
    return organic


def calibrated_channels(scenario: Scenario) -> frozenset[str]:
    """Channels whose scores are tied to the height of their curve by a calibration."""
    return frozenset(one.channel for one in scenario.facts.saturations if one.factor is not None)
