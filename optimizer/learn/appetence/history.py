"""A contact history, checked and counted: one frame of events of known kinds, customers and moments.

Two shapes are read. A *log* holds a row an event: what was sent, and what followed (open, click, bounce, purchase …).
A table of *outcomes* holds a row a contact with what came of it (accepted, no response …). A table that holds a
``sent`` is a log; any other is a table of outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.arguments import check_zone, moment_of, names_of
from optimizer.learn.appetence.kinds import CONSENT, REFUSALS, UNREACHABLE, kinds_of
from optimizer.learn.appetence.reading import moments, read_raw
from optimizer.scenario.columns import as_text, numbers, positions, refuse, require, row_fault, texts
from optimizer.scenario.facts import LeftOut
from optimizer.scenario.messages import did_you_mean

DAY = 86_400
#: Without an ``as_of``, a last moment this many days after all but one event in a hundred is taken for a slip.
STRAY_DAYS = 366
_TIMES = ("time", "date", "timestamp")
_OWN = ("customer_id", "channel", "event", "offer", "campaign", "contact_id", "value", "propensity")


@dataclass(frozen=True)
class History:
    """Events before ``as_of`` of the customers known, sorted by customer and time.

    Attributes
    ----------
    customers : Series
        Identifiers, ordered by bytes.
    events : DataFrame
        customer (position in ``customers``), channel, offer, campaign (text, missing where empty), kind, seconds (since
        1970), value (money, 0 where empty), propensity (NaN where empty), and the columns of ``context``.
    channels, offers : tuple of str
        Names found (or asked for), in order; no offers where the table has none.
    as_of : Timestamp
        Events at or after this moment are not here.
    outcomes : bool
        Whether a row is a contact with its outcome, rather than an event of a log.
    hours : bool
        Whether moments carry an hour.
    control : str, optional
        The channel (or offer) of customers held out by draw.
    file : str
        For messages.
    notes : list of LeftOut
        What was left out or read otherwise, counted.
    """

    customers: pd.Series
    events: pd.DataFrame
    channels: tuple[str, ...]
    offers: tuple[str, ...]
    as_of: pd.Timestamp
    outcomes: bool
    hours: bool
    control: str | None
    file: str
    notes: list[LeftOut]

    @property
    def now(self) -> int:
        """``as_of`` in seconds since 1970."""
        return int(self.as_of.timestamp())

    def before(self, as_of: pd.Timestamp) -> History:
        """The same history as it stood at an earlier moment."""
        events = self.events[self.events["seconds"] < int(as_of.timestamp())].reset_index(drop=True)
        parts = (self.customers, events, self.channels, self.offers, as_of, self.outcomes, self.hours)
        return History(*parts, self.control, self.file, self.notes)


def read_history(
    source: Any,
    customers: pd.Series,
    *,
    as_of: str | pd.Timestamp | None = None,
    names: Mapping[str, str] | None = None,
    events: Mapping[str, str | None] | None = None,
    channels: Iterable[str] | None = None,
    control: str | None = None,
    context: Iterable[str] = (),
    time_zone: str = "UTC",
    folder: Path | None = None,
) -> History:
    """Read and check a contact history.

    Parameters
    ----------
    source : str, Path, dict or DataFrame
        customer_id, channel, event, and one of time, date, timestamp; optional offer, campaign, contact_id, value,
        propensity (of the contact having been chosen) and the columns of ``context``.
    customers : Series
        The identifiers that are known.
    as_of : date, optional
        Only what happened before counts; later events are left out and counted. Default: the midnight after the last
        event (today's date is never read).
    names, events : mapping, optional
        Our column to the table's; a spelling of an event to its kind, None to leave it out.
    channels : iterable of str, optional
        Channels to learn. Default: those found.
    control : str, optional
        The value of channel, or of offer, that marks customers held out by draw; they are no channel and no offer.
    context : iterable of str
        Columns that describe the contact itself (its rank, the month), known before it is made.
    time_zone : str
        Where hours and days are counted.
    folder : Path, optional
        What paths are relative to.

    Raises
    ------
    ScenarioError
        For missing columns, unknown events, moments that are none, a last moment far beyond all others without
        ``as_of``, and a history that holds nothing before ``as_of``.
    """
    check_zone(time_zone)
    table, file = read_raw(source, names, folder or Path())
    require(table, file, "customer_id", "channel", "event")
    clock = next((column for column in _TIMES if column in table.columns), None)
    if clock is None:
        require(table, file, "date")
    context = tuple(context)
    require(table, file, *context)
    kind, notes = kinds_of(as_text(table["event"]), file, "event", events)
    named, outcomes = texts(table, file, "customer_id").str.strip(), not (kind == "sent").any()
    when = moments(table, file, str(clock), time_zone)
    frame = pd.DataFrame(
        {"customer": positions(named, customers), "kind": kind, "when": when, "row": np.arange(len(table))}
    )
    for column in ("channel", "offer", "campaign", "contact_id"):
        frame[column] = as_text(table[column]).str.strip() if column in table.columns else _no_text(len(table))
        frame[column] = frame[column].where(frame[column] != "")
    frame["value"] = np.nan_to_num(numbers(table, file, "value")) if "value" in table.columns else 0.0
    high = {"low": 0.0, "high": 1.0, "what": "a probability"}
    frame["propensity"] = numbers(table, file, "propensity", **high) if "propensity" in table.columns else np.nan  # type: ignore[arg-type]
    for column in context:
        if column in _OWN or column in frame.columns:
            raise ScenarioError("context", column, None, "is a column with a meaning of its own; name another")
        frame[column] = _context(table, file, column)
    frame = frame[kind.notna().to_numpy(bool)]
    frame, strangers = of_known(frame, named, file)
    moment = as_of_moment(frame, as_of, file, time_zone)
    frame, dropped = in_time(frame, moment, file)
    frame, doubled = _once(frame, context, outcomes)
    frame, unknown = _channels(frame, outcomes)
    found = _names(frame, channels, control, file)
    notes = [*notes, *strangers, *dropped, *doubled, *unknown]
    hours = bool((frame["seconds"] % DAY != 0).any())
    order = frame.drop(columns="row").sort_values(_sort_keys(frame, context), kind="stable", ignore_index=True)
    return History(customers, order, *found, moment, outcomes, hours, control, file, notes)


def _context(table: pd.DataFrame, file: str, name: str) -> pd.Series:
    """Numbers where every filled cell is one, text otherwise."""
    column = table[name]
    made = pd.to_numeric(column, errors="coerce")
    if not bool((made.notna() | column.isna()).all()):
        return as_text(column)
    figures = made.astype(float)
    refuse(np.isinf(figures.to_numpy(float)), table, file, name, "expected a number that is finite, or an empty cell")
    return figures


def _no_text(rows: int) -> pd.Series:
    return pd.Series(np.full(rows, np.nan), dtype="str")


def of_known(frame: pd.DataFrame, named: pd.Series, file: str) -> tuple[pd.DataFrame, list[LeftOut]]:
    """Without the events of strangers, counted; refused where nobody else is left."""
    stranger = (frame["customer"] < 0).to_numpy(bool)
    if not stranger.any():
        return frame, []
    examples = sorted(named.loc[frame.index[stranger]].drop_duplicates().tolist())[:3]
    if stranger.all():
        hint = "stands in no row of the customers table, nor does any other of the history; do both write it alike?"
        raise ScenarioError(file, "column customer_id", examples[0], hint)
    reason = "events of customers who are not in the customers table: left out"
    return frame[~stranger], [LeftOut(reason, int(stranger.sum()), examples)]


def as_of_moment(frame: pd.DataFrame, given: str | pd.Timestamp | None, file: str, time_zone: str) -> pd.Timestamp:
    """The moment up to which history counts; a last event far beyond all others does not set it."""
    if given is not None:
        return moment_of("as_of", "the date", given, time_zone)
    when = frame["when"].dropna()
    if when.empty:
        raise ScenarioError(
            file, "the table", None, "holds no dated event of a known customer; check customer_id and the dates"
        )
    last, usual = when.max(), when.sort_values().iloc[int(0.99 * (len(when) - 1))]
    beyond = (last - usual).days
    if beyond > STRAY_DAYS:
        row = int(frame["row"].to_numpy()[int(frame["when"].argmax())])
        hint = f"lies {beyond:,} days after 99 % of the events; correct it, or say with as_of up to when history counts"
        raise row_fault(file, row, "date", str(last), hint)
    return last.floor("D") + pd.Timedelta(days=1)


def in_time(frame: pd.DataFrame, moment: pd.Timestamp, file: str) -> tuple[pd.DataFrame, list[LeftOut]]:
    """Without what lies at or after the moment, and without undated events, but for refusals: those stand from ever."""
    notes, undated = [], frame["when"].isna().to_numpy(bool)
    barring = frame["kind"].isin([*REFUSALS, *UNREACHABLE]).to_numpy(bool)
    if (lost := int((undated & ~barring).sum())) > 0:
        notes.append(LeftOut("events without a date: left out", lost, []))
    if (kept := int((undated & barring).sum())) > 0:
        notes.append(LeftOut("refusals without a date: they stand from the start", kept, []))
    late = (frame["when"] >= moment).to_numpy(bool)
    if late.any():
        examples = sorted({str(one.date()) for one in frame["when"][late].nlargest(3)})
        notes.append(
            LeftOut(f"events dated {moment.date()} or later (after as_of): left out", int(late.sum()), examples)
        )
    frame = frame[~late & ~(undated & ~barring)]
    if frame.empty:
        raise ScenarioError(
            file, "the table", None, f"holds no event before as_of {moment.date()}; check as_of and the dates"
        )
    seconds = frame["when"].to_numpy("datetime64[s]").astype(np.int64)
    oldest = np.min(seconds[frame["when"].notna().to_numpy(bool)], initial=int(moment.timestamp()))
    return frame.assign(seconds=np.where(frame["when"].isna(), oldest, seconds)).drop(columns="when"), notes


def _once(frame: pd.DataFrame, context: tuple[str, ...], outcomes: bool) -> tuple[pd.DataFrame, list[LeftOut]]:
    """Without rows that stand twice; contacts with an identifier each are told apart by it."""
    columns = ["customer", "channel", "offer", "campaign", "contact_id", "kind", "seconds", "value", *context]
    twice = frame.duplicated(columns).to_numpy(bool)
    if outcomes and frame["contact_id"].isna().all():
        reason = "outcomes alike in every column: each counts (a contact_id would tell copies from contacts)"
        return frame, [LeftOut(reason, int(twice.sum()), [])] if twice.any() else []
    return frame[~twice], [LeftOut("events that stand twice: left out", int(twice.sum()), [])] if twice.any() else []


def _channels(frame: pd.DataFrame, outcomes: bool) -> tuple[pd.DataFrame, list[LeftOut]]:
    """A contact without a channel teaches nothing; what follows a contact, or bars one, may do without."""
    needs = ~frame["kind"].isin([*REFUSALS, *UNREACHABLE, CONSENT]) if outcomes else frame["kind"].isin(["sent"])
    lost = (needs & frame["channel"].isna()).to_numpy(bool)
    if not lost.any():
        return frame, []
    return frame[~lost], [LeftOut("contacts without a channel: left out", int(lost.sum()), [])]


def _names(
    frame: pd.DataFrame, channels: Iterable[str] | None, control: str | None, file: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Channels that were contacted (or asked for), and offers, without the name of the held-out."""
    contacted = frame if not (frame["kind"] == "sent").any() else frame[frame["kind"] == "sent"]
    contacted = contacted[~contacted["kind"].isin([*REFUSALS, *UNREACHABLE, CONSENT])]
    if control is not None and not ((contacted["channel"] == control) | (contacted["offer"] == control)).any():
        raise ScenarioError(
            file, "control", control, "is no channel and no offer of the history; name the held-out as it does"
        )
    contacted = contacted[(contacted["channel"] != control) & ~(contacted["offer"] == control)]
    known = sorted(contacted["channel"].dropna().unique())
    found = known if channels is None else list(dict.fromkeys(names_of(file, "channels", channels)))
    for channel in found:
        if channel not in known:
            hint = f"was never contacted before as_of; {did_you_mean(channel, known)}"
            raise ScenarioError(file, "channels", channel, hint)
    if not found:
        raise ScenarioError(
            file, "column channel", None, "holds no contact through any channel before as_of; nothing to learn from"
        )
    return tuple(found), tuple(sorted(contacted["offer"].dropna().unique()))


def _sort_keys(frame: pd.DataFrame, context: tuple[str, ...]) -> list[str]:
    keys = [
        "customer",
        "seconds",
        "channel",
        "offer",
        "campaign",
        "contact_id",
        "kind",
        "value",
        "propensity",
        *context,
    ]
    return [key for key in keys if key in frame.columns]


def known_customers(table: pd.DataFrame, file: str) -> tuple[pd.DataFrame, pd.Series]:
    """The customers table in the order of its identifiers (indexed by the rows it came in), and these; one row each."""
    require(table, file, "customer_id")
    named = texts(table, file, "customer_id")
    if (twice := named.duplicated().to_numpy(bool)).any():
        row = int(np.argmax(twice))
        raise row_fault(file, row, "customer_id", named.iloc[row], "stands twice; one row a customer", int(twice.sum()))
    order: NDArray[np.int64] = np.argsort(named.to_numpy(object), kind="stable")
    return table.reset_index(drop=True).take(order), named.take(order).reset_index(drop=True)
