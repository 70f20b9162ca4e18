"""Random rules around an anchor plan: bounds at what that plan reaches, or a little off, so that rules bind.

One builder a verb; each returns the verb's body, or None when the scenario has no use for it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.bruteforce import coupling_rules
from tests.bruteforce.filters import Row
from tests.bruteforce.judge import Ready, evaluate, ready
from tests.bruteforce.world import each_of
from tests.fuzzing import local_rules
from tests.fuzzing.anchor import Anchor
from tests.fuzzing.filters import any_filter, each, lined, soft
from tests.fuzzing.stage import chance


def rule(rng: Random, here: Anchor, verb: str, name: str) -> Row | None:
    """A rule of a verb that the anchor mostly keeps; None when the scenario has no use for the verb."""
    loyal = chance(rng, 0.4 if verb in ("control", "exclude", "requires", "include") else 0.75)
    for _ in range(6):
        made = attempt(rng, here, verb, name)
        if made is None:
            return None
        if not loyal or not breaks(here, made):
            return made
    return made if chance(rng, 0.3) else None


def breaks(here: Anchor, made: Row) -> bool:
    """Whether the anchor breaks the rule."""
    alone: Ready = ready({**here.spec, "rules": [made]})
    judged = evaluate(alone, here.plan, here.spend)
    return any(made["name"] in reason or "may not receive" in reason for reason in judged.reasons)


def attempt(rng: Random, here: Anchor, verb: str, name: str) -> Row | None:
    """A rule of a verb with random where, each, soft and mode."""
    if "customers" not in here.spec and verb not in ("budget", "ratio", "share", "sum"):
        return None
    made: Row = {"name": name}
    if verb in SCOPED and chance(rng, 0.3):
        made["each"] = each(rng, here.spec, media=verb in ("budget", "ratio", "share", "sum"))
    if chance(rng, 0.45):
        made["where"] = any_filter(rng, here.spec)
    if verb in HOUSEHOLD and chance(rng, 0.15):
        made["per"] = "household"
    if verb not in ("effect", "control") and chance(rng, 0.25):
        made["soft"] = soft(rng, here.spec, sided=verb in SIDED)
    if chance(rng, 0.04):
        made["mode"] = "report"
    body = BUILDERS[verb](rng, here, made)
    if body is None:
        return None
    made[verb] = body
    return tabled(rng, made) if verb in ("volume", "contacts", "budget") and chance(rng, 0.06) else made


SIDED = ("volume", "budget", "sum", "average", "ratio", "share", "open", "contacts", "pressure", "packages", "targets")
SCOPED = (*SIDED, "duplicates", "rest", "never", "alternate", "cost_per_customer", "include")
HOUSEHOLD = (
    "contacts", "pressure", "packages", "duplicates", "rest", "cost_per_customer",
    "targets", "never", "requires", "only_after",
)  # fmt: skip


def tabled(rng: Random, made: Row) -> Row:
    """The same rule written as a table of one row."""
    verb = next(verb for verb in ("volume", "contacts", "budget") if verb in made)
    body = made[verb]
    simple = set(body) <= {"min", "max", "days"} and all(isinstance(b, (int, float)) for b in body.values())
    where: Any = made.get("where")
    texts = isinstance(where, dict) and all(isinstance(cell, str) and cell[0] not in "<>!=" for cell in where.values())
    if not simple or "soft" in made or "per" in made or not texts:
        return made
    rest = {key: cell for key, cell in made.items() if key not in (verb, "where", "name")}
    return {"name": f"{made['name']} table", verb: {"table": [{"name": made["name"], **where, **body}]}, **rest}


# --- coupling verbs -------------------------------------------------------------------------------------------------


def reached(here: Anchor, made: Row, verb: str, body: Row) -> list[tuple[tuple[str, ...], float]]:
    """What the anchor reaches in every scope (and window) of a rule."""
    probe = {**made, verb: {**body, "min": 0.0, "max": 0.0}}
    return [
        (one.scope, row.value)
        for one in coupling_rules.compile_rule(here.world, probe)
        for row in coupling_rules.evaluate(one, here.valued)
    ]


def range_around(rng: Random, here: Anchor, made: Row, verb: str, body: Row, *, whole: bool = False) -> Row | None:
    """Bounds at the anchor's values, or a little off, as numbers or (with each) as a table."""
    found = reached(here, made, verb, body)
    if not found:
        return None
    sides = rng.choice((["max"], ["max"], ["min"], ["min", "max"]))
    bounds: Row = {}
    table = each_of(made) and chance(rng, 0.35)
    for side in sides:
        extreme = (max if side == "max" else min)(value for _, value in found)
        level = rng.choice(found)[1] if chance(rng, 0.2) else extreme
        bounds[side] = shifted(rng, level, side, whole)
    if "min" in bounds and "max" in bounds and bounds["min"] > bounds["max"]:
        bounds["min"] = bounds["max"]
    if not table or "days" in body:
        return {**body, **bounds}
    rows: dict[tuple[str, ...], Row] = {
        scope: dict(zip(each_of(made), scope, strict=True)) for scope, _ in found if chance(rng, 0.85)
    }
    if not rows:
        return {**body, **bounds}
    for scope, level in found:
        if scope in rows:
            rows[scope] |= {side: shifted(rng, level, side, whole) for side in sides}
            if "min" in rows[scope] and "max" in rows[scope]:
                rows[scope]["min"] = min(rows[scope]["min"], rows[scope]["max"])
    return {**body, **{side: {"table": list(rows.values()), "column": side} for side in sides}}


