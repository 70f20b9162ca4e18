"""A scenario in plain rows, ready to be enumerated: pairs, past contacts, media cells, rules."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.bruteforce.filters import Row, Test, both, names_in, reader
from tests.bruteforce.reading import (
    CHANNEL_KEYS,
    OFFER_KEYS,
    activities,
    amount,
    baseline,
    consents,
    contact_cost,
    declared,
    merged,
    offer_money,
    past_rows,
    records,
    scored,
)

MEDIA_KEYS = {"spend", "curve", "in", "gross_margin", "fixed_cost", "by"}
VERBS = (
    "volume", "budget", "sum", "average", "ratio", "share", "open",
    "contacts", "pressure", "packages", "duplicates", "rest", "cost_per_customer", "targets",
    "include", "exclude", "requires", "only_after", "never", "alternate", "effect", "control",
)  # fmt: skip
UNDATED = 0


@dataclass(eq=False)
class Contact:
    """A contact that may be made, or a past one, with all that a rule may ask of it."""

    index: int
    customer: str
    row: Row
    day: int
    channel: str
    offers: tuple[str, ...]
    pressure: float
    unit_cost: float
    ours: bool = True
    inside: bool = True  # within the horizon (for committed contacts)
    committed: bool = False
    scores: dict[str, float] = field(default_factory=dict)
    gross_margin: float = 0.0
    revenue: float = 0.0
    response_cost: float = 0.0
    kpi_margins: dict[str, float] = field(default_factory=dict)
    measures: Row = field(default_factory=dict)

    @property
    def activity(self) -> str:
        """The name of the activity."""
        return str(self.row.get("activity", ""))


@dataclass(frozen=True)
class Cell:
    """A medium, or one cell of it."""

    name: str
    columns: Row
    low: float
    high: float
    or_zero: bool
    fixed: float
    curve: Row
    yields: str
    margin: float


@dataclass(frozen=True)
class Fixed:
    """Money paid once when one of ``activities`` is contacted."""

    amount: float
    activities: frozenset[str]
    columns: Row


@dataclass
class World:
    """Everything the enumeration reads."""

    spec: Row
    customers: dict[str, Row]
    activities: list[Row]
    pairs: list[Contact]
    past: list[Contact]
    cells: list[Cell]
    fixed: list[Fixed]
    minimum_volumes: list[tuple[str, float, frozenset[str]]]
    rules: list[Row]
    kpis: dict[str, Row]
    objective: str
    minimise: bool
    dates: list[int]
    allowed: set[int] = field(default_factory=set)
    memo: dict[Any, Any] = field(default_factory=dict)

    @property
    def horizon(self) -> tuple[int, int]:
        """First and last activity date."""
        return (self.dates[0], self.dates[-1]) if self.dates else (UNDATED, UNDATED)


def verb_of(rule: Row) -> str:
    """The verb of a rule."""
    return next(verb for verb in VERBS if verb in rule)


def build(spec: Row, skip: int | None = None) -> World:
    """Read a scenario; ``skip`` leaves one of its (expanded) rules out."""
    objective = spec.get("objective", "net_margin")
    minimise = isinstance(objective, dict)
    made = activities(spec)
    dates = sorted({ordinal(row.get("date")) for row in made} - {UNDATED})
    customers = {row["customer_id"]: row for row in records(spec.get("customers"))}
    kpis = spec.get("kpis") or {}
    world = World(
        spec=spec,
        customers=customers,
        activities=made,
        pairs=[],
        past=[],
        cells=cells(spec, kpis),
        fixed=fixed_costs(spec, made),
        minimum_volumes=minimum_volumes(spec, made),
        rules=[rule for k, rule in enumerate(expanded(spec.get("rules") or [])) if k != skip],
        kpis=kpis,
        objective=objective["minimize"] if minimise else objective,
        minimise=minimise,
        dates=dates,
    )
    world.pairs = eligible(world)
    world.past = past(world)
    world.allowed = {pair.index for pair in world.pairs if not forbidden(world, pair)}
    return world


def ordinal(day: date | None) -> int:
    """A date as a day number; undated is 0."""
    return UNDATED if day is None else day.toordinal()


def eligible(world: World) -> list[Contact]:
    """Pairs in the appetence table that consent leaves."""
    spec = world.spec
    consent = {row["customer_id"]: row for row in records(spec.get("consent"))}
    without = baseline(spec)
    found = scored(spec, world.activities)
    pairs: list[Contact] = []
    for customer, own in world.customers.items():
        for activity in world.activities:
            pair = found.get((customer, activity["activity"]))
            if pair is None or not consents(spec, customer, activity["channel"], consent):
                continue
            margin, revenue, paid = offer_money(spec, activity["offers"], own)
            measures = {
                k: v for k, v in pair.items() if k not in ("customer_id", "activity", "offer", "channel", "wave")
            }
            scores = {"responses": float(pair["score"]) - without(customer, activity)}
            scores |= {kpi: float(pair.get(body["score"], 0.0)) for kpi, body in world.kpis.items()}
            curve = spec["channels"][activity["channel"]].get("response_curve") or {}
            if "factor" in curve:
                scores = {kind: min(1.0, score * curve["factor"]) for kind, score in scores.items()}
            pairs.append(
                Contact(
                    index=len(pairs),
                    customer=customer,
                    row={**measures, **merged(own, activity)},
                    day=ordinal(activity.get("date")),
                    channel=activity["channel"],
                    offers=activity["offers"],
                    pressure=float(spec["channels"][activity["channel"]].get("pressure", 1)),
                    unit_cost=contact_cost(spec, activity, own, pair),
                    scores=scores,
                    gross_margin=float(pair.get("gross_margin", margin)),
                    revenue=float(pair.get("revenue", revenue)),
                    response_cost=float(pair.get("response_cost", paid)),
                    kpi_margins={
                        k: amount(b["gross_margin"], own) for k, b in world.kpis.items() if "gross_margin" in b
                    },
                    measures=measures,
                )
            )
    return pairs


def past(world: World) -> list[Contact]:
    """History and committed contacts."""
    first, last = world.horizon
    found: list[Contact] = []
    for row, own, committed in past_rows(world.spec):
        channel = (world.spec.get("channels") or {}).get(row["channel"]) or {}
        price = channel.get("unit_cost", 0.0) if committed else 0.0
        day = ordinal(row.get("date")) if world.dates else UNDATED
        found.append(
            Contact(
                index=-1 - len(found),
                customer=row["customer_id"],
                row=row,
                day=day,
                channel=row["channel"],
                offers=row["offers"],
                pressure=float(channel.get("pressure", 1)),
                unit_cost=float(row.get("cost", price if isinstance(price, (int, float)) else 0.0)),
                ours=False,
                inside=committed and (not world.dates or first <= day <= last),
                committed=committed,
                measures=own,
            )
        )
    return found


def forbidden(world: World, pair: Contact) -> bool:
    """Whether a hard exclude or a control group takes the pair away."""
    for rule in world.rules:
        if rule.get("mode") == "report":
            continue
        if "exclude" in rule and "soft" not in rule and both(rule["exclude"], rule.get("where"))(pair.row):
            return True
        if "control" in rule and in_control(rule["control"], pair.customer) and reader(rule.get("where"))(pair.row):
            return True
    return False


def in_control(control: Row, customer: str) -> bool:
    """Whether the customer is held out."""
    if "table" in control:
        return any(r["customer_id"] == customer and r.get("control", True) for r in records(control["table"]))
    digest = hashlib.sha256(f"{control.get('seed', 0)}:{customer}".encode()).digest()
    return bool(int.from_bytes(digest[:8], "big") / 2**64 < control["share"])


def cells(spec: Row, kpis: Row) -> list[Cell]:
    """Media, cell by cell."""
    found = []
    for name, body in (spec.get("media") or {}).items():
        columns = {"medium": name, **{k: v for k, v in body.items() if k not in MEDIA_KEYS}}
        yields = body.get("in", "gross_margin")
        stated = (
            body.get("gross_margin", 0.0) if yields == "responses" else kpis.get(yields, {}).get("gross_margin", 0.0)
        )
        margin = 1.0 if yields == "gross_margin" else float(stated) if not isinstance(stated, str) else 0.0
        for own, spend, curve in cell_parts(body):
            low, high = float(spend.get("min", 0.0)), float(spend["max"])
            label = f"{name}[{','.join(own.values())}]" if own else name
            fixed = float(body.get("fixed_cost", 0.0))
            found.append(
                Cell(label, {**columns, **own}, low, high, bool(spend.get("or_zero")), fixed, curve, yields, margin)
            )
    return found


def cell_parts(body: Row) -> list[tuple[Row, Row, Row]]:
    """Cell columns, spend bounds and curve of every cell of a medium."""
    by = [body["by"]] if isinstance(body.get("by"), str) else list(body.get("by", []))
    if not by:
        return [({}, body["spend"], body["curve"])]
    spends, curves = records(body["spend"]["table"]), body["curve"]
    parts = []
    for row in spends:
        own = {column: str(row[column]) for column in by}
        match = [one for one in records(curves.get("table")) if all(one.get(c) == own[c] for c in by)]
        curve = {"points": [[one["spend"], one["response"]] for one in match]} if match else curves
        parts.append((own, row, curve))
    return parts


def fixed_costs(spec: Row, made: list[Row]) -> list[Fixed]:
    """Fixed costs of channels and offers, once or once a wave."""
    found = []
    for kind, keys in (("channels", CHANNEL_KEYS), ("offers", OFFER_KEYS)):
        for name, body in (spec.get(kind) or {}).items():
            written = (body or {}).get("fixed_cost")
            if written is None:
                continue
            own = [row for row in made if name == row["channel"] or (kind == "offers" and name in row["offers"])]
            columns = {kind[:-1]: name, **declared(spec[kind], name, keys)}
            if not isinstance(written, dict) or "each" not in written:
                total = written["amount"] if isinstance(written, dict) else written
                found.append(Fixed(float(total), frozenset(row["activity"] for row in own), columns))
                continue
            for wave in sorted({row["wave"] for row in own}):
                opened = frozenset(row["activity"] for row in own if row["wave"] == wave)
                found.append(Fixed(float(written["amount"]), opened, {**columns, "wave": wave}))
    return found


def minimum_volumes(spec: Row, made: list[Row]) -> list[tuple[str, float, frozenset[str]]]:
    """Zero contacts or at least so many, of a channel or an offer."""
    found = []
    for kind in ("channels", "offers"):
        for name, body in (spec.get(kind) or {}).items():
            if least := (body or {}).get("min_volume_if_opened"):
                own = [row for row in made if name == row["channel"] or (kind == "offers" and name in row["offers"])]
                found.append((name, float(least), frozenset(row["activity"] for row in own)))
    return found


def expanded(rules: list[Row]) -> list[Row]:
    """Rules with those written as a table spelled out, a row a rule."""
    found = []
    for rule in rules:
        body = rule[verb_of(rule)]
        if not (isinstance(body, dict) and "table" in body) or "control" in rule:
            found.append(rule)
            continue
        shared = {key: value for key, value in body.items() if key != "table"}
        found += [from_row(rule, {**shared, **row}) for row in records(body["table"])]
    return found


RULE_COLUMNS = ("min", "max", "of", "days", "to", "factor", "contact")


def from_row(rule: Row, row: Row) -> Row:
    """One rule of a table of rules."""
    verb = verb_of(rule)
    body = {key: row[key] for key in RULE_COLUMNS if key in row and not (key == "to" and verb != "ratio")}
    other = {k: v for k, v in row.items() if k not in (*RULE_COLUMNS, "name", "from", "penalty")}
    if "from" in row or ("to" in row and verb != "ratio"):
        other["date"] = {key: row[key] for key in ("from", "to") if key in row}
    one = {key: value for key, value in rule.items() if key != verb} | {"name": row["name"], verb: body}
    filters = [f for f in (rule.get("where"), other or None) if f]
    if filters:
        one["where"] = filters[0] if len(filters) == 1 else {**filters[0], **filters[1]}
    if "penalty" in row:
        one["soft"] = {"penalty": row["penalty"]}
    return one


def scopes(rule: Row, rows: list[Row]) -> list[tuple[str, ...]]:
    """The values of ``each`` found among rows; one empty scope without ``each``."""
    return sorted({key for row in rows for key in scope_keys(rule, row)}) if each_of(rule) else [()]


def each_of(rule: Row) -> list[str]:
    """The columns of ``each``."""
    each = rule.get("each") or []
    return [each] if isinstance(each, str) else list(each)


def scope_keys(rule: Row, row: Row) -> list[tuple[str, ...]]:
    """The scopes a row belongs to: every offer of its own, none where a column is missing."""
    keys: list[tuple[str, ...]] = [()]
    for column in each_of(rule):
        own = row.get("offers", (row.get("offer"),)) if column == "offer" else (row.get(column),)
        keys = [(*key, text(value)) for key in keys for value in own if value not in (None, "")]
    return keys


def text(value: Any) -> str:
    """A scope's value as text."""
    return value.isoformat() if isinstance(value, date) else str(value)


def matches_declared(spec: Any, columns: Row, test: Test) -> bool:
    """Whether media or fixed costs match: every column the filter names is theirs, and it holds."""
    return all(name.split(".")[-1] in columns or name in columns for name in names_in(spec)) and test(columns)
