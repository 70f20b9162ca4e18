"""Who is like those who converted, offline too; and who bought so recently that they are left in peace.

Likeness is a logistic regression of converters against everybody else, each customer scored by a model that did not see
them (five parts by a hash of the identifier). Those who have not converted yet are no counter-examples for certain, so
the score orders customers and is no probability of conversion: map it with a rates table, or fit appetence on contacts.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.arguments import check_days, check_seed, names_of
from optimizer.learn.appetence.customer_columns import read_traits
from optimizer.learn.appetence.history import DAY, known_customers, read_history
from optimizer.learn.appetence.model import Fitted, Parts, need_scikit_learn
from optimizer.scenario.columns import positions, texts
from optimizer.scenario.tables import Tables

PARTS = 5
#: Converters that likeness takes.
LEAST_CONVERTED = 25


def lookalike(
    customers: Any, converted: Iterable[object], *, columns: Iterable[str] | None = None, seed: int = 0
) -> pd.DataFrame:
    """Likeness of every customer to those who converted.

    Parameters
    ----------
    customers : str, Path, dict or DataFrame
        customer_id and columns.
    converted : iterable
        Identifiers of those who converted, for instance in shops; unknown ones are refused.
    columns : iterable of str, optional
        Columns to compare by; none may be a result of the conversion. Default: all but identifiers and names.
    seed : int

    Returns
    -------
    DataFrame
        customer_id, converted, likeness (0 to 1, by a model that did not see the customer), percentile (100 the most
        alike).

    Raises
    ------
    ScenarioError
        For fewer than 25 converters, nobody else, or an identifier that is not in the table.
    """
    need_scikit_learn("lookalike")
    check_seed("lookalike", seed)
    tables = Tables(Path())
    file = tables.name(customers, "customers")
    table, names = known_customers(tables.read(customers, "customers"), file)
    asked = texts(
        pd.DataFrame({"customer_id": pd.Series(names_of("converted", "the customers", converted), dtype=object)}),
        "converted",
        "customer_id",
    )
    at = positions(asked, names)
    if (at < 0).any():
        raise ScenarioError("converted", "customer_id", asked[at < 0].iloc[0], f"is not in {file}")
    came = np.zeros(len(names), bool)
    came[at] = True
    if came.sum() < LEAST_CONVERTED or came.all():
        hint = f"expected at least {LEAST_CONVERTED} customers, and others to tell them from"
        raise ScenarioError("converted", "the customers", int(came.sum()), hint)
    traits = read_traits(table, file, columns=columns)
    frame = traits.rows(np.arange(len(names)), np.full(len(names), _latest(traits.dates)))
    if not len(frame.columns):
        raise ScenarioError(file, "header", None, "holds no column to compare customers by; add some, or name them")
    part = pd.util.hash_array(names.to_numpy(object), hash_key=f"{seed:016d}"[-16:], categorize=False) % np.uint64(
        PARTS
    )
    likeness = np.zeros(len(names))
    for one in range(PARTS):
        mine = part == one
        rest = np.flatnonzero(~mine)
        fitted = Fitted(
            frame.iloc[rest].reset_index(drop=True), came[rest], None, _all(len(rest)), kind="logistic", seed=seed
        )
        likeness[mine] = fitted.scores(frame.iloc[np.flatnonzero(mine)])
    percentile = pd.Series(likeness).rank(pct=True).to_numpy() * 100
    found = {"customer_id": names, "converted": came, "likeness": likeness, "percentile": percentile}
    return pd.DataFrame(found)


def recent_buyers(
    history: Any,
    customers: Any,
    *,
    days: float,
    as_of: str | pd.Timestamp | None = None,
    offer: str | None = None,
    **reading: Any,
) -> pd.DataFrame:
    """Who bought in the last days, as a list to exclude: columns for the customers table.

    Parameters
    ----------
    history, customers, as_of
        As ``fit_appetence`` reads them; ``reading`` passes on names, events, time_zone.
    days : float
        How recent a purchase excludes.
    offer : str, optional
        Purchases of this offer alone.

    Returns
    -------
    DataFrame
        customer_id, last_purchase (missing where none), days_since_purchase, recent_buyer (true/false). With these in
        the customers table the rule is ``exclude: {offer: …}, where: "recent_buyer"``.

    Raises
    ------
    ScenarioError
        For days that are no number of at least 0, and a history that cannot be read.
    """
    check_days("days", days, zero=True)
    tables = Tables(Path())
    _, names = known_customers(tables.read(customers, "customers"), tables.name(customers, "customers"))
    read = read_history(history, names, as_of=as_of, **reading)
    bought = read.events[read.events["kind"] == "purchase"]
    if offer is not None:
        bought = bought[(bought["offer"] == offer).fillna(False)]
    last = bought.groupby("customer")["seconds"].max().reindex(np.arange(len(names)))
    since = (read.now - last.to_numpy(float)) / DAY
    moment = pd.to_datetime(last, unit="s").dt.floor("D").astype("datetime64[s]").to_numpy()
    made = {
        "customer_id": names,
        "last_purchase": moment,
        "days_since_purchase": np.floor(since),
        "recent_buyer": since <= days,
    }
    return pd.DataFrame(made)


def _latest(dates: pd.DataFrame) -> int:
    """The moment that ages are counted from: the latest date of the table."""
    return int(np.nanmax(dates.to_numpy(float))) if dates.size and dates.notna().any(axis=None) else 0


def _all(rows: int) -> Parts:
    whole = np.arange(rows)
    return Parts(whole, whole, whole, "all")
