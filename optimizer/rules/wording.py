"""What the lint's counts read like: the rule, its bound, what can be reached and the difference, with units."""

from __future__ import annotations

import numpy as np

from optimizer.problem import CouplingRow
from optimizer.rules.measures import MONEY
from optimizer.rules.sentences import listed, number
from optimizer.scenario.rule_schema import Average, Budget, Open, Ratio, Rule, Share, Sum, Volume


def unit_of(rule: Rule, currency: str) -> str:
    """The unit of a coupling rule's bound, '' of the others; '=' marks a bound that multiplies a base."""
    verb = getattr(rule, rule.verb)
    if isinstance(verb, Volume):
        return verb.of
    if isinstance(verb, Budget):
        return currency
    if isinstance(verb, Sum):
        return currency if verb.of in MONEY else verb.of
    if isinstance(verb, Open):
        return f"{verb.of}s"
    return "=" if isinstance(verb, Average | Ratio | Share) else ""


def beyond(row: CouplingRow, side: str, reached: float, unit: str, customers: int | None) -> str:
    """``rule 'print floor' asks for 5,000 contacts, 4,310 customers are eligible: 690 short``.

    ``reached`` is the most (of a minimum) or the least (of a maximum) of any plan; ``customers`` those of a count.
    """
    name = f"rule {row.rule!r}" + (f" ({row.scope})" if row.scope else "")
    if unit == "=":
        return f"{name}: no plan reaches its {'minimum' if side == 'min' else 'maximum'} except by breaking it"
    bound = row.lower if side == "min" else row.upper
    short = _amount(abs(bound - reached), unit)
    if side == "min":
        if customers is not None and reached - row.expression.constant == customers:
            there = f"{number(reached)} customers are eligible"
        else:
            there = f"no plan reaches more than {_amount(reached, unit)}"
        asked = f"{_amount(bound, unit)} {_plural(unit)}".rstrip()
        return f"{name} asks for {asked}, {there}: {short} short"
    allowed = f"{_amount(bound, unit)} {_plural(unit)}".rstrip()
    return f"{name} allows {allowed}, no plan stays below {_amount(reached, unit)}: {short} too many"


def implied(rule: str, row: CouplingRow | None, most: float | None, others: list[str], unit: str) -> str:
    """Why a rule changes nothing: another rule, or what can be reached at best."""
    if others:
        return f"rule {rule!r} is implied by {listed([repr(other) for other in others])}"
    if row is not None and np.isfinite(row.upper) and most is not None and unit != "=":
        allowed = f"{_amount(row.upper, unit)} {_plural(unit)}".rstrip()
        return f"rule {rule!r} allows {allowed}, no plan reaches more than {_amount(most, unit)}"
    return f"rule {rule!r} holds in every plan"


def _amount(value: float, unit: str) -> str:
    return f"{value:,.2f} {unit}" if unit.isupper() else number(round(value, 6))


def _plural(unit: str) -> str:
    return "" if unit.isupper() else unit
