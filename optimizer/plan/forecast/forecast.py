"""The forecast of a plan: every measure by channel, offer, wave, segment or any column, with P10, P50 and P90."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.plan.forecast.grouping import By, Grouping, default_by, groupings
from optimizer.plan.forecast.simulate import Simulation
from optimizer.plan.forecast.uncertainty import CurveDraws, Curves, ScoreLevels, Scores, curve_draws, score_levels
from optimizer.plan.records import Records, pair_rows
from optimizer.plan.verify.evidence import Evidence
from optimizer.plan.verify.known import known_pairs
from optimizer.scenario.facts import Floats

if TYPE_CHECKING:
    from optimizer.plan.forecast.outcome import Outcome
    from optimizer.plan.plan import Evaluation
    from optimizer.scenario import Scenario

QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
COLUMNS = ["by", "group", "contacts", "measure", "plan", "mean", *QUANTILES]
#: Fewer draws say little of a tenth.
FEWEST_DRAWS = 20


@dataclass(frozen=True)
class Forecast:
    """What a plan may bring.

    Attributes
    ----------
    table : DataFrame
        A row a grouping, group and measure: ``by`` (``total``, ``channel`` …), ``group`` (``""`` for what has no value
        of the column: media have no segment, say), ``contacts``, ``measure`` (response, each kpi, revenue where one is
        stated, gross_margin, cost, net_margin, roi = net margin / cost), ``plan`` (the plan's own figure), ``mean``,
        ``p10``, ``p50``, ``p90`` over the draws. Money in the scenario's currency.
    draws, seed : int
        How many outcomes were drawn, and from which seed.
    notes : list of str
        What is uncertain in it, and what is taken as known.
    """

    table: pd.DataFrame
    draws: int
    seed: int
    notes: list[str]
    evaluation: Evaluation = field(repr=False)
    groupings: list[Grouping] = field(repr=False)

    def against(self, results: pd.DataFrame | str | Path) -> Outcome:
        """The forecast beside what came of the plan.

        Parameters
        ----------
        results : DataFrame or path
            A row a contact that was seen to respond or not: ``customer_id``, ``activity`` (or ``channel``, with
            ``offer`` and ``wave`` where a customer gets several contacts of the channel) and ``response``; where known
            ``revenue``, ``gross_margin``, ``cost`` and the kpis. A row without customer_id is the total of a medium,
            named in ``channel``. Customers respond or do not: their ``response`` and kpis are 0 to 1. Each contact and
            each medium stands once. An empty figure is 0, which the notes count.

        Raises
        ------
        ScenarioError
            When a column is missing, a figure is none or out of range, a row fits several contacts, or a contact or
            medium stands twice.
        """
        from optimizer.plan.forecast.outcome import outcome

        return outcome(self, results)

    def __str__(self) -> str:
        return "\n".join([self.table.to_string(index=False), *self.notes])


def forecast(
    evaluation: Evaluation,
    *,
    scores: Scores | None = None,
    curves: Curves | None = None,
    by: By | Sequence[By] | None = None,
    draws: int = 1000,
    seed: int = 0,
    sampling: bool = True,
) -> Forecast:
    """Draw the outcome of a plan; see ``Evaluation.forecast``."""
    _check_numbers(draws, seed)
    scenario = evaluation.scenario
    plan, booked, spend = _parts(evaluation)
    ways = groupings(plan, default_by(scenario.facts) if by is None else by)
    levels, drawn_curves = score_levels(scenario, scores), curve_draws(scenario, curves)
    simulation = Simulation(scenario, plan, booked, spend, ways)
    rng = np.random.default_rng(seed)
    outcomes = simulation.drawn(levels, drawn_curves, draws, rng, sampling=sampling)
    stated = bool(np.isfinite(scenario.facts.pairs.revenue[pair_rows(plan)]).any())
    parts = [
        _table(way, simulation.measures, expected, sums, revenue=stated)
        for way, expected, sums in zip(ways, simulation.expected(), outcomes, strict=True)
    ]
    notes = _notes(scenario, levels, drawn_curves, plan, spend, draws, seed, sampling=sampling)
    return Forecast(pd.concat(parts, ignore_index=True), draws, seed, notes, evaluation, ways)


def _check_numbers(draws: int, seed: int) -> None:
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < FEWEST_DRAWS:
        raise ScenarioError("forecast", "draws", draws, f"expected a whole number of at least {FEWEST_DRAWS}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ScenarioError("forecast", "seed", seed, "expected a whole number of at least 0")


def _parts(evaluation: Evaluation) -> tuple[Records, Records, Floats]:
    """The contacts, those committed, and the money on each medium cell."""
    facts = evaluation.scenario.facts
    pair, _ = known_pairs(facts, evaluation.contacts)
    spend = np.array([float(evaluation.spend.get(cell.name, 0.0)) for cell in facts.media], dtype=np.float64)
    evidence = Evidence(evaluation.scenario, Records.of_pairs(facts, pair), spend)
    return evidence.plan, evidence.booked, spend


def with_derived(sums: Floats, axis: int) -> Floats:
    """The sums with net margin and return on spend after them; the last two sums are gross margin and cost."""
    gross_margin, cost = np.take(sums, -2, axis), np.take(sums, -1, axis)
    net = gross_margin - cost
    with np.errstate(divide="ignore", invalid="ignore"):
        roi = np.where(cost != 0, net / cost, np.nan)
    return np.concatenate([sums, np.expand_dims(net, axis), np.expand_dims(roi, axis)], axis)


def _table(way: Grouping, measures: list[str], expected: Floats, sums: Floats, *, revenue: bool) -> pd.DataFrame:
    names = [*measures, "net_margin", "roi"]
    plan, drawn = with_derived(expected, 0), with_derived(sums, 1)
    # a group without cost has no return in any draw
    quantiles = np.quantile(drawn, list(QUANTILES.values()), axis=0)
    contacts = np.bincount(way.contact, minlength=len(way.texts))
    shown = [row for row, name in enumerate(names) if revenue or name != "revenue"]
    count = len(shown)
    frame = {
        "by": way.name,
        "group": np.repeat(np.array(way.texts, dtype=object), count),
        "contacts": np.repeat(contacts, count),
        "measure": [names[row] for row in shown] * len(way.texts),
        "plan": plan[shown].T.ravel(),
        "mean": drawn.mean(axis=0)[shown].T.ravel(),
    }
    frame |= {name: quantiles[row][shown].T.ravel() for row, name in enumerate(QUANTILES)}
    return pd.DataFrame(frame, columns=COLUMNS)


def _notes(
    scenario: Scenario,
    levels: ScoreLevels,
    curves: CurveDraws,
    plan: Records,
    spend: Floats,
    draws: int,
    seed: int,
    *,
    sampling: bool,
) -> list[str]:
    """What is drawn and what is not, in the planner's words."""
    facts, notes = scenario.facts, [f"{draws:,} draws from seed {seed}"]
    used = np.flatnonzero(np.bincount(plan.activity, minlength=len(facts.activities)))
    bare = facts.activities.iloc[used[levels.activity[used] < 0]]
    if len(bare):
        named = sorted(set((bare["channel"] + " " + bare["offer"].fillna("")).str.strip()))
        notes.append(
            f"the scores of {', '.join(named)} are taken as known: no uncertainty was given for them, "
            "so their P10 and P90 are too near where the scores were learned"
        )
    bought = [cell.name for cell, money in zip(facts.media, spend, strict=True) if money > 0]
    fixed = [name for name in [*(one.channel for one in facts.saturations), *bought] if name not in curves.curves]
    if fixed:
        notes.append(f"the response curves of {', '.join(fixed)} are taken as known: no draws were given for them")
    if curves.left_out:
        notes.append(f"curve draws of {', '.join(curves.left_out)} are left out: the scenario has no curve for them")
    if scenario.spec.baseline is not None and levels.baseline < 0:
        notes.append("the baseline is taken as known: no uncertainty was given for it")
    if not sampling:
        notes.append("expectations alone: the customers' own luck is left out")
    return notes
