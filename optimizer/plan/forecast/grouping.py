"""Groups of a forecast: by which columns, and where each contact, medium cell and fixed cost belongs.

What has no value of a column (a medium has no segment, say) stands in the group ``""``, so that the groups of every
table add up to the plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.plan.columns import CALENDAR, split_name
from optimizer.plan.records import Records, declared_scope
from optimizer.scenario.facts import Facts
from optimizer.scenario.messages import did_you_mean

#: Groups of one table at most.
MOST_GROUPS = 20_000
#: Between the values of several columns.
BETWEEN = " / "

By = str | Sequence[str]


@dataclass(frozen=True)
class Grouping:
    """One way to split a plan.

    Attributes
    ----------
    name : str
        The columns, as ``channel`` or ``channel / wave``; ``total`` for the whole.
    texts : list of str
        The groups, sorted; ``""`` where there is no value.
    contact, medium, fixed : int arrays (R,), (M,), (F,)
        The group of each contact, medium cell and fixed cost.
    """

    name: str
    texts: list[str]
    contact: NDArray[np.int64]
    medium: NDArray[np.int64]
    fixed: NDArray[np.int64]


def groupings(plan: Records, by: By | Sequence[By]) -> list[Grouping]:
    """The whole, then each way asked for; a text alone is one column.

    Raises
    ------
    ScenarioError
        For an unknown column, a number of the pairs, or a column with too many values.
    """
    asked = [by] if isinstance(by, str) else by
    if not isinstance(asked, Sequence):
        raise ScenarioError("forecast", "by", by, "expected columns, as ['channel', ['country', 'wave']]")
    ways = []
    for way in asked:
        columns = [way] if isinstance(way, str) else way
        if not isinstance(columns, Sequence) or not all(isinstance(column, str) for column in columns):
            raise ScenarioError("forecast", "by", way, "expected a column's name, or several to cross")
        ways.append(list(columns))
    for way in ways:
        for column in way:
            _check(plan, column)
    return [_grouping(plan, way) for way in [[], *ways]]


def default_by(facts: Facts) -> list[str]:
    """Channel, offer and wave where there are several, and the customers' segment where they have one."""
    several = [column for column in ("channel", "offer", "wave") if facts.activities[column].nunique() > 1]
    if facts.media and "channel" not in several:
        several.insert(0, "channel")
    return [*several, *(["segment"] if "segment" in facts.customers.columns else [])]


def _check(plan: Records, column: str) -> None:
    facts = plan.facts
    prefix, bare = split_name(column)
    if prefix is None and bare in facts.pairs.measures:
        words = "is a number of each pair; expected a customer or activity column"
        raise ScenarioError("forecast", "by", column, words)
    known = {
        *(facts.activities.columns if prefix != "customer" else []),
        *(facts.customers.columns if prefix != "activity" else []),
        *(CALENDAR if prefix is None and facts.dated else []),
        *(name for cell in facts.media for name in cell.columns if prefix is None),
    }
    if bare not in known:
        raise ScenarioError("forecast", "by", column, f"unknown column; {did_you_mean(bare, known - {'offers'})}")


def _grouping(plan: Records, columns: Sequence[str]) -> Grouping:
    facts = plan.facts
    code, parts = np.zeros(len(plan), dtype=np.int64), [()]
    for column in columns:
        own, texts = _codes(plan, column)
        crossed, code = np.unique(code * len(texts) + own, return_inverse=True)
        parts = [(*parts[one // len(texts)], texts[one % len(texts)]) for one in crossed.tolist()]
        if len(parts) > MOST_GROUPS:
            words = f"has more than {MOST_GROUPS:,} values among the contacts; take a coarser column"
            raise ScenarioError("forecast", "by", column, words)
    others = [
        *(_declared(columns, {"channel": cell.medium, **cell.columns}) for cell in facts.media),
        *(_declared(columns, fixed.columns) for fixed in facts.fixed_costs),
    ]
    texts = [BETWEEN.join(part) if any(part) else "" for part in [*parts, *others]]
    groups = sorted(set(texts)) if texts else [""]
    place = {text: row for row, text in enumerate(groups)}
    rows = np.array([place[text] for text in texts], dtype=np.int64)
    count, media = len(parts), len(facts.media)
    return Grouping(
        name=BETWEEN.join(columns) if columns else "total",
        texts=groups if columns else ["all"],
        contact=rows[:count][code] if len(plan) else np.empty(0, dtype=np.int64),
        medium=rows[count : count + media],
        fixed=rows[count + media :],
    )


def _codes(plan: Records, column: str) -> tuple[NDArray[np.int64], list[str]]:
    """A text for every contact as a code; an activity of several offers keeps them together as ``a;b``."""
    prefix, bare = split_name(column)
    home = plan.columns.home(column)
    if bare == "offer" and prefix != "customer":
        offers = plan.facts.activities["offer"].fillna("").astype("str")
        texts = sorted(set(offers))
        return np.array([texts.index(one) for one in offers], dtype=np.int64)[plan.activity], texts
    if home == "pair":
        raise AssertionError("refused before")
    found = plan.columns.coded(home, bare)
    if found is None:
        return np.zeros(len(plan), dtype=np.int64), [""]
    code, texts = found
    at = plan.activity if home == "activity" else plan.customer
    return np.where(code[at] >= 0, code[at], len(texts)).astype(np.int64), [*texts, ""]


def _declared(columns: Sequence[str], declared: Mapping[str, object]) -> tuple[str, ...]:
    """The values something that is no contact declares; '' where it does not."""
    return tuple((declared_scope([column], declared) or ("",))[0] for column in columns)