def shifted(rng: Random, level: float, side: str, whole: bool) -> float:
    """A bound at the level, or a little looser or tighter."""
    if whole:
        return float(max(0, level + rng.choice((0, 0, 0, 1, -1)) * (1 if side == "max" else -1)))
    step = rng.choice((0, 0, 0.02, 0.1, -0.05)) * (1 if side == "max" else -1)
    bound = round(level + step * abs(level), 3)
    return max(0.0, bound) if level >= 0 else bound


def volume(rng: Random, here: Anchor, made: Row) -> Row | None:
    """Contacts, customers or packages; rolling or over the horizon."""
    body: Row = {}
    if chance(rng, 0.25):
        body["of"] = rng.choice(("customers", "packages"))
    if here.dated and chance(rng, 0.3):
        body["days"] = rng.choice((1, 2, 3, 7))
        if chance(rng, 0.3):
            day = rng.choice([row["day"] for row in here.world.activities])
            body["except"] = [{"date": day, "max": rng.choice((0, 1, 2))}]
    return range_around(rng, here, made, "volume", body, whole=True)


def budget(rng: Random, here: Anchor, made: Row) -> Row | None:
    """Money."""
    return range_around(rng, here, made, "budget", {})


def measures(rng: Random, here: Anchor) -> list[str]:
    """Names that may be added up."""
    found = ["cost", "responses", "contacts"]
    if "customers" in here.spec:
        found += ["basket", "age", "value"]
    if "customers" not in here.spec or "offers" in here.spec:  # without offers, a response is worth no money
        found += ["net_margin", "gross_margin", "revenue"]
    if here.world.pairs and "risk" in here.world.pairs[0].measures:
        found += ["risk", "risk"]
    return found + ["lead", "lead"] * bool(here.world.kpis)


def sum_(rng: Random, here: Anchor, made: Row) -> Row | None:
    """A sum of any measure."""
    return range_around(rng, here, made, "sum", {"of": rng.choice(measures(rng, here))})


def average(rng: Random, here: Anchor, made: Row) -> Row | None:
    """An average over contacts."""
    names = [name for name in measures(rng, here) if name not in ("net_margin", "gross_margin")]
    return quotient_around(rng, here, made, "average", {"of": rng.choice(names)})


def ratio(rng: Random, here: Anchor, made: Row) -> Row | None:
    """A ratio of two sums."""
    names = measures(rng, here)
    hurdle = ("net_margin" if "net_margin" in names else "responses", "cost")
    of, to = rng.choice((hurdle, ("cost", rng.choice(names)), (rng.choice(names), rng.choice(names))))
    return None if of == to else quotient_around(rng, here, made, "ratio", {"of": of, "to": to})


def share(rng: Random, here: Anchor, made: Row) -> Row | None:
    """A share of contacts or of money."""
    of = any_filter(rng, here.spec)
    if "media" in here.spec and lined(here.spec) and chance(rng, 0.6):
        of = {"line": rng.choice(("digital", "paper"))}
    money = chance(rng, 0.4) or "customers" not in here.spec
    return quotient_around(rng, here, made, "share", {"of": of} | ({"in": "cost"} if money else {}))


def quotient_around(rng: Random, here: Anchor, made: Row, verb: str, body: Row) -> Row | None:
    """A bound on a quotient at what the anchor reaches in some scope."""
    tops = reached(here, made, verb, {**body})
    probe = {**made, verb: {**body, "min": 1.0}}
    less = [
        row.value
        for one in coupling_rules.compile_rule(here.world, probe)
        for row in coupling_rules.evaluate(one, here.valued)
    ]
    tops = tops[::2]  # a min row and a max row a scope, both with bound 0
    quotients = [top / (top - gap) for (_, top), gap in zip(tops, less, strict=True) if abs(top - gap) > 1e-6]
    if not quotients:
        return None
    side = rng.choice(("min", "max"))
    level = rng.choice(quotients) if chance(rng, 0.3) else (max if side == "max" else min)(quotients)
    bound = shifted(rng, level, side, whole=False)
    if verb == "share":
        bound = min(1.0, max(0.0, bound))
    return {**body, side: bound}


def open_(rng: Random, here: Anchor, made: Row) -> Row | None:
    """How many offers, channels, waves or countries are opened."""
    columns = ["offer", "channel", "country"] + ["wave"] * here.dated
    return range_around(rng, here, made, "open", {"of": rng.choice(columns)}, whole=True)


BUILDERS: dict[str, Callable[[Random, Anchor, Row], Any]] = {
    "volume": volume,
    "budget": budget,
    "sum": sum_,
    "average": average,
    "ratio": ratio,
    "share": share,
    "open": open_,
    "contacts": local_rules.contacts,
    "pressure": local_rules.pressure,
    "packages": local_rules.packages,
    "duplicates": local_rules.duplicates,
    "rest": local_rules.rest,
    "cost_per_customer": local_rules.cost_per_customer,
    "targets": local_rules.targets,
    "include": local_rules.include,
    "exclude": local_rules.exclude,
    "requires": local_rules.requires,
    "only_after": local_rules.only_after,
    "never": local_rules.never,
    "alternate": local_rules.alternate,
    "effect": local_rules.effect,
    "control": local_rules.control,
}
