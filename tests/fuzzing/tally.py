"""How often each verb was there, and how often it bound: without the rule the best plan would be another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.bruteforce.filters import Row
from tests.bruteforce.search import Best, best
from tests.bruteforce.world import VERBS, expanded, verb_of
from tests.fuzzing.properties import tells_apart

CROSSED = ("where", "each", "soft", "per", "mode")
PARTS = ("history", "committed", "consent", "baseline", "responses", "media", "kpis", "waves", "activities")


@dataclass
class Tally:
    """Counts over scenarios."""

    scenarios: int = 0
    infeasible: int = 0
    parts: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    bound: Counter[str] = field(default_factory=Counter)
    crossed: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, spec: Row, found: Best | None, *, binding: bool = True) -> None:
        """Count one scenario; ``binding`` also looks for the best plan without each rule."""
        self.scenarios += 1
        self.infeasible += found is None
        self.parts.update(part for part in PARTS if part in spec)
        for k, rule in enumerate(expanded(spec["rules"])):
            verb = verb_of(rule)
            self.there[verb] += 1
            if binding and tells_apart(found, best(spec, skip=k)):
                self.bound[verb] += 1
                self.crossed.update((verb, key) for key in CROSSED if key in rule)

    def table(self) -> str:
        """The counts as text, a row a verb."""
        head = ("verb", "there", "bound", *(f"bound with {key}" for key in CROSSED[:-1]))
        rows = [
            (verb, self.there[verb], self.bound[verb], *(self.crossed[verb, key] for key in CROSSED[:-1]))
            for verb in VERBS
        ]
        lines = [
            "".join(f"{cell:<20}" if k == 0 else f"{cell:>18}" for k, cell in enumerate(row)) for row in [head, *rows]
        ]
        parts = ", ".join(f"{part} {self.parts[part]}" for part in PARTS)
        return "\n".join([*lines, f"{self.scenarios} scenarios, {self.infeasible} infeasible; {parts}"])
