"""What a plan is worth: effective responses, saturation, costs, and the terms that rules add up.

Effective response = min(1, p · factors), combined within its group, times its cell's f = F(z) / z.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from tests.bruteforce import curves
from tests.bruteforce.filters import Row, is_empty, look_up, reader
from tests.bruteforce.reading import tier_total
from tests.bruteforce.world import UNDATED, Contact, Fixed, World, scope_keys

Responses = dict[str, float]
Key = tuple[str, int]


@dataclass(frozen=True)
class Term:
    """A part of a plan that rules may add up: a contact of ours, a committed one, a medium or a fixed cost."""

    key: Key
    row: Row
    amounts: dict[str, float]
    contact: Contact | None = None


@dataclass(frozen=True)
class Valued:
    """A plan with what each of its parts is worth."""

    terms: list[Term]
    objective: float


# --- one customer at a time ---------------------------------------------------------------------------------------


def effects(world: World) -> list[tuple[Row, Any]]:
    """The enforced effect rules with their filters."""
    if "effects" not in world.memo:
        enforced = [rule for rule in world.rules if "effect" in rule and rule.get("mode") != "report"]
        world.memo["effects"] = [(rule["effect"], reader(rule.get("where"))) for rule in enforced]
    found: list[tuple[Row, Any]] = world.memo["effects"]
    return found


def factor(world: World, contact: Contact, others: list[Contact]) -> float:
    """The product of the factors on a contact, given the customer's other contacts of the horizon."""
    earlier = [one for one in others if one.day < contact.day]
    rank = 1 + len(earlier)
    stated: list[tuple[int, float]] = []
    product = 1.0
    for effect, keeps in effects(world):
        if not keeps(contact.row):
            continue
        if "contact" in effect:
            stated.append((effect["contact"], effect["factor"]))
        elif "alternate" in effect:
            latest = max((one.day for one in earlier), default=UNDATED)
            if earlier and contact.channel not in {one.channel for one in earlier if one.day == latest}:
                product *= effect["factor"]
        else:
            product *= effect["factor"]
    if stated:
        wanted = min(rank, max(n for n, _ in stated))
        product *= math.prod(f for n, f in stated if n == wanted)
    return product


def respond(world: World, customer: str, chosen: list[Contact]) -> dict[int, Responses]:
    """Effective responses of one customer's contacts before saturation, by pair and kind."""
    booked = world.memo.setdefault("booked", {})
    if customer not in booked:
        booked[customer] = [one for one in world.past if one.customer == customer and one.inside]
    around = chosen + booked[customer]
    factors = {one.index: factor(world, one, around) if effects(world) else 1.0 for one in chosen}
    found: dict[int, Responses] = {one.index: {} for one in chosen}
    for kind in ("responses", *world.kpis):
        q = {one.index: min(1.0, one.scores[kind] * factors[one.index]) for one in chosen}
        for group in groups(world, chosen):
            for index, value in combined(world, {one.index: q[one.index] for one in group}).items():
                found[index][kind] = value
    return found


def groups(world: World, chosen: list[Contact]) -> list[list[Contact]]:
    """Contacts of one customer for the same thing."""
    how = world.spec.get("responses") or {}
    if how.get("combine", "additive") == "additive":
        return [[one] for one in chosen]
    per = how.get("per", ["customer_id", "offer", "wave"])
    gathered: dict[Any, list[Contact]] = defaultdict(list)
    for one in chosen:
        gathered[tuple(one.offers if column == "offer" else one.row.get(column) for column in per)].append(one)
    return list(gathered.values())


def combined(world: World, q: dict[int, float]) -> dict[int, float]:
    """Shares of a group's response."""
    how = (world.spec.get("responses") or {}).get("combine", "additive")
    if how == "additive" or not q:
        return q
    whole = max(q.values()) if how == "best" else 1 - math.prod(1 - value for value in q.values())
    total = sum(q.values())
    return {index: whole * value / total if total else whole / len(q) for index, value in q.items()}


# --- saturated channels -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Saturation:
    """The saturation of one cell: its reference response and where its curve is read."""

    curve: Row
    reference: float
    z_ref: float

    def share(self, z: float) -> float:
        """F(z) / z."""
        if z <= 0 or self.z_ref <= 0:
            return 1.0
        r = z / self.z_ref
        phi = curves.value(self.curve, r * self.reference) / curves.value(self.curve, self.reference)
        return self.z_ref * min(r, phi) / z


def worth(world: World, pair: Contact) -> float:
    """What one response of the pair adds to the objective."""
    if world.objective == "net_margin":
        return pair.gross_margin - pair.response_cost
    return pair.revenue if world.objective == "revenue" else 1.0


def cell_of(world: World, pair: Contact) -> tuple[str, ...] | None:
    """The saturation cell of a pair."""
    curve = world.spec["channels"][pair.channel].get("response_curve")
    if not curve:
        return None
    by = curve.get("by", [])
    return (pair.channel, *(str(pair.row.get(column)) for column in ([by] if isinstance(by, str) else by)))


def saturations(world: World) -> dict[tuple[str, ...], Saturation]:
    """Every saturated cell of the scenario."""
    if "saturations" not in world.memo:
        members: dict[tuple[str, ...], list[Contact]] = defaultdict(list)
        for pair in world.pairs:
            if cell := cell_of(world, pair):
                members[cell].append(pair)
        world.memo["saturations"] = {cell: saturation(world, cell[0], pairs) for cell, pairs in members.items()}
    found: dict[tuple[str, ...], Saturation] = world.memo["saturations"]
    return found


