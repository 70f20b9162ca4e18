"""When customers respond: by weekday, hour band, days since the last contact, and rank of the contact.

Rates come with their 90 % interval; the p-value of a table is that of the χ² test that its levels do not differ. What
the history does not show (one level, no hours) is not in the table.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2_contingency

from optimizer.learn.appetence.intervals import wilson

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: First hours of the bands, and first days of the gaps.
HOURS = (0, 6, 9, 12, 14, 17, 19, 22)
GAPS = (0, 1, 3, 7, 14, 30, 60, 120)
#: Contacts a level needs to be told of.
LEAST_CONTACTS = 30
_COLUMNS = ["channel", "by", "level", "contacts", "responses", "rate", "low", "high", "p_value"]


def timing_table(
    contacts: pd.DataFrame, *, hours: bool, least: int = LEAST_CONTACTS, bands: Sequence[int] = HOURS
) -> pd.DataFrame:
    """Response by weekday, hour band and days since the last contact of the customer, a channel at a time.

    Parameters
    ----------
    contacts : DataFrame
        customer, channel, seconds (local, since 1970), responded.
    hours : bool
        Whether moments carry an hour.
    least : int
        Levels with fewer contacts are left out.
    bands : sequence of int
        The first hour of each band.

    Returns
    -------
    DataFrame
        channel, by (weekday, hour, days since last contact), level, contacts, responses, rate, low, high, p_value.
    """
    seconds = contacts["seconds"].to_numpy(np.int64)
    day = seconds // 86_400
    levels = {"weekday": pd.Series(np.array(WEEKDAYS, dtype=object)[(day + 3) % 7])}
    if hours:
        levels["hour"] = _banded((seconds % 86_400) // 3_600, bands, "h", 24)
    levels["days since last contact"] = _banded(_gaps(contacts), GAPS, " days", None)
    parts = []
    for channel in sorted(contacts["channel"].dropna().unique()):
        mine = (contacts["channel"] == channel).to_numpy(bool)
        for by, level in levels.items():
            rows = mine & level.notna().to_numpy(bool)
            found = _rates(level[rows], contacts["responded"].to_numpy(bool)[rows], least)
            if len(found) > 1:
                found.insert(0, "by", by)
                found.insert(0, "channel", channel)
                parts.append(found)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_COLUMNS)


def fatigue_table(contacts: pd.DataFrame, rank: str | None = None, *, least: int = LEAST_CONTACTS) -> pd.DataFrame:
    """Response by rank of the contact, as the rule ``effect: {contact: k, factor}`` takes it.

    Parameters
    ----------
    contacts : DataFrame
        customer, channel, seconds, responded, and ``rank`` where the table tells it.
    rank : str, optional
        The column of the rank. Default: 1 + the customer's contacts on earlier days of this table.
    least : int
        Ranks with fewer contacts are left out.

    Returns
    -------
    DataFrame
        channel (``all`` for all together), rank, contacts, responses, rate, low, high, factor (rate / rate of the
        first rank). Ranks are those of customers who were contacted so often: where the tool went on until an answer
        came, late ranks hold those hard to win, and the factor says so.
    """
    ranked = _ranks(contacts) if rank is None else np.rint(contacts[rank].to_numpy(float)).astype(np.int64)
    came = contacts["responded"].to_numpy(bool)
    parts = []
    for channel in ["all", *sorted(contacts["channel"].dropna().unique())]:
        mine = np.ones(len(contacts), bool) if channel == "all" else (contacts["channel"] == channel).to_numpy(bool)
        table = (
            _rates(pd.Series(ranked[mine]), came[mine], least).drop(columns="p_value").rename(columns={"level": "rank"})
        )
        if len(table) > 1:
            table["rank"] = table["rank"].astype(int)
            table["factor"] = table["rate"] / table["rate"].iloc[0] if table["rate"].iloc[0] > 0 else np.nan
            table.insert(0, "channel", channel)
            parts.append(table)
    columns = ["channel", "rank", "contacts", "responses", "rate", "low", "high", "factor"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _rates(level: pd.Series, responded: NDArray[np.bool_], least: int) -> pd.DataFrame:
    """Rates by level, in the levels' order, with intervals and the test that they do not differ."""
    frame = pd.DataFrame({"level": level.to_numpy(), "responded": responded})
    order = level.cat.categories.tolist() if isinstance(level.dtype, pd.CategoricalDtype) else None
    if order is None and set(level.unique()) <= set(WEEKDAYS):
        order = list(WEEKDAYS)
    table = frame.groupby("level", sort=True, observed=True)["responded"].agg(contacts="size", responses="sum")
    table = table.reindex([one for one in order if one in table.index]) if order is not None else table
    table = table[table["contacts"] >= least].reset_index()
    n, k = table["contacts"].to_numpy(float), table["responses"].to_numpy(float)
    table["responses"], table["rate"] = table["responses"].astype(int), k / n
    table["low"], table["high"] = wilson(k, n)
    tested = len(table) > 1 and 0 < k.sum() < n.sum()
    table["p_value"] = float(chi2_contingency(np.stack([k, n - k]))[1]) if tested else np.nan
    return table


def _banded(values: NDArray[np.int64], starts: Sequence[int], unit: str, end: int | None) -> pd.Series:
    """Values as named bands; missing below the first (−1 is none)."""
    ends = [*starts[1:], end]
    names = [
        f"{start}+{unit}"
        if stop is None
        else f"{start}–{stop}{unit}"
        if end
        else f"{start}–{stop - 1}{unit}"
        if stop - start > 1
        else f"{start}{unit}"
        for start, stop in zip(starts, ends, strict=True)
    ]
    place = np.searchsorted(np.asarray(starts), values, side="right") - 1
    return pd.Series(pd.Categorical.from_codes(place, categories=pd.Index(names), ordered=True))


def _gaps(contacts: pd.DataFrame) -> NDArray[np.int64]:
    """Whole days since the customer's last contact through any channel; -1 for the first."""
    order = np.lexsort((contacts["seconds"], contacts["customer"]))
    customer, seconds = contacts["customer"].to_numpy()[order], contacts["seconds"].to_numpy(np.int64)[order]
    gap = np.full(len(order), -1, np.int64)
    same = customer[1:] == customer[:-1]
    gap[1:][same] = (seconds[1:][same] - seconds[:-1][same]) // 86_400
    found = np.empty_like(gap)
    found[order] = gap
    return found


def _ranks(contacts: pd.DataFrame) -> NDArray[np.int64]:
    """1 + the contacts on earlier days, as the engine ranks them: contacts of one day share a rank."""
    customer, day = contacts["customer"].to_numpy(np.int64), contacts["seconds"].to_numpy(np.int64) // 86_400
    order = np.lexsort((day, customer))
    c, d = customer[order], day[order]
    new_customer = np.append(True, c[1:] != c[:-1])
    new_day = new_customer | np.append(True, d[1:] != d[:-1])
    position = np.arange(len(c))
    start = np.maximum.accumulate(np.where(new_customer, position, 0))
    begin = np.maximum.accumulate(np.where(new_day, position, 0))
    rank = np.empty(len(c), np.int64)
    rank[order] = begin - start + 1
    return rank
