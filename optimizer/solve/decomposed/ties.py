"""Prices led by ties: near known prices D follows from the few choices that customers nearly take.

Around prices λ₀ a unit's value is the best of its next choices a, which lose l_a there and use δ_a more of the rows
than the first. With a softer maximum of temperature t,

    M(λ) = D₀ − Σ_rows φ(λ₀) + Σ_rows φ(λ) − (λ − λ₀)·U₀ + Σ_u t log Σ_a exp(−(l_a + (λ − λ₀)·δ_a) / t)

is smooth, and among a million customers hardly different from D. Newton steps bring it down, t falling as they arrive;
φ, what a row allows at its price, keeps its kinks: each step minimises the quadratic and φ exactly, one price after
the other. Whatever comes out is only a place to look: D there is a sweep's word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba as nb
import numpy as np

from optimizer.problem import Floats, Ints
from optimizer.solve.decomposed.dual import Dual, Point
from optimizer.solve.decomposed.soft_choices import soft_maximum, tied_choices
from optimizer.solve.decomposed.structure import Row, row_value

#: How fast the temperature falls and how often at most; steps at one temperature.
COOLING, MOST_COOLINGS, STEPS = 0.2, 12, 8
#: What a step must gain of D for another at the same temperature, and at the last one; and of what D may lie above its
#: least, where that is more.
SETTLED, LAST = 1e-7, 1e-9
SETTLED_NEAR, LAST_NEAR = 0.1, 0.01
#: How much more the first maximum is softened than D may lie above its least.
SOFTER = 20.0
#: Tied units a row that are enough to tell how the slope bends.
TELLING = 20
#: Passes over all prices in one step.
PASSES = 60


@dataclass(frozen=True)
class Led:
    """Where the model is least inside the box, how low it is there, and how far prices lean on the box."""

    price: Floats
    least: float
    leaning: Floats


def lead(
    dual: Dual,
    point: Point,
    units: Ints,
    weight: Floats,
    half: Floats,
    *,
    far: float = np.inf,
    close: float = 0.0,
    stop: Callable[[], bool],
) -> Led:
    """Minimise the model around ``point`` in a box.

    Parameters
    ----------
    point : D at some prices, from a sweep over all.
    units : those whose choice may change in the box; all others keep theirs.
    weight : (units,) how many customers each stands for.
    half : (rows,) half the width of the box.
    far : how far D may lie above its least: no softer maximum than that is asked for.
    close : how near to its least the model's value must come, in D's unit.
    """
    rows = dual.structure.rows
    price = point.price
    model = tied_choices(dual, units, dual.links.prices(price), weight)
    used = point.use.sum(axis=0)
    kinks, slopes = _pieces(rows)
    resting = point.value - row_value(rows, price)[0]
    low, high = price - half, price + half
    temperature = _first_temperature(model.loss, far / max(float(weight.mean()), 1.0) if len(weight) else far)
    now, every = price.copy(), 64
    enough = max(SETTLED * abs(point.value), SETTLED_NEAR * close)
    enough_last = max(LAST * abs(point.value), LAST_NEAR * close)
    value, slope, bend, mixed, open_ties = soft_maximum(model, now - price, temperature, every)
    for number in range(MOST_COOLINGS):
        # Where choices are mixed the soft maximum is so much above the true one, at most.
        last = value - mixed <= max(close, LAST * abs(point.value)) or number == MOST_COOLINGS - 1
        damping = 0.0
        for _ in range(STEPS):
            if stop():
                break
            total = row_value(rows, now)[0] + value - float((now - price) @ used)
            scale = np.maximum(np.diag(bend), 1e-12)
            damped = bend + np.diag(damping * scale + 1e-9 * scale.max())
            then = now + _step(slope - used, damped, now, low, high, kinks, slopes)
            after = soft_maximum(model, then - price, temperature, every)
            fell = total - (row_value(rows, then)[0] + after[0] - float((then - price) @ used))
            if fell < 0.0:
                damping = max(10.0 * damping, 1e-2)
                continue
            now, (value, slope, bend, mixed, open_ties) = then, after
            damping *= 0.1
            if fell <= (enough_last if last else enough):
                break
        if last or stop():
            break
        temperature *= COOLING
        every = max(int(open_ties * COOLING / (TELLING * max(len(rows), 1))), 1)
        value, slope, bend, mixed, open_ties = soft_maximum(model, now - price, temperature, every)
    # For whatever mix of choices, what rows make of it is below the model everywhere: a true bound on its least.
    further = slope - used
    least = resting + mixed - float((now - price) @ slope) + _least_of_rows(kinks, slopes, further, price, low, high)
    which = np.arange(len(rows))
    downward = further + slopes[which, (kinks < now[:, None]).sum(axis=1)]
    upward = further + slopes[which, (kinks <= now[:, None]).sum(axis=1)]
    leaning = np.where((now <= low) & (downward > 0), downward, np.where((now >= high) & (upward < 0), upward, 0.0))
    return Led(now, least, leaning)


def _first_temperature(loss: Floats, far: float) -> float:
    """Where half of the ties are soft, or where softness is worth as much as D may lie above its least."""
    lost = np.sort(loss[loss > 0])
    if not len(lost):
        return 1e-12
    worth = lost * np.arange(1, len(lost) + 1)
    return float(max(lost[min(len(lost) // 2, int(np.searchsorted(worth, SOFTER * far)))], 1e-12))


def _pieces(rows: list[Row]) -> tuple[Floats, Floats]:
    """What a row allows at a price is linear between kinks: (rows, 3) kinks, (rows, 4) slopes."""
    kinks, slopes = np.zeros((len(rows), 3)), np.zeros((len(rows), 4))
    for r, row in enumerate(rows):
        below = row.penalty_below if np.isfinite(row.lower) else 0.0
        above = row.penalty_above if np.isfinite(row.upper) else 0.0
        lower = row.lower if np.isfinite(row.lower) else 0.0
        upper = row.upper if np.isfinite(row.upper) else 0.0
        room_below = row.tolerance if np.isfinite(row.lower) else np.inf
        room_above = row.tolerance if np.isfinite(row.upper) else np.inf
        kinks[r] = -below, 0.0, above
        slopes[r] = lower - room_below, lower, upper, upper + room_above
    return kinks, slopes


def _least_of_rows(kinks: Floats, slopes: Floats, further: Floats, price: Floats, low: Floats, high: Floats) -> float:
    """Σ_rows min φ(λ) + (λ − λ₀)·further over the box: linear between kinks, so least at one of these or at an end."""
    at = np.clip(np.column_stack([kinks, low, high]), low[:, None], high[:, None])
    value = further[:, None] * (at - price[:, None])
    edges = np.clip(np.column_stack([np.full(len(at), -np.inf), kinks, np.full(len(at), np.inf)]), -1e300, 1e300)
    for piece in range(4):
        # The part of the way from 0 to the place that lies on this piece.
        left, right = edges[:, [piece]], edges[:, [piece + 1]]
        way = np.clip(at, left, right) - np.clip(0.0, left, right)
        value += np.multiply(way, slopes[:, [piece]], out=np.zeros_like(way), where=way != 0)
    return float(value.min(axis=1).sum())


@nb.njit(cache=True)
def _step(slope, bend, now, low, high, kinks, slopes):  # type: ignore[no-untyped-def]  # numba infers
    """The step in the box that brings slope·d + ½ d·bend·d + Σ φ(now + d) lowest: one price after the other."""
    count = len(now)
    step = np.zeros(count)
    force = slope.copy()  # slope + bend · step
    for _ in range(PASSES):
        largest = 0.0
        for r in range(count):
            curve = bend[r, r]
            rest = force[r] - curve * step[r]
            # On each linear piece of φ the best is where rest + curve·d + slope is 0.
            least = max(low[r] - now[r], -1e300)
            most = min(high[r] - now[r], 1e300)
            best = least
            for piece in range(4):
                a = -np.inf if piece == 0 else kinks[r, piece - 1] - now[r]
                b = np.inf if piece == 3 else kinks[r, piece] - now[r]
                a, b = max(a, least), min(b, most)
                if a > b or np.isnan(a) or np.isnan(b):
                    continue
                s = slopes[r, piece]
                if s == -np.inf:
                    best = b
                    continue
                if s == np.inf:
                    break
                at = -(rest + s) / curve if curve > 0 else (b if rest + s < 0 else a)
                if at <= a:
                    # It would lie further left: the kink at a is the best there is, unless a better was met.
                    if best < a:
                        best = a
                    break
                best = min(at, b)
                if at < b:
                    break
            change = best - step[r]
            if change != 0.0:
                for k in range(count):
                    force[k] += bend[k, r] * change
                step[r] = best
                size = abs(change) * np.sqrt(curve)
                largest = max(largest, size)
        if largest < 1e-6:
            break
    return step
