"""Soft choices: what tied units would do if prices moved, each softened to a mix of its next few choices.

Of every unit the model keeps what each next choice loses at the prices known and how much more of each row it uses than
the first. A soft maximum over them has a slope and a bend in the prices, from which ``ties`` takes Newton steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Floats, Ints
from optimizer.solve.decomposed.alternatives import alternatives
from optimizer.solve.decomposed.dual import Dual

Int64 = NDArray[np.int64]

#: Choices of a unit that the model knows.
KNOWN = 4
#: Temperatures that a choice must lose for its share to be none.
COLD = 50.0
#: Pieces that threads share; fixed, so that sums do not depend on their number.
PIECES = 8


@dataclass(frozen=True)
class TiedChoices:
    """Choices of units that may change, the first of each unit first.

    ``start`` (units + 1,) runs of choices; ``loss`` (P,) what each loses against the first; ``pointer`` (P + 1,) runs
    of ``row`` and ``more``: what a choice uses of the rows beyond the first; ``weight`` (units,) how many customers
    each is. Numbers that lead to others have no sign: kernels ask of those that have one whether they count from the
    end, which takes as long as the sums themselves.
    """

    start: Int64
    loss: Floats
    pointer: NDArray[np.uint64]
    row: NDArray[np.uint32]
    more: Floats
    weight: Floats


def tied_choices(dual: Dual, units: Ints, prices: Floats, weight: Floats) -> TiedChoices:
    """The next few choices of the units under prices (bases, codes)."""
    options = alternatives(dual.columns, units, prices, KNOWN, np.inf)
    start = np.append(np.flatnonzero(np.diff(options.unit, prepend=-1)), len(options.unit)).astype(np.int64)
    pieces = np.linspace(0, len(start) - 1, PIECES + 1).astype(np.int64)
    rows = len(dual.structure.rows)
    at, its_row, coefficient = dual.links.flat
    arrays = (
        start, options.start.view(np.uint64), options.column.view(np.uint64), dual.columns.code.view(np.uint32),
        dual.columns.base, at.view(np.uint64), its_row.view(np.uint32), coefficient, rows,
    )  # fmt: skip
    pointer = np.zeros(len(options.unit) + 1, np.int64)
    nothing = np.empty(0, np.uint32), np.empty(0)
    _further(pieces, *arrays, pointer, *nothing, False)
    np.cumsum(pointer, out=pointer)
    row, more = np.empty(pointer[-1], np.uint32), np.empty(pointer[-1])
    _further(pieces, *arrays, pointer, row, more, True)
    return TiedChoices(start, options.loss, pointer.view(np.uint64), row, more, weight)


@nb.njit(cache=True, parallel=True)
def _further(  # type: ignore[no-untyped-def]  # numba infers
    pieces, start, run, column, code, base, at, its_row, coefficient, rows, pointer, row, more, fill,
):  # fmt: skip
    """Count into ``pointer`` the rows of which each choice uses more or less than the unit's first, or fill them in."""
    for piece in nb.prange(len(pieces) - 1):
        first, further = np.zeros(rows), np.zeros(rows)
        of_first, touched = np.empty(rows, np.uint32), np.empty(rows, np.uint32)
        seen = np.zeros(rows, np.bool_)
        for u in range(pieces[piece], pieces[piece + 1]):
            known = 0
            for a in range(start[u], start[u + 1]):
                count = 0
                if a > start[u]:
                    for i in range(known):
                        r = of_first[i]
                        further[r], seen[r], touched[i] = -first[r], True, r
                    count = known
                for k in range(run[a], run[a + 1]):
                    c = code[column[k]]
                    for b in range(at.shape[0]):
                        times = 1.0 if b == 0 else base[b - 1, column[k]]
                        for t in range(at[b, c], at[b, c + 1]):
                            r = its_row[t]
                            if not seen[r]:
                                seen[r], further[r], touched[count] = True, 0.0, r
                                count += 1
                            further[r] += times * coefficient[t]
                place = pointer[a]
                for i in range(count):
                    r = touched[i]
                    seen[r] = False
                    if a == start[u]:
                        of_first[i], first[r] = r, further[r]
                    elif further[r] != 0.0:
                        if fill:
                            row[place], more[place] = r, further[r]
                            place += 1
                        else:
                            pointer[a + 1] += 1
                if a == start[u]:
                    known = count


