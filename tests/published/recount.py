"""What a plan of a customer assignment instance is worth, from the published tables and their README alone.

No scenario, no rule and no date of ours takes part: days are numbers, ``ALL`` is all, products are split at ``;``.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOFT = frozenset({"Minimum assignment", "Minimum sales", "Maximum sales", "Minimum contact"})

Row = dict[str, str]


@dataclass(frozen=True)
class Recount:
    """Profit before penalties, soft rules short by how much, hard rules and conflicts broken, objective."""

    profit: float
    short: dict[str, float]
    broken: list[str]
    objective: float


@dataclass(frozen=True)
class Contact:
    """One contact with what the tables say of it."""

    customer: str
    day: int
    channel: str
    products: frozenset[str]
    cost: float
    profit: float
    response: float


class Published:
    """The four tables of an instance."""

    def __init__(self, folder: Path) -> None:
        self.activities = {row["Activity"]: row for row in _rows(folder, 1)}
        self.pairs = {(row["Customer"], row["Activity"]): row for row in _rows(folder, 2)}
        self.rules, self.conflicts = _rows(folder, 3), _rows(folder, 4)
        self.penalty = max(abs(float(row["ExpectedProfit"])) for row in self.pairs.values())

    def recount(self, plan: Iterable[tuple[str, str]]) -> Recount:
        """Value a plan of (customer, activity) and check every rule; KeyError for a contact that is not eligible."""
        chosen = list(plan)
        if len(set(chosen)) < len(chosen):
            raise ValueError("a contact stands twice")
        made = [self._contact(*pair) for pair in chosen]
        short: dict[str, float] = {}
        broken: list[str] = []
        for rule in self.rules:
            name = f"{rule['Type']} {rule['Index']}"
            beyond = self._beyond(rule, [contact for contact in made if _concerns(rule, contact)])
            if beyond > 1e-9 and rule["Type"] in SOFT:
                short[name] = beyond
            elif beyond > 1e-9:
                broken.append(name)
        broken += self._clashes(made)
        profit = sum(contact.profit for contact in made)
        return Recount(profit, short, broken, profit - self.penalty * sum(short.values()))

    def _contact(self, customer: str, name: str) -> Contact:
        activity, pair = self.activities[name], self.pairs[customer, name]
        return Contact(
            customer,
            int(activity["Day"]),
            activity["Channel"],
            _parts(activity["TargetProducts"]),
            float(activity["Cost"]),
            float(pair["ExpectedProfit"]),
            float(pair["ResponseProbability"]),
        )

    def _beyond(self, rule: Row, made: list[Contact]) -> float:
        """How far a rule is exceeded or short; for contacts, over all customers."""
        bound, kind = float(rule["Bound"]), rule["Type"]
        counts = Counter(contact.customer for contact in made)
        if kind == "Maximum contact":
            return sum(max(count - bound, 0.0) for count in counts.values())
        if kind == "Minimum contact":
            return sum(max(bound - counts[customer], 0.0) for customer in {customer for customer, _ in self.pairs})
        value = {
            "assignment": float(len(made)),
            "sales": sum(contact.response for contact in made),
            "Budget": sum(contact.cost for contact in made),
        }[kind.split()[-1]]
        return bound - value if kind.startswith("Minimum") else value - bound

    def _clashes(self, made: list[Contact]) -> list[str]:
        """Conflicts broken, each with its customer."""
        own: dict[str, list[Contact]] = defaultdict(list)
        for contact in made:
            own[contact.customer].append(contact)
        return [
            f"conflict {conflict['Index']} of customer {customer}"
            for customer, contacts in own.items()
            for conflict in self.conflicts
            for i, first in enumerate(contacts)
            for j, then in enumerate(contacts)
            if i != j
            and _matches(first, conflict, 1)
            and _matches(then, conflict, 2)
            and 0 <= then.day - first.day <= int(conflict["Lag"])
        ]


def _rows(folder: Path, number: int) -> list[Row]:
    file = next(folder.glob(f"table{number}.csv*"))
    content = file.read_bytes()
    text = (gzip.decompress(content) if file.suffix == ".gz" else content).decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def _parts(cell: str) -> frozenset[str]:
    return frozenset(part.strip() for part in cell.split(";"))


def _concerns(rule: Row, contact: Contact) -> bool:
    return (
        int(rule["StartDay"]) <= contact.day <= int(rule["EndDay"])
        and (rule["Channels"] == "ALL" or contact.channel in _parts(rule["Channels"]))
        and (rule["TargetProducts"] == "ALL" or bool(_parts(rule["TargetProducts"]) & contact.products))
    )


def _matches(contact: Contact, conflict: dict[str, Any], side: int) -> bool:
    channel, product = conflict[f"Channel{side}"], conflict[f"TargetProduct{side}"]
    return channel in ("ALL", contact.channel) and (product == "ALL" or product in contact.products)
