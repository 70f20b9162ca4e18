"""Rules that bind many customers at once, as bounds on sums over a plan's terms.

Every rule becomes rows ``low ≤ value ≤ high``; averages, ratios and shares are Σ value − bound · Σ base against 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.bruteforce.filters import Row, is_empty, look_up, reader
from tests.bruteforce.local_rules import windows
from tests.bruteforce.reading import as_date, records
from tests.bruteforce.values import MONEY, Key, Term, Valued, measure
from tests.bruteforce.world import (
    Cell,
    Contact,
    World,
    each_of,
    matches_declared,
    ordinal,
    scope_keys,
    scopes,
    text,
    verb_of,
)

COUPLING = ("volume", "budget", "sum", "average", "ratio", "share", "open")


@dataclass(frozen=True)
class Bounded:
    """A value between two bounds; ``scale`` is the size of what was added up, for the tolerance."""

    label: str
    value: float
    low: float
    high: float
    scale: float


@dataclass(frozen=True)
class Coupling:
    """One rule in one scope: which terms it looks at, and its rows over them."""

    rule: Row
    scope: tuple[str, ...]
    looks_at: Callable[[Term], bool]
    rows: Callable[[list[Term]], list[Bounded]]


def compile_rule(world: World, rule: Row) -> list[Coupling]:
    """Every scope of a coupling rule."""
    if verb_of(rule) not in COUPLING:
        return []
    keeps = reader(rule.get("where"))
    found_in = [pair.row for pair in world.pairs if keeps(pair.row)]
    media = [
        cell.columns
        for cell in world.cells
        if looks_at_cell(rule, cell) and matches_declared(rule.get("where"), cell.columns, keeps)
    ]
    return [
        Coupling(rule, scope, looker(rule, scope, keeps), ROWS[verb_of(rule)](world, rule, scope))
        for scope in scopes(rule, found_in + media)
    ]


def looks_at_cell(rule: Row, cell: Cell) -> bool:
    """Whether a medium's cell may be a scope of the rule: where it adds up money, or what the medium yields."""
    body = rule[verb_of(rule)]
    if "budget" in rule or ("share" in rule and body.get("in") == "cost"):
        return True
    if "sum" in rule or "ratio" in rule:
        names = {body["of"], body.get("to")}
        margin = "gross_margin" in names and (cell.yields == "gross_margin" or cell.margin != 0)
        return bool(names & {"cost", "net_margin", cell.yields}) or margin
    return False


def looker(rule: Row, scope: tuple[str, ...], keeps: Callable[[Row], bool]) -> Callable[[Term], bool]:
    """Whether a term is in the rule's scope, remembered by the term's key."""
    known: dict[Key, bool] = {}

    def looks_at(term: Term) -> bool:
        if term.key not in known:
            if term.contact is None:
                match = matches_declared(rule.get("where"), term.row, keeps)
            else:
                match = keeps(term.row)
            known[term.key] = match and scope in scope_keys(rule, term.row)
        return known[term.key]

    return looks_at


def evaluate(coupling: Coupling, plan: Valued) -> list[Bounded]:
    """The rows of a rule's scope on a plan."""
    terms = [term for term in plan.terms if coupling.looks_at(term)]
    rolling = "volume" in coupling.rule and coupling.rule["volume"].get("days")
    return coupling.rows([t for t in terms if rolling or t.contact is None or t.contact.inside])


# --- bounds -------------------------------------------------------------------------------------------------------


def bounds(world: World, rule: Row, scope: tuple[str, ...]) -> tuple[float | None, float | None]:
    """The rule's min and max in a scope: numbers, or cells of a table keyed by ``each``."""
    found = []
    for name in ("min", "max"):
        written: Any = rule[verb_of(rule)].get(name)
        if isinstance(written, dict):
            keyed = dict(zip(each_of(rule), scope, strict=True))
            rows = [r for r in records(written["table"]) if all(text(r.get(c)) == v for c, v in keyed.items())]
            written = rows[0].get(written["column"]) if rows else None
        found.append(None if is_empty(written) else float(written))
    return found[0], found[1]


def between(label: str, value: float, low: float | None, high: float | None, scale: float) -> Bounded:
    """A row of its value against min and max."""
    return Bounded(label, value, -math.inf if low is None else low, math.inf if high is None else high, scale)


# --- one function a verb: (world, rule, scope) -> rows of terms -------------------------------------------------------


COUNTS: dict[str, Callable[[list[Contact]], float]] = {
    "contacts": lambda them: float(len(them)),
    "customers": lambda them: float(len({one.customer for one in them})),
    "packages": lambda them: float(len({(one.customer, one.day) for one in them})),
}


