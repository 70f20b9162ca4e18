"""What a scenario says once its tables are read: customers, activities, eligible pairs, past contacts and media.

Facts are checked, typed and put in canonical order; they hold no rule logic and no solver. Rules compile from
them and the independent check recomputes from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.scenario.curves import Curve
from optimizer.scenario.pair_values import PairColumn

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Pairs:
    """Eligible (customer, activity) pairs, after consent, before exclude and control.

    Sorted by customer row, then activity row. Every array has shape (E,); money is in parts where it can be.

    Attributes
    ----------
    customer, activity : int32
        Rows of ``Facts.customers`` and ``Facts.activities``.
    score : float64
        Net probability of response (baseline subtracted, times the factor of the channel's calibration).
    gross_margin, revenue, response_cost : float64
        Money a response, in the reporting currency (``revenue`` is NaN where the offer states none).
    unit_cost : float64
        Money a contact; for a channel with tiers, the price of the first tier.
    kpis : dict of float64
        Net probability of each kpi; 0 where the pair has none.
    measures : dict of float64
        Further numeric columns of the long appetence table; NaN where empty.
    """

    customer: Ints
    activity: Ints
    score: Floats
    gross_margin: PairColumn
    revenue: PairColumn
    response_cost: PairColumn
    unit_cost: PairColumn
    kpis: dict[str, Floats] = field(default_factory=dict)
    measures: dict[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.customer)


@dataclass(frozen=True)
class MediumCell:
    """One cell of a medium: what may be spent there and what its curve yields.

    ``yields`` is ``gross_margin``, ``responses`` or a kpi; ``margin`` the money one unit of it is worth (1 for
    gross_margin; NaN where no gross margin is stated). ``columns`` are the columns the medium declares (``medium``
    itself, ``line`` …) and its cell's values. ``name`` is ``search[FR,2026-03]``, or the medium's name when it has
    one cell.
    """

    name: str
    medium: str
    columns: dict[str, object]
    spend_min: float
    spend_max: float
    or_zero: bool
    fixed_cost: float
    curve: Curve
    yields: str
    margin: float


@dataclass(frozen=True)
class Saturation:
    """The saturation of one channel: the curve's shape, its reference and the cell of each of its pairs.

    ``cell`` has shape (E,): the row of ``cells`` (labels), or -1 for pairs of other channels.
    ``reference`` is spend_ref or volume_ref, the abscissa where the scores were calibrated; ``factor`` what the
    calibration multiplied the channel's scores by (``Pairs`` hold the product), None where none is stated.
    """

    channel: str
    curve: Curve
    reference: float
    cells: list[str]
    cell: Ints
    factor: float | None = None


@dataclass(frozen=True)
class Tiers:
    """Prices by volume of one channel: ``starts[j]`` contacts are passed before ``prices[j]`` applies."""

    channel: str
    starts: Floats
    prices: Floats
    kind: str  # "incremental" | "all_units"


@dataclass(frozen=True)
class FixedCost:
    """Money paid once something is opened: every contact in ``activities`` opens it.

    ``columns`` is what a filter may see of it (channel or offer, declared columns, the wave's with ``each: wave``).
    """

    name: str  # "print", "print w1"
    amount: float
    activities: Bools  # (A,)
    columns: dict[str, object]


@dataclass(frozen=True)
class MinimumVolume:
    """Zero contacts, or at least ``volume``, among ``activities`` (from ``min_volume_if_opened``)."""

    name: str
    volume: float
    activities: Bools  # (A,)


@dataclass(frozen=True)
class LeftOut:
    """A count of what the tables held and the problem does not, with the reason, for ``summary.json``."""

    reason: str
    count: int
    examples: list[str]


@dataclass(frozen=True)
class Facts:
    """Everything rules and checks read.

    Attributes
    ----------
    customers : DataFrame
        RangeIndex 0..N-1; ``customer_id`` (str, ordered by UTF-8 bytes) and the table's other columns.
        Identifier-like columns are str; numeric columns float64 or int64; booleans bool; dates datetime64[s].
    activities : DataFrame
        RangeIndex 0..A-1, ordered by date, channel, offer, wave as declared, then name. Columns: ``activity`` (str,
        unique), ``offer`` (str; several joined by ``;``), ``offers`` (tuple of str), ``channel``, ``wave`` (str; ''
        when undated), ``date`` (datetime64[s], NaT when undated), ``day`` (ISO date text), ``week``, ``month``,
        ``quarter`` (text), then the columns of the activities table and those declared on channel, offer and wave.
    days : int32 (A,)
        Activity dates in days since 1970-01-01; all -1 in a scenario without dates.
    pairs : Pairs
    past : DataFrame
        History and committed contacts of known customers: ``customer`` (int row), ``date``, ``days`` (int; -1 in a
        scenario without dates, whose one date they share), ``channel``, ``offer``, ``offers`` (tuple),
        ``committed`` (bool), ``cost`` (money; 0 for history without the column), ``pressure``, and the tables' other
        columns. Sorted by customer, days, channel, offer.
    media : list of MediumCell
    saturations : list of Saturation
    tiers : list of Tiers
    fixed_costs : list of FixedCost
        Of channels and offers (a medium's is in its cell).
    minimum_volumes : list of MinimumVolume
    pressure : float64 (A,)
        The weight of each activity's channel.
    combine : str
        ``additive``, ``independent`` or ``best``.
    group : int32 (E,)
        The group a pair's response is combined in; -1 when additive.
    left_out : list of LeftOut
    """

    customers: pd.DataFrame
    activities: pd.DataFrame
    days: Ints
    pairs: Pairs
    past: pd.DataFrame
    media: list[MediumCell]
    saturations: list[Saturation]
    tiers: list[Tiers]
    fixed_costs: list[FixedCost]
    minimum_volumes: list[MinimumVolume]
    pressure: Floats
    combine: str
    group: Ints
    left_out: list[LeftOut]

    @property
    def dated(self) -> bool:
        """Whether activities carry dates."""
        return bool(len(self.days)) and int(self.days.min()) >= 0

    @property
    def horizon(self) -> tuple[int, int]:
        """First and last activity date, in days since 1970-01-01."""
        return int(self.days.min()), int(self.days.max())
