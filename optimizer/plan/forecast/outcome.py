"""After launch: a forecast beside what came, by the same groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.plan.forecast.given import given_table
from optimizer.plan.forecast.grouping import Grouping
from optimizer.plan.forecast.simulate import LAST, Prices, organic_responses
from optimizer.plan.records import Records
from optimizer.plan.responses import Groups
from optimizer.plan.verify.known import known_pairs
from optimizer.scenario.columns import as_text, numbers, refuse, require
from optimizer.scenario.facts import Bools, Floats
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.tables import Tables

if TYPE_CHECKING:
    from optimizer.plan.forecast.forecast import Forecast
    from optimizer.plan.plan import Evaluation

Sums = dict[str, Floats]
KEYS = ("channel", "offer", "wave")
#: Rows told of; the others are counted.
SHOWN = 3
#: A figure this much, relatively, outside an interval is inside it.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Outcome:
    """A forecast beside what came of it.

    Attributes
    ----------
    table : DataFrame
        by, group, contacts, measure, plan, p10, p50, p90, ``actual`` and ``inside`` (p10 ≤ actual ≤ p90); measures that
        the results do not tell are left out.
    matched : int
        Contacts of the plan that the results speak of.
    silent : int
        Contacts of the plan without a row in the results: counted as no response.
    unplanned : int
        Rows that are no contact of the plan: left out of every figure.
    examples : list of str
        A few of those rows.
    notes : list of str
        What the figures rest on.
    """

    table: pd.DataFrame
    matched: int
    silent: int
    unplanned: int
    examples: list[str]
    notes: list[str] = field(default_factory=list)

    @property
    def inside(self) -> float:
        """The share of rows inside P10 to P90; about 0.8 where forecasts are honest."""
        told = self.table["actual"].notna()
        return float(self.table.loc[told, "inside"].mean())


def outcome(forecast: Forecast, results: pd.DataFrame | str | Path) -> Outcome:
    """Put what came beside a forecast; see ``Forecast.against``."""
    evaluation = forecast.evaluation
    scenario, facts = evaluation.scenario, evaluation.scenario.facts
    tables = Tables(Path.cwd(), scenario.spec.time_zone)
    name, table = given_table(results, "results", tables)
    require(table, name, "response")
    plan = Records.of_pairs(facts, known_pairs(facts, evaluation.contacts)[0])
    cell = _media_rows(table, name, [one.name for one in facts.media])
    contact = _contact_rows(table, name, plan, cell < 0)
    _once(table, name, contact, "contact")
    _once(table, name, cell, "medium")
    counts = ("response", *facts.pairs.kpis)
    told = [one for one in (*counts, *LAST) if one in table.columns]
    figures = {one: _figures(table, name, one) for one in told}
    for one in set(told) & set(counts):
        words = "expected a number from 0 to 1: a customer responds or does not"
        refuse((cell < 0) & (figures[one] > 1), table, name, one, words)
    used_rows = (contact >= 0) | (cell >= 0)
    empty = {one: int((used_rows & np.isnan(values)).sum()) for one, values in figures.items()}
    figures = {one: np.nan_to_num(values) for one, values in figures.items()}
    of_contacts = {one: _summed(values, contact, len(plan)) for one, values in figures.items()}
    of_media = {one: _summed(values, cell, len(facts.media)) for one, values in figures.items()}
    notes = [f"{one}: empty in {rows:,} row{'s' * (rows > 1)}, counted as 0" for one, rows in empty.items() if rows]
    prices, organic = Prices.of(scenario, plan), organic_responses(scenario, plan, Groups(facts, plan))
    if organic is not None:
        _take_off(of_contacts, organic, prices)
        notes.append(
            f"{organic.sum():,.1f} responses that the baseline expects without a contact are taken off what was seen"
        )
    notes += _value_contacts(of_contacts, prices)
    if facts.media:
        heard = np.bincount(cell[cell >= 0], minlength=len(facts.media)) > 0
        notes += _value_media(of_media, evaluation, heard)
    used = np.bincount(plan.activity, minlength=len(facts.activities)) > 0
    fixed = np.array([one.amount * bool(one.activities[used].any()) for one in facts.fixed_costs], dtype=np.float64)
    seen = pd.concat([_seen(way, of_contacts, of_media, fixed) for way in forecast.groupings], ignore_index=True)
    beside = forecast.table.drop(columns="mean").merge(seen, on=["by", "group", "measure"], how="inner")
    slack = ROUNDING * (1 + beside["actual"].abs())
    beside["inside"] = beside["actual"].between(beside["p10"] - slack, beside["p90"] + slack)
    spoken = np.bincount(contact[contact >= 0], minlength=len(plan)) > 0
    odd = np.flatnonzero((contact < 0) & (cell < 0))
    return Outcome(
        table=beside,
        matched=int(spoken.sum()),
        silent=int((~spoken).sum()),
        unplanned=len(odd),
        examples=[_row_text(table, int(row)) for row in odd[:SHOWN]],
        notes=notes,
    )


def _seen(way: Grouping, of_contacts: Sums, of_media: Sums, fixed: Floats) -> pd.DataFrame:
    """What came of every group: by, group, measure, actual."""
    count = len(way.texts)
    sums = {one: np.bincount(way.contact, values, count) for one, values in of_contacts.items()}
    for one in sums.keys() & of_media.keys():
        sums[one] = sums[one] + np.bincount(way.medium, of_media[one], count)
    sums["cost"] = sums["cost"] + np.bincount(way.fixed, fixed, count)
    if "gross_margin" in sums:
        sums["net_margin"] = sums["gross_margin"] - sums["cost"]
        paid = sums["cost"] != 0
        sums["roi"] = np.where(paid, sums["net_margin"] / np.where(paid, sums["cost"], 1.0), np.nan)
    tall = [pd.DataFrame({"by": way.name, "group": way.texts, "measure": one, "actual": sums[one]}) for one in sums]
    return pd.concat(tall, ignore_index=True)


def _summed(values: Floats, row: NDArray[np.int64], count: int) -> Floats:
    """Values added up by the row they belong to; -1 is none."""
    known = row >= 0
    return np.bincount(row[known], values[known], count).astype(np.float64)


def _figures(table: pd.DataFrame, name: str, column: str) -> Floats:
    """A column as numbers, NaN where empty; true and false as 1 and 0. Margins alone may be below 0."""
    if pd.api.types.is_bool_dtype(table[column].dtype):
        return table[column].to_numpy(np.float64, na_value=np.nan)
    return numbers(table, name, column, low=-np.inf if column == "gross_margin" else 0)


def _once(table: pd.DataFrame, name: str, place: NDArray[np.int64], what: str) -> None:
    """Refuse a contact or medium that stands twice: added up, its result would count twice."""
    known = np.flatnonzero(place >= 0)
    twice = pd.Series(place[known]).duplicated().to_numpy(bool)
    if twice.any():
        row = int(known[np.argmax(twice)])
        first = int(known[np.argmax(place[known] == place[row])])
        words = (
            f"tells of the same {what} as row {first + 1}; expected one row a {what} "
            f"({int(twice.sum()):,} such rows; drop them, or add up what they tell)"
        )
        raise ScenarioError(name, _row_text(table, row), None, words)


def _media_rows(table: pd.DataFrame, name: str, cells: list[str]) -> NDArray[np.int64]:
    """The medium cell of each row without a customer; -1 of others."""
    customers = as_text(table["customer_id"]).fillna("") if "customer_id" in table.columns else None
    found = np.full(len(table), -1, dtype=np.int64)
    bare = np.ones(len(table), bool) if customers is None else (customers == "").to_numpy(bool)
    if not bare.any():
        return found
    require(table, name, "channel")
    channel = as_text(table["channel"]).fillna("").tolist()
    for row in np.flatnonzero(bare):
        if channel[row] not in cells:
            words = f"a row without customer_id tells of a medium; {did_you_mean(channel[row], cells)}"
            raise ScenarioError(name, f"row {row + 1}, column channel", channel[row], words)
        found[row] = cells.index(channel[row])
    return found


def _contact_rows(table: pd.DataFrame, name: str, plan: Records, rows: Bools) -> NDArray[np.int64]:
    """The contact each row tells of; -1 where it is no contact of the plan."""
    found = np.full(len(table), -1, dtype=np.int64)
    if not rows.any():
        return found
    by = ["activity"] if "activity" in table.columns else [key for key in KEYS if key in table.columns]
    if by != ["activity"] and "channel" not in by:
        raise ScenarioError(name, "header", ", ".join(map(str, table.columns)), "expected activity, or channel")
    customers, activities = plan.facts.customers["customer_id"], plan.facts.activities
    mine = pd.DataFrame({"customer_id": customers.array.take(plan.customer)})
    for key in by:
        mine[key] = activities[key].fillna("").astype("str").array.take(plan.activity)
    mine["contact"] = np.arange(len(plan))
    keys = ["customer_id", *by]
    known = mine.groupby(keys, sort=False)["contact"].agg(["first", "size"]).reset_index()
    asked = pd.DataFrame({key: as_text(table[key]).fillna("") for key in keys})[rows]
    joined = asked.merge(known, on=keys, how="left", validate="many_to_one")
    if (several := (joined["size"] > 1).to_numpy(bool)).any():
        first = int(np.argmax(several))
        shown = ", ".join(joined[keys].iloc[first])
        words = "fits several contacts of the plan; add the column activity, or offer and wave"
        raise ScenarioError(name, f"row {int(np.flatnonzero(rows)[first]) + 1}", shown, words)
    found[rows] = joined["first"].fillna(-1).to_numpy(np.int64)
    return found


def _take_off(seen: Sums, organic: Floats, prices: Prices) -> None:
    """Take the responses without a contact off what was seen, and their money off what money was told."""
    worth: dict[str, Floats] = {
        "response": np.ones(len(organic)),
        "revenue": prices.revenue,
        "gross_margin": prices.gross_margin,
        "cost": prices.response_cost,
    }
    for one in seen.keys() & worth.keys():
        seen[one] = seen[one] - organic * worth[one]


def _value_contacts(seen: Sums, prices: Prices) -> list[str]:
    """Fill in money that the results do not tell, at the plan's own worth of a response; say so."""
    notes = []
    response = seen["response"]
    if "revenue" not in seen:
        seen["revenue"] = response * prices.revenue
        notes.append("revenue: the responses seen, at the plan's revenue a response")
    if "gross_margin" not in seen:
        paid = [kpi for kpi, one in prices.kpi_margin.items() if one.any()]
        if missing := [kpi for kpi in paid if kpi not in seen]:
            notes.append(f"no gross margin: the results lack the column gross_margin, or {', '.join(missing)}")
        else:
            of_kpis = [seen[kpi] * prices.kpi_margin[kpi] for kpi in paid]
            seen["gross_margin"] = sum(of_kpis, response * prices.gross_margin)
            notes.append("gross margin: the responses seen, at the plan's margin a response")
    if "cost" not in seen:
        seen["cost"] = prices.contact + response * prices.response_cost
        notes.append("cost: the plan's prices, and the response cost of the responses seen")
    return notes


