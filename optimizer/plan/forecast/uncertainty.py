"""What is not known before a launch, as draws: the level of scores by channel and offer, and response curves.

score factor, common to every customer of a channel and offer, mean 1:
relative r              exp(σ·Z − σ²/2), σ² = ln(1 + r²): log-normal with standard deviation r
contacts n, responses k B / E[B], B ~ Beta(k + ½, n − k + ½): the beta-binomial view of a rate counted once
(Jeffreys' prior)
baseline: one factor for all customers; drawn net score = score · factor − baseline · its own factor
curve: draw k of one curve goes with draw k of another, so that curves fitted together stay together.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.plan.forecast.given import given_table
from optimizer.scenario.columns import as_text, numbers, refuse, require, texts
from optimizer.scenario.curves import Curve
from optimizer.scenario.facts import Facts, Floats
from optimizer.scenario.media import CURVE_PARAMETERS, curves_by_key
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.tables import Tables

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

#: The uncertainty of scores: one relative figure for all, a table, or the table's file.
Scores = float | str | Path | pd.DataFrame
#: What stands in the column channel for the baseline that a scenario subtracts.
BASELINE = "baseline"
#: Drawn curves: a table, or its file.
Curves = str | Path | pd.DataFrame


@dataclass(frozen=True)
class ScoreLevels:
    """Sources of uncertainty of the scores' level, and who shares each.

    Attributes
    ----------
    relative : float64 (G,)
        Relative standard deviation of each source; NaN where counts are given.
    contacts, responses : float64 (G,)
        What was counted; NaN where ``relative`` is given.
    activity : int array (A,)
        The source of each activity, -1 where there is none.
    medium : int array (M,)
        The source of each medium cell, -1 where there is none.
    baseline : int
        The source of the baseline, -1 where there is none.
    """

    relative: Floats
    contacts: Floats
    responses: Floats
    activity: NDArray[np.int64]
    medium: NDArray[np.int64]
    baseline: int = -1

    def drawn(self, rng: np.random.Generator, draws: int) -> Floats:
        """Factors of mean 1, one row a draw; the last column, of what has no source, is 1. Shape (draws, G + 1)."""
        factors = np.ones((draws, len(self.relative) + 1))
        for source, (relative, contacts, responses) in enumerate(
            zip(self.relative, self.contacts, self.responses, strict=True)
        ):
            if np.isnan(relative):
                won, lost = responses + 0.5, contacts - responses + 0.5
                factors[:, source] = rng.beta(won, lost, draws) * (won + lost) / won
            else:
                spread = np.log1p(relative**2)
                factors[:, source] = np.exp(np.sqrt(spread) * rng.standard_normal(draws) - spread / 2)
        return factors


def no_levels(facts: Facts) -> ScoreLevels:
    """Scores taken as known."""
    none = np.empty(0)
    return ScoreLevels(
        none, none, none, np.full(len(facts.activities), -1, np.int64), np.full(len(facts.media), -1, np.int64)
    )


def score_levels(scenario: Scenario, given: Scores | None) -> ScoreLevels:
    """Read the uncertainty of scores.

    Parameters
    ----------
    scenario : Scenario
    given : float, DataFrame, path or None
        A number is the relative standard deviation of every channel and offer, of the baseline, and of every medium
        cell, each on its own. Scores are those of the appetence table, before a baseline is subtracted. A table has a
        row a source: ``channel`` (a channel, ``baseline``, a medium or a medium's cell), ``offer`` where one is
        meant (empty: one source common to all offers without a row of their own), and either ``relative`` or
        ``contacts`` and ``responses``.

    Raises
    ------
    ScenarioError
        For an unknown channel or offer, a source that stands twice, a figure that is missing or out of range.
    """
    facts = scenario.facts
    if given is None:
        return no_levels(facts)
    if isinstance(given, Real) and not isinstance(given, bool):
        relative = float(given)
        if not (np.isfinite(relative) and relative >= 0):
            raise ScenarioError("forecast", "scores", given, "expected a relative standard deviation of at least 0")
        return _everywhere(scenario, relative)
    name, table = given_table(given, "scores", Tables(Path.cwd()), "a relative standard deviation, ")
    require(table, name, "channel")
    channels = texts(table, name, "channel").tolist()
    offers = (as_text(table["offer"]).fillna("") if "offer" in table.columns else pd.Series("", table.index)).tolist()
    _known(scenario, table, name, channels, offers)
    relative = _figures(table, name, "relative")
    contacts, responses = _figures(table, name, "contacts"), _figures(table, name, "responses")
    counted = ~np.isnan(contacts) & ~np.isnan(responses)
    for row in np.flatnonzero(counted == ~np.isnan(relative)):
        words = "expected either relative, or contacts and responses"
        raise ScenarioError(name, f"row {row + 1}", channels[row], words)
    refuse(counted & (responses > contacts), table, name, "responses", "exceeds contacts")
    order = sorted(range(len(channels)), key=lambda row: (channels[row], offers[row]))
    place = {(channels[row], offers[row]): rank for rank, row in enumerate(order)}
    if len(place) < len(order):
        raise ScenarioError(name, "rows", None, "a channel and offer stands twice; one row each")
    keys = zip(facts.activities["channel"], facts.activities["offer"], strict=True)
    activity = [place.get((channel, offer), place.get((channel, ""), -1)) for channel, offer in keys]
    medium = [place.get((cell.name, ""), place.get((cell.medium, ""), -1)) for cell in facts.media]
    return ScoreLevels(
        relative[order],
        contacts[order],
        responses[order],
        np.array(activity, dtype=np.int64),
        np.array(medium, dtype=np.int64),
        -1 if BASELINE in scenario.spec.channels else place.get((BASELINE, ""), -1),
    )


def _everywhere(scenario: Scenario, relative: float) -> ScoreLevels:
    facts = scenario.facts
    keys = list(zip(facts.activities["channel"], facts.activities["offer"], strict=True))
    place = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    activity = np.array([place[key] for key in keys], dtype=np.int64)
    medium = len(place) + np.arange(len(facts.media), dtype=np.int64)
    organic = len(place) + len(medium) if scenario.spec.baseline is not None else -1
    nothing = np.full(len(place) + len(medium) + (organic >= 0), np.nan)
    return ScoreLevels(np.full(len(nothing), relative), nothing, nothing, activity, medium, organic)


def _figures(table: pd.DataFrame, name: str, column: str) -> Floats:
    return numbers(table, name, column, low=0) if column in table.columns else np.full(len(table), np.nan)


def _known(scenario: Scenario, table: pd.DataFrame, name: str, channels: list[str], offers: list[str]) -> None:
    facts = scenario.facts
    named = {BASELINE, *scenario.spec.channels, *scenario.spec.media, *(cell.name for cell in facts.media)}
    proposed = {"", *facts.activities["offer"]}
    for row, (channel, offer) in enumerate(zip(channels, offers, strict=True)):
        for column, value, known in (("channel", channel, named), ("offer", offer, proposed)):
            if value not in known:
                hint = did_you_mean(value, known - {""})
                raise ScenarioError(name, f"row {row + 1}, column {column}", value, f"unknown {column}; {hint}")


@dataclass(frozen=True)
class CurveDraws:
    """Drawn curves by channel or medium cell, each list in the order of its draws; and the channels left out."""

    curves: dict[str, list[Curve]]
    left_out: tuple[str, ...] = ()

    def sizes(self) -> list[int]:
        """How many draws there are, each number once."""
        return sorted({len(drawn) for drawn in self.curves.values()})


def curve_draws(scenario: Scenario, given: Curves | Any | None) -> CurveDraws:
    """Read drawn curves.

    Parameters
    ----------
    scenario : Scenario
    given : DataFrame, path or None
        A row a drawn curve: ``channel`` (a channel with a response curve, a medium of one cell, or a medium's cell),
        ``draw`` (any number that tells draws apart), ``form`` and its parameters as in a table of media curves.
        Several rows of spend and response are points. With a column ``region``, the cell is ``channel[region]``. So
        ``draws.csv`` of fitted curves is one. What has no curve in the scenario is left out, which the notes tell.

    Raises
    ------
    ScenarioError
        When no row is of a channel that has a curve in the scenario, and for a row that is no curve.
    """
    if given is None:
        return CurveDraws({})
    name, table = given_table(given, "curves", Tables(Path.cwd()))
    require(table, name, "channel", "draw")
    channels = texts(table, name, "channel").tolist()
    if "region" in table.columns:
        regions = as_text(table["region"]).fillna("")
        channels = [f"{one}[{region}]" if region else one for one, region in zip(channels, regions, strict=True)]
    facts = scenario.facts
    known = {saturation.channel for saturation in facts.saturations} | {cell.name for cell in facts.media}
    kept = [row for row, channel in enumerate(channels) if channel in known]
    if not kept:
        hint = did_you_mean(channels[0], known)
        words = f"has no response curve in the scenario, nor has any other; {hint}"
        raise ScenarioError(name, "row 1, column channel", channels[0], words)
    left_out = sorted({*channels} - known)
    # faults are told by the rows of the table as it is
    draw = numbers(table, name, "draw", required=True)
    table, own = table.iloc[kept].reset_index(drop=True), [channels[row] for row in kept]
    keys: list[tuple[str, ...]] = [(channel, f"{draw[row]:g}") for channel, row in zip(own, kept, strict=True)]
    number = dict(zip(keys, draw[kept].tolist(), strict=True))
    parameters = table[[column for column in ("form", *sorted(CURVE_PARAMETERS)) if column in table.columns]]
    found = curves_by_key(parameters, name, keys)
    drawn: dict[str, list[Curve]] = {}
    for key in sorted(found, key=lambda one: (one[0], number[one])):
        drawn.setdefault(key[0], []).append(found[key])
    return CurveDraws(drawn, tuple(left_out))
