"""Linking rows: what coupling rows and the objective read of contacts, as few numbers a column as they allow.

A row's coefficient on a contact is a sum of products. Most parts take few values (an activity, a country, a rule's 0/1
scope) and are *coded*: every pair has a code, and a small table says what each code weighs in each row. What differs
from pair to pair (a probability, a cost of its own) is a *base*, an array shared by all the rows that read it:

    g_r(e) = Σ_b table[b][code_e, r] · base_b(e),    base_0 = 1

so that pricing 24 million pairs under 50 rows is one look-up a pair and base, not 50 products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from optimizer.problem import Expression, Floats, Ints, Problem, Weights
from optimizer.solve.diagram.compiled import Hashes, compiled, mixed

#: A part of a weight: numbers, or 0/1 in one byte.
Part = NDArray[Any]

#: Distinct values of a customer's or pair's part up to which it is coded.
CODED_VALUES = 4_096
PAIR_VALUES = 64
#: Codes in all up to which customer parts are coded together.
CODES = 400_000

#: Part of all that a row could sum up to that rounding may hide: 0.528 − 0.042 is not quite 0.486.
ROUNDING = 1e-13
#: Columns summed at once.
PART = 1 << 22


@dataclass(frozen=True)
class Base:
    """An array over pairs that rows share: response probabilities of ``kind`` (None: contacts), times what varies."""

    kind: str | None
    customer: Part | None
    pair: Part | None

    def on(self, customer: Ints, pair: NDArray[np.integer]) -> Floats:
        """The varying part on pairs; probabilities are not multiplied in."""
        value = np.ones(len(pair))
        if self.customer is not None:
            value *= self.customer[customer[pair]]
        if self.pair is not None:
            value *= self.pair[pair]
        return value


@dataclass(frozen=True)
class Links:
    """Coefficients of pairs in the linking rows.

    Attributes
    ----------
    code : (E,) int32 code of each pair.
    group : (N,) int32: customers whom no row tells apart but by a base share one.
    bases : the arrays that rows share; the first is all ones.
    tables : one sparse (codes, rows) a base.
    """

    code: Ints
    group: Ints
    bases: list[Base]
    tables: list[sp.csr_array]

    @property
    def codes(self) -> int:
        """Number of codes."""
        return int(self.tables[0].shape[0])

    @property
    def groups(self) -> int:
        """Number of groups of customers."""
        return int(self.group.max(initial=-1)) + 1

    @cached_property
    def flat(self) -> tuple[NDArray[np.int64], Ints, Floats]:
        """The tables one behind the other: where each base's codes begin (bases, codes + 1), rows and coefficients."""
        before = np.cumsum([0, *(table.nnz for table in self.tables)])
        at = np.stack([table.indptr.astype(np.int64) + before[b] for b, table in enumerate(self.tables)])
        row = np.concatenate([table.indices for table in self.tables]).astype(np.int32)
        return at, row, np.concatenate([table.data for table in self.tables])

    def prices(self, price: Floats) -> Floats:
        """What a unit of each base costs a pair of each code, (bases, codes)."""
        return np.stack([np.asarray(table @ price) for table in self.tables])

    def moves(self, half: Floats) -> Floats:
        """How far those costs move at most while every price moves by at most ``half``, (bases, codes)."""
        return np.stack([np.asarray(abs(table) @ half) for table in self.tables])

    def sums(self, counts: Floats) -> Floats:
        """Row sums from what was chosen of each base and code: (…, bases, codes) to (…, rows)."""
        return np.asarray(sum(counts[..., b, :] @ table for b, table in enumerate(self.tables)))

    def rounding(self, code: Ints, base: Floats) -> Floats:
        """What rounding may hide in each row over columns of these codes and bases, (rows,); 0 of counts."""
        total, whole = np.zeros(self.tables[0].shape[1]), np.ones(self.tables[0].shape[1], bool)
        for b, table in enumerate(self.tables):
            counts = np.zeros(self.codes)
            for at in range(0, len(code), PART):
                part = slice(at, at + PART)
                counts += np.bincount(code[part], None if b == 0 else np.abs(base[b - 1, part]), minlength=self.codes)
            total += counts @ abs(table)
            parted = table.data != np.round(table.data) if b == 0 else table.data != 0
            whole[table.indices[parted]] = False
        return np.where(whole, 0.0, ROUNDING * total)


@dataclass
class _Coder:
    """Gathers parts with few values into one code a customer and one a pair."""

    problem: Problem

    def __post_init__(self) -> None:
        self._customer: dict[int, tuple[Part, NDArray[np.int64], Floats] | None] = {}
        self._pair: dict[int, tuple[Part, NDArray[np.int64], Floats] | None] = {}

    def customer(self, values: Part) -> tuple[NDArray[np.int64], Floats] | None:
        """Codes and values of a customer part, None where it takes too many."""
        return _coded(self._customer, values, CODED_VALUES)

    def pair(self, values: Part) -> tuple[NDArray[np.int64], Floats] | None:
        """Codes and values of a pair part, None where it takes too many."""
        return _coded(self._pair, values, PAIR_VALUES)


