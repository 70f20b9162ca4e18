"""``volume``: minimum and maximum number of contacts, of customers reached or of packages, in any scope and window.

    min_s ≤ n_s + Σ_{(i,a) in s} x_ia ≤ max_s                                           of: contacts
    min_s ≤ |{i : some x_ia = 1 in s, or a committed contact}| ≤ max_s                    of: customers
    min_s ≤ |{(i, date_a) : some x_ia = 1 in s, or a committed contact}| ≤ max_s          of: packages

n_s are the committed contacts of the scope. With ``days: D`` a row a window [d − D + 1, d], d each activity date; a
minimum binds windows inside the horizon alone. Minimum and maximum assignment: Bigler, Kammermann, Baumann, European
Journal of Operational Research 304 (2023).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from optimizer.problem import CouplingRow, Expression, Ints, Reach, Weights
from optimizer.rules.base import Compiled, Context, Finding, Verb
from optimizer.rules.bounds import range_of, rows
from optimizer.rules.measures import in_horizon
from optimizer.rules.notes import lint_coupling
from optimizer.rules.scope import Scope, scopes
from optimizer.rules.sentences import bounds_text, number, places
from optimizer.rules.weights import kept_pairs, product
from optimizer.scenario.rule_schema import Rule, Volume


@dataclass(frozen=True)
class Window:
    """Dates that are counted together, in days since 1970-01-01, and whether their minimum and maximum bind."""

    first: int
    last: int
    minimum: bool
    maximum: bool

    @property
    def label(self) -> str:
        """``2026-03-06 to 2026-03-12``."""
        return f"{np.datetime64(self.first, 'D')} to {np.datetime64(self.last, 'D')}"


def windows(days: Ints, length: int) -> list[Window]:
    """The windows of ``length`` days that end on activity dates, by their last date.

    Minima bind windows inside the horizon; a horizon shorter than the window is a window of its own.
    """
    first, last = int(days.min()), int(days.max())
    found = [Window(int(day) - length + 1, int(day), int(day) - length + 1 >= first, True) for day in np.unique(days)]
    if last - first + 1 < length:
        found.append(Window(first, last, True, False))
    return found


def bounded_windows(rule: Rule, context: Context) -> Iterator[tuple[Scope, str, float, float, Expression]]:
    """Every counted set of a volume rule: its scope (cut to the window), label, bounds and expression."""
    verb = rule.volume
    assert isinstance(verb, Volume)
    facts = context.facts
    counted = in_horizon(context)
    exceptions = {int(np.datetime64(e.date, "D").astype(int)): e for e in verb.except_}
    for scope in scopes(context, rule):
        lower, upper = range_of(context, rule, scope)
        if verb.days is None:
            cut = replace(scope, past=scope.past & counted)
            yield cut, scope.label, lower, upper, counted_expression(context, verb.of, cut)
            continue
        past_days = facts.past["days"].to_numpy()
        committed = facts.past["committed"].to_numpy(bool)
        for window in windows(facts.days, verb.days):
            low, high = lower, upper
            if (exception := exceptions.get(window.last)) is not None:
                low = -np.inf if exception.min is None else exception.min
                high = np.inf if exception.max is None else exception.max
            low, high = (low if window.minimum else -np.inf), (high if window.maximum else np.inf)
            inside = (facts.days >= window.first) & (facts.days <= window.last)
            past = scope.past & committed & (past_days >= window.first) & (past_days <= window.last)
            contacts = product(scope.contacts, Weights(activity=inside.astype(float)))
            label = f"{scope.label}, {window.label}" if scope.label else window.label
            cut = replace(scope, label=label, contacts=contacts, past=past)
            yield cut, label, low, high, counted_expression(context, verb.of, cut)


def counted_expression(context: Context, of: str, scope: Scope) -> Expression:
    """Contacts, customers or packages of a scope whose ``past`` holds exactly the past contacts that count."""
    if of == "contacts":
        return Expression(contacts=[scope.contacts], constant=float(scope.past.sum()))
    label, already = reached(context, of, scope)
    return Expression(reached=[(Reach(label), 1.0)], constant=float(already))


def reached(context: Context, of: str, scope: Scope) -> tuple[Ints, int]:
    """The label of each pair (customer or package, -1 outside or already reached) and the number already reached."""
    facts = context.facts
    pairs, past = facts.pairs, facts.past[scope.past]
    key = pairs.customer.astype(np.int64)
    booked = past["customer"].to_numpy().astype(np.int64)
    if of == "packages":
        days = past["days"].to_numpy()
        dates, codes = np.unique(np.concatenate([facts.days, days]), return_inverse=True)
        key = key * len(dates) + codes[: len(facts.days)][pairs.activity]
        booked = booked * len(dates) + codes[len(facts.days) :]
    already = np.unique(booked)
    ours = kept_pairs(context, scope.contacts) & ~np.isin(key, already)
    label = np.full(len(pairs), -1, np.int32)
    label[ours] = np.unique(key[ours], return_inverse=True)[1]
    return label, len(already)


def compile_volume(rule: Rule, context: Context) -> Compiled:
    """Rows of a volume rule, one a scope and window."""
    coupling: list[CouplingRow] = []
    for _, label, lower, upper, expression in bounded_windows(rule, context):
        coupling += rows(rule, label, expression, lower, upper)
    return Compiled(coupling=coupling)


def sentence(rule: Rule, context: Context) -> str:
    """``At most 20,000 contacts where channel is sms, for each wave``."""
    verb = rule.volume
    assert isinstance(verb, Volume)
    text = f"{bounds_text(rule, number)} {verb.of}{places(rule)}"
    if verb.days is not None:
        text += f" in any {verb.days} days" if verb.days > 1 else " on any day"
    for exception in verb.except_:
        sides = [f"at least {number(exception.min)}"] if exception.min is not None else []
        sides += [f"at most {number(exception.max)}"] if exception.max is not None else []
        text += f"; {' and '.join(sides) or 'no bound'} in the days to {exception.date.isoformat()}"
    return text


def lint(rule: Rule, context: Context) -> list[Finding]:
    """Minima above what is eligible, maxima that nothing reaches, scopes that touch nobody."""
    return lint_coupling(rule, context)


VERBS = (Verb("volume", compile_volume, sentence, lint),)
