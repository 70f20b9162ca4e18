"""Checks of the order of contacts: days of rest, alternation of channels; effects are listed with whom they touched."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.plan.records import Records
from optimizer.plan.verify.apart import bundles_of, contacts_in, parts_of
from optimizer.plan.verify.clashes import Near, none_clash, none_near
from optimizer.plan.verify.evidence import Evidence, rows_in, scope_label
from optimizer.plan.verify.judge import Check, judge_rule
from optimizer.plan.verify.neighbours import neighbours
from optimizer.plan.verify.targets import contact_name
from optimizer.scenario.rule_schema import Effect, Rest, Rule


def check_rest(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check that contacts on different dates, one of them ours, are at least ``days`` apart."""
    rest = rule.rest
    assert isinstance(rest, Rest)
    after, before = Near(None, None, 1, rest.days - 1), Near(None, None, 1 - rest.days, -1)
    if none_near(rule, evidence, after, [before, after]):
        return none_clash(rule, evidence)
    plan, past, units = evidence.plan, evidence.past, evidence.units(rule.per)
    ours = plan.scopes(rule.each_columns, plan.holds(rule.where))
    theirs = past.scopes(rule.each_columns, past.holds(rule.where))
    checks = []
    for scope in evidence.scopes(rule):
        own, other = rows_in(ours, scope), rows_in(theirs, scope)
        unit, day = units.of[plan.customer[own]], plan.days[own]
        past_unit, past_day = units.of[past.customer[other]], past.days[other]
        close, _ = neighbours(unit, day, unit, day, 1, rest.days - 1)
        since, _ = neighbours(unit, day, past_unit, past_day, 1 - rest.days, -1)
        until, _ = neighbours(unit, day, past_unit, past_day, 1, rest.days - 1)
        clashes = own[np.concatenate([close, since, until])]
        judge = judge_rule(rule, scope_label(rule.each_columns, scope), "pairs")
        judge.each_pays(len(clashes), lambda k: contact_name(plan, int(clashes[k])))
        checks.append(judge.check())
    return checks


def wave_steps(evidence: Evidence, records: Records) -> NDArray[np.int64]:
    """Where each contact's wave stands among the distinct dates of the calendar (0, 1, …); all 0 without dates.

    The date of a wave, not of landing. An activity of no declared wave stands on its own date.
    """
    facts = evidence.facts
    if not facts.dated:
        return np.zeros(len(records), np.int64)
    declared = {
        wave.name: int(np.datetime64(pd.Timestamp(wave.date), "D").astype(np.int64))
        for wave in evidence.scenario.spec.waves
        if wave.date is not None
    }
    own = [declared.get(wave, int(day)) for wave, day in zip(facts.activities["wave"], facts.days, strict=True)]
    calendar = np.unique(np.array([*declared.values(), *own], dtype=np.int64))
    return np.searchsorted(calendar, np.array(own, dtype=np.int64))[records.activity]


def check_alternate(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check that a channel used in one wave is not used in the next of the calendar."""
    plan, units = evidence.plan, evidence.units(rule.per)
    step = wave_steps(evidence, plan)
    codes, known = pd.factorize(evidence.facts.activities["channel"])
    channel = codes[plan.activity]
    found = plan.scopes(rule.each_columns, plan.holds(rule.where))
    checks = []
    for scope in evidence.scopes(rule):
        own = rows_in(found, scope)
        lane = units.of[plan.customer[own]] * max(1, len(known)) + channel[own]
        earlier, _ = neighbours(lane, step[own], lane, step[own], 1, 1)
        clashes = own[earlier]
        judge = judge_rule(rule, scope_label(rule.each_columns, scope), "pairs")
        judge.each_pays(len(clashes), lambda k: contact_name(plan, int(clashes[k])))
        checks.append(judge.check())
    return checks


def check_effect(rule: Rule, evidence: Evidence) -> list[Check]:
    """Say how many contacts an effect concerns; it is part of the plan's worth and cannot be broken."""
    effect = rule.effect
    assert isinstance(effect, Effect)
    judge = judge_rule(rule, "", "contacts")
    judge.add(float(_touched(rule, effect, evidence)))
    judge.bound_units = 0
    judge.remark("contacts it concerns")
    return [judge.check()]


def _touched(rule: Rule, effect: Effect, evidence: Evidence) -> int:
    """How many contacts of ours an effect concerns."""
    plan, parts = evidence.plan, parts_of(evidence, [], rule.where)
    if parts is not None and effect.alternate is None and not (effect.contact is not None and len(evidence.booked)):
        ranked = None if effect.contact is None else 1 + bundles_of(evidence).earlier >= effect.contact
        return contacts_in(evidence, parts[()], ranked)
    touched = plan.holds(rule.where).copy()
    if effect.contact is not None:
        touched &= evidence.worth.order.ranks >= effect.contact
    elif effect.alternate is not None:
        touched &= evidence.worth.order.changed
    return int(touched.sum())
