"""The compiled mathematical problem: activities, customers, local rules, coupling rows, curves.

Arrays, no files, no solver.

    max  objective(x, ρ, s, y)
    s.t. local primitives bind one unit (a customer or a household) at a time,
         coupling rows bind many, openings tie contacts to a binary.

``x`` contacts of pairs, ``ρ`` effective responses (after effects, combination, saturation), ``s`` media spend,
``y`` openings. Every rule of ``optimizer.rules`` compiles into the few primitives below (DESIGN §4); solvers read
them alone and know no rule names but as labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optimizer.scenario.curves import Curve
from optimizer.scenario.pair_values import PairColumn

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
#: Numbers in as few bytes as they need: flags and small counts enter products like any number.
Numbers = NDArray[np.float64] | NDArray[np.uint8] | NDArray[np.bool_]


@dataclass(frozen=True)
class Weights:
    """A number on every pair, kept as a product: factor × activity part × customer part × pair part.

    ``None`` parts are ones. The product form keeps a row over millions of pairs as small as its activity part; parts of
    0 and 1 over customers or pairs are flags.
    """

    activity: Floats | None = None  # (A,)
    customer: Numbers | None = None  # (N,)
    pair: Numbers | None = None  # (E,)
    factor: float = 1.0

    def on(self, customer: Ints, activity: Ints) -> Floats:
        """Values on the pairs, shape (E,)."""
        value = np.full(len(customer), self.factor)
        if self.activity is not None:
            value *= self.activity[activity]
        if self.customer is not None:
            value *= self.customer[customer]
        if self.pair is not None:
            value *= self.pair
        return value

    def scaled(self, factor: float) -> Weights:
        """The weights times a number."""
        return replace(self, factor=self.factor * factor)


@dataclass(frozen=True)
class Soft:
    """Price a unit of violation; ``tolerance`` at most so much; on which side the bound is soft."""

    penalty: float
    tolerance: float = np.inf
    min_side: bool = True
    max_side: bool = True


# --- local primitives: they bind the contacts of one unit -------------------------------------------------------


@dataclass(frozen=True)
class Units:
    """How customers gather into units: each alone, or by household. ``unit`` has shape (N,), ``names`` (U,)."""

    kind: str  # "customer" or the household column
    unit: Ints
    names: Sequence[str]


@dataclass(frozen=True)
class Count:
    """lower_u ≤ Σ w x ≤ upper_u over the unit's pairs; the past is already counted in the bounds.

    ``bound_units`` (n,) are the units it binds, ``lower`` and ``upper`` (n,) their bounds (±inf = none).
    """

    rule: str
    scope: str
    weights: Weights
    units: Units
    bound_units: Ints
    lower: Floats
    upper: Floats
    soft: Soft | None = None


@dataclass(frozen=True)
class Distinct:
    """lower_u ≤ number of groups touched by the unit's contacts ≤ upper_u.

    ``groups`` (G, A): which activities touch which group; an activity may touch several. ``members`` selects the
    pairs that count (0/1). ``touched`` (n, G): groups the past has already touched, which new contacts do not touch
    again (they neither cost nor count; bounds are already reduced by them). ``if_contacted``: the minimum holds
    only when some group is touched.
    """

    rule: str
    scope: str
    groups: Bools
    members: Weights
    units: Units
    bound_units: Ints
    touched: Bools
    lower: Floats
    upper: Floats
    if_contacted: bool = False
    soft: Soft | None = None


@dataclass(frozen=True)
class Clash:
    """Two contacts e ≠ e' of one unit may not both be made when ``first``(e), ``then``(e') and ``follows``[a_e, a_e'].

    ``first`` and ``then`` are 0/1 on pairs; ``follows`` (A, A) says which activities are near enough, the row taken as
    first. Either orientation clashes. Solved as maximal cliques; soft: each clashing pair pays.
    """

    rule: str
    scope: str
    first: Weights
    then: Weights
    follows: Bools
    units: Units
    soft: Soft | None = None


@dataclass(frozen=True)
class Precedence:
    """x_e ≤ Σ x_e' over the unit's pairs with ``enabler``(e') and ``enables``[a_e, a_e'], for every e with ``what``(e).

    ``what`` and ``enabler`` are 0/1 on pairs; a pair that the past already enables is not in ``what``.
    ``enables`` (A, A): the column's activity enables the row's. A contact that enables itself is free.
    """

    rule: str
    scope: str
    what: Weights
    enabler: Weights
    enables: Bools
    units: Units
    soft: Soft | None = None


LocalRule = Count | Distinct | Clash | Precedence


# --- responses: what a contact is worth, given the unit's other contacts -------------------------------------------


@dataclass(frozen=True)
class RankFactor:
    """Factor on the response of contacts of a rank: rank = 1 + contacts on earlier dates of the horizon."""

    rule: str
    rank: int
    factor: float
    members: Weights  # 0/1: which contacts may get it


@dataclass(frozen=True)
class ChangeFactor:
    """Factor on the response when the channel is absent from the customer's previous date of contact."""

    rule: str
    factor: float
    members: Weights


@dataclass(frozen=True)
class Responses:
    """Probabilities and how contacts of one customer act on each other.

    Effective response of a contact = share of the group's combination of min(1, p · static · rank · change).

    ``scores``: kind ("responses" and every kpi) -> (E,) net probability, without factors.
    ``static`` (E,): product of the message factors, in parts where it can be.
    ``group`` (E,): combination group, -1 alone.
    ``day`` (A,), ``channel`` (A,): date and channel code of activities, for ranks and changes.
    ``booked_*``: committed contacts inside the horizon (customer, day, channel code), which count in ranks.
    """

    scores: dict[str, Floats]
    static: PairColumn
    combine: Literal["additive", "independent", "best"]
    group: Ints
    day: Ints
    channel: Ints
    ranks: list[RankFactor] = field(default_factory=list)
    changes: list[ChangeFactor] = field(default_factory=list)
    booked_customer: Ints = field(default_factory=lambda: np.empty(0, np.int32))
    booked_day: Ints = field(default_factory=lambda: np.empty(0, np.int32))
    booked_channel: Ints = field(default_factory=lambda: np.empty(0, np.int32))


@dataclass(frozen=True)
class Cell:
    """A saturation cell: responses of its pairs are multiplied by f = F(z) / z, z = Σ worth · response.

    F(z) = z_ref · min(r, φ(r)), φ(r) = R(r · reference) / R(reference), r = z / z_ref; F(z) = z for z ≤ 0 (DESIGN §2).
    ``worth`` (E,) is the objective's worth of one response of kind "responses" (0 outside the cell);
    ``member`` (E,) marks the cell's pairs.
    """

    name: str
    curve: Curve
    reference: float
    z_ref: float
    worth: Floats
    member: Bools


@dataclass(frozen=True)
class PriceCell:
    """A channel with cost tiers: n contacts cost C(n) in all, C(n)/n each."""

    name: str
    starts: Floats
    prices: Floats
    incremental: bool
    member: Bools  # (E,)


# --- expressions, coupling rows, openings, media ----------------------------------------------------------------


@dataclass(frozen=True)
class Reach:
    """Number of distinct labels of the contacts made (customers, packages reached): ``label`` (E,) ≥ 0, -1 outside."""

    label: Ints


@dataclass(frozen=True)
class Expression:
    """A sum over the plan.

    Attributes
    ----------
    contacts : list of Weights
        Σ w x.
    responses : dict kind -> list of Weights
        Σ w ρ, ρ the effective response of that kind ("responses" or a kpi), saturation included.
    tiered : list of Weights
        Σ w · (C(n)/n) x on pairs of price cells (0/1 weights, others ignored).
    spend : dict medium row -> coefficient on money spent.
    yields : dict medium row -> coefficient on what the medium's curve yields.
    opened : dict opening row -> coefficient on its binary.
    reached : list of (Reach, coefficient)
    constant : float
    """

    contacts: list[Weights] = field(default_factory=list)
    responses: dict[str, list[Weights]] = field(default_factory=dict)
    tiered: list[Weights] = field(default_factory=list)
    spend: dict[int, float] = field(default_factory=dict)
    yields: dict[int, float] = field(default_factory=dict)
    opened: dict[int, float] = field(default_factory=dict)
    reached: list[tuple[Reach, float]] = field(default_factory=list)
    constant: float = 0.0

    def scaled(self, factor: float) -> Expression:
        """The expression times a number."""
        return Expression(
            contacts=[w.scaled(factor) for w in self.contacts],
            responses={kind: [w.scaled(factor) for w in terms] for kind, terms in self.responses.items()},
            tiered=[w.scaled(factor) for w in self.tiered],
            spend={row: value * factor for row, value in self.spend.items()},
            yields={row: value * factor for row, value in self.yields.items()},
            opened={row: value * factor for row, value in self.opened.items()},
            reached=[(reach, value * factor) for reach, value in self.reached],
            constant=self.constant * factor,
        )

    def __add__(self, other: Expression) -> Expression:
        """The sum of two expressions."""
        kinds = [*self.responses, *(kind for kind in other.responses if kind not in self.responses)]
        return Expression(
            contacts=self.contacts + other.contacts,
            responses={kind: self.responses.get(kind, []) + other.responses.get(kind, []) for kind in kinds},
            tiered=self.tiered + other.tiered,
            spend=_merged(self.spend, other.spend),
            yields=_merged(self.yields, other.yields),
            opened=_merged(self.opened, other.opened),
            reached=self.reached + other.reached,
            constant=self.constant + other.constant,
        )


def _merged(left: dict[int, float], right: dict[int, float]) -> dict[int, float]:
    return {row: left.get(row, 0.0) + right.get(row, 0.0) for row in sorted({*left, *right})}


@dataclass(frozen=True)
class CouplingRow:
    """lower ≤ expression ≤ upper over many customers, hard or soft.

    A ratio, average or share is Σ(value − bound · base).
    """

    rule: str
    scope: str
    expression: Expression
    lower: float
    upper: float
    soft: Soft | None = None


@dataclass(frozen=True)
class Opening:
    """A binary that is 1 as soon as one contact of ``members`` is made, or medium ``medium`` is paid.

    ``minimum``: at least so many contacts of ``members`` once open.
    """

    name: str
    members: Weights | None
    medium: int | None = None
    minimum: float = 0.0


@dataclass(frozen=True)
class Medium:
    """One medium cell: spend ∈ [low, high], or also 0; what its curve yields."""

    name: str
    low: float
    high: float
    or_zero: bool
    curve: Curve


@dataclass(frozen=True)
class Problem:
    """Everything a solver reads.

    ``order`` (N,) is the canonical order of customers (by content, then identifier); solvers state variables in
    that order, so that neither the tables' row order nor the customers' names change the plan.
    ``removed`` (E,) marks pairs that hard rules forbid outright (exclude, control).
    ``sense`` is +1 when ``objective`` is maximised, -1 when the reported figure is its negative (minimised cost).
    """

    name: str
    customer_names: Sequence[str]
    activity_names: Sequence[str]
    customer: Ints  # (E,)
    activity: Ints  # (E,)
    removed: Bools  # (E,)
    order: Ints
    units: Units  # every customer alone
    responses: Responses
    local: list[LocalRule]
    coupling: list[CouplingRow]
    cells: list[Cell]
    price_cells: list[PriceCell]
    openings: list[Opening]
    media: list[Medium]
    objective: Expression
    sense: int = 1
