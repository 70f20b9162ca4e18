"""Sequence: what may not follow what: ``rest``, ``never`` and ``alternate``.

    x_e + x_f ≤ 1   for every two distinct contacts e, f of one customer that clash, ours with ours
    x_e = 0         for every contact e that clashes with a past one

    rest: D             0 < |date_e − date_f| < D
    never first, then   e matches first, f matches then, 0 ≤ date_f − date_e ≤ L
    never together      e matches one, f the other, |date_e − date_f| ≤ L
    alternate           same channel, waves on dates adjacent in the calendar of waves

``where``, ``each`` and ``per`` hold for both contacts. Without ``days`` never looks over the horizon and at no
history. Solvers take maximal cliques of the clashes, as in the conflict rules of Bigler, Kammermann, Baumann,
European Journal of Operational Research 304 (2023); never is Unica Optimize's "never A with B" and "never A after
B".
"""

from __future__ import annotations

from typing import cast

import numpy as np

from optimizer.problem import Bools, Clash, Count, Ints, LocalRule, Numbers, Units, Weights
from optimizer.rules.base import Compiled, Context, Verb
from optimizer.rules.local_lint import lint_local
from optimizer.rules.measures import in_horizon
from optimizer.rules.scope import kept, past_kept, scopes
from optimizer.rules.subjects import apart, contacts_word, counted, lag_text, looked_at, such_contact, unit_word
from optimizer.rules.units import Days, past_against, whole_soft
from optimizer.rules.weights import product
from optimizer.scenario.rule_schema import Filter, Never, Rest, Rule

# --- rest -----------------------------------------------------------------------------------------------------


def compile_rest(rule: Rule, context: Context) -> Compiled:
    """Clashes of contacts on different dates that are too near, ours and past."""
    days = cast(Rest, rule.rest).days
    facts = context.facts
    units = context.units(rule.per)
    follows = too_near(lags(context), days)
    local: list[LocalRule] = []
    for scope in scopes(context, rule):
        local.append(Clash(rule.name, scope.label, scope.contacts, scope.contacts, follows, units, whole_soft(rule)))
        if facts.dated:
            count = past_against(context, units, scope.contacts, scope.past, lambda lag: too_near(lag, days))
            local += against_past(rule, context, scope.label, units, count)
    return Compiled(local=local)


def too_near(lag: Days, days: int) -> Bools:
    """Whether two dates differ, by less than the rest."""
    return (lag != 0) & (np.abs(lag) < days)


# --- never ----------------------------------------------------------------------------------------------------


def compile_never(rule: Rule, context: Context) -> Compiled:
    """Clashes of a first and a second contact in order, or of two in any order."""
    verb = cast(Never, rule.never)
    first_filter, then_filter = never_filters(verb)
    units = context.units(rule.per)
    follows = follows_never(lags(context), verb)
    local: list[LocalRule] = []
    for scope in scopes(context, rule):
        first = product(scope.contacts, kept(context, first_filter))
        then = product(scope.contacts, kept(context, then_filter))
        local.append(Clash(rule.name, scope.label, first, then, follows, units, whole_soft(rule)))
        past = scope.past if verb.days is not None else scope.past & in_horizon(context)
        if not past.any():
            continue
        # Each past contact counts once against a contact of ours, whichever of the two it is.
        was_first, was_then = past & past_kept(context, first_filter), past & past_kept(context, then_filter)
        count = past_against(context, units, then, was_first, lambda lag: follows_never(lag, verb))
        count = count + past_against(context, units, first, was_then, lambda lag: follows_never(-lag, verb))
        count = count - past_against(
            context, units, product(first, then), was_first & was_then,
            lambda lag: follows_never(lag, verb) & follows_never(-lag, verb),
        )  # fmt: skip
        local += against_past(rule, context, scope.label, units, count)
    return Compiled(local=local)


