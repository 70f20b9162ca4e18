"""Small random programs and their answers by enumeration, for the tests of the solver's service."""

from __future__ import annotations

import itertools

import numpy as np
import scipy.sparse as sp

from optimizer.solve.linear_model import MatrixForm
from optimizer.solve.mip import MipResult


def random_form(rng: np.random.Generator, *, integers: int = 5, continuous: int = 2, rows: int = 4) -> MatrixForm:
    """Draw a program: binaries, small integers, money with a finite or no upper bound, rows of every kind."""
    width = integers + continuous
    integer = np.arange(width) < integers
    lower = np.where(integer, rng.choice([0.0, 0.0, 0.0, -1.0], width), rng.choice([0.0, 0.0, -2.5], width))
    upper = np.where(integer, rng.choice([1.0, 1.0, 2.0], width), rng.choice([np.inf, 7.5], width))
    whole = rng.random() < 0.4
    matrix = np.where(rng.random((rows, width)) < 0.6, rng.integers(-3, 6, (rows, width)), 0).astype(float)
    worth = rng.integers(-4, 9, width).astype(float)
    if not whole:
        matrix *= rng.choice([1.0, 0.1, 0.37, 12.5], (rows, 1))
        worth *= rng.choice([0.3, 1.7, 1e-3, 1e4])
    # Money is worth less than it costs, so that most programs are bounded.
    worth = np.where(integer, worth, -np.abs(worth) * 0.3)
    middle = matrix @ np.where(integer, rng.integers(0, 2, width), rng.random(width) * 2)
    kind = rng.integers(0, 4, rows)
    slack = np.abs(matrix).sum(axis=1) * rng.random(rows) * 0.3
    row_lower = np.where(kind == 0, -np.inf, np.where(kind == 3, middle, middle - slack))
    row_upper = np.where(kind == 1, np.inf, np.where(kind == 3, middle, middle + slack))
    if rng.random() < 0.2:  # sometimes nothing fits
        row_lower[0] = np.abs(matrix[0]).sum() * 3 + 1
        row_upper[0] = np.inf
    csr = sp.csr_array(matrix)
    csr.eliminate_zeros()
    return MatrixForm(worth, float(rng.integers(-3, 4)), csr, row_lower, row_upper, lower, upper, integer)


def enumerated(form: MatrixForm) -> float:
    """The best objective over every combination of the integers and every vertex of the rest, −∞ where none holds.

    Continuous columns need a finite lower bound and an objective ≤ 0: then some vertex is best.
    """
    integers, rest = np.flatnonzero(form.integer), np.flatnonzero(~form.integer)
    dense = form.matrix.toarray()
    chosen = np.array(
        list(itertools.product(*[range(int(form.lower[k]), int(form.upper[k]) + 1) for k in integers])), float
    )
    activity = chosen @ dense[:, integers].T
    value = chosen @ form.objective[integers] + form.offset
    # Each side of each row and bound as normal · z ≤ limit (a limit for each combination of the integers).
    identity = np.eye(len(rest))
    ones = np.ones((len(chosen), 1))
    normals = np.vstack([dense[:, rest], -dense[:, rest], identity, -identity])
    limits = np.hstack(
        [form.row_upper - activity, activity - form.row_lower, ones * form.upper[rest], -ones * form.lower[rest]]
    )
    tolerance = 1e-9 * (1 + np.hstack([np.abs(activity)] * 2 + [ones * np.ones(len(rest))] * 2))
    best = -np.inf
    for picked in itertools.combinations(range(len(normals)), len(rest)):
        corner = normals[list(picked)]
        if len(rest) and abs(np.linalg.det(corner)) < 1e-9:
            continue
        held = np.isfinite(limits[:, list(picked)]).all(axis=1)
        z = np.linalg.solve(corner, limits[held][:, list(picked)].T).T if len(rest) else np.zeros((held.sum(), 0))
        good = (z @ normals.T <= limits[held] + tolerance[held]).all(axis=1)
        if good.any():
            best = max(best, float((value[held] + z @ form.objective[rest])[good].max()))
    return best


def feasible(form: MatrixForm, x: np.ndarray | None) -> bool:
    """Whether there is a point and it satisfies the form: integers exactly, rows to 1e-9 × (|bound| + Σ|a x|)."""
    if x is None:
        return False
    dense = form.matrix.toarray()
    activity = dense @ x
    size = np.abs(dense) @ np.abs(x)
    low = np.where(np.isfinite(form.row_lower), form.row_lower, -np.inf)
    high = np.where(np.isfinite(form.row_upper), form.row_upper, np.inf)
    below = activity >= low - 1e-9 * (np.where(np.isfinite(low), np.abs(low), 0) + size)
    above = activity <= high + 1e-9 * (np.where(np.isfinite(high), np.abs(high), 0) + size)
    within = (x >= form.lower) & (x <= form.upper)
    return bool(below.all() and above.all() and within.all() and (x[form.integer] % 1 == 0).all())


def point(result: MipResult) -> np.ndarray:
    """The point of a result that must have one."""
    assert result.x is not None
    return result.x
