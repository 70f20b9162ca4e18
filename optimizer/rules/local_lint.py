"""The lint of local rules: what can be said of them before any solve, each statement true of every plan.

    dead            the rule looks at no contact, or binds nobody
    redundant       its bounds hold in every plan: no customer can reach them, or other hard rules imply them
    contradictory   a minimum above what its units can reach, alone or while another hard rule holds
    note            worth knowing: contacts that a rule makes impossible

Rules are looked at from the last to the first, and a rule found redundant is no reason for another, so that removing
all of them changes nothing either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from optimizer.problem import Bools, Clash, Count, Distinct, Floats, LocalRule, Precedence
from optimizer.rules.base import Context, Finding
from optimizer.rules.implications import (
    TOLERANCE,
    Valued,
    ceiling,
    clash_capped,
    clash_within,
    clashing,
    floor,
    impossible,
    most,
    needing,
    precedence_within,
    without,
)
from optimizer.rules.removal import forbidden_pairs, removed_pairs, removing_rules
from optimizer.rules.sentences import number
from optimizer.rules.subjects import counted, unit_word
from optimizer.rules.weights import kept_pairs
from optimizer.scenario.rule_schema import Duplicates, Rule

#: Verbs whose rules compile to local primitives.
LOCAL = (
    "contacts", "pressure", "packages", "duplicates", "cost_per_customer", "targets", "requires", "only_after",
    "include", "rest", "never", "alternate",
)  # fmt: skip


def lint_local(rule: Rule, context: Context) -> list[Finding]:
    """The findings on one local rule."""
    if rule.mode == "report":
        return []
    return context.remembered(("local lint",), lambda: _Lint(context).findings()).get(rule.name, [])


@dataclass
class _Lint:
    """All enforced local rules of a scenario, held against the eligible contacts and one another."""

    context: Context
    usable: Bools = field(init=False)
    rules: list[tuple[Rule, list[LocalRule]]] = field(init=False)
    gone: set[str] = field(default_factory=set)
    found: dict[str, list[Finding]] = field(default_factory=dict)
    _most: dict[int, Floats] = field(default_factory=dict)
    _impossible: dict[int, Bools] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from optimizer.rules import VERBS

        self.usable = ~removed_pairs(self.context)
        self.rules = [
            (rule, VERBS[rule.verb].compile(rule, self.context).local)
            for rule in self.context.scenario.rules
            if rule.mode == "enforce" and (rule.verb in LOCAL or (rule.verb == "exclude" and rule.soft is not None))
        ]

    def findings(self) -> dict[str, list[Finding]]:
        """Findings by the name of their rule."""
        for rule, primitives in self.rules:
            self._contradictions(rule, primitives)
        for rule, primitives in reversed(self.rules):
            if rule.name not in self.found:
                self._idle(rule, primitives)
        for rule, primitives in self.rules:
            if rule.name not in self.gone:
                self._forbidding(rule, primitives)
        return self.found

    def _reach(self, one: Valued) -> Floats:
        """The largest value of each bound unit, kept: every comparison asks for it."""
        if id(one) not in self._most:
            self._most[id(one)] = most(self.context, one, self.usable)
        return self._most[id(one)]

    def _say(self, rule: Rule, kind: str, message: str, scope: str = "", other: str = "") -> None:
        finding = Finding(rule.name, kind, f"rule {rule.name!r} {message}", scope, other)  # type: ignore[arg-type]
        self.found.setdefault(rule.name, []).append(finding)

    # --- contradictions -------------------------------------------------------------------------------------------

    def _contradictions(self, rule: Rule, primitives: list[LocalRule]) -> None:
        """At most one finding a rule: the first scope that no plan can hold."""
        for one in primitives:
            if not isinstance(one, Valued) or not np.isfinite(one.lower).any():
                continue
            lower = _asked(one)
            reach = self._reach(one)
            if (short := lower > reach + TOLERANCE).any():
                self._short(rule, one, lower, reach, short, self._remover(one, lower))
                return
            for other, name in self._others(rule, primitives):
                limit = self._reach_with(other, one, reach, lower)
                if (short := lower > limit + TOLERANCE).any():
                    self._short(rule, one, lower, limit, short, name)
                    return

    def _others(self, rule: Rule, primitives: list[LocalRule]) -> list[tuple[LocalRule, str]]:
        own = [(one, "") for one in primitives]
        return own + [(one, other.name) for other, theirs in self.rules if other is not rule for one in theirs]

    def _reach_with(self, other: LocalRule, one: Valued, reach: Floats, lower: Floats) -> Floats:
        """What the units reach while another primitive holds."""
        if other is not one and isinstance(other, Precedence | Count):
            if id(other) not in self._impossible:
                self._impossible[id(other)] = impossible(self.context, other, self.usable)
            reach = without(self.context, one, self.usable, reach, self._impossible[id(other)])
        if isinstance(other, Precedence):
            return reach
        return np.minimum(reach, ceiling(self.context, other, one, self.usable))

    def _remover(self, one: Valued, lower: Floats) -> str:
        """The exclude or control rule without which the units could reach their minimum, if there is one."""
        everything = np.ones(len(self.usable), bool)
        short = lower > self._reach(one) + TOLERANCE
        if (lower > most(self.context, one, everything) + TOLERANCE)[short].all():
            return ""
        for rule in removing_rules(self.context):
            left = most(self.context, one, ~forbidden_pairs(rule, self.context))
            if (lower > left + TOLERANCE)[short].any():
                return rule.name
        return ""

    def _short(self, rule: Rule, one: Valued, lower: Floats, reach: Floats, short: Bools, other: str) -> None:
        first = int(np.flatnonzero(short)[0])
        unit = one.units.names[one.bound_units[first]]
        many, bound = int(short.sum()), int(np.isfinite(one.lower).sum())
        because = f" while rule {other!r} holds" if other else ""
        has = max(0.0, float(reach[first]))
        message = (
            f"asks for at least {_amount(rule, lower[first], self.context)}{_still(one)}; {many:,} of {bound:,} "
            f"{unit_word(rule)}s it binds cannot have them{because}: {unit} can have {number(has)} at most"
        )
        self._say(rule, "contradictory", message, one.scope, other)

    # --- dead and redundant -----------------------------------------------------------------------------------------

    def _idle(self, rule: Rule, primitives: list[LocalRule]) -> None:
        if not self._touched(primitives):
            self.gone.add(rule.name)
            self._say(rule, "dead", _why_dead(rule, primitives))
            return
        helpers: list[str] = []
        for one in primitives:
            if not self._holds(rule, one, helpers):
                return
        self.gone.add(rule.name)
        if helpers:
            named = " and ".join(repr(name) for name in dict.fromkeys(helpers))
            self._say(rule, "redundant", f"is implied by rule {named}", other=helpers[0])
        elif any(isinstance(one, Clash) for one in primitives):
            self._say(rule, "dead", "never binds: no two eligible contacts of one customer clash")
        elif all(isinstance(one, Precedence) for one in primitives):
            self._say(rule, "dead", "never binds: each contact it looks at already has what it needs")
        else:
            self._say(rule, "redundant", self._slack(rule, primitives))

    def _touched(self, primitives: list[LocalRule]) -> bool:
        """Whether some eligible contact is looked at, or a minimum cannot do without."""
        for one in primitives:
            if isinstance(one, Valued):
                if (self._reach(one) > 0).any() or (_asked(one) > 0).any():
                    return True
            elif isinstance(one, Clash):
                sides = [kept_pairs(self.context, side) & self.usable for side in (one.first, one.then)]
                if sides[0].any() and sides[1].any():
                    return True
            elif (kept_pairs(self.context, one.what) & self.usable).any():
                return True
        return False

    def _holds(self, rule: Rule, one: LocalRule, helpers: list[str]) -> bool:
        """Whether the primitive holds in every plan; ``helpers`` collects the rules that make it so."""
        others = [
            (other.name, theirs) for other, theirs in self.rules if other is not rule and other.name not in self.gone
        ]
        if isinstance(one, Valued):
            return self._bounds_hold(one, others, helpers)
        if isinstance(one, Clash):
            open_ = clashing(self.context, one, self.usable)
            if not open_.any():
                return True
            for name, theirs in others:
                hard = [other for other in theirs if isinstance(other, Clash) and other.soft is None]
                caps = [other for other in theirs if isinstance(other, Count)]
                if any(clash_within(self.context, other, one, self.usable) for other in hard) or clash_capped(
                    self.context, caps, one, open_, self.usable
                ):
                    helpers.append(name)
                    return True
            return False
        if not needing(self.context, one, self.usable)[0].any():
            return True
        for name, theirs in others:
            for other in theirs:
                if isinstance(other, Precedence) and other.soft is None:
                    if precedence_within(self.context, other, one, self.usable):
                        helpers.append(name)
                        return True
        return False

    def _bounds_hold(self, one: Valued, others: list[tuple[str, list[LocalRule]]], helpers: list[str]) -> bool:
        """Whether the data, one other rule, or several together hold the primitive."""
        above, below = self._reach(one) > one.upper, _can_miss(one)
        if not (above.any() or below.any()):
            return True
        held: list[tuple[str, Bools, Bools]] = []
        for name, theirs in others:
            capped, met = self._held_by(one, theirs, above, below)
            if not ((above & ~capped).any() or (below & ~met).any()):
                helpers.append(name)
                return True
            held.append((name, capped, met))
        for name, capped, met in held:
            if (above & capped).any() or (below & met).any():
                helpers.append(name)
                above, below = above & ~capped, below & ~met
        return not (above.any() or below.any())

    def _held_by(self, one: Valued, others: list[LocalRule], above: Bools, below: Bools) -> tuple[Bools, Bools]:
        """Of the units whose maximum (minimum) some plan could pass, those for which the others prevent it."""
        capped, met = np.zeros(len(above), bool), np.zeros(len(below), bool)
        for other in others:
            if not isinstance(other, Precedence) and (above & ~capped).any():
                capped |= ceiling(self.context, other, one, self.usable) <= one.upper
            if isinstance(other, Valued) and (below & ~met).any():
                met |= floor(self.context, other, one, self.usable) >= one.lower
        return capped, met

    def _slack(self, rule: Rule, primitives: list[LocalRule]) -> str:
        """How far the bounds are from what anyone can reach."""
        valued = [one for one in primitives if isinstance(one, Valued)]
        uppers = np.concatenate([one.upper[np.isfinite(one.upper)] for one in valued] or [np.empty(0)])
        if not len(uppers):
            return "holds in every plan"
        if (uppers != uppers[0]).any():
            return f"never binds: no {unit_word(rule)} can reach its own maximum"
        reach = max(float(self._reach(one).max(initial=0.0)) for one in valued)
        allowed = _amount(rule, float(uppers[0]), self.context)
        return f"never binds: it allows {allowed}, and no {unit_word(rule)} can have more than {number(reach)}"

    # --- contacts that a rule makes impossible ------------------------------------------------------------------------

    def _forbidding(self, rule: Rule, primitives: list[LocalRule]) -> None:
        for one in primitives:
            if isinstance(one, Precedence):
                what, without = needing(self.context, one, self.usable)
                if without.any():
                    every = "all" if without.sum() == what.sum() else f"{int(without.sum()):,} of"
                    some = f"{every} {counted(int(what.sum()), 'contact')}"
                    self._say(rule, "note", f"makes {some} impossible: what they need is never there", one.scope)


def _asked(one: Valued) -> Floats:
    """The minimum of each bound unit that asks for something, soft or hard; -inf where nothing is asked for."""
    lower = one.lower
    if isinstance(one, Distinct) and one.if_contacted:
        # None, or at least so many: asked for only where the past has contacted, and one is reached by any contact.
        lower = np.where(one.touched.any(axis=1), lower, -np.inf)
    return np.where(lower > 0, lower, -np.inf)


def _can_miss(one: Valued) -> Bools:
    """Which bound units have a minimum that some plan would miss."""
    if isinstance(one, Distinct) and one.if_contacted:
        # None is enough where nothing is touched yet, and one where one is asked for.
        return np.where(one.touched.any(axis=1), one.lower > 0, one.lower > 1)
    return one.lower > 0


def _still(one: Valued) -> str:
    return f" ({one.scope})" if one.scope else ""


def _amount(rule: Rule, value: float, context: Context) -> str:
    """``3 contacts``, ``12.50 EUR``."""
    verb = getattr(rule, rule.verb)
    if rule.verb == "cost_per_customer":
        return f"{value:,.2f} {context.scenario.currency}"
    if rule.verb == "pressure":
        return f"{number(float(value))} of pressure"
    if rule.verb == "packages":
        return counted(float(value), "date")
    if rule.verb == "targets":
        return counted(float(value), "offer")
    if isinstance(verb, Duplicates):
        return f"{counted(float(value), 'contact')} of one {verb.of}"
    return counted(float(value), "contact")


def _why_dead(rule: Rule, primitives: list[LocalRule]) -> str:
    if not primitives:
        return f"binds no {unit_word(rule)}"
    return "looks at no eligible contact"
