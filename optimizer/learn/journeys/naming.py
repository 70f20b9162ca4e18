"""What rows of events touch: channels and campaigns as they are named, or as a nomenclature names them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.journeys.exact_sums import Floats, Ints, sums_by
from optimizer.learn.journeys.nomenclature import UNMAPPED, Nomenclature
from optimizer.scenario.columns import as_text
from optimizer.scenario.messages import did_you_mean

#: The channel of a touch that names none.
UNKNOWN = "(unknown)"


@dataclass(frozen=True)
class Strangers:
    """Raw names that no line of a nomenclature fits.

    Parameters
    ----------
    file : str
        The nomenclature.
    names : DataFrame
        Distinct raw names with the columns that lines look at.
    code : array of int
        A position in ``names`` a row of the events; −1 where a line fits.
    """

    file: str
    names: pd.DataFrame
    code: Ints

    def volume(self, rows: Ints, conversions: Floats, cost: Floats) -> tuple[pd.DataFrame, list[str]]:
        """Their events, conversions and cost over the rows that count, most events first, and a note."""
        rows = rows[self.code[rows] >= 0]
        code, size = self.code[rows], len(self.names)
        events = np.bincount(code, minlength=size)
        lost = np.flatnonzero(events)
        found = self.names.iloc[lost].assign(
            events=events[lost],
            conversions=sums_by(code, conversions[rows], size)[lost],
            cost=sums_by(code, cost[rows], size)[lost],
        )
        found = found.sort_values("events", ascending=False, kind="stable", ignore_index=True)
        if not len(found):
            return found, []
        shown = ", ".join(f"{row.name} ({row.events:,})" for row in found.head(5).itertuples(index=False))
        more = f" and {len(found) - 5:,} more" if len(found) > 5 else ""
        return found, [f"{self.file}: {len(found):,} names in {len(rows):,} rows fit no line: {shown}{more}"]


def units_of_rows(
    table: pd.DataFrame, file: str, nomenclature: Nomenclature | None, converts: NDArray[np.bool_]
) -> tuple[Ints, pd.DataFrame, Strangers | None, list[str]]:
    """What each row touches (−1: a conversion alone), the distinct units, names that no line fits, and notes.

    Raises
    ------
    ScenarioError
        For a column that the nomenclature looks at and the table has not.
    """
    notes: list[str] = []
    raw = _names(table, "campaign")
    told = _names(table, "channel")
    strangers = None
    if nomenclature is None:
        assert told is not None
        channel, campaign = told, raw if raw is not None else pd.Series("", index=table.index)
    else:
        source = raw if raw is not None else told
        if source is None:
            raise ScenarioError(file, "column campaign", None, "is missing; the nomenclature reads raw names from it")
        channel, campaign, strangers, notes = _mapped(table, file, nomenclature, source, told)
    # A row that names nothing is a conversion alone, or a touch of who knows what.
    nothing = channel.isna().to_numpy(bool) & (campaign.isna() | (campaign == "")).to_numpy(bool)
    alone = nothing & converts
    unknown = channel.isna().to_numpy(bool) & ~alone
    if unknown.any():
        notes.append(f"{int(unknown.sum()):,} touches name no channel and count as {UNKNOWN}")
    codes, distinct = pd.factorize(
        pd.MultiIndex.from_arrays([channel.fillna(UNKNOWN).astype(object), campaign.fillna("").astype(object)])
        if not campaign.isna().all() and not (campaign == "").all()
        else channel.fillna(UNKNOWN).astype(object)
    )
    # Spaces around a name are no part of it.
    raw_pairs = [one if isinstance(one, tuple) else (one, "") for one in distinct]
    pairs = [(str(channel).strip() or UNKNOWN, str(campaign).strip()) for channel, campaign in raw_pairs]
    used = sorted({pairs[code] for code in np.unique(codes[~alone]).tolist()})
    place = {pair: at for at, pair in enumerate(used)}
    unit = np.where(alone, -1, np.array([place.get(pair, -1) for pair in pairs], np.int64)[codes])
    units = pd.DataFrame({"channel": [one for one, _ in used], "campaign": [one for _, one in used]}, dtype="str")
    return unit, units, strangers, notes


def _names(table: pd.DataFrame, column: str) -> pd.Series | None:
    """A column of names, missing where a cell holds spaces alone; None where there is no such column."""
    if column not in table.columns:
        return None
    words = as_text(table[column])
    return words.mask((words.str.strip() == "").to_numpy(bool, na_value=False))


def _mapped(
    table: pd.DataFrame, file: str, nomenclature: Nomenclature, source: pd.Series, told: pd.Series | None
) -> tuple[pd.Series, pd.Series, Strangers, list[str]]:
    """Channel and campaign by the nomenclature; what it does not know keeps the channel it came with, and is listed."""
    for column in nomenclature.columns:
        if column not in table.columns:
            raise ScenarioError(
                nomenclature.file, "names", column, f"is no column of {file}; {did_you_mean(column, table.columns)}"
            )
    looked = pd.DataFrame({"name": source, **{column: as_text(table[column]) for column in nomenclature.columns}})
    group = looked.groupby(list(looked.columns), dropna=False, sort=True)
    code = group.ngroup().to_numpy(np.int64)
    names = group.size().index.to_frame(index=False)
    names = names if isinstance(names, pd.DataFrame) else names.to_frame()
    found, notes = nomenclature.apply(names)
    raw_channel = found["channel"].to_numpy(object)[code]
    missing = pd.isna(raw_channel) & source.notna().to_numpy(bool)
    kept = told.to_numpy(object)[missing] if told is not None and told is not source else np.full(missing.sum(), None)
    raw_channel[missing] = np.where(pd.isna(kept), UNMAPPED, kept)
    empty = source.isna().to_numpy(bool)
    if told is not None and told is not source:
        raw_channel[empty] = told.to_numpy(object)[empty]
    channel = pd.Series(raw_channel, index=table.index, dtype="str")
    campaign = pd.Series(found["campaign"].to_numpy(object)[code], index=table.index, dtype="str")
    return channel, campaign, Strangers(nomenclature.file, names, np.where(missing, code, -1)), notes