def _value_media(seen: Sums, evaluation: Evaluation, heard: Bools) -> list[str]:
    """The same for media: their yield at its worth, and the money that the plan spends."""
    notes, media = [], evaluation.scenario.facts.media
    bought = np.array([evaluation.spend.get(one.name, 0.0) for one in media], dtype=np.float64)
    if missing := [one.name for one, money, told in zip(media, bought, heard, strict=True) if money > 0 and not told]:
        notes.append(f"no result for {', '.join(missing)}: what they brought counts as 0")
    if "gross_margin" not in seen:
        count = {"responses": seen["response"], **seen}
        yields = [count[one.yields][row] if one.yields in count else 0.0 for row, one in enumerate(media)]
        seen["gross_margin"] = np.array(yields) * np.nan_to_num([one.margin for one in media])
        if bare := [one.name for one, told in zip(media, heard, strict=True) if told and one.yields not in count]:
            notes.append(f"no yield of {', '.join(bare)} in the results: their margin counts as 0")
    if "cost" not in seen:
        seen["cost"] = bought + np.array([one.fixed_cost for one in media]) * (bought > 0)
    return notes


def _row_text(table: pd.DataFrame, row: int) -> str:
    columns = [one for one in ("customer_id", "activity", *KEYS) if one in table.columns]
    return f"row {row + 1}: " + ", ".join(str(table[one].iloc[row]) for one in columns)
