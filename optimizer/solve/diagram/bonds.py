"""Bonds between contacts beyond rank and change: groups whose responses combine, and labels reached by a first contact.

    context of a contact = which earlier slots of its group are taken, each with its rank and change
    touch of a contact   = the labels (of ``Reach``) that it is the first to touch

Contacts of a group are decided one after another, so what a contact adds to its group's responses is known from its
context. Both are carried only as long as a later slot of the class reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.problem import Ints, Problem, Reach
from optimizer.solve.diagram.units import PricingUnits

#: Distinct ``Reach`` a problem may have here: a bit of a word each.
MOST_REACHES = 60


@dataclass(frozen=True)
class Bonds:
    """What of a problem bonds contacts.

    Attributes
    ----------
    group : (A,) group of each activity, -1 where its responses combine with none; a customer's contacts with activities
        of one group combine.
    place : (A,) place of the activity in its group; the place is its digit in a context.
    radix : contexts are numbers of this base; a digit is 0 for a slot not taken, else 1 + 2 · rank index + changed.
    reaches : the distinct reaches of all expressions; their order is that of the bits of a touch.
    anchor : one (E,) a reach: a number that pairs of a unit share that have the same label, -1 outside.
    """

    group: Ints
    place: Ints
    radix: int
    reaches: list[Reach]
    anchor: list[Ints]


def reaches_of(problem: Problem) -> list[Reach]:
    """The distinct reaches that the objective and the coupling rows read."""
    found: dict[bytes, Reach] = {}
    for expression in (problem.objective, *(row.expression for row in problem.coupling)):
        for reach, coefficient in expression.reached:
            if coefficient != 0:
                found.setdefault(reach.label.tobytes(), reach)
    return list(found.values())


def unbonded(problem: Problem) -> list[str]:
    """What of groups and reaches cannot be said, in words."""
    reasons = []
    group = groups_of_activities(problem)
    if group is None:
        reasons.append("responses combined by more than customer and activity")
    elif (group >= 0).any() and float(_radix(problem)) ** int(np.bincount(group[group >= 0]).max()) >= 2.0**62:
        reasons.append("responses combined over many activities")
    reaches = reaches_of(problem)
    if len(reaches) > MOST_REACHES:
        reasons.append("many numbers of customers or packages reached")
    for reach in reaches:
        inside = reach.label >= 0
        label, customer = reach.label[inside], problem.customer[inside]
        first = np.zeros(int(label.max(initial=-1)) + 1, np.int32)
        first[label] = customer
        if (first[label] != customer).any():
            reasons.append("labels reached by several customers")
            break
    return reasons


def groups_of_activities(problem: Problem) -> Ints | None:
    """The group of each activity, -1 where it combines with none; None where activities do not tell."""
    label, activity = problem.responses.group, problem.activity
    count = len(problem.activity_names)
    group = np.full(count, -1, np.int32)
    if problem.responses.combine == "additive" or not (label >= 0).any():
        return group
    parent = np.arange(count)

    def root(a: int) -> int:
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = int(parent[a])
        return a

    kept = label >= 0
    first = np.full(int(label.max()) + 1, -1, np.int64)
    first[label[kept][::-1]] = activity[kept][::-1]
    edges = np.unique(first[label[kept]] * count + activity[kept])
    for edge in edges.tolist():
        a, b = root(edge // count), root(edge % count)
        parent[max(a, b)] = min(a, b)
    roots = np.array([root(a) for a in range(count)])
    several = np.bincount(roots, minlength=count) > 1
    group = np.where(several[roots], roots, -1).astype(np.int32)
    inside = group[activity] >= 0
    if (label[inside] < 0).any():
        return None
    key = problem.customer[inside].astype(np.int64) * count + group[activity[inside]]
    own = label[inside].astype(np.int64)
    both = np.unique(key * (int(own.max(initial=0)) + 1) + own) if len(key) else key
    alike = len(np.unique(key)) == len(both) == len(np.unique(own))
    return group if alike else None


def read_bonds(problem: Problem, units: PricingUnits) -> Bonds | None:
    """The bonds of a problem of which ``unbonded`` says nothing; None where it has none."""
    group, reaches = groups_of_activities(problem), reaches_of(problem)
    assert group is not None
    if not (group >= 0).any() and not reaches:
        return None
    place = np.zeros(len(group), np.int32)
    order = np.lexsort((np.arange(len(group)), problem.responses.day, group))
    runs = group[order]
    place[order] = np.arange(len(group)) - np.searchsorted(runs, runs)
    anchors = []
    for reach in reaches:
        label = reach.label[units.pair]
        first = np.full(int(label.max(initial=-1)) + 1, np.iinfo(np.int32).max, np.int32)
        np.minimum.at(first, label[label >= 0], units.slot[label >= 0])
        anchor = np.full(len(problem.customer), -1, np.int32)
        anchor[units.pair[label >= 0]] = first[label[label >= 0]]
        anchors.append(anchor)
    return Bonds(group, place, _radix(problem), reaches, anchors)


def rank_count(problem: Problem) -> int:
    """Number of rank indices; the last one holds for every rank beyond."""
    return max((factor.rank for factor in problem.responses.ranks), default=0) + 1


def _radix(problem: Problem) -> int:
    return 2 * rank_count(problem) + 1