def saturation(world: World, channel: str, pairs: list[Contact]) -> Saturation:
    """z_ref = R(ref) · Σ p w / Σ p over the scored pairs of the cell."""
    curve = world.spec["channels"][channel]["response_curve"]
    reference = curve.get("spend_ref", curve.get("volume_ref"))
    weight = sum(pair.scores["responses"] for pair in pairs)
    mean = sum(pair.scores["responses"] * worth(world, pair) for pair in pairs) / weight if weight else 0.0
    return Saturation(curve, reference, curves.value(curve, reference) * mean)


# --- a whole plan -------------------------------------------------------------------------------------------------


def value(world: World, chosen: list[Contact], responses: dict[int, Responses], spend: dict[str, float]) -> Valued:
    """A plan's terms and its objective before penalties."""
    shares = saturated_shares(world, chosen, responses)
    prices = unit_prices(world, chosen)
    terms = []
    for pair in chosen:
        share = shares.get(pair.index, 1.0)
        own = {kind: got * share for kind, got in responses[pair.index].items()}
        terms.append(contact_term(pair, own, prices.get(pair.index, pair.unit_cost)))
    touched = {pair.activity for pair in chosen}
    paid = {cell.name: spend.get(cell.name, 0.0) for cell in world.cells}
    costs = [one for one in world.fixed if one.activities & touched]
    costs += [
        Fixed(cell.fixed, frozenset(), cell.columns) for cell in world.cells if cell.fixed and paid[cell.name] > 0
    ]
    terms += [fixed_term(world, one) for one in costs]
    terms += [medium_term(world, k, paid[cell.name]) for k, cell in enumerate(world.cells)]
    objective = sum(contribution(world, term) for term in terms)
    return Valued(terms + committed_terms(world), objective)


def saturated_shares(world: World, chosen: list[Contact], responses: dict[int, Responses]) -> dict[int, float]:
    """F of every contact in a saturated cell."""
    cells = saturations(world)
    if not cells:
        return {}
    z: dict[tuple[str, ...], float] = defaultdict(float)
    inside = [(pair, cell) for pair in chosen if (cell := cell_of(world, pair))]
    for pair, cell in inside:
        z[cell] += worth(world, pair) * responses[pair.index]["responses"]
    return {pair.index: cells[cell].share(z[cell]) for pair, cell in inside}


def unit_prices(world: World, chosen: list[Contact]) -> dict[int, float]:
    """C(n) / n of every contact in a channel with price tiers."""
    prices = {}
    for channel, body in (world.spec.get("channels") or {}).items():
        if isinstance(body.get("unit_cost"), dict):
            own = [pair.index for pair in chosen if pair.channel == channel]
            prices.update({index: tier_total(body["unit_cost"], len(own)) / len(own) for index in own})
    return prices


def contact_term(pair: Contact, got: Responses, price: float) -> Term:
    """A contact of ours."""
    margin = got["responses"] * pair.gross_margin + sum(got[kpi] * worth for kpi, worth in pair.kpi_margins.items())
    cost = price + pair.response_cost * got["responses"]
    amounts = {**got, "gross_margin": margin, "revenue": got["responses"] * pair.revenue, "cost": cost}
    return Term(("contact", pair.index), pair.row, {**amounts, "net_margin": margin - cost}, pair)


def fixed_term(world: World, fixed: Fixed) -> Term:
    """A fixed cost paid."""
    places = world.memo.setdefault("places", {})
    place = places.setdefault(repr(sorted(fixed.columns.items(), key=repr)), len(places))
    return Term(("fixed", place), fixed.columns, {"cost": fixed.amount, "net_margin": -fixed.amount})


def medium_term(world: World, place: int, spend: float) -> Term:
    """A medium's money and yield."""
    cell = world.cells[place]
    got = curves.value(cell.curve, spend)
    margin = got * cell.margin
    amounts = {"cost": spend, "gross_margin": margin, "net_margin": margin - spend}
    if cell.yields != "gross_margin":
        amounts[cell.yields] = got
    return Term(("medium", place), cell.columns, amounts)


def committed_terms(world: World) -> list[Term]:
    """Committed contacts, those outside the horizon too: a rolling window may reach them."""
    if "committed" not in world.memo:
        world.memo["committed"] = [
            Term(("committed", one.index), one.row, {"cost": one.unit_cost}, one) for one in world.past if one.committed
        ]
    found: list[Term] = world.memo["committed"]
    return found


MONEY = ("responses", "gross_margin", "revenue", "cost", "net_margin")


def measure(world: World, term: Term, name: str) -> float:
    """What a term adds to a measure; a column counts once a contact."""
    if name in term.amounts:
        return term.amounts[name]
    if term.contact is None:
        return 0.0
    if name == "contacts":
        return 1.0
    if term.contact.ours and (name in MONEY or name in world.kpis):
        return 0.0
    cell: Any = look_up(term.row, name) if term.contact.ours else term.contact.measures.get(name)
    return 0.0 if is_empty(cell) else float(cell)


def contribution(world: World, term: Term) -> float:
    """What a term adds to the objective before penalties."""
    if term.contact is None and world.objective not in (*MONEY, *world.kpis):
        return 0.0
    return measure(world, term, world.objective)


def in_scope(rule: Row, term: Term, scope: tuple[str, ...]) -> bool:
    """Whether a term belongs to a scope of ``each``."""
    return scope in scope_keys(rule, term.row)
