"""Columns of bonded contacts: what a contact adds to the responses of its group, and the labels it reaches first.

Contacts of a group stand one after another, and a column knows its earlier ones (its context). It takes what it
changes, so that a path sums up to the group's whole:

    column of e after S:   ρ_e(S + e)   and of every e' in S   ρ_e'(S + e) − ρ_e'(S)

The others' part stands in rows as theirs. Where a row tells them from e, the column gets a code of its own and further
bases: g_r = Σ_b table[b][code, r] · base_b, a base once for every kind of row behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from optimizer.problem import Bools, Expression, Floats, Problem
from optimizer.solve.decomposed.columns import Columns
from optimizer.solve.decomposed.links import Base, Links, row_marks
from optimizer.solve.diagram.bonds import Bonds
from optimizer.solve.patterns import rank_tables

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class _Context:
    """Some columns and the earlier contacts of their groups.

    ``column`` (n,) which columns; ``pair`` (n, M + 1) the pairs of the group by place and last the column's own, -1
    where there is none; ``factor`` (n, M + 1) their factors of rank and change.
    """

    column: Int64
    pair: Int64
    factor: Floats

    @property
    def made(self) -> Bools:
        """Which of them are made."""
        return np.asarray(self.pair >= 0)


def add_bonds(
    problem: Problem, columns: Columns, links: Links, bonds: Bonds, expressions: list[Expression],
    worth: Expression, outside: Bools | None,
) -> tuple[Columns, Links]:  # fmt: skip
    """Let columns take what their contacts change and reach.

    Parameters
    ----------
    columns, links : as they stand for contacts on their own.
    expressions : what each linking row reads; ``worth`` what the objective reads.
    outside : (E,) pairs whose responses the objective does not read.
    """
    diagrams = columns.diagrams
    unit = np.repeat(np.arange(columns.units), np.diff(columns.start))
    which = diagrams.term[diagrams.term_start[columns.class_of[unit]] + columns.term]
    value, base = columns.worth.copy(), columns.base
    codes = links.codes
    mixed = columns.code.astype(np.int64)
    touch = diagrams.terms.touch[which]
    extra: list[tuple[int, Floats, Int64]] = []  # of which base, its values (J,), the code that stands for it
    if (context := _contexts(problem, columns, bonds, which)) is not None:
        base = base.copy()
        changes = {
            kind: _changes(_responses(problem, kind, context), context.made, problem.responses.combine)
            for kind in problem.responses.scores
        }
        value[context.column] += _worth_of(problem, context, changes, worth, outside)
        for b, one in enumerate(links.bases[1:], 1):
            if one.kind is None:
                continue
            change = changes[one.kind] * np.where(context.made, _varying(problem, one, context.pair), 0.0)
            base[b - 1, context.column], others = _by_rows(links, b, change, context)
            for values, code in others:
                whole, stands = np.zeros(len(value)), np.full(len(value), -1)
                whole[context.column], stands[context.column] = values, code
                extra.append((b, whole, stands))
    if not extra and not touch.any():
        return replace(columns, worth=value, base=base), links
    weight = _reach_weights(bonds, [*expressions, worth])
    value += _bits(touch, len(bonds.reaches)) @ weight[:, -1]
    # One code for the own one, those the further bases stand for, and the labels reached.
    special = np.flatnonzero((touch != 0) | np.any([stands >= 0 for _, _, stands in extra], axis=0))
    parts = [mixed[special], *(stands[special] + 1 for _, _, stands in extra), touch[special]]
    code = np.zeros(len(special), np.int64)
    for part in parts:
        own, distinct = pd.factorize(part)
        code, _ = pd.factorize(code * max(len(distinct), 1) + own)
    first = np.zeros(int(code.max(initial=-1)) + 1, np.int64)
    first[code[::-1]] = special[::-1]
    own = mixed[first]
    mixed[special] = codes + code
    tables = [sp.csr_array(sp.vstack([table, table[own]])) for table in links.tables]
    reached = sp.csr_array(_bits(touch[first], len(bonds.reaches)) @ weight[:, :-1])
    tables[0] = sp.csr_array(tables[0] + sp.vstack([sp.csr_array((codes, len(expressions))), reached]))
    for b, _, stands in extra:
        at = stands[first]
        kept = sp.diags_array((at >= 0).astype(float)) @ links.tables[b][np.maximum(at, 0)]
        tables.append(sp.csr_array(sp.vstack([sp.csr_array((codes, len(expressions))), kept])))
    base = np.concatenate([base, *(values[None] for _, values, _ in extra)])
    links = replace(links, bases=[*links.bases, *(links.bases[b] for b, _, _ in extra)], tables=tables)
    return replace(columns, worth=value, code=mixed.astype(np.int32), base=base), links


def _contexts(problem: Problem, columns: Columns, bonds: Bonds, which: NDArray[np.int32]) -> _Context | None:
    """The columns that join earlier contacts of their group; None where there are none."""
    terms = columns.diagrams.terms
    column = np.flatnonzero(terms.context[which])
    if not len(column):
        return None
    which = which[column]
    activities = len(problem.activity_names)
    members = np.full((int(bonds.group.max()) + 1, int(bonds.place.max()) + 1), -1, np.int64)
    grouped = np.flatnonzero(bonds.group >= 0)
    members[bonds.group[grouped], bonds.place[grouped]] = grouped
    own = columns.pair[column].astype(np.int64)
    customer = problem.customer[own].astype(np.int64)
    known = np.unique(columns.pair)
    key = problem.customer[known].astype(np.int64) * activities + problem.activity[known]
    order = np.argsort(key)
    size = members.shape[1]
    pair, rank = np.full((len(column), size + 1), -1, np.int64), np.zeros((len(column), size + 1), np.int64)
    changed = np.zeros((len(column), size + 1), bool)
    pair[:, size], rank[:, size], changed[:, size] = own, terms.rank[which], terms.changed[which]
    context = terms.context[which]
    for place in range(size):
        digit = context // bonds.radix**place % bonds.radix
        rank[:, place], changed[:, place] = (digit - 1) // 2, (digit - 1) % 2 == 1
        wanted = customer * activities + members[bonds.group[problem.activity[own]], place]
        at = order[np.minimum(np.searchsorted(key, wanted, sorter=order), len(key) - 1)]
        # A slot that the customer has no pair for is on no path of worth.
        pair[:, place] = np.where((digit > 0) & (key[at] == wanted), known[at], -1)
    table = rank_tables(problem)
    factor = table[np.maximum(pair, 0), np.clip(rank, 0, table.shape[1] - 1)]
    for change in problem.responses.changes:
        member = change.members.on(problem.customer, problem.activity) != 0
        factor = np.where(changed & member[np.maximum(pair, 0)], factor * change.factor, factor)
    return _Context(column, pair, factor)


def _responses(problem: Problem, kind: str, context: _Context) -> Floats:
    """Responses of the contacts before they are combined, (n, M + 1); 0 where none is made."""
    pair = np.maximum(context.pair, 0)
    response = problem.responses.scores[kind][pair] * problem.responses.static[pair.ravel()].reshape(pair.shape)
    return np.where(context.made, np.minimum(response * context.factor, 1.0), 0.0)


def _changes(q: Floats, made: Bools, combine: str) -> Floats:
    """What the last contact changes in the part that each has of the group's response, (n, M + 1)."""
    before = _parts(q[:, :-1], made[:, :-1], combine)
    after = _parts(q, made, combine)
    after[:, :-1] -= before
    return after


