"""Openings: fixed costs, minimum quantities, at most n offers, spend or zero.

    y_o ≥ x_ia for (i, a) in o,   y_o ≤ Σ x_ia,   Σ x_ia ≥ q_o y_o          fixed cost f_o y_o, minimum quantity q_o
    min ≤ Σ_{v in values of ``of``} y_v ≤ max                                 ``open``
    low_m y_m ≤ s_m ≤ high_m y_m                                              spend or zero, fixed cost of a medium

Source: Nobibon, Leus, Spieksma, European Journal of Operational Research 210 (2011). Committed contacts open nothing.
"""

from __future__ import annotations

import numpy as np

from optimizer.problem import CouplingRow, Expression, Weights
from optimizer.rules.base import Compiled, Context, Finding, Verb
from optimizer.rules.bounds import range_of, rows
from optimizer.rules.measures import activities_opening
from optimizer.rules.notes import lint_coupling
from optimizer.rules.scope import Scope, scopes, split
from optimizer.rules.sentences import bounds_text, number, places
from optimizer.scenario.rule_schema import Open, Rule


def minimum_volumes(context: Context) -> None:
    """Declare the openings of ``min_volume_if_opened``: no contact, or at least so many."""
    for minimum in context.facts.minimum_volumes:
        activities_opening(context, minimum.name, minimum.activities, minimum.volume)


def openable(rule: Rule, context: Context, scope: Scope) -> list[tuple[str, Weights]]:
    """The values of ``of`` found among the eligible pairs of a scope, with their pairs."""
    assert isinstance(rule.open, Open)
    return [(part.values[rule.open.of], part.contacts) for part in split(context, scope, [rule.open.of])]


def compile_open(rule: Rule, context: Context) -> Compiled:
    """A binary a value and scope, and a row a scope."""
    assert isinstance(rule.open, Open)
    coupling: list[CouplingRow] = []
    for scope in scopes(context, rule):
        lower, upper = range_of(context, rule, scope)
        opened: dict[int, float] = {}
        for value, contacts in openable(rule, context, scope):
            name = " ".join(
                part for part in (f"{rule.open.of} {value}", f"[{scope.label}]" if scope.label else "") if part
            )
            if contacts.customer is None and contacts.pair is None and contacts.activity is not None:
                row = activities_opening(context, name, contacts.activity != 0)
            else:
                row = context.open(f"{name} ({rule.name})", contacts)
            opened[row] = opened.get(row, 0.0) + 1.0
        coupling += rows(rule, scope.label, Expression(opened=opened), lower, upper)
    return Compiled(coupling=coupling)


def sentence(rule: Rule, context: Context) -> str:
    """``open at most 3 offers``."""
    assert isinstance(rule.open, Open)
    plural = rule.open.of if np.any([rule.open.max == 1, rule.open.min == 1]) else f"{rule.open.of}s"
    return f"open {bounds_text(rule, number)} {plural}{places(rule)}"


def lint(rule: Rule, context: Context) -> list[Finding]:
    """More values asked for than there are, or no fewer allowed than there are."""
    return lint_coupling(rule, context)


VERBS = (Verb("open", compile_open, sentence, lint),)
