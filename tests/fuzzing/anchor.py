"""The plan that random rules are written around, so that their bounds bind and mostly can be held."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.bruteforce.filters import Row
from tests.bruteforce.judge import ready
from tests.bruteforce.values import Responses, Valued, respond, value
from tests.bruteforce.world import Contact, World
from tests.fuzzing.stage import chance


@dataclass(frozen=True)
class Anchor:
    """The plan rules are written around."""

    spec: Row
    world: World
    chosen: list[Contact]
    spend: dict[str, float]
    valued: Valued

    @property
    def plan(self) -> list[tuple[str, str]]:
        """The plan's contacts."""
        return [(pair.customer, pair.activity) for pair in self.chosen]

    @property
    def dated(self) -> bool:
        """Whether activities have dates."""
        return bool(self.world.dates)


def anchor(rng: Random, spec: Row) -> Anchor:
    """A random plan, sparse or dense, with whole spends."""
    world = ready({**spec, "rules": []}).world
    share = rng.choice((0.25, 0.5, 0.75))
    chosen = [pair for pair in world.pairs if chance(rng, share)]
    spend = {}
    for cell in world.cells:
        closed = cell.or_zero and chance(rng, 0.3)
        spend[cell.name] = 0.0 if closed else float(rng.randint(int(cell.low), int(cell.high)))
    responses: dict[int, Responses] = {}
    for customer in world.customers:
        responses |= respond(world, customer, [pair for pair in chosen if pair.customer == customer])
    return Anchor(spec, world, chosen, spend, value(world, chosen, responses, spend))