def _parts(q: Floats, made: Bools, combine: str) -> Floats:
    """P · q / Σ q of each, P / n where Σ q = 0; P = 1 − Π (1 − q) or max q."""
    if combine == "independent":
        whole = 1.0 - np.prod(1.0 - q, axis=1)
    else:
        whole = np.where(made.any(axis=1), np.max(q, axis=1, where=made, initial=-np.inf), 0.0)
    total = q.sum(axis=1)
    even = made / np.maximum(made.sum(axis=1), 1)[:, None]
    share = np.divide(q, total[:, None], out=even.astype(float), where=total[:, None] != 0)
    return np.asarray(whole[:, None] * share)


def _worth_of(
    problem: Problem, context: _Context, changes: dict[str, Floats], worth: Expression, outside: Bools | None
) -> Floats:
    """What the objective gets beyond the column's own response, (n,)."""
    total = np.zeros(len(context.column))
    for kind, several in worth.responses.items():
        part = np.zeros(len(problem.customer))
        for weights in several:
            part += weights.on(problem.customer, problem.activity)
        if outside is not None:
            part[outside] = 0.0
        change = changes[kind].copy()
        change[:, -1] -= _responses(problem, kind, context)[:, -1]
        total += np.where(context.made, change * part[np.maximum(context.pair, 0)], 0.0).sum(axis=1)
    return total


def _varying(problem: Problem, base: Base, pair: Int64) -> Floats:
    """The varying part of a base on pairs, (n, M + 1)."""
    return base.on(problem.customer, np.maximum(pair, 0).ravel()).reshape(pair.shape)


def _by_rows(links: Links, base: int, change: Floats, context: _Context) -> tuple[Floats, list[tuple[Floats, Int64]]]:
    """The changes summed over contacts that no row tells apart: those like the column's own, and the others.

    Of the others come values (n,) and the code of one of them, -1 where there is none.
    """
    table = links.tables[base]
    _, alike = np.unique(row_marks(table), return_inverse=True)
    code = np.where(context.made, links.code[np.maximum(context.pair, 0)], -1)
    kind = np.where(code >= 0, alike[np.maximum(code, 0)], -1)
    own = change[:, -1].copy()
    others: list[tuple[Floats, Int64]] = []
    for place in range(change.shape[1] - 1):
        same = kind[:, place] == kind[:, -1]
        own[same] += change[same, place]
        left = (kind[:, place] >= 0) & ~same & (change[:, place] != 0)
        for values, stands in others:
            held = np.where(stands >= 0, alike[np.maximum(stands, 0)], -1)
            hit = left & ((held == kind[:, place]) | (held < 0))
            stands[hit] = np.where(held[hit] < 0, code[hit, place], stands[hit])
            values[hit] += change[hit, place]
            left &= ~hit
        if left.any():
            others.append((np.where(left, change[:, place], 0.0), np.where(left, code[:, place], -1).astype(np.int64)))
    return own, others


def _reach_weights(bonds: Bonds, expressions: list[Expression]) -> Floats:
    """What a label reached counts in each expression, (reaches, expressions)."""
    number = {reach.label.tobytes(): k for k, reach in enumerate(bonds.reaches)}
    weight = np.zeros((len(bonds.reaches), len(expressions)))
    for column, expression in enumerate(expressions):
        for reach, coefficient in expression.reached:
            if coefficient != 0:
                weight[number[reach.label.tobytes()], column] += coefficient
    return weight


def _bits(touch: Int64, count: int) -> sp.csr_array:
    """The bits of each touch as a sparse row, (n, count)."""
    found = [np.flatnonzero(touch >> bit & 1) for bit in range(count)]
    row = np.concatenate([np.empty(0, np.int64), *found])
    bit = np.repeat(np.arange(count), [len(one) for one in found])
    return sp.csr_array((np.ones(len(row)), (row, bit)), shape=(len(touch), count))
