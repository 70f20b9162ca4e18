"""What a scenario file may say: one pydantic model a section. Everything has a default where a sensible one exists."""

from __future__ import annotations

import difflib
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import pandas as pd
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from optimizer.scenario.rule_schema import (
    Filter,
    Flag,
    IsoDate,
    Name,
    Names,
    NonNegative,
    Number,
    Positive,
    Rule,
    Strict,
)

#: A cell of a declared column.
Scalar = (
    Annotated[str, Field(strict=True)]
    | Annotated[bool, Field(strict=True)]
    | Annotated[int, Field(strict=True)]
    | Annotated[float, Field(strict=True, allow_inf_nan=False)]
    | date
)
#: A file, relative to the scenario's folder.
PathName = Annotated[str, Field(strict=True, min_length=1)]
#: Keys nearer than this to a known key are taken for a slip of the pen, not for a declared column.
NEAR = 0.75


class SqlSource(Strict):
    """A table read from a database: any query, any SQLAlchemy URL."""

    sql: Name
    url: Name


class JoinSource(Strict):
    """A table and the tables joined to it by the columns they share (customer_id …), each key once on the right."""

    table: Source
    join: list[Source] = Field(min_length=1)


def _source_form(value: object) -> str:
    if isinstance(value, pd.DataFrame):
        return "frame"
    if isinstance(value, SqlSource) or (isinstance(value, dict) and ("sql" in value or "url" in value)):
        return "sql"
    return "join" if isinstance(value, dict | JoinSource) else "path"


#: A path (CSV, Parquet), a query, a join, or a DataFrame.
Source = Annotated[
    Annotated[PathName, Tag("path")]
    | Annotated[SqlSource, Tag("sql")]
    | Annotated[JoinSource, Tag("join")]
    | Annotated[pd.DataFrame, Tag("frame"), WithJsonSchema({"not": {}})],
    Discriminator(_source_form),
]


class Declared(BaseModel):
    """A section that may carry columns of its own (``line: digital``); a key close to a known one is an error."""

    model_config = ConfigDict(extra="allow", populate_by_name=True, arbitrary_types_allowed=True)
    __pydantic_extra__: dict[str, Scalar]
    #: Names that mean something else in a filter.
    reserved: ClassVar[frozenset[str]] = frozenset(
        {
            "activity",
            "offer",
            "offers",
            "channel",
            "wave",
            "medium",
            "date",
            "day",
            "week",
            "month",
            "quarter",
            "customer_id",
        }
    )

    @model_validator(mode="after")
    def _no_near_miss(self) -> Declared:
        known = [field.alias or name for name, field in type(self).model_fields.items()]
        for key in self.__pydantic_extra__:
            if key in self.reserved:
                raise PydanticCustomError(
                    "unknown_key", "not a key here, and no name for a declared column", {"key": key}
                )
            if near := difflib.get_close_matches(key, known, n=1, cutoff=NEAR):
                message = "unknown key; did you mean {near}? (a declared column needs a name less like it)"
                raise PydanticCustomError("unknown_key", message, {"key": key, "near": near[0]})
        return self

    @property
    def columns(self) -> dict[str, Any]:
        """The declared columns."""
        return dict(self.__pydantic_extra__)


class Hill(Strict):
    """top · s^slope / (half^slope + s^slope)."""

    top: Positive
    half: Positive
    slope: Positive


class Logistic(Strict):
    """top · (1 − e^(−rate·s)) / (1 + e^(−rate·s))."""

    top: Positive
    rate: Positive


class MichaelisMenten(Strict):
    """top · s / (half + s)."""

    top: Positive
    half: Positive


class Log(Strict):
    """scale · ln(1 + s / half)."""

    scale: Positive
    half: Positive


class Power(Strict):
    """scale · s^exponent."""

    scale: Positive
    exponent: Annotated[float, Field(strict=True, gt=0, le=1)]


class CurveForm(Strict):
    """Exactly one form of response curve."""

    hill: Hill | None = None
    logistic: Logistic | None = None
    michaelis_menten: MichaelisMenten | None = None
    log: Log | None = None
    power: Power | None = None
    points: Annotated[list[Annotated[list[Number], Field(min_length=2, max_length=2)]], Field(min_length=1)] | None = (
        None
    )

    @model_validator(mode="after")
    def _one_form(self) -> CurveForm:
        found = [form for form in CURVE_FORMS if getattr(self, form) is not None]
        if len(found) != 1:
            raise ValueError(f"needs exactly one curve of {', '.join(CURVE_FORMS)}; found {', '.join(found) or 'none'}")
        return self

    @property
    def form(self) -> str:
        """The curve's name."""
        return next(form for form in CURVE_FORMS if getattr(self, form) is not None)

    @property
    def parameters(self) -> Any:
        """The curve's parameters by name, or its points."""
        value = getattr(self, self.form)
        return value.model_dump() if isinstance(value, BaseModel) else value


