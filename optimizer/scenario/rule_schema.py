"""The rules a planner may write: one pydantic model a verb, and the rule that carries exactly one of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema, model_validator


def _name(value: object) -> object:
    """A whole number stands for its decimal text where a name is expected."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _iso_date(value: object) -> object:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else _no_date()
    except ValueError:
        return _no_date()


def _no_date() -> object:
    raise ValueError("expected a date written YYYY-MM-DD")


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True, ge=0)]
Days = Whole
WindowDays = Annotated[int, Field(strict=True, ge=1)]
Flag = Annotated[bool, Field(strict=True)]
#: A name or an identifier, never empty.
Name = Annotated[str, Field(strict=True, min_length=1), BeforeValidator(_name)]
IsoDate = Annotated[date, BeforeValidator(_iso_date)]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | int) and not isinstance(value, bool) else value


#: One name or a list of names; always a list once read.
Names = Annotated[
    list[Name],
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)


def _filter_form(value: object) -> str:
    return "columns" if isinstance(value, dict) else "expression"


#: A filter: an expression, or column -> value | list | comparison | {has} | {from, to}. See ``where.py``.
Filter = Annotated[
    Annotated[str, Field(strict=True, min_length=1), Tag("expression")] | Annotated[dict[str, Any], Tag("columns")],
    Discriminator(_filter_form),
]


class TableBound(Strict):
    """A bound read from a table keyed by the rule's ``each`` columns."""

    table: Any
    column: Name


def _bound_form(value: object) -> str:
    if isinstance(value, dict | TableBound):
        return "table"
    return "column" if isinstance(value, str) else "number"


def _column_alone(value: object) -> object:
    """``{column: wished_max}`` says the same as ``wished_max``."""
    return value["column"] if isinstance(value, dict) and value.keys() == {"column"} else value


#: A number, a customer column (local rules) or a table keyed by ``each`` (coupling rules).
Bound = Annotated[
    Annotated[Number, Tag("number")] | Annotated[Name, Tag("column")] | Annotated[TableBound, Tag("table")],
    Discriminator(_bound_form),
    BeforeValidator(_column_alone),
]


class Soft(Strict):
    """A price per unit of violation in place of a hard bound."""

    penalty: NonNegative
    tolerance: NonNegative | None = None
    side: Literal["min", "max", "both"] = "both"


class TableVerb(BaseModel):
    """A verb written as a table, a row a rule: name, filter columns, from, to, min, max, penalty.

    Further keys are the verb's own and hold for every row that does not state them (``{table: caps.csv, days: 30}``).
    """

    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)

    table: Any


def _verb_form(value: object) -> str:
    return "table" if isinstance(value, TableVerb) or (isinstance(value, dict) and "table" in value) else "written"


V = TypeVar("V")
#: A verb, or a table that holds one verb a row.
Tabled = Annotated[Annotated[V, Tag("written")] | Annotated[TableVerb, Tag("table")], Discriminator(_verb_form)]


class DateException(Strict):
    """The bound of one date of a rolling window."""

    date: IsoDate
    min: NonNegative | None = None
    max: NonNegative | None = None


class Range(Strict):
    """A minimum, a maximum or both."""

    min: Bound | None = None
    max: Bound | None = None

    @model_validator(mode="after")
    def _some_bound(self) -> Range:
        if self.min is None and self.max is None:
            raise ValueError("needs a min, a max or both")
        return self


class Volume(Range):
    """Number of contacts (or customers, or packages)."""

    of: Literal["contacts", "customers", "packages"] = "contacts"
    days: WindowDays | None = None
    except_: list[DateException] = Field(default_factory=list, alias="except")


class Budget(Range):
    """Money spent: contacts, media, fixed and response costs."""


class Sum(Range):
    """The sum of a measure."""

    of: str


class Average(Range):
    """The average of a measure over contacts."""

    of: str


class Ratio(Range):
    """The ratio of two measures' sums."""

    of: str
    to: str


class Share(Range):
    """The share of the contacts (or the money) that ``of`` keeps among those that ``where`` keeps."""

    of: Filter
    in_: Literal["contacts", "cost"] = Field(default="contacts", alias="in")


class Open(Range):
    """How many offers (or channels, waves …) may be opened."""

    of: str = "offer"


class Window(Range):
    """A local count over a window of days, or the horizon."""

    days: WindowDays | None = None


class Contacts(Window):
    """Number of contacts a customer may receive."""


class Pressure(Window):
    """Contacts weighted by their channels' pressure."""


class Packages(Window):
    """Distinct dates with a contact."""


class Duplicates(Window):
    """Contacts that repeat the same value of a column."""

    of: str = "offer"


class Rest(Strict):
    """Days between contacts of different dates."""

    days: WindowDays


