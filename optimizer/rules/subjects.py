"""Words for local rules: who they bind, which contacts they look at, and over which days."""

from __future__ import annotations

from optimizer.rules.sentences import listed, where_text
from optimizer.scenario.rule_schema import Filter, Rule


def unit_word(rule: Rule) -> str:
    """``customer``, or the household column as a word: ``household`` for household_id."""
    return "customer" if rule.per is None else rule.per.removesuffix("_id").replace("_", " ")


def contacts_word(rule: Rule, many: bool = True) -> str:
    """``contacts``, or ``contacts where channel is sms``."""
    noun = "contacts" if many else "contact"
    return noun if rule.where is None else f"{noun} where {where_text(rule.where)}"


def such_contact(filter: Filter | None) -> str:
    """``a contact where offer is newcomer``."""
    return f"a contact where {where_text(filter)}" if filter else "a contact"


def looked_at(rule: Rule) -> str:
    """`` (contacts where age is at least 60, each channel apart)``: what a rule with its own filters looks at."""
    parts = [contacts_word(rule)] if rule.where is not None else []
    parts += [f"each {listed(rule.each_columns)} apart"] if rule.each_columns else []
    return f" ({', '.join(parts)})" if parts else ""


def apart(rule: Rule) -> str:
    """``, counted apart for each channel and wave``, or nothing."""
    return f", counted apart for each {listed(rule.each_columns)}" if rule.each_columns else ""


def in_days(days: int | None) -> str:
    """`` in any 30 days``, `` on any day``, or `` over the horizon``."""
    if days is None:
        return " over the horizon"
    return " on any day" if days == 1 else f" in any {days} days"


def lag_text(days: int | None) -> str:
    """`` within 6 days``, `` on the same day``, or nothing without a limit."""
    if days is None:
        return ""
    return " on the same day" if days == 0 else f" within {counted(days, 'day')}"


def counted(number: float, noun: str) -> str:
    """``1 contact``, ``3 contacts``."""
    shown = f"{int(number):,}" if float(number).is_integer() else f"{number:,.10g}"
    return f"{shown} {noun}" if number == 1 else f"{shown} {noun}s"
