"""What rules ask of our contacts by bundle and of the past by kind of customer, where activity and customer are apart.

A part of a rule is what its filters keep in one scope: some activities, of some customers. What hangs on the past alone
is kept with the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.plan.bundles import Bundles
from optimizer.plan.columns import Apart, words_of
from optimizer.plan.records import Rows, Scope
from optimizer.plan.verify.alike import Kinds, kinds_of
from optimizer.plan.verify.evidence import Evidence, Filter
from optimizer.scenario.facts import Bools, Floats

Longs = NDArray[np.int64]
Windows = Sequence[tuple[int, int]]


def parts_of(evidence: Evidence, each: Sequence[str], *filters: Filter | None) -> dict[Scope, Apart] | None:
    """Scope -> what filters keep in it; None where one compares customer and activity, or a scope is no activity's."""
    columns = evidence.columns
    if not len(evidence.facts.customers) or evidence.plan.bundles is None:
        return None
    whole = None if any(columns.home(name) != "activity" for name in each) else columns.apart(*filters)
    if whole is None:
        return None
    if not each:
        return {(): whole}
    found: dict[Scope, Apart] = {}
    for activity, scopes in enumerate(evidence.eligible.labels(each)):
        for scope in scopes:
            if scope not in found:
                found[scope] = replace(whole, activities=np.zeros_like(whole.activities))
            found[scope].activities[activity] = whole.activities[activity]
    return found


def contacts_in(evidence: Evidence, part: Apart, among: Bools | None = None) -> int:
    """How many contacts of ours are in a part, and ``among`` those of bundles and activities, shape (B, A)."""
    bundles = bundles_of(evidence)
    if part.words not in evidence.customers:
        of = bundles.of if part.customers is None else bundles.of[part.customers]
        evidence.customers[part.words] = np.bincount(of, minlength=len(bundles))
    held = (bundles.holds if among is None else bundles.holds & among)[:, part.activities]
    return int(evidence.customers[part.words] @ np.count_nonzero(held, axis=1))


@dataclass(frozen=True)
class Loads:
    """What customers received in some windows of the past.

    Attributes
    ----------
    kinds : Kinds
        Contacts, or their weights times ``scale``, in each window.
    scale : int or None
        None where the weights cannot be made whole.
    """

    kinds: Kinds
    scale: int | None = 1


def loads_of(
    evidence: Evidence, each: Sequence[str], filters: Sequence[Filter | None], windows: Windows, *,
    booked: bool = False, weighted: bool = False,
) -> Callable[[Scope], Loads]:  # fmt: skip
    """What the past (or booked) contacts that filters keep count in each window, or weigh, by scope."""
    words = tuple(words_of(where) for where in filters if where is not None)

    def make() -> dict[Scope, Loads]:
        past = evidence.booked if booked else evidence.past
        kept = np.ones(len(past), dtype=bool)
        for where in filters:
            if where is not None:
                kept &= past.holds(where)
        first, last = min((low for low, _ in windows), default=0), max((high for _, high in windows), default=-1)
        kept &= (past.days >= first) & (past.days <= last)
        assert past.past is not None
        weight = past.past["pressure"].to_numpy(np.float64) if weighted else None
        found = past.scopes(each, kept)
        return {
            scope: _loads(len(evidence.facts.customers), past.customer[rows], past.days[rows],
                          None if weight is None else weight[rows], windows)
            for scope, rows in found.items()
        }  # fmt: skip

    made = evidence.columns.kept.of(("loads", tuple(each), words, tuple(windows), booked, weighted), make)
    none = Loads(Kinds(None, np.zeros((1, len(windows)), dtype=np.int64)))
    return lambda scope: made.get(scope, none)


def _loads(count: int, customer: Rows, days: Longs, weight: Floats | None, windows: Windows) -> Loads:
    """The kinds of some customers' past contacts."""
    scale = 1 if weight is None else scale_of(weight)
    if scale is None:
        return Loads(Kinds(None, np.zeros((1, 0), dtype=np.int64)), None)
    owner, found = pd.factorize(customer)
    # windows that end after the last past contact, or start before the first, are often one
    first, last = int(days.min()), int(days.max())
    cut = [(min(max(low, first), last + 1), max(min(high, last), first - 1)) for low, high in windows]
    columns = []
    for low, high in (distinct := sorted(set(cut))):
        inside = slice(None) if (low, high) == (first, last) else (days >= low) & (days <= high)
        load = np.bincount(owner[inside], None if weight is None else weight[inside] * scale, len(found))
        columns.append(load.astype(np.int64))
    kinds = kinds_of(count, columns, found)
    return Loads(Kinds(kinds.of, kinds.table[:, [distinct.index(window) for window in cut]]), scale)


def scale_of(*parts: Floats) -> int | None:
    """The power of two, up to 64, that makes all finite numbers whole, so that their sums are exact in any order."""
    for scale in (1, 8, 64):
        if all((np.isinf(part) | (part * scale == np.floor(part * scale))).all() for part in parts):
            return scale
    return None


def bundles_of(evidence: Evidence) -> Bundles:
    """The bundles of a plan that has parts."""
    assert evidence.plan.bundles is not None
    return evidence.plan.bundles
