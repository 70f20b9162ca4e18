"""Judging values against bounds: one row of ``rules.csv`` for a rule and scope, the worst of everything it binds.

A count holds exactly; a real value within 1e-9 × (|bound| + Σ|g x|). What a soft rule bends is priced, each unit,
window and pair on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimizer.scenario.facts import Floats
from optimizer.scenario.rule_schema import Rule

ROUNDING = 1e-9
EXAMPLES = 3
#: Kind -> row, -1 for none, and what gives each thing's kind.
Kinds = tuple[NDArray[np.int64], Callable[[], NDArray[np.int64]]]


@dataclass(frozen=True)
class Check:
    """One row of the checks: a rule in one scope."""

    rule: str
    scope: str
    value: float
    min: float
    max: float
    slack: float
    violation: float
    penalty: float
    passed: bool
    note: str


@dataclass
class Judge:
    """Collects values against bounds and gives the row that stands for them.

    Parameters
    ----------
    rule, scope : str
        What the row is called.
    ruling : Rule or None
        Whose softness and mode apply; none for what a scenario demands of every plan.
    noun : str
        What is judged, in notes: ``customers``, ``windows``, ``pairs``.
    """

    rule: str
    scope: str
    ruling: Rule | None = None
    noun: str = "customers"
    violation: float = 0.0
    penalty: float = 0.0
    failed: int = 0
    bound_units: int = 0
    number: float | None = None  # of things that should not be
    remarks: list[str] = field(default_factory=list)
    _worst: tuple[tuple[bool, float], float, float, float] | None = None  # (broken, signed excess), value, lower, upper
    _broken: list[str] = field(default_factory=list)

    def add(
        self,
        value: ArrayLike,
        lower: ArrayLike = -np.inf,
        upper: ArrayLike = np.inf,
        *,
        below: ArrayLike | None = None,
        above: ArrayLike | None = None,
        noise: ArrayLike = 0.0,
        name: Callable[[int], str] | None = None,
    ) -> None:
        """Judge values, all at once.

        Parameters
        ----------
        value, lower, upper : float or float array
            What was found and what it may be.
        below, above : float or float array, optional
            How far beyond the bounds, where that is not in the value's own unit (ratios: Σ (value − bound × base)).
        noise : float or float array
            What rounding may explain.
        name : callable, optional
            How a note calls the k-th value.
        """
        given = (np.atleast_1d(np.asarray(array, dtype=np.float64)) for array in (value, lower, upper))
        values, lows, highs = np.broadcast_arrays(*given)
        if not len(values):
            return
        under = self._excess(below, lows - values)
        over = self._excess(above, values - highs)
        slop = np.broadcast_to(np.asarray(noise, dtype=np.float64), values.shape)
        self._take(values, lows, highs, *self._judged(under, over, slop), np.ones(len(values), np.int64), None, name)

    def add_alike(
        self,
        value: Floats,
        lower: Floats,
        upper: Floats,
        number: NDArray[np.int64],
        kind: Callable[[], NDArray[np.int64]],
        *,
        counted: NDArray[np.bool_],
        noise: Floats,
        name: Callable[[int], str],
    ) -> None:
        """Judge many things of a few kinds, all at once: ``number`` of each kind, which has one value and bounds.

        What holds of a kind is worked out once. Kinds that are not ``counted`` are passed over. ``kind``, which gives
        every thing's kind, is asked only where it matters which things they are.
        """
        number = np.where(counted, number, 0)
        there = np.flatnonzero(number)
        if not len(there):
            return
        at = np.full(len(value), -1, dtype=np.int64)
        at[there] = np.arange(len(there))
        under, over = self._excess(None, (lower - value)[there]), self._excess(None, (value - upper)[there])
        judged = self._judged(under, over, noise[there])
        self._take(value[there], lower[there], upper[there], *judged, number[there], (at, kind), name)

    @staticmethod
    def _judged(under: Floats, over: Floats, slop: Floats) -> tuple[Floats, Floats, Floats]:
        """What is left of the excess below and above once rounding is taken for nothing."""
        under = np.where(under > slop, under, np.minimum(under, 0.0))
        return under, np.where(over > slop, over, np.minimum(over, 0.0)), slop

    def _take(
        self,
        values: Floats,
        lows: Floats,
        highs: Floats,
        under: Floats,
        over: Floats,
        slop: Floats,
        number: NDArray[np.int64],
        kinds: Kinds | None,
        name: Callable[[int], str] | None,
    ) -> None:
        """Add what was judged; with ``kinds``, of ``number`` things each: kind -> row here, and each thing's kind."""
        signed = np.maximum(under, over)
        self.bound_units += int(number[signed >= -slop].sum())
        broken = np.zeros(len(values), dtype=bool)
        bent = signed > 0
        if bent.any():
            broken = self._priced(under, over, slop, number)
            self.failed += int(number[broken].sum())
        top = np.flatnonzero(broken) if broken.any() else np.arange(len(values))
        worst = float(signed[top].max())
        rank = (bool(broken.any()), worst)
        if self._worst is None or rank > self._worst[0]:
            row = self._last(top[signed[top] == worst], kinds)
            self._worst = (rank, float(values[row]), float(lows[row]), float(highs[row]))
        if name is not None and len(self._broken) < EXAMPLES and bent.any():
            things = np.flatnonzero(bent if kinds is None else np.append(bent, False)[kinds[0]][kinds[1]()])
            self._broken += [name(int(k)) for k in things[: EXAMPLES - len(self._broken)]]

    def _priced(self, under: Floats, over: Floats, slop: Floats, number: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Add the violation and its price on each side; what is beyond all price is broken."""
        soft = self.ruling.soft if self.ruling else None
        broken = np.zeros(len(under), dtype=bool)
        for excess, side in ((under, "min"), (over, "max")):
            beyond = np.maximum(excess, 0.0)
            total = float((beyond * number).sum())
            self.violation += total
            if soft is not None and soft.side in (side, "both"):
                self.penalty += soft.penalty * total
                limit = np.inf if soft.tolerance is None else soft.tolerance
                broken |= beyond > limit + slop
            else:
                broken |= beyond > 0
        return broken

    @staticmethod
    def _last(rows: NDArray[np.int64], kinds: Kinds | None) -> int:
        """The row of the last thing among those of some rows: of things equally bad, it is the one shown."""
        if kinds is None or len(rows) == 1:
            return int(rows[-1])
        of_kind, kind = kinds[0], kinds[1]()
        wanted = np.isin(of_kind, rows)
        return int(of_kind[kind[np.flatnonzero(wanted[kind])[-1]]])

    def each_pays(self, count: int, name: Callable[[int], str] | None = None) -> None:
        """Judge things that should not be, each on its own (a tolerance is each one's), and show their number."""
        self.add(np.ones(count), upper=0.0, name=name)
        self.number = float(count)

    @staticmethod
    def _excess(given: ArrayLike | None, own: NDArray[np.float64]) -> Floats:
        excess = own if given is None else np.broadcast_to(np.asarray(given, dtype=np.float64), own.shape)
        return np.nan_to_num(np.asarray(excess, dtype=np.float64), nan=-np.inf, posinf=np.inf, neginf=-np.inf)

    def remark(self, text: str) -> None:
        """Add to the note."""
        self.remarks.append(text)

    def check(self) -> Check:
        """Give the row: the value nearest to, or furthest beyond, its bound."""
        _, value, lower, upper = self._worst or ((False, -np.inf), np.nan, -np.inf, np.inf)
        if self.number is not None:
            value, upper = self.number, 0.0
        reported = self.ruling is not None and self.ruling.mode == "report"
        notes = list(self.remarks)
        if self.bound_units > 1 or (self.bound_units and self._broken):
            notes.insert(0, f"{self.bound_units} {self.noun} at or beyond the bound")
        if self._broken:
            notes.append(f"beyond: {', '.join(self._broken)}")
        if reported:
            notes.append("report only")
        return Check(
            rule=self.rule,
            scope=self.scope,
            value=value,
            min=lower if np.isfinite(lower) else np.nan,
            max=upper if np.isfinite(upper) else np.nan,
            slack=_slack(value, lower, upper),
            violation=self.violation,
            penalty=0.0 if reported else self.penalty,
            passed=reported or self.failed == 0,
            note="; ".join(notes),
        )


def _slack(value: float, lower: float, upper: float) -> float:
    if np.isnan(value):
        return float("nan")
    slack = min(value - lower, upper - value)
    return slack if np.isfinite(slack) else float("nan")


def judge_rule(rule: Rule, scope: str, noun: str = "customers") -> Judge:
    """A judge for one scope of a rule."""
    return Judge(rule.name, scope, rule, noun)


def rounding(bound: ArrayLike, terms: ArrayLike) -> Floats:
    """What rounding may explain of a real-valued row: 1e-9 × (|bound| + Σ|g x|)."""
    finite = np.where(np.isfinite(bound), np.abs(bound), 0.0)
    return np.asarray(ROUNDING * (finite + np.asarray(terms, dtype=np.float64)), dtype=np.float64)


def listed(names: Sequence[str], number: int) -> str:
    """The first few names, and how many there are in all."""
    shown = ", ".join(names[:EXAMPLES])
    return shown if number <= EXAMPLES else f"{shown}, … ({number} in all)"