def _coded(
    known: dict[int, tuple[Part, NDArray[np.int64], Floats] | None], values: Part, most: int
) -> tuple[NDArray[np.int64], Floats] | None:
    key = id(values)
    if key not in known:
        sample = values[:: max(len(values) // 20_000, 1)]
        if len(pd.unique(sample)) > most:
            known[key] = None
        else:
            codes, distinct = pd.factorize(values)
            known[key] = None if len(distinct) > most else (values, codes, np.asarray(distinct, float))
    entry = known[key]
    return None if entry is None else entry[1:]


@dataclass(frozen=True)
class _Product:
    """One product of one row, its coded factors told from its base."""

    row: int
    weights: Weights
    base: int
    customer: int  # position among the coded customer parts, -1 none
    pair: int


def read_links(problem: Problem, expressions: list[Expression]) -> Links:
    """Code the contact parts of expressions, one linking row each.

    Parameters
    ----------
    problem : the compiled problem.
    expressions : what each linking row reads; only ``contacts`` and ``responses`` are looked at.
    """
    coder = _Coder(problem)
    bases = [Base(None, None, None)]
    base_of: dict[tuple[str | None, int, int], int] = {(None, 0, 0): 0}
    customer_parts: list[tuple[NDArray[np.int64], Floats]] = []
    pair_parts: list[tuple[NDArray[np.int64], Floats]] = []
    customer_place: dict[int, int] = {}
    pair_place: dict[int, int] = {}
    parts: list[_Product] = []
    for row, expression in enumerate(expressions):
        terms: list[tuple[str | None, Weights]] = [(None, weights) for weights in expression.contacts]
        terms += [(kind, weights) for kind, several in expression.responses.items() for weights in several]
        for kind, weights in terms:
            if weights.factor == 0:
                continue
            coded_customer = None if weights.customer is None else coder.customer(weights.customer)
            coded_pair = None if weights.pair is None else coder.pair(weights.pair)
            free_customer = weights.customer if coded_customer is None else None
            free_pair = weights.pair if coded_pair is None else None
            key = (kind, 0 if free_customer is None else id(free_customer), 0 if free_pair is None else id(free_pair))
            if key not in base_of:
                base_of[key] = len(bases)
                bases.append(Base(kind, free_customer, free_pair))
            parts.append(
                _Product(
                    row, weights, base_of[key],
                    _place(customer_place, customer_parts, weights.customer, coded_customer),
                    _place(pair_place, pair_parts, weights.pair, coded_pair),
                )
            )  # fmt: skip
    customers = len(problem.customer_names)
    customer_code, customer_values = _together(customer_parts, customers)
    pair_code, pair_values = _together(pair_parts, len(problem.customer))
    activities = len(problem.activity_names)
    code = (customer_code[problem.customer] * activities + problem.activity).astype(np.int32)
    runs = len(customer_values) * activities
    if len(pair_values) > 1:
        joined, seen = pd.factorize(code.astype(np.int64) * len(pair_values) + pair_code)
        code = joined.astype(np.int32)
        spread, pair_at = seen // len(pair_values), seen % len(pair_values)
    else:
        spread, pair_at = np.arange(runs), np.zeros(runs, np.int64)
    customer_at, activity_at = spread // activities, spread % activities
    tables = []
    for base in range(len(bases)):
        rows, columns, values = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
        for part in parts:
            if part.base != base:
                continue
            value = np.full(len(spread), part.weights.factor)
            if part.weights.activity is not None:
                value *= part.weights.activity[activity_at]
            if part.customer >= 0:
                value *= customer_values[customer_at, part.customer]
            if part.pair >= 0:
                value *= pair_values[pair_at, part.pair]
            kept = np.flatnonzero(value)
            rows.append(kept)
            columns.append(np.full(len(kept), part.row))
            values.append(value[kept])
        table = sp.coo_array(
            (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
            shape=(len(spread), len(expressions)),
        )
        tables.append(sp.csr_array(table))
    code, tables = merged(code, tables)
    return Links(code, customer_code.astype(np.int32), bases, tables)


def row_marks(table: sp.csr_array) -> Hashes:
    """A mark of each row's numbers, (codes,): equal rows have equal ones, others but for a chance of 1e-19 a pair."""
    table.sum_duplicates()
    mark = np.zeros(table.shape[0], np.uint64)
    _mark_rows(table.indptr, table.indices, np.ascontiguousarray(table.data, np.float64).view(np.uint64), mark)
    return mark


@compiled
def _mark_rows(pointer: NDArray[Any], column: NDArray[Any], bits: Hashes, mark: Hashes) -> None:
    for r in range(len(mark)):
        for k in range(pointer[r], pointer[r + 1]):
            if bits[k] << np.uint64(1):  # neither 0 nor −0
                mark[r] += mixed(bits[k] ^ mixed(np.uint64(column[k])))


def merged(code: Ints, tables: list[sp.csr_array]) -> tuple[Ints, list[sp.csr_array]]:
    """One code for all that every row reads alike: choices that differ by such pairs alone are the same."""
    if not tables[0].shape[0]:
        return code, tables
    said = np.stack([row_marks(table) for table in tables], axis=1)
    _, first, merged = np.unique(said, axis=0, return_index=True, return_inverse=True)
    return merged.ravel().astype(np.int32)[code], [table[first] for table in tables]


def _place(
    places: dict[int, int],
    parts: list[tuple[NDArray[np.int64], Floats]],
    values: Part | None,
    coded: tuple[NDArray[np.int64], Floats] | None,
) -> int:
    """Position of a coded part among those met so far, -1 where there is none."""
    if values is None or coded is None:
        return -1
    if id(values) not in places:
        places[id(values)] = len(parts)
        parts.append(coded)
    return places[id(values)]


def _together(parts: list[tuple[NDArray[np.int64], Floats]], size: int) -> tuple[NDArray[np.int64], Floats]:
    """One code for several coded parts, and the value of each part at each code, (codes, parts)."""
    code = np.zeros(size, np.int64)
    count = 1
    for own, distinct in parts:
        joined, seen = pd.factorize(code * len(distinct) + own)
        code, count = joined.astype(np.int64), len(seen)
    if not parts or not size:
        return code, np.ones((1, len(parts)))
    first = np.full(count, -1)
    first[code[::-1]] = np.arange(size)[::-1]
    values = np.stack([distinct[own[first]] for own, distinct in parts], axis=1)
    return code, values