def volume(world: World, rule: Row, scope: tuple[str, ...]) -> Callable[[list[Term]], list[Bounded]]:
    """Contacts, customers or packages, over the horizon or in every window."""
    body = rule["volume"]
    low, high = bounds(world, rule, scope)
    counts = COUNTS[body.get("of", "contacts")]
    special = {ordinal(as_date(one["date"])): one for one in body.get("except", [])}
    spans = windows(world, body.get("days"))

    def rows(terms: list[Term]) -> list[Bounded]:
        contacts = [term.contact for term in terms if term.contact is not None]
        found = []
        for k, (start, end, minimum) in enumerate(spans):
            own = special.get(int(end), {"min": low, "max": high}) if special else {"min": low, "max": high}
            least, most = own.get("min") if minimum else None, own.get("max")
            if k >= len(world.dates) and body.get("days"):
                most = None  # the horizon, where it is shorter than the window: minima alone
            count = counts([one for one in contacts if start <= one.day <= end])
            found.append(between(f"{end}", count, least, most, 0.0))
        return found

    return rows


def summed(name: str) -> Callable[..., Callable[[list[Term]], list[Bounded]]]:
    """The sum of a measure (``cost`` for a budget)."""

    def compile_sum(world: World, rule: Row, scope: tuple[str, ...]) -> Callable[[list[Term]], list[Bounded]]:
        of = name or rule["sum"]["of"]
        low, high = bounds(world, rule, scope)

        def rows(terms: list[Term]) -> list[Bounded]:
            values = [measure(world, term, of) for term in terms]
            return [between("", sum(values), low, high, sum(map(abs, values)))]

        return rows

    return compile_sum


def quotient(
    world: World,
    rule: Row,
    scope: tuple[str, ...],
    parts: Callable[[Term], tuple[float, float] | None],
) -> Callable[[list[Term]], list[Bounded]]:
    """Σ value − bound · Σ base: at most 0 for a max, at least 0 for a min."""
    low, high = bounds(world, rule, scope)

    def rows(terms: list[Term]) -> list[Bounded]:
        values = [part for term in terms if (part := parts(term)) is not None]
        found = []
        for label, bound in (("min", low), ("max", high)):
            if bound is not None:
                gaps = [top - bound * base for top, base in values]
                least, most = (0.0, None) if label == "min" else (None, 0.0)
                size = sum(abs(top) + abs(bound * base) for top, base in values)
                found.append(between(label, sum(gaps), least, most, size))
        return found

    return rows


def states(world: World, term: Term, name: str) -> bool:
    """Whether a contact states a measure: what is computed always; a column where its cell is not empty."""
    if name in ("cost", "contacts") or term.contact is None:
        return True
    if not term.contact.ours:
        return not is_empty(term.contact.measures.get(name))
    return name in MONEY or name in world.kpis or not is_empty(look_up(term.row, name))


def average(world: World, rule: Row, scope: tuple[str, ...]) -> Callable[[list[Term]], list[Bounded]]:
    """Σ measure over contacts / contacts."""
    of = rule["average"]["of"]

    def parts(term: Term) -> tuple[float, float] | None:
        if term.contact is None or not states(world, term, of):
            return None
        return measure(world, term, of), 1.0

    return quotient(world, rule, scope, parts)


def ratio(world: World, rule: Row, scope: tuple[str, ...]) -> Callable[[list[Term]], list[Bounded]]:
    """Σ of / Σ to."""
    of, to = rule["ratio"]["of"], rule["ratio"]["to"]

    def parts(term: Term) -> tuple[float, float] | None:
        booked = term.contact is not None and not term.contact.ours
        if booked and not (states(world, term, of) and states(world, term, to)):
            return None
        return measure(world, term, of), measure(world, term, to)

    return quotient(world, rule, scope, parts)


def share(world: World, rule: Row, scope: tuple[str, ...]) -> Callable[[list[Term]], list[Bounded]]:
    """Contacts (or money) that ``of`` keeps among those of the rule."""
    body: dict[str, Any] = rule["share"]
    keeps = reader(body["of"])

    def parts(term: Term) -> tuple[float, float] | None:
        if body.get("in", "contacts") == "contacts":
            return None if term.contact is None else (float(keeps(term.row)), 1.0)
        match = keeps(term.row) if term.contact is not None else matches_declared(body["of"], term.row, keeps)
        return (term.amounts["cost"] if match else 0.0), term.amounts["cost"]

    return quotient(world, rule, scope, parts)


def opened(world: World, rule: Row, scope: tuple[str, ...]) -> Callable[[list[Term]], list[Bounded]]:
    """How many values of a column have at least one contact of ours."""
    low, high = bounds(world, rule, scope)
    by_value = {"each": rule["open"].get("of", "offer")}

    def rows(terms: list[Term]) -> list[Bounded]:
        ours = [term for term in terms if term.contact is not None and term.contact.ours]
        values = {key for term in ours for key in scope_keys(by_value, term.row)}
        return [between("", float(len(values)), low, high, 0.0)]

    return rows


ROWS: dict[str, Callable[[World, Row, tuple[str, ...]], Callable[[list[Term]], list[Bounded]]]] = {
    "volume": volume,
    "budget": summed("cost"),
    "sum": summed(""),
    "average": average,
    "ratio": ratio,
    "share": share,
    "open": opened,
}
