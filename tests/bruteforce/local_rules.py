"""Rules that bind one customer (or household) at a time, checked on the contacts of one unit.

A check answers with violations ``(side, amount)``: how far a contact plan is beyond a bound, each window, pair and
contact on its own. Nothing is said of penalties here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.bruteforce.filters import Row, Test, both, is_empty, reader
from tests.bruteforce.reading import as_date, merged
from tests.bruteforce.world import Contact, World, each_of, ordinal, scope_keys, scopes, verb_of

Violation = tuple[str, float]
Check = Callable[[list[Contact]], list[Violation]]
LOCAL = (
    "contacts", "pressure", "packages", "duplicates", "rest", "cost_per_customer", "targets",
    "include", "exclude", "requires", "only_after", "never", "alternate",
)  # fmt: skip
EPSILON = 1e-9


@dataclass(frozen=True)
class Local:
    """One rule on one unit in one scope: it looks at ``pairs`` and judges those that are chosen."""

    rule: Row
    unit: str
    scope: tuple[str, ...]
    pairs: frozenset[int]
    check: Check


@dataclass(frozen=True)
class Place:
    """Where a local rule is checked: the unit's eligible pairs, customers and past contacts in one scope."""

    world: World
    rule: Row
    customers: list[str]
    eligible: list[Contact]
    past: list[Contact]

    @property
    def days(self) -> Any:
        """The length of the rule's windows; None is the horizon."""
        body = self.rule[verb_of(self.rule)]
        return body.get("days") if isinstance(body, dict) else None

    def seen(self, windowed: bool) -> list[Contact]:
        """Past contacts the rule counts: all of them in windows of days, else those committed inside the horizon."""
        return self.past if windowed else [one for one in self.past if one.inside]


def unit_of(world: World, rule: Row, customer: str) -> str:
    """The unit of a customer: itself, or its household."""
    household = world.customers[customer].get(rule["per"]) if "per" in rule else None
    return f"customer {customer}" if is_empty(household) else f"household {household}"


def compile_rule(world: World, rule: Row) -> list[Local]:
    """Every unit and scope of a local rule."""
    verb = verb_of(rule)
    if verb not in LOCAL or (verb == "exclude" and "soft" not in rule):
        return []
    keeps = reader(rule.get("where"))
    kept = [pair for pair in world.pairs if keeps(pair.row)]
    before = [one for one in world.past if keeps(one.row)]
    units: dict[str, list[str]] = {}
    for customer in world.customers:
        units.setdefault(unit_of(world, rule, customer), []).append(customer)
    found = []
    for scope in scopes(rule, [pair.row for pair in kept]):
        here = [pair for pair in kept if scope in scope_keys(rule, pair.row)]
        old = [one for one in before if scope in scope_keys(rule, one.row)]
        for unit, members in units.items():
            eligible = [pair for pair in here if pair.customer in members and pair.index in world.allowed]
            place = Place(world, rule, members, eligible, [one for one in old if one.customer in members])
            if (check := CHECKS[verb](place, scope)) is not None:
                found.append(Local(rule, unit, scope, frozenset(pair.index for pair in eligible), check))
    return found


# --- windows ------------------------------------------------------------------------------------------------------


def windows(world: World, days: int | None) -> list[tuple[float, float, bool]]:
    """(start, end, whether a minimum binds): a window ends on every activity date."""
    if days is None:
        return [(-math.inf, math.inf, True)]
    first, last = world.horizon
    found: list[tuple[float, float, bool]] = [(d - days + 1, d, d - days + 1 >= first) for d in world.dates]
    if last - first + 1 < days:
        found.append((first, last, True))
    return found


def bound_of(place: Place, name: str) -> float | None:
    """The rule's min or max: a number, or a customer column (empty: no bound; a household takes its tightest)."""
    written = place.rule[verb_of(place.rule)].get(name)
    if not isinstance(written, str):
        return None if written is None else float(written)
    cells: list[Any] = [place.world.customers[customer].get(written) for customer in place.customers]
    stated = [float(cell) for cell in cells if not is_empty(cell)]
    return (max if name == "min" else min)(stated) if stated else None