def soft_maximum(
    model: TiedChoices, moved: Floats, temperature: float, every: int
) -> tuple[float, Floats, Floats, float, float]:
    """The soft maximum's sum, its slope and bend in the prices, what the mix of choices is worth, and the open ties."""
    rows = len(moved)
    pieces = np.linspace(0, len(model.start) - 1, PIECES + 1).astype(np.int64)
    value, mixed, ties = np.zeros(PIECES), np.zeros(PIECES), np.zeros(PIECES)
    slope, bend = np.zeros((PIECES, rows)), np.zeros((PIECES, rows, rows))
    most = int(np.diff(model.start).max(initial=1))
    _smoothed(
        pieces, model.start, model.loss, model.pointer, model.row, model.more, moved, model.weight, temperature, most,
        value, mixed, ties, slope, bend, every,
    )  # fmt: skip
    return float(value.sum()), slope.sum(axis=0), bend.sum(axis=0), float(mixed.sum()), float(ties.sum())


@nb.njit(cache=True, parallel=True)
def _smoothed(  # type: ignore[no-untyped-def]  # numba infers
    pieces, start, loss, pointer, row, more, moved, weight, temperature, most, value, mixed, ties, slope, bend, every,
):  # fmt: skip
    for piece in nb.prange(len(pieces) - 1):
        rows = slope.shape[1]
        worth, share = np.empty(most), np.empty(most)
        number = 0
        valued, mix, tied = 0.0, 0.0, 0.0
        sloped, bent = np.zeros(rows), np.zeros((rows, rows))
        mean, seen, touched = np.zeros(rows), np.zeros(rows, np.bool_), np.empty(rows, np.uint32)
        for u in range(pieces[piece], pieces[piece + 1]):
            begin, end = start[u], start[u + 1]
            best, other = 0.0, -np.inf  # the first uses nothing beyond itself
            worth[0] = 0.0
            for a in range(begin + 1, end):
                costs = 0.0
                for k in range(pointer[a], pointer[a + 1]):
                    costs += more[k] * moved[row[k]]
                worth[a - begin] = -loss[a] - costs
                other = max(other, worth[a - begin])
            if other < -COLD * temperature:
                continue  # it keeps its first choice, which is worth nothing here
            best = max(best, other)
            total = 0.0
            for a in range(end - begin):
                less = (worth[a] - best) / temperature
                share[a] = np.exp(less) if less > -COLD else 0.0
                total += share[a]
            valued += weight[u] * (best + temperature * np.log(total))
            same = 0.0
            for a in range(end - begin):
                share[a] /= total
                same += share[a] * share[a]
                mix += weight[u] * share[a] * worth[a]
            tied += 1.0 - same
            for a in range(begin + 1, end):
                p = weight[u] * share[a - begin]
                if p > 0.0:
                    for k in range(pointer[a], pointer[a + 1]):
                        sloped[row[k]] -= p * more[k]
            if same > 1.0 - 1e-9:
                continue
            # Where many are tied, some of them tell the bend.
            number += 1
            if number % every:
                continue
            # Σ p δδᵀ − (Σ p δ)(Σ p δ)ᵀ, over the few rows that these choices use.
            count, factor = 0, weight[u] * every / temperature
            for a in range(begin + 1, end):
                p = share[a - begin]
                if p > 1e-12:
                    for k in range(pointer[a], pointer[a + 1]):
                        r = row[k]
                        if not seen[r]:
                            seen[r] = True
                            touched[count] = r
                            count += 1
                        mean[r] += p * more[k]
                        for m in range(pointer[a], pointer[a + 1]):
                            bent[r, row[m]] += p * factor * more[k] * more[m]
            for i in range(count):
                r = touched[i]
                for j in range(count):
                    bent[r, touched[j]] -= mean[r] * mean[touched[j]] * factor
            for i in range(count):
                mean[touched[i]] = 0.0
                seen[touched[i]] = False
        value[piece], mixed[piece], ties[piece] = valued, mix, tied
        slope[piece], bend[piece] = sloped, bent
