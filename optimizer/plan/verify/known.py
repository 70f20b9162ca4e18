"""From a plan table to the eligible pairs it names: every contact known, eligible and there once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from optimizer.plan.bundles import WIDEST
from optimizer.plan.columns import text_of
from optimizer.plan.kept import kept_of
from optimizer.plan.records import require_columns
from optimizer.plan.verify.judge import Check, Judge
from optimizer.scenario.facts import Bools, Facts

Longs = NDArray[np.int64]
#: Pairs looked at in one go.
BLOCK = 1 << 20


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
    width = max(1, len(facts.activities))
    if len(customer) and min(int(customer.min()), int(activity.min())) >= 0:
        # the plan of an engine: all are known, each there once and in the order of the pairs
        key = customer * np.int64(width) + activity
        if (key[1:] > key[:-1]).all():
            pair = _pairs_of(facts, customer, activity, None)
            if pair.min() >= 0:
                return pair, _checks(names, activities)
    known = (customer >= 0) & (activity >= 0)
    key = np.where(known, customer * np.int64(width) + activity, -1)
    pair = _pairs_of(facts, customer, activity, known)
    again = _repeated(key) & known
    checks = _checks(names, activities, customer < 0, activity < 0, again, known & (pair < 0))
    found = pair[(pair >= 0) & ~again]
    return (found if (found[1:] > found[:-1]).all() else np.sort(found)), checks


#: What may be wrong with a contact, in the order of the checks.
FAULTS = ("unknown customers", "unknown activities", "repeated contacts", "contacts that are not eligible")


def _checks(names: _Named, activities: _Named, *wrong: Bools) -> list[Check]:
    """The checks of the table; ``wrong``, shape (R,) each, says which contacts have each fault, none unless given."""
    checks = []
    for scope, which in zip(FAULTS, wrong or (np.zeros(0, bool),) * len(FAULTS), strict=True):
        judge = Judge("plan", scope, noun="contacts")
        faults = np.flatnonzero(which)
        judge.each_pays(len(faults), partial(_contact, names, activities, faults))
        checks.append(judge.check())
    return checks


def _contact(names: _Named, activities: _Named, faults: Longs, k: int) -> str:
    """How a note calls the k-th contact that is wrong."""
    return f"{names.text(int(faults[k]))} {activities.text(int(faults[k]))}"


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
            return np.arange(len(self.texts), dtype=np.int64) if self.codes is None else self.codes
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


def _pairs_of(facts: Facts, customer: Longs, activity: Longs, known: Bools | None) -> Longs:
    """The row of each customer and activity among the eligible pairs, which are in order of both; -1 of others.

    Without ``known`` all customers and activities are.
    """
    rows = None if known is None or known.all() else np.flatnonzero(known)
    owner, wanted = (customer, activity) if rows is None else (customer[rows], activity[rows])
    if len(facts.activities) <= WIDEST:
        first, text = kept_of(facts).of("runs", lambda: _runs(facts))
        own, bit = text[owner].astype(np.int64, copy=False), np.int64(1) << wanted
        place = first[owner].astype(np.int64, copy=False) + np.bitwise_count(own & (bit - 1))
        place = np.where((own & bit) != 0, place, -1)
    else:
        place = _searched(facts, owner, wanted)
    if rows is None:
        return place
    found = np.full(len(customer), -1, dtype=np.int64)
    found[rows] = place
    return found


def _runs(facts: Facts) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """The first pair of each customer, and the activities it is eligible for as the bits of a number."""
    pairs, count = facts.pairs, len(facts.customers)
    bits = np.ldexp(1.0, np.arange(len(facts.activities)))
    text = np.zeros(count)
    for start in range(0, len(pairs), BLOCK):
        block = slice(start, start + BLOCK)
        owner = pairs.customer[block]
        if len(owner):
            low, high = int(owner[0]), int(owner[-1]) + 1
            text[low:high] += np.bincount(owner - low, bits[pairs.activity[block]], high - low)
    own = text.astype(np.int64)
    number = np.bitwise_count(own).astype(np.int64)
    first = np.cumsum(number) - number
    # in few bytes, so that those of ten million customers are kept too
    few, short = len(facts.activities) <= 32, len(pairs) < 1 << 31
    return first.astype(np.int32) if short else first, own.astype(np.uint32) if few else own


def _searched(facts: Facts, owner: Longs, wanted: Longs) -> Longs:
    """Where each pair stands, found by halving its customer's run of pairs."""
    pairs = facts.pairs
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
    return np.where(there, low, -1)


def _repeated(keys: Longs) -> Bools:
    """Which keys have stood before."""
    if (keys[1:] > keys[:-1]).all():
        return np.zeros(len(keys), dtype=bool)
    return pd.Series(keys).duplicated().to_numpy(bool)
