"""The rules a planner may write: one pydantic model a verb, and the rule that carries exactly one of them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Number = Annotated[float, Field(allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Days = Annotated[int, Field(ge=0)]
#: A filter: an expression, or column -> value | list | comparison | {has} | {from, to}. See ``where.py``.
Filter = str | dict[str, Any]


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)


class TableBound(Strict):
    """A bound read from a table keyed by the rule's ``each`` columns."""

    table: Any
    column: str


#: A number, a customer column (local rules) or a table keyed by ``each`` (coupling rules).
Bound = Number | str | TableBound


class Soft(Strict):
    """A price per unit of violation in place of a hard bound."""

    penalty: NonNegative
    tolerance: NonNegative | None = None
    side: Literal["min", "max", "both"] = "both"


class TableVerb(Strict):
    """A verb written as a table, a row a rule: name, filter columns, from, to, min, max, penalty."""

    table: Any


class DateException(Strict):
    """The bound of one date of a rolling window."""

    date: date
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
    days: Annotated[int, Field(ge=1)] | None = None
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

    days: Annotated[int, Field(ge=1)] | None = None


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

    days: Annotated[int, Field(ge=1)]


class CostPerCustomer(Window):
    """Money spent on one customer."""


class Targets(Strict):
    """At least, at most or exactly k of these offers."""

    among: list[str] = Field(min_length=1)
    min: Annotated[int, Field(ge=0)] | None = None
    max: Annotated[int, Field(ge=0)] | None = None
    exactly: Annotated[int, Field(ge=0)] | None = None
    if_contacted: bool = False

    @model_validator(mode="after")
    def _some_bound(self) -> Targets:
        if self.exactly is not None:
            if self.min is not None or self.max is not None:
                raise ValueError("'exactly' stands alone, without min or max")
            self.min = self.max = self.exactly
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or exactly")
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
    contact: Annotated[int, Field(ge=1)] | None = None
    alternate: Literal["channel"] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Effect:
        if self.contact is not None and self.alternate is not None:
            raise ValueError("states contact or alternate, not both")
        return self


class Control(Strict):
    """A hold-out group: a seeded share, or a table."""

    share: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int = 0
    by: str | None = None
    table: Any = None

    @model_validator(mode="after")
    def _one_form(self) -> Control:
        if (self.share is None) == (self.table is None):
            raise ValueError("needs either a share or a table")
        return self


class Rule(Strict):
    """One rule: a name, exactly one verb, and where, each, per, soft, mode."""

    name: str = Field(min_length=1)
    where: Filter | None = None
    each: str | list[str] | None = None
    per: str | None = None
    soft: Soft | None = None
    mode: Literal["enforce", "report"] = "enforce"

    volume: Volume | TableVerb | None = None
    budget: Budget | TableVerb | None = None
    sum: Sum | TableVerb | None = None
    average: Average | TableVerb | None = None
    ratio: Ratio | TableVerb | None = None
    share: Share | TableVerb | None = None
    open: Open | TableVerb | None = None
    contacts: Contacts | TableVerb | None = None
    pressure: Pressure | TableVerb | None = None
    packages: Packages | TableVerb | None = None
    duplicates: Duplicates | TableVerb | None = None
    rest: Rest | TableVerb | None = None
    cost_per_customer: CostPerCustomer | TableVerb | None = None
    targets: Targets | TableVerb | None = None
    include: Filter | TableVerb | None = None
    exclude: Filter | TableVerb | None = None
    requires: Requires | TableVerb | None = None
    only_after: OnlyAfter | TableVerb | None = None
    never: Never | TableVerb | None = None
    alternate: Literal["channel"] | None = None
    effect: Effect | TableVerb | None = None
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
        return [self.each] if isinstance(self.each, str) else list(self.each or [])


VERBS = (
    "volume", "budget", "sum", "average", "ratio", "share", "open",
    "contacts", "pressure", "packages", "duplicates", "rest", "cost_per_customer", "targets",
    "include", "exclude", "requires", "only_after", "never", "alternate", "effect", "control",
)  # fmt: skip
