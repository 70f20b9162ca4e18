"""From a plan table to the eligible pairs it names: every contact known, eligible and there once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from optimizer.plan.columns import text_of
from optimizer.plan.records import require_columns
from optimizer.plan.verify.judge import Check, Judge
from optimizer.scenario.facts import Bools, Facts

Longs = NDArray[np.int64]
#: Cells of customers and activities a pair, up to which all of them are held.
SPARSE = 4


def known_pairs(facts: Facts, contacts: pd.DataFrame | None) -> tuple[Longs, list[Check]]:
    """Rows of ``facts.pairs`` of the plan's contacts, ascending, and the checks of the table.

    Raises
    ------
    ScenarioError
        When the table lacks a column.
    """
    if contacts is None:
        contacts = pd.DataFrame({"customer_id": [], "activity": []}, dtype=object)
    require_columns(contacts, ["customer_id", "activity"], "plan")
    names, activities = _named(contacts["customer_id"]), _named(contacts["activity"])
    customer = names.places(_named(facts.customers["customer_id"]))
    activity = activities.places(_named(facts.activities["activity"]))
    known = (customer >= 0) & (activity >= 0)
    key = np.where(known, customer * np.int64(max(1, len(facts.activities))) + activity, -1)
    pair = _pairs_of(facts, customer, activity, known)
    again = _repeated(key) & known

    def check(scope: str, wrong: Bools) -> Check:
        judge = Judge("plan", scope, noun="contacts")
        faults = np.flatnonzero(wrong)
        judge.each_pays(len(faults), lambda k: f"{names.text(int(faults[k]))} {activities.text(int(faults[k]))}")
        return judge.check()

    checks = [
        check("unknown customers", customer < 0),
        check("unknown activities", activity < 0),
        check("repeated contacts", again),
        check("contacts that are not eligible", known & (pair < 0)),
    ]
    found = pair[(pair >= 0) & ~again]
    return (found if (found[1:] > found[:-1]).all() else np.sort(found)), checks


@dataclass(frozen=True)
class _Named:
    """Identifiers as text: row k has ``texts[codes[k]]``, or ``texts[k]`` without codes."""

    texts: pa.Array
    codes: Longs | None = None

    def text(self, row: int) -> str:
        return str(self.texts[row if self.codes is None else int(self.codes[row])].as_py())

    def places(self, known: _Named) -> Longs:
        """Where each stands among known ones, which stand there once; -1 where it does not."""
        if self.texts.equals(known.texts):
            places = np.arange(len(self.texts), dtype=np.int64)
        else:
            found = pc.fill_null(pc.index_in(self.texts, value_set=known.texts), -1)
            places = found.to_numpy(zero_copy_only=False).astype(np.int64)
        return places if self.codes is None else places[self.codes]


def _named(column: pd.Series) -> _Named:
    """Identifiers as text; whole numbers as decimal text, empty as ''."""
    if isinstance(column.dtype, pd.StringDtype):
        return _Named(_texts(pa.array(column)))
    if isinstance(column.dtype, pd.CategoricalDtype) and isinstance(column.dtype.categories.dtype, pd.StringDtype):
        texts = _texts(pa.array(column.dtype.categories))
        codes: Longs = np.asarray(column.cat.codes, dtype=np.int64)
        if (codes >= 0).all():
            return _Named(texts, codes)
    codes, uniques = pd.factorize(column, use_na_sentinel=True)
    return _Named(pa.array([*(text_of(value) for value in uniques), ""], pa.large_string()), codes % (len(uniques) + 1))


def _texts(found: pa.Array | pa.ChunkedArray) -> pa.Array:
    whole = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    return pc.fill_null(pc.cast(whole, pa.large_string()), "")


def _pairs_of(facts: Facts, customer: Longs, activity: Longs, known: Bools) -> Longs:
    """The row of each customer and activity among the eligible pairs, which are in order of both; -1 of others."""
    pairs = facts.pairs
    found = np.full(len(customer), -1, dtype=np.int64)
    rows = np.flatnonzero(known)
    owner, wanted = customer[rows], activity[rows]
    width = len(facts.activities)
    if len(facts.customers) * width <= SPARSE * len(pairs):
        # A cell for each customer and activity says where their pair is.
        cells = np.full(len(facts.customers) * width, -1, dtype=np.int64 if len(pairs) > 1 << 31 else np.int32)
        cells[pairs.customer * np.int64(width) + pairs.activity] = np.arange(len(pairs))
        found[rows] = cells[owner * width + wanted]
        return found
    run = np.searchsorted(pairs.customer, np.arange(len(facts.customers) + 1, dtype=pairs.customer.dtype))
    low, last = run[owner], run[owner + 1]
    high = last
    # A customer has few pairs: halve all their runs at once.
    while (low < high).any():
        middle = (low + high) // 2
        before = pairs.activity[np.minimum(middle, len(pairs) - 1)] < wanted
        before &= low < high
        low, high = np.where(before, middle + 1, low), np.where(before, high, np.minimum(middle, high))
    there = low < last
    there[there] = pairs.activity[low[there]] == wanted[there]
    found[rows[there]] = low[there]
    return found


def _repeated(keys: Longs) -> Bools:
    """Which keys have stood before."""
    if (keys[1:] > keys[:-1]).all():
        return np.zeros(len(keys), dtype=bool)
    return pd.Series(keys).duplicated().to_numpy(bool)