def counted(place: Place, total: Callable[[list[Contact]], float], fresh: Callable[..., float] | None = None) -> Check:
    """Bounds on a total in every window; ``fresh(new, old)`` is what new contacts add to what the past holds."""
    low, high = bound_of(place, "min"), bound_of(place, "max")
    spans = windows(place.world, place.days)
    past = place.seen(place.days is not None)
    only_minimum = place.days is not None and len(spans) > len(place.world.dates)

    def check(chosen: list[Contact]) -> list[Violation]:
        found = []
        for k, (start, end, minimum) in enumerate(spans):
            new = [one for one in chosen if start <= one.day <= end]
            old = [one for one in past if start <= one.day <= end]
            held, added = total(old), fresh(new, old) if fresh else total(new)
            slack = EPSILON * (held + added + max(low or 0.0, high or 0.0))
            if high is not None and not (only_minimum and k == len(spans) - 1):
                excess = added - max(0.0, high - held)
                if excess > slack:
                    found.append(("max", excess))
            if low is not None and minimum and place.eligible and low - held - added > slack:
                found.append(("min", low - held - added))
        return found

    return check


def contacts(place: Place, scope: tuple[str, ...]) -> Check:
    """At least min, at most max contacts in every window."""
    return counted(place, lambda them: float(len(them)))


def pressure(place: Place, scope: tuple[str, ...]) -> Check:
    """Contacts weighted by their channel."""
    return counted(place, lambda them: sum(one.pressure for one in them))


def cost_per_customer(place: Place, scope: tuple[str, ...]) -> Check:
    """Unit costs."""
    return counted(place, lambda them: sum(one.unit_cost for one in them))


def packages(place: Place, scope: tuple[str, ...]) -> Check:
    """Distinct dates with a contact; dates the past has touched cost nothing more."""

    def fresh(new: list[Contact], old: list[Contact]) -> float:
        return float(len({one.day for one in new} - {one.day for one in old}))

    return counted(place, lambda them: float(len({one.day for one in them})), fresh)


def duplicates(place: Place, scope: tuple[str, ...]) -> Check:
    """Contacts of every value of a column, each value on its own."""
    column = place.rule["duplicates"].get("of", "offer")
    by_value = {"each": column}
    values = {key for one in place.eligible for key in scope_keys(by_value, one.row)}
    checks = []
    for value in sorted(values):
        has = [one for one in place.eligible if value in scope_keys(by_value, one.row)]
        old = [one for one in place.past if value in scope_keys(by_value, one.row)]
        inner = counted(Place(place.world, place.rule, place.customers, has, old), lambda them: float(len(them)))
        checks.append((frozenset(one.index for one in has), inner))

    def check(chosen: list[Contact]) -> list[Violation]:
        return [v for has, inner in checks for v in inner([one for one in chosen if one.index in has])]

    return check


def targets(place: Place, scope: tuple[str, ...]) -> Check:
    """At least min, at most max of the named offers."""
    body = place.rule["targets"]
    among = set(body["among"])
    low, high = body.get("exactly", body.get("min")), body.get("exactly", body.get("max"))
    reachable = {offer for one in place.eligible for offer in one.offers} & among
    held = {offer for one in place.seen(False) for offer in one.offers} & among

    def check(chosen: list[Contact]) -> list[Violation]:
        new = ({offer for one in chosen for offer in one.offers} & among) - held
        found = []
        if high is not None and len(new) > max(0, high - len(held)):
            found.append(("max", float(len(new) - max(0, high - len(held)))))
        excused = body.get("if_contacted") and not (new or held)
        if low is not None and len(reachable) >= low and not excused and len(new | held) < low:
            found.append(("min", float(low - len(new | held))))
        return found

    return check


# --- pairs of contacts --------------------------------------------------------------------------------------------


def clashing(place: Place, windowed: bool, clash: Callable[[Contact, Contact], bool]) -> Check:
    """Every two distinct contacts, ours with ours and ours with past, that clash in either order."""
    past = place.seen(windowed)

    def check(chosen: list[Contact]) -> list[Violation]:
        ours = [(a, b) for k, a in enumerate(chosen) for b in chosen[k + 1 :]]
        theirs = [(a, b) for a in chosen for b in past]
        return [("both", 1.0) for a, b in ours + theirs if clash(a, b) or clash(b, a)]

    return check


def rest(place: Place, scope: tuple[str, ...]) -> Check:
    """Contacts of different dates are at least so many days apart."""
    days = place.rule["rest"]["days"]
    return clashing(place, True, lambda a, b: 0 < abs(a.day - b.day) < days)