CURVE_FORMS = ("hill", "logistic", "michaelis_menten", "log", "power", "points")


class ResponseCurve(CurveForm):
    """The saturation of an addressed channel: a curve, where the scores were calibrated, and its cells.

    ``factor`` multiplies the channel's scores, so that over the contacts of the reference they add up to the curve.
    """

    spend_ref: Positive | None = None
    volume_ref: Positive | None = None
    factor: Positive | None = None
    by: Names = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_reference(self) -> ResponseCurve:
        if (self.spend_ref is None) == (self.volume_ref is None):
            raise ValueError("needs either spend_ref or volume_ref")
        return self

    @property
    def reference(self) -> float:
        """Spend or volume at which the scores were calibrated."""
        return self.spend_ref if self.spend_ref is not None else self.volume_ref or 0.0


def _written_form(value: object) -> str:
    """Tell apart a section written out, a number and a name (of a column or a file)."""
    if isinstance(value, str):
        return "name"
    return "section" if isinstance(value, dict | BaseModel) else "number"


class TierPrices(Strict):
    """Prices by volume: [[from, price], …]."""

    tiers: list[Annotated[list[NonNegative], Field(min_length=2, max_length=2)]] = Field(min_length=1)
    kind: Literal["incremental", "all_units"] = "incremental"

    @model_validator(mode="after")
    def _ascending(self) -> TierPrices:
        starts = [start for start, _ in self.tiers]
        if starts[0] != 0:
            raise ValueError("tiers: the first starts at 0")
        if any(after <= before for before, after in pairwise(starts)):
            raise ValueError("tiers: their volumes ascend")
        return self


#: Money a contact: a number, a customer column or tiers.
UnitCost = Annotated[
    Annotated[NonNegative, Tag("number")] | Annotated[Name, Tag("name")] | Annotated[TierPrices, Tag("section")],
    Discriminator(_written_form),
]
#: Money a response: a number or a customer column.
Amount = Annotated[
    Annotated[Number, Tag("number")] | Annotated[Name, Tag("name")],
    Discriminator(_written_form),
]
Price = Annotated[
    Annotated[NonNegative, Tag("number")] | Annotated[Name, Tag("name")],
    Discriminator(_written_form),
]


class FixedAmount(Strict):
    """A fixed cost, once a horizon or once a wave."""

    amount: NonNegative
    each: Literal["wave"] | None = None


def _fixed_form(value: object) -> str:
    return "section" if isinstance(value, dict | FixedAmount) else "number"


FixedCost = Annotated[
    Annotated[NonNegative, Tag("number")] | Annotated[FixedAmount, Tag("section")],
    Discriminator(_fixed_form),
]
#: The saturation of a channel, written here or in a file of its own.
ChannelCurve = Annotated[
    Annotated[ResponseCurve, Tag("section")] | Annotated[Name, Tag("name")],
    Discriminator(lambda value: "name" if isinstance(value, str) else "section"),
]


class Channel(Declared):
    """A channel addressed to one customer at a time."""

    unit_cost: UnitCost | None = None
    fixed_cost: FixedCost | None = None
    pressure: NonNegative = 1.0
    days: Annotated[int, Field(strict=True)] = 0
    response_curve: ChannelCurve | None = None
    min_volume_if_opened: NonNegative | None = None


class Offer(Declared):
    """What is proposed, and what a response is worth."""

    gross_margin: Amount | None = None
    revenue: Amount | None = None
    margin_rate: Annotated[float, Field(strict=True, le=1, allow_inf_nan=False)] | None = None
    response_cost: Price = 0.0
    fixed_cost: FixedCost | None = None
    min_volume_if_opened: NonNegative | None = None

    @model_validator(mode="after")
    def _one_margin(self) -> Offer:
        if self.gross_margin is not None and self.margin_rate is not None:
            raise ValueError("states gross_margin or revenue and margin_rate, not both")
        return self


class Spend(Strict):
    """What may be spent on a medium."""

    min: NonNegative = 0.0
    max: NonNegative
    or_zero: Flag = False

    @model_validator(mode="after")
    def _ordered(self) -> Spend:
        if self.min > self.max:
            raise ValueError(f"min {self.min:g} exceeds max {self.max:g}")
        return self


class Table(Strict):
    """A table in place of what is written here, a row a cell."""

    table: Source


