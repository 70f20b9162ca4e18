"""The loop of ``greedy``: one contact after another, every rule asked of what the customer already has."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

#: Contacts a customer (or household) may be given here.
SLOTS = 24
_ROOM = 1e-6


def take(
    order: NDArray[np.int64],
    worth: NDArray[np.float64],
    customer: NDArray[np.int64],
    activity: NDArray[np.int64],
    unit: NDArray[np.int64],
    most: int,
    counts: tuple[Any, ...],
    clashes: tuple[Any, ...],
    befores: tuple[Any, ...],
    groups: tuple[Any, ...],
    rows: tuple[Any, ...],
) -> NDArray[np.bool_]:
    """Which pairs are taken, (E,); ``order`` by priority, the other arguments as ``greedy`` lays them out."""
    made = np.zeros(len(customer), np.bool_)
    chosen = np.zeros((len(unit), most, SLOTS), np.int32)
    size = np.zeros((len(unit), most), np.int64)
    used = np.zeros(counts[1].shape, np.float32)
    total = np.zeros(len(rows[3]))
    for minima in (True, False):
        _take(
            order, worth, minima, customer, activity, unit, made, chosen, size, used, total,
            *counts, *clashes, *befores, *groups, *rows,
        )  # fmt: skip
    return made


@numba.njit(cache=True)
def _take(
    order, worth, minima, customer, activity, unit, made, chosen, size, used, total,
    count_kind, count_cap, count_weight, dense_row, dense,
    clash_kind, clash_first, clash_then, clash_follows,
    before_kind, before_first, before_then, before_follows,
    group_kind, group_member, group_of, group_touched, group_upper,
    row_start, row_of, row_value, row_lower, row_upper,
):  # fmt: skip
    for e in order:
        if made[e]:
            continue
        if not minima and worth[e] <= 0.0:
            break
        i, a = customer[e], activity[e]
        if minima:
            wanted = False
            for k in range(row_start[e], row_start[e + 1]):
                r = row_of[k]
                if row_value[k] > 0 and total[r] < row_lower[r] - _ROOM:
                    wanted = True
            if not wanted:
                continue
        fits = True
        for k in range(row_start[e], row_start[e + 1]):
            r, after = row_of[k], total[row_of[k]] + row_value[k]
            if row_value[k] > 0 and after > row_upper[r] + _ROOM:
                fits = False
            if row_value[k] < 0 and after < row_lower[r] - _ROOM:
                fits = False
        for r in range(len(count_kind)):
            w = count_weight[r, a] if dense_row[r] < 0 else dense[dense_row[r], e]
            u = unit[count_kind[r], i]
            if w > 0 and used[r, u] + w > count_cap[r, u] + _ROOM:
                fits = False
        for kind in range(len(unit)):
            if size[kind, unit[kind, i]] >= chosen.shape[2]:
                fits = False
        if not fits:
            continue
        for r in range(len(clash_kind)):
            kind = clash_kind[r]
            u = unit[kind, i]
            for s in range(size[kind, u]):
                f = chosen[kind, u, s]
                b = activity[f]
                if clash_first[r, e] and clash_then[r, f] and clash_follows[r, a, b]:
                    fits = False
                if clash_first[r, f] and clash_then[r, e] and clash_follows[r, b, a]:
                    fits = False
        for r in range(len(before_kind)):
            if not fits or not before_first[r, e] or (before_then[r, e] and before_follows[r, a, a]):
                continue
            kind = before_kind[r]
            u = unit[kind, i]
            enabled = False
            for s in range(size[kind, u]):
                f = chosen[kind, u, s]
                if before_then[r, f] and before_follows[r, a, activity[f]]:
                    enabled = True
            fits = enabled
        for r in range(len(group_kind)):
            if not fits or not group_member[r, e]:
                continue
            kind = group_kind[r]
            u = unit[kind, i]
            touched = 0
            for g in range(group_of.shape[1]):
                if group_touched[r, u, g]:
                    continue
                here = group_of[r, g, a]
                for s in range(size[kind, u]):
                    f = chosen[kind, u, s]
                    here = here or (group_member[r, f] and group_of[r, g, activity[f]])
                touched += here
            if touched > group_upper[r, u]:
                fits = False
        if not fits:
            continue
        made[e] = True
        for k in range(row_start[e], row_start[e + 1]):
            total[row_of[k]] += row_value[k]
        for r in range(len(count_kind)):
            w = count_weight[r, a] if dense_row[r] < 0 else dense[dense_row[r], e]
            used[r, unit[count_kind[r], i]] += w
        for kind in range(len(unit)):
            u = unit[kind, i]
            chosen[kind, u, size[kind, u]] = e
            size[kind, u] += 1