class CostPerCustomer(Window):
    """Money spent on one customer."""


class Targets(Strict):
    """At least, at most or exactly k of these offers."""

    among: list[Name] = Field(min_length=1)
    min: Whole | None = None
    max: Whole | None = None
    exactly: Whole | None = None
    if_contacted: Flag = False

    @model_validator(mode="after")
    def _some_bound(self) -> Targets:
        if self.exactly is not None:
            if self.min is not None or self.max is not None:
                raise ValueError("'exactly' stands alone, without min or max")
            self.min = self.max = self.exactly
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or exactly")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} exceeds max {self.max}")
        return self


class Requires(Strict):
    """A contact that matches ``if`` needs one that matches ``then``."""

    if_: Filter = Field(alias="if")
    then: Filter
    same: Literal["wave"] | None = None


class Lag(Strict):
    """A least and a greatest number of days."""

    min: Days = 1
    max: Days | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Lag:
        if self.max is not None and self.min > self.max:
            stated = "" if "min" in self.model_fields_set else " (where none is written)"
            raise ValueError(f"min {self.min}{stated} exceeds max {self.max}")
        return self


class OnlyAfter(Strict):
    """A contact that matches ``what`` needs an earlier one that matches ``after``."""

    what: Filter
    after: Filter
    days: Lag = Field(default_factory=Lag)


class Never(Strict):
    """Pairs of contacts that clash: in an order with a lag, or together."""

    first: Filter | None = None
    then: Filter | None = None
    together: Annotated[list[Filter], Field(min_length=2, max_length=2)] | None = None
    days: Days | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Never:
        ordered = self.first is not None and self.then is not None
        if ordered == (self.together is not None) or (self.first is None) != (self.then is None):
            raise ValueError("needs either first and then, or together")
        return self


class Effect(Strict):
    """A factor on the response: of the k-th contact, of a change of channel, or of a message."""

    factor: NonNegative
    contact: WindowDays | None = None
    alternate: Literal["channel"] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Effect:
        if self.contact is not None and self.alternate is not None:
            raise ValueError("states contact or alternate, not both")
        return self


class Control(Strict):
    """A hold-out group: a seeded share, or a table."""

    share: Annotated[float, Field(strict=True, ge=0, le=1)] | None = None
    seed: Annotated[int, Field(strict=True)] = 0
    by: str | None = None
    table: Any = None

    @model_validator(mode="after")
    def _one_form(self) -> Control:
        if (self.share is None) == (self.table is None):
            raise ValueError("needs either a share or a table")
        return self


class Rule(Strict):
    """One rule: a name, exactly one verb, and where, each, per, soft, mode."""

    name: Name
    where: Filter | None = None
    each: Names | None = None
    per: Name | None = None
    soft: Soft | None = None
    mode: Literal["enforce", "report"] = "enforce"

    volume: Tabled[Volume] | None = None
    budget: Tabled[Budget] | None = None
    sum: Tabled[Sum] | None = None
    average: Tabled[Average] | None = None
    ratio: Tabled[Ratio] | None = None
    share: Tabled[Share] | None = None
    open: Tabled[Open] | None = None
    contacts: Tabled[Contacts] | None = None
    pressure: Tabled[Pressure] | None = None
    packages: Tabled[Packages] | None = None
    duplicates: Tabled[Duplicates] | None = None
    rest: Tabled[Rest] | None = None
    cost_per_customer: Tabled[CostPerCustomer] | None = None
    targets: Tabled[Targets] | None = None
    include: Tabled[Filter] | None = None
    exclude: Tabled[Filter] | None = None
    requires: Tabled[Requires] | None = None
    only_after: Tabled[OnlyAfter] | None = None
    never: Tabled[Never] | None = None
    alternate: Literal["channel"] | None = None
    effect: Tabled[Effect] | None = None
    control: Control | None = None

    @model_validator(mode="after")
    def _one_verb(self) -> Rule:
        if len(found := [verb for verb in VERBS if getattr(self, verb) is not None]) != 1:
            raise ValueError(f"needs exactly one verb of {', '.join(VERBS)}; found {found or 'none'}")
        return self

    @property
    def verb(self) -> str:
        """The name of the rule's verb."""
        return next(verb for verb in VERBS if getattr(self, verb) is not None)

    @property
    def each_columns(self) -> list[str]:
        """The columns whose every value repeats the rule."""
        return list(self.each or [])


VERBS = (
    "volume", "budget", "sum", "average", "ratio", "share", "open",
    "contacts", "pressure", "packages", "duplicates", "rest", "cost_per_customer", "targets",
    "include", "exclude", "requires", "only_after", "never", "alternate", "effect", "control",
)  # fmt: skip