def never_filters(verb: Never) -> tuple[Filter, Filter]:
    """The filters of the first and of the second contact."""
    if verb.together is not None:
        return verb.together[0], verb.together[1]
    assert verb.first is not None
    assert verb.then is not None
    return verb.first, verb.then


def follows_never(lag: Days, verb: Never) -> Bools:
    """Whether a contact ``lag`` days after a first one clashes with it."""
    within = np.ones(np.shape(lag), bool) if verb.days is None else np.abs(lag) <= verb.days
    return within if verb.together is not None else within & (lag >= 0)


# --- alternate ------------------------------------------------------------------------------------------------


def compile_alternate(rule: Rule, context: Context) -> Compiled:
    """Clashes of contacts of one channel in waves on adjacent dates."""
    channel = context.facts.activities["channel"].to_numpy()
    place = wave_places(context)
    follows = (channel[:, None] == channel[None, :]) & (place[None, :] - place[:, None] == 1)
    units = context.units(rule.per)
    return Compiled(
        local=[
            Clash(rule.name, scope.label, scope.contacts, scope.contacts, follows, units, whole_soft(rule))
            for scope in scopes(context, rule)
        ]
    )


def wave_places(context: Context) -> Ints:
    """The place of each activity's wave in the calendar of waves (by distinct dates), shape (A,)."""
    facts = context.facts
    stated = {
        wave.name: int(np.datetime64(wave.date, "D").astype(int))
        for wave in context.scenario.spec.waves or []
        if wave.date is not None
    }
    dates = np.array(
        [stated.get(wave, int(day)) for wave, day in zip(facts.activities["wave"], facts.days, strict=True)], np.int64
    )
    calendar = np.unique(np.concatenate([dates, np.array(list(stated.values()), np.int64)]))
    return np.searchsorted(calendar, dates).astype(np.int32)


# --- shared ---------------------------------------------------------------------------------------------------


def lags(context: Context) -> Days:
    """date(column) − date(row) of activities in days, shape (A, A)."""
    days = context.facts.days.astype(np.int64)
    return days[None, :] - days[:, None]


def against_past(rule: Rule, context: Context, label: str, units: Units, count: Numbers) -> list[LocalRule]:
    """A cap of 0 on contacts that clash with the past, each weighing as many past contacts as it clashes with."""
    clashing = np.flatnonzero(count)
    if not len(clashing):
        return []
    bound = np.unique(units.unit[context.facts.pairs.customer[clashing]]).astype(np.int32)
    place = ", ".join(part for part in (label, "against past contacts") if part)
    lower, upper = np.broadcast_to(-np.inf, len(bound)), np.broadcast_to(0.0, len(bound))
    return [Count(rule.name, place, Weights(pair=count), units, bound, lower, upper, whole_soft(rule))]


# --- sentences ------------------------------------------------------------------------------------------------


def say_rest(rule: Rule, context: Context) -> str:
    """``Contacts of one customer on different dates are at least 5 days apart``."""
    days = counted(cast(Rest, rule.rest).days, "day")
    noun = contacts_word(rule)
    return f"{noun.capitalize()} of one {unit_word(rule)} on different dates are at least {days} apart{apart(rule)}"


def say_never(rule: Rule, context: Context) -> str:
    """``No customer receives a contact where channel is a followed by a contact where channel is b within 6 days``."""
    verb, unit = cast(Never, rule.never), unit_word(rule)
    one, other = never_filters(verb)
    word = "together with" if verb.together is not None else "followed by"
    return f"No {unit} receives {such_contact(one)} {word} {such_contact(other)}{lag_text(verb.days)}{looked_at(rule)}"


def say_alternate(rule: Rule, context: Context) -> str:
    """``No customer receives the same channel in two waves on adjacent dates``."""
    return f"No {unit_word(rule)} receives the same channel in two adjacent waves{looked_at(rule)}"


VERBS = (
    Verb("rest", compile_rest, say_rest, lint_local),
    Verb("never", compile_never, say_never, lint_local),
    Verb("alternate", compile_alternate, say_alternate, lint_local),
)