def never(place: Place, scope: tuple[str, ...]) -> Check:
    """Never first then within days, or never together within days."""
    body = place.rule["never"]
    days = body.get("days")
    reach = math.inf if days is None else days
    if "together" in body:
        one, other = (reader(spec) for spec in body["together"])
        return clashing(
            place, days is not None, lambda a, b: one(a.row) and other(b.row) and abs(a.day - b.day) <= reach
        )
    first, then = reader(body["first"]), reader(body["then"])
    return clashing(place, days is not None, lambda a, b: first(a.row) and then(b.row) and 0 <= b.day - a.day <= reach)


def alternate(place: Place, scope: tuple[str, ...]) -> Check:
    """No channel twice in waves that follow one another."""
    waves = {wave["name"]: ordinal(as_date(wave.get("date"))) for wave in place.world.spec.get("waves") or []}

    def day(row: Row) -> int:
        return waves.get(row["wave"], ordinal(row.get("date")))

    calendar = sorted({*waves.values(), *(day(row) for row in place.world.activities)})

    def clash(a: Contact, b: Contact) -> bool:
        return a.channel == b.channel and calendar.index(day(b.row)) - calendar.index(day(a.row)) == 1

    return clashing(replace(place, past=[]), False, clash)


# --- contacts that need another -----------------------------------------------------------------------------------


def needing(place: Place, past: list[Contact], what: Test, helps: Callable[[Contact, Contact], bool]) -> Check:
    """Each contact that matches ``what`` needs one that helps it."""

    def check(chosen: list[Contact]) -> list[Violation]:
        alone = [a for a in chosen if what(a.row) and not any(helps(b, a) for b in [*chosen, *past])]
        return [("both", 1.0) for _ in alone]

    return check


def requires(place: Place, scope: tuple[str, ...]) -> Check:
    """A contact matching ``if`` needs one matching ``then``."""
    body = place.rule["requires"]
    then = reader(body["then"])
    same = body.get("same") == "wave"

    def helps(b: Contact, a: Contact) -> bool:
        return then(b.row) and (not same or b.row.get("wave") == a.row.get("wave"))

    return needing(place, place.seen(False), reader(body["if"]), helps)


def only_after(place: Place, scope: tuple[str, ...]) -> Check:
    """A ``what`` contact needs an ``after`` contact so many days before."""
    body = place.rule["only_after"]
    after = reader(body["after"])
    lag = body.get("days") or {}
    least, most = lag.get("min", 1), lag.get("max", math.inf)
    return needing(
        place, place.past, reader(body["what"]), lambda b, a: after(b.row) and least <= a.day - b.day <= most
    )


def include(place: Place, scope: tuple[str, ...]) -> Check | None:
    """At least one contact that matches, for every customer for whom the filter holds on some activity."""
    world, rule = place.world, place.rule
    matches = both(rule["include"], rule.get("where"))
    everything = world.memo.setdefault("everything", {})
    bound = False
    for customer in place.customers:
        if customer not in everything:
            everything[customer] = all_rows(world, customer)
        bound |= any(
            matches(row) and (not each_of(rule) or scope in scope_keys(rule, row)) for row in everything[customer]
        )
    if not bound:
        return None
    served = any(matches(one.row) for one in place.seen(False))

    def check(chosen: list[Contact]) -> list[Violation]:
        return [] if served or any(matches(one.row) for one in chosen) else [("min", 1.0)]

    return check


def all_rows(world: World, customer: str) -> list[Row]:
    """What a filter sees of every activity for the customer, eligible or not."""
    scored = {pair.activity: pair.row for pair in world.pairs if pair.customer == customer}
    return [scored.get(a["activity"], merged(world.customers[customer], a)) for a in world.activities]


def exclude(place: Place, scope: tuple[str, ...]) -> Check:
    """A soft exclude: each excluded contact made."""
    matches = reader(place.rule["exclude"])
    return lambda chosen: [("max", 1.0) for one in chosen if matches(one.row)]


CHECKS: dict[str, Callable[[Place, tuple[str, ...]], Check | None]] = {
    "contacts": contacts,
    "pressure": pressure,
    "packages": packages,
    "duplicates": duplicates,
    "rest": rest,
    "cost_per_customer": cost_per_customer,
    "targets": targets,
    "include": include,
    "exclude": exclude,
    "requires": requires,
    "only_after": only_after,
    "never": never,
    "alternate": alternate,
}