def _table_form(value: object) -> str:
    return "table" if isinstance(value, Table) or (isinstance(value, dict) and "table" in value) else "written"


class Medium(Declared):
    """A medium bought with money."""

    spend: Annotated[Annotated[Spend, Tag("written")] | Annotated[Table, Tag("table")], Discriminator(_table_form)]
    curve: Annotated[Annotated[CurveForm, Tag("written")] | Annotated[Table, Tag("table")], Discriminator(_table_form)]
    by: Names = Field(default_factory=list)
    in_: Name = Field(default="gross_margin", alias="in")
    gross_margin: Number | None = None
    fixed_cost: NonNegative = 0.0


class Wave(Declared):
    """A dated round of contacts."""

    name: Name
    date: IsoDate | None = None


class Activities(Strict):
    """All combinations but some, or a table of activities."""

    except_: list[Filter] = Field(default_factory=list, alias="except")
    table: Source | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Activities:
        if self.except_ and self.table is not None:
            raise ValueError("states except or a table, not both")
        return self


def _activities_form(value: object) -> str:
    if isinstance(value, Activities) or (isinstance(value, dict) and ("except" in value or "table" in value)):
        return "join" if isinstance(value, dict) and "join" in value else "section"
    return _source_form(value)


class Kpi(Strict):
    """One more probability of the same pair, and what it is worth."""

    score: Name
    gross_margin: Amount | None = None


class Responses(Strict):
    """How several contacts for the same thing respond together."""

    combine: Literal["additive", "independent", "best"] = "additive"
    per: Names = Field(default_factory=lambda: ["customer_id", "offer", "wave"])


class Minimize(Strict):
    """The least cost, with floors as rules."""

    minimize: Literal["cost"]


class Currency(Strict):
    """The reporting currency, and the rates that bring others to it (columns currency, rate)."""

    report: Name
    rates: Source


class ScenarioFile(Strict):
    """A whole scenario."""

    schema_: str | None = Field(default=None, alias="$schema")
    name: Name = "scenario"
    currency: Annotated[
        Annotated[Name, Tag("name")] | Annotated[Currency, Tag("section")],
        Discriminator(lambda value: "section" if isinstance(value, dict | Currency) else "name"),
    ] = "EUR"
    objective: (
        Annotated[
            Annotated[Name, Tag("name")] | Annotated[Minimize, Tag("section")],
            Discriminator(lambda value: "section" if isinstance(value, dict | Minimize) else "name"),
        ]
        | None
    ) = None
    time_zone: Name = "UTC"

    customers: Source | None = None
    appetence: Source | None = None
    baseline: Source | None = None
    history: Source | None = None
    committed: Source | None = None
    consent: Source | None = None

    kpis: dict[Name, Kpi] = Field(default_factory=dict)
    responses: Responses = Field(default_factory=Responses)
    channels: dict[Name, Channel] = Field(default_factory=dict)
    media: dict[Name, Medium] = Field(default_factory=dict)
    offers: dict[Name, Offer] = Field(default_factory=dict)
    waves: list[Wave] = Field(default_factory=list)
    activities: (
        Annotated[
            Annotated[Activities, Tag("section")]
            | Annotated[PathName, Tag("path")]
            | Annotated[SqlSource, Tag("sql")]
            | Annotated[JoinSource, Tag("join")]
            | Annotated[pd.DataFrame, Tag("frame"), WithJsonSchema({"not": {}})],
            Discriminator(_activities_form),
        ]
        | None
    ) = None
    rules: list[Rule] = Field(default_factory=list)

    @model_validator(mode="after")
    def _complete(self) -> ScenarioFile:
        addressed = {"customers": self.customers, "appetence": self.appetence, "channels": self.channels or None}
        missing = [key for key, value in addressed.items() if value is None]
        if missing and (len(missing) < 3 or not self.media):
            raise ValueError(f"needs {' and '.join(missing)} (or media alone, with none of the three)")
        if missing:
            useless = ("baseline", "history", "committed", "consent", "activities")
            if found := [key for key in useless if getattr(self, key) is not None]:
                raise ValueError(f"{' and '.join(found)} need customers, appetence and channels")
        for kind, names in (
            ("waves", [wave.name for wave in self.waves]),
            ("rules", [rule.name for rule in self.rules]),
        ):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{kind}: the name {twice[0]!r} stands twice; names tell {kind} apart")
        if both := [name for name in self.media if name in self.channels]:
            raise ValueError(f"media: {both[0]!r} is a channel too; give one of them another name")
        if len({wave.date is None for wave in self.waves}) > 1:
            raise ValueError("waves: some have a date and some have none; date all of them or none")
        return self


JoinSource.model_rebuild()
