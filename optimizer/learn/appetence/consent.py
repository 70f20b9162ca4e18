"""Who may be reached: refusals and failures of delivery as a consent table, never as a low score.

An unsubscribe, a STOP or a refused consent closes the channel it names until consent is given again; without a channel
it closes all of them. A hard bounce or mail returned as undeliverable closes it until the customer answers through it
(a click, a reply), which shows that it arrives. Soft bounces in a row, without an answer between, do the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.history import History
from optimizer.learn.appetence.kinds import CONSENT, REFUSALS, SOFT_BOUNCE, UNREACHABLE
from optimizer.scenario.columns import flags, positions, require, texts
from optimizer.scenario.facts import LeftOut

Bools = NDArray[np.bool_]
#: Answers that show that a channel arrives. Opens do not: proxies make them.
_ARRIVES = ("click", "return", "response", CONSENT)
#: The channel meant by kinds that come without one, where it goes by this name.
_USUAL = {"stop": ("sms", "text"), "bounce_hard": ("email", "mail", "e-mail"), SOFT_BOUNCE: ("email", "mail", "e-mail")}


def consent_table(
    history: History,
    *,
    soft_bounces: int | None = 3,
    given: pd.DataFrame | None = None,
    file: str = "consent",
) -> tuple[pd.DataFrame, pd.DataFrame, list[LeftOut]]:
    """Who may be reached through which channel, as of the history's moment.

    Parameters
    ----------
    history : History
    soft_bounces : int, optional
        How many soft bounces in a row close a channel; None: they never do.
    given : DataFrame, optional
        The consent that customers gave: customer_id, one true/false column a channel. The history only takes from it.
        A channel it does not name, or a customer absent from it, has none. Without it, who refused nothing may be
        reached.
    file : str
        What messages call ``given``.

    Returns
    -------
    (DataFrame, DataFrame, list of LeftOut)
        customer_id and one true/false column a channel, a row every customer; channel, reason, customers; notes.
    """
    open_, notes = _given(history, given, file)
    reasons = [
        {"channel": channel, "reason": "no consent given", "customers": int((~open_[:, code]).sum())}
        for code, channel in enumerate(history.channels)
        if not open_[:, code].all()
    ]
    events = history.events
    events = events[events["kind"].isin([*REFUSALS, *UNREACHABLE, SOFT_BOUNCE, *_ARRIVES])]
    unnamed = int((events["channel"].isna() & events["kind"].isin([*REFUSALS, *UNREACHABLE])).sum())
    if unnamed:
        reason = "refusals without a channel: they close the channel of their kind, or all"
        notes.append(LeftOut(reason, unnamed, []))
    loose = int((events["channel"].isna() & (events["kind"] == CONSENT)).sum())
    if loose:
        notes.append(LeftOut("consents without a channel: they open none", loose, []))
    for code, channel in enumerate(history.channels):
        mine = events[_means(events, channel, history.channels)]
        for reason, closed in (
            *((kind, _last_says(history, mine, (kind,), (CONSENT,))) for kind in REFUSALS),
            *((kind, _last_says(history, mine, (kind,), _ARRIVES)) for kind in UNREACHABLE),
            (f"{soft_bounces} soft bounces in a row", _in_a_row(history, mine, soft_bounces)),
        ):
            if closed.any():
                reasons.append({"channel": channel, "reason": reason, "customers": int(closed.sum())})
                open_[closed, code] = False
    table = pd.DataFrame(open_, columns=list(history.channels))
    table.insert(0, "customer_id", history.customers.to_numpy())
    table["customer_id"] = table["customer_id"].astype("str")
    counts = pd.DataFrame(reasons, columns=["channel", "reason", "customers"])
    return table, counts, notes


def _given(history: History, given: pd.DataFrame | None, file: str) -> tuple[Bools, list[LeftOut]]:
    size = (len(history.customers), len(history.channels))
    if given is None:
        return np.ones(size, bool), []
    require(given, file, "customer_id", *history.channels)
    owner = positions(texts(given, file, "customer_id"), history.customers)
    known = owner >= 0
    if pd.Series(owner[known]).duplicated().any():
        raise ScenarioError(file, "column customer_id", None, "holds a customer twice; one row a customer")
    open_ = np.zeros(size, bool)
    for code, channel in enumerate(history.channels):
        open_[owner[known], code] = flags(given, file, channel)[known]
    absent = len(history.customers) - int(known.sum())
    return open_, [LeftOut("customers absent from consent: no channel may reach them", absent, [])] if absent else []


def _means(events: pd.DataFrame, channel: str, channels: Sequence[str]) -> Bools:
    """Events that speak of a channel: by name; without a name, by their kind, else of every channel."""
    named = np.array(events["channel"] == channel, bool)
    unnamed = np.array(events["channel"].isna(), bool)
    for kind, usual in _USUAL.items():
        meant = [one for one in channels if one.lower() in usual]
        if meant:
            of_kind = unnamed & (events["kind"] == kind).to_numpy(bool)
            named |= of_kind & (channel in meant)
            unnamed &= ~of_kind
    # Closing without a name closes all; consent, or an answer, that does not say where opens nothing.
    return named | (unnamed & events["kind"].isin([*REFUSALS, *UNREACHABLE]).to_numpy(bool))


def _last_says(history: History, events: pd.DataFrame, closing: tuple[str, ...], opening: tuple[str, ...]) -> Bools:
    """Whose last word is a closing one; of one moment, the closing one counts."""
    closed = np.full(len(history.customers), -1, np.int64)
    opened = closed.copy()
    for kinds, last in ((closing, closed), (opening, opened)):
        rows = events["kind"].isin(kinds).to_numpy(bool)
        np.maximum.at(last, events["customer"].to_numpy()[rows], events["seconds"].to_numpy()[rows] - _BEFORE_ALL)
    return (closed >= 0) & (closed >= opened)


#: Moments before 1970 count, too.
_BEFORE_ALL = -(1 << 40)


def _in_a_row(history: History, events: pd.DataFrame, bounces: int | None) -> Bools:
    """Who bounced softly so often since the last answer."""
    if bounces is None:
        return np.zeros(len(history.customers), bool)
    owner, seconds = events["customer"].to_numpy(), events["seconds"].to_numpy()
    answered = np.full(len(history.customers), _BEFORE_ALL, np.int64)
    arrives = events["kind"].isin(_ARRIVES).to_numpy(bool)
    np.maximum.at(answered, owner[arrives], seconds[arrives])
    soft = (events["kind"] == SOFT_BOUNCE).to_numpy(bool) & (seconds > answered[owner])
    return np.bincount(owner[soft], minlength=len(history.customers)) >= bounces
