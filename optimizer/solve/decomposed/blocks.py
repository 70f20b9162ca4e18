"""Blocks: what is decided by one number and its curve, such as money of a medium, contacts of an opening or of a tier.

    worth of a block under prices   max over s of   a F(s) + b s + c [on] + Σ_parts max over T of T (A f(s) − μ)

f(s) = F(s) / s. A part is a sum T = Σ form(x) that a saturation or a tiered price scales: responses of another kind, or
what one country pays of a channel's tiers. Between the points looked at, everything is over-estimated.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from optimizer.problem import Floats
from optimizer.scenario.curves import Curve, Saturated
from optimizer.solve.piecewise import inner, outer

#: Points at which a curve is looked at for its best place; how often it is looked at more closely there.
GRID = 257
CLOSER, CLOSER_PARTS = 6, 12
#: Points beyond which a block with parts is looked at no more closely.
MOST_POINTS = 1_000
#: Part of a block's terms by which its best may be over-estimated, without parts and with them.
CLOSE, CLOSE_PARTS = 1e-9, 1e-7


@dataclass(frozen=True)
class Pieces:
    """F(s) = base + slope · s on whole numbers low ≤ s ≤ high, one of several runs: prices in tiers."""

    low: Floats
    high: Floats
    slope: Floats
    base: Floats

    def value(self, s: float) -> float:
        """F(s)."""
        at = max(int(np.searchsorted(self.low, s + 0.5, side="right")) - 1, 0)
        return float(self.base[at] + self.slope[at] * s)


@dataclass(frozen=True)
class Part:
    """A sum T in [low, high], said by linking row ``row``: Σ … − T = 0, of which f(s) · T counts.

    ``worth`` and ``weight`` (rows,): what a unit of f(s) · T is worth and weighs.
    """

    row: int
    low: float
    high: float
    worth: float
    weight: Floats


@dataclass(frozen=True)
class Block:
    """A curve y = F(s), s in [low, high], or off with s = y = 0: what s, y and being on are worth and weigh in rows.

    ``curve`` is None where only s and being on count: an opening, s its contacts. ``or_zero``: it may be off;
    ``on``: it may be on.
    """

    name: str
    curve: Curve | Saturated | Pieces | None
    low: float
    high: float
    or_zero: bool
    worth: tuple[float, float, float]  # of s, of F(s), of being on
    weight: tuple[Floats, Floats, Floats]  # (rows,) each
    medium: int = -1  # which medium's money s is, -1 none
    opening: int = -1  # whose contacts s counts, -1 none
    on: bool = True
    row: int = -1  # the linking row Σ … − s = 0 that says what s is, -1 where s is free
    parts: tuple[Part, ...] = ()

    def value(self, s: float) -> float:
        """F(s)."""
        return 0.0 if self.curve is None else float(self.curve.value(s))

    def factor(self, s: float) -> float:
        """f(s) = F(s) / s; where s is not above 0, 1, or the first price."""
        if s > 0:
            return self.value(s) / s
        return float(self.curve.slope[0]) if isinstance(self.curve, Pieces) else 1.0

    def priced(self, price: Floats) -> tuple[float, float, float]:
        """Worth of a unit of F(s), of s, and of being on, under prices."""
        s, f, on = (worth - float(price @ weight) for worth, weight in zip(self.worth, self.weight, strict=True))
        return f, s, on

    @property
    def switched(self) -> bool:
        """Whether a binary says that the block is on."""
        return self.or_zero and (self.low > 0 or self.worth[2] != 0 or bool(self.weight[2].any()))

    @property
    def curved(self) -> bool:
        """Whether the core states the block by approximations."""
        return bool(self.parts) or not (self.curve is None or isinstance(self.curve, Pieces))


@dataclass(frozen=True)
class Stand:
    """Where a block stands: its best under prices, the s of it, and what it is worth and uses (rows,) there."""

    value: float
    place: float
    worth: float
    use: Floats


@dataclass
class Curved:
    """A block's approximations, looked at more closely where its best lay."""

    block: Block
    points: Floats = field(init=False)
    _known: dict[bool, tuple[Floats, tuple[Floats, Floats, Floats, Floats]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start with a grid; of what is straight the ends."""
        block = self.block
        self.points = np.unique(np.r_[block.low, np.linspace(block.low, block.high, GRID)])
        if block.curve is None:
            self.points = np.unique([block.low, block.high])
        elif isinstance(block.curve, Pieces):
            ends = np.unique(np.r_[block.curve.low, block.curve.high, block.low, block.high])
            self.points = ends[(ends >= block.low) & (ends <= block.high)]
        elif block.parts and block.low < 0 < block.high:
            self.points = np.unique(np.r_[0.0, self.points])

    def best(self, price: Floats) -> Stand:
        """Most that the block is worth under prices, over-estimated."""
        block = self.block
        c = block.priced(price)[2]
        if not block.on:
            value, spent = 0.0, 0.0
        elif block.parts:
            value, spent = self._with_parts(price)
        else:
            value, spent = self._best(price)
        if block.or_zero and (not block.on or value + c < 0):
            return Stand(0.0, 0.0, 0.0, np.zeros(len(price)))
        result = block.value(spent)
        worth = block.worth[0] * spent + block.worth[1] * result + block.worth[2]
        use = block.weight[0] * spent + block.weight[1] * result + block.weight[2]
        f = block.factor(spent) if block.parts else 1.0
        for part in block.parts:
            most = part.high if self._gain(part, price, f) >= 0 else part.low
            worth += part.worth * f * most
            use = use + part.weight * f * most
            use[part.row] -= most
        return Stand(value + c, spent, worth, use)

    @staticmethod
    def _gain(part: Part, price: Floats, f: float | Floats) -> float | Floats:
        """What a unit of T is worth under prices, any shape of f."""
        return f * (part.worth - float(price @ part.weight)) + float(price[part.row])

    def _best(self, price: Floats) -> tuple[float, float]:
        """Most of a F(s) + b s, over-estimated, and where."""
        block = self.block
        a, b, _ = block.priced(price)
        if block.curve is None or isinstance(block.curve, Pieces):
            straight = np.array([a * block.value(x) + b * x for x in self.points])
            at = int(straight.argmax())
            return float(straight[at]), float(self.points[at])
        for _ in range(CLOSER):
            near = (outer if a >= 0 else inner)(block.curve, self.points)
            inside = (near.x >= block.low) & (near.x <= block.high)
            x, y = near.x[inside], near.y[inside]
            value = a * y + b * x
            at = int(value.argmax())
            exact = a * float(block.curve.value(x[at])) + b * float(x[at])
            if value[at] - exact <= CLOSE * (abs(value[at]) + abs(a * y[at]) + abs(b * x[at])):
                break
            low, high = x[max(at - 1, 0)], x[min(at + 1, len(x) - 1)]
            self.points = np.unique(np.r_[self.points, np.linspace(low, high, 9)])
        return float(value[at]), float(x[at])

    def _with_parts(self, price: Floats) -> tuple[float, float]:
        """Most of a F(s) + b s + Σ T (A f(s) − μ), over-estimated segment by segment, and where."""
        block = self.block
        a, b, _ = block.priced(price)
        for _ in range(CLOSER_PARTS):
            x, y, least, greatest = self._segments(over=a >= 0)
            ends = a * y + b * x
            total = np.maximum(ends[:-1], ends[1:]) if len(x) > 1 else ends
            for part in block.parts:
                each = [
                    limit * self._gain(part, price, f) for f in (least, greatest) for limit in (part.low, part.high)
                ]
                total = total + np.maximum.reduce([np.asarray(one, float) for one in each])
            at = int(total.argmax())
            ends_of = x[[at, min(at + 1, len(x) - 1)]]
            exact = [self._exact(float(s), price) for s in ends_of]
            best = int(np.argmax(exact))
            size = float(np.abs(total[at])) + float(np.abs(ends).max())
            low, high = ends_of
            whole = isinstance(block.curve, Pieces)
            narrow = high - low <= (1.0 if whole else 1e-9 * max(abs(block.high), abs(block.low)))
            if total[at] - exact[best] <= CLOSE_PARTS * size or narrow or len(self.points) > MOST_POINTS:
                break
            more = np.linspace(low, high, 9)
            self.points = np.unique(np.r_[self.points, np.round(more) if whole else more])
        return float(total[at]), float(ends_of[best])

    def _segments(self, *, over: bool) -> tuple[Floats, Floats, Floats, Floats]:
        """As ``segments``, worked out again only where points were added."""
        known = self._known.get(over)
        if known is None or known[0] is not self.points:
            known = self._known[over] = (self.points, segments(self.block, self.points, over=over))
        return known[1]

    def _exact(self, s: float, price: Floats) -> float:
        """The block's worth at s, but for being on."""
        block = self.block
        a, b, _ = block.priced(price)
        f, total = block.factor(s), a * block.value(s) + b * s
        for part in block.parts:
            gain = float(self._gain(part, price, f))
            total += max(part.low * gain, part.high * gain)
        return total


def segments(block: Block, points: Floats, *, over: bool) -> tuple[Floats, Floats, Floats, Floats]:
    """Points with F there, over- or under-estimated, and the range of f between each two.

    Returns
    -------
    x, y : (n,)
    least, greatest : (n − 1,), or (1,) where there is but one point.
    """
    if isinstance(block.curve, Pieces):
        y = np.array([block.value(float(s)) for s in points])
        f = np.array([block.factor(max(float(s), 1.0)) for s in points])
        first, last = (f[:-1], f[1:]) if len(f) > 1 else (f, f)
        return points, y, np.minimum(first, last), np.maximum(first, last)
    assert block.curve is not None
    above, below = outer(block.curve, points), inner(block.curve, points)
    knots = np.unique(np.r_[points, above.x, below.x])
    knots = knots[(knots >= block.low) & (knots <= block.high)]
    with np.errstate(divide="ignore", invalid="ignore"):
        high = np.where(knots > 0, above.value(knots) / knots, -np.inf)
        low = np.where(knots > 0, below.value(knots) / knots, np.inf)
    y = (above if over else below).value(knots)
    least, greatest = low, high
    if len(knots) > 1:
        least, greatest = np.minimum(low[:-1], low[1:]), np.maximum(high[:-1], high[1:])
    # At and below 0 nothing is scaled.
    none = ~(greatest > -np.inf)
    return knots, y, np.where(none, 1.0, least), np.where(none, 1.0, greatest)
