"""The canonical order of customers: by what they contain, then by identifier.

A solver breaks ties by the order of its variables, so the order must not come from the tables' rows or from names.
Every number and text of a customer (pairs, columns but ``customer_id``, past contacts) is mixed into 64 bits; sums
over pairs and columns make the mix blind to the order they are read in. Numbers are first divided by the power of
two of their column's largest, so that money or responses counted in another power of two give the same order.
Customers that contain the same can be exchanged, and the identifier settles them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.problem import Ints
from optimizer.scenario.facts import Facts
from optimizer.scenario.pair_values import PairColumn, PairValues

Hashes = NDArray[np.uint64]
#: Pairs mixed together: few enough to stay near the processor.
BLOCK = 1 << 15


def canonical_order(facts: Facts) -> Ints:
    """Rows of ``facts.customers`` in canonical order, shape (N,)."""
    content = _of_columns(facts.customers, skip={"customer_id"}) + _of_pairs(facts) + _of_past(facts)
    # ``facts.customers`` is ordered by identifier, and the sort is stable.
    return np.argsort(_mixed(content), kind="stable").astype(np.int32)


def _of_columns(frame: pd.DataFrame, skip: set[str]) -> Hashes:
    total = np.zeros(len(frame), np.uint64)
    for name in frame.columns:
        if name not in skip:
            total += _mixed(_of_values(frame[name]) ^ _salt(str(name)))
    return total


def _of_pairs(facts: Facts) -> Hashes:
    """Of all pairs of each customer; a block of them at a time, so that millions need no more than their sums."""
    pairs = facts.pairs
    columns: dict[str, PairColumn] = {
        "score": pairs.score,
        "gross_margin": pairs.gross_margin,
        "revenue": pairs.revenue,
        "response_cost": pairs.response_cost,
        "unit_cost": pairs.unit_cost,
        **{f"kpi {name}": values for name, values in pairs.kpis.items()},
        **{f"measure {name}": values for name, values in pairs.measures.items()},
    }
    blocks = [slice(first, first + BLOCK) for first in range(0, len(pairs), BLOCK)]
    seen = np.zeros(len(facts.activities), bool)
    for rows in blocks:
        seen[pairs.activity[rows]] = True
    by_activity = np.zeros(len(facts.activities), np.uint64)
    others: list[tuple[PairColumn, int, np.uint64]] = []
    for name, values in columns.items():
        if isinstance(values, PairValues) and all(of_customer is None for _, of_customer in values.parts):
            own = np.sum([part for part, _ in values.parts], axis=0)
            by_activity += _mixed(_of_numbers(own, _exponent([own[seen]])) ^ _salt(name))
        else:
            others.append((values, _pairs_exponent(values, blocks), _salt(name)))
    of_activity = _mixed(np.arange(len(by_activity)).astype(np.uint64))
    total = np.zeros(len(facts.customers), np.uint64)
    for rows in blocks:
        customer, activity = pairs.customer[rows], pairs.activity[rows]
        each = by_activity[activity]
        for values, exponent, salt in others:
            each += _mixed(_of_numbers(values[rows], exponent) ^ salt)
        starts = np.flatnonzero(np.append(True, np.diff(customer)))
        total[customer[starts]] += np.add.reduceat(_mixed(each ^ of_activity[activity]), starts)
    return total


def _of_past(facts: Facts) -> Hashes:
    past = facts.past
    each = _mixed(_of_columns(past, skip={"customer", "customer_id", "offers"}))
    total = np.zeros(len(facts.customers), np.uint64)
    np.add.at(total, past["customer"].to_numpy(), each)
    return total


def _of_values(values: pd.Series) -> Hashes:
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_numeric_dtype(values.dtype):
        return _of_numbers(values.to_numpy(np.float64, na_value=np.nan))
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.to_numpy("datetime64[s]").astype(np.int64).view(np.uint64)
    codes, distinct = pd.factorize(values if isinstance(values.dtype, pd.StringDtype) else values.astype(object))
    texts = pd.util.hash_array(np.array([str(text) for text in distinct], dtype=object), categorize=False)
    return np.append(texts, np.uint64(0))[codes]


def _of_numbers(values: NDArray[np.float64], exponent: int | None = None) -> Hashes:
    """The bits of numbers divided by the power of two of the largest; one pattern for all zeros, one for all NaN."""
    scaled = np.ldexp(values, -_exponent([values]) if exponent is None else -exponent) + 0.0
    scaled[np.isnan(scaled)] = np.nan
    return scaled.view(np.uint64)


def _exponent(several: Iterable[NDArray[np.float64]]) -> int:
    """The power of two above the largest of several arrays' finite numbers."""
    return int(np.frexp(max(map(_largest, several), default=0.0))[1])


def _largest(values: NDArray[np.float64]) -> float:
    """The largest magnitude of an array's finite numbers."""
    found = max(float(np.fmax.reduce(values, initial=0.0)), -float(np.fmin.reduce(values, initial=0.0)))
    if np.isinf(found):
        return float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))
    return found


def _pairs_exponent(values: PairColumn, blocks: list[slice]) -> int:
    """The power of two above the largest number of all pairs."""
    if isinstance(values, PairValues):
        # The customers with the largest parts mostly reach what no pair can pass: no need to look further then.
        sizes = [(_largest(part), 1.0 if own is None else _largest(own)) for part, own in values.parts]
        above = _exponent([np.array([sum(part * own for part, own in sizes)])])
        tops = [int(np.argmax(np.abs(own))) for _, own in values.parts if own is not None]
        # Looked for in their own type: pairs are too many to be cast.
        edges = np.array([(top, top + 1) for top in tops], values.customer.dtype)
        ends = np.searchsorted(values.customer, edges)
        if _exponent(values[first:last] for first, last in ends) == above:
            return above
    return _exponent(values[rows] for rows in blocks)


def _mixed(values: Hashes) -> Hashes:
    """The finaliser of splitmix64: every bit depends on every bit."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _salt(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
