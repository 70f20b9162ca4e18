"""Forms are chosen by weeks that the fit has not seen, then by BIC, then by their order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.learn.response.choice import Candidate, choose, default_holdout, folds_of
from optimizer.learn.response.panel import Panel, read_series
from tests.learn.response.simulated import weeks

CALL: dict[str, Any] = {
    "response": "orders",
    "controls": ["price"],
    "adstock": "geometric",
    "saturation": "logistic",
    "starts": 4,
    "draws": 0,
}


def panel(number: int) -> Panel:
    return read_series(
        weeks(number)[0],
        "weeks",
        response="orders",
        date="date",
        region=None,
        channels=["tv", "web"],
        controls=["price"],
        size=None,
        costs={},
        volumes=[],
        date_format=None,
    )


def test_blocks_follow_each_other_and_learn_from_what_came_before() -> None:
    folds = folds_of(panel(40), 10)
    assert [np.flatnonzero(fold.foretell).tolist() for fold in folds] == [
        [30, 31, 32, 33],
        [34, 35, 36, 37],
        [38, 39],
    ]
    for fold in folds:
        assert np.flatnonzero(fold.fit).tolist() == list(range(int(np.argmax(fold.foretell))))


def test_default_holdout() -> None:
    assert [default_holdout(panel(number)) for number in (20, 24, 60, 200)] == [0, 4, 10, 26]


def test_without_dates_rows_are_held_out_in_turn_by_spend() -> None:
    undated = replace(panel(12), days=None)
    folds = folds_of(undated, 4)
    assert np.sum([fold.foretell for fold in folds], axis=0).tolist() == [1] * 12
    ranked = np.argsort(undated.spend[:, 0])
    # Rows of one spend (none) are told apart by their response, so only the others are in a known turn.
    live = [row for row in ranked if undated.spend[row, 0] > 0]
    turns = [next(k for k, fold in enumerate(folds) if fold.foretell[row]) for row in live]
    assert all((after - before) % 3 == 1 for before, after in pairwise(turns))


def test_what_is_to_be_foretold_is_not_seen() -> None:
    table = weeks(60)[0]
    plain = opt.fit_curves(table, **CALL, holdout=9).fit["heldout_error"].to_numpy()
    changed = table.assign(orders=table["orders"] + np.where(np.arange(60) >= 57, 3.0, 0.0))
    other = opt.fit_curves(changed, **CALL, holdout=9).fit["heldout_error"].to_numpy()
    assert np.isnan(plain[:51]).all()
    # The last block's errors move by what was added, the blocks before it know nothing of it.
    assert other[57:] == pytest.approx(plain[57:] + 3.0, abs=2e-3)
    assert other[51:57] == pytest.approx(plain[51:57], abs=2e-3)


def candidates(errors: list[list[float]], bics: list[float]) -> tuple[list[Candidate], Panel]:
    made: Any = []
    own = panel(10)
    for at, (error, bic) in enumerate(zip(errors, bics, strict=True)):
        padded = np.concatenate((np.full(10 - len(error), np.nan), error))
        model: Any = type("Sized", (), {"size": at})()
        made.append(Candidate({"tv": ("none", f"form{at}")}, model, None, padded, bic))  # type: ignore[arg-type]
    return made, own


@pytest.mark.parametrize(
    ("errors", "bics", "taken"),
    [
        # Squares of the first: mean 2.5, standard error 0.87. The second (mean 3) is in reach, and fits better.
        ([[1.0, 2.0, 1.0, 2.0], [3**0.5] * 4], [0.0, -10.0], 1),
        # Mean 4 is out of reach, however well it fits.
        ([[1.0, 2.0, 1.0, 2.0], [2.0] * 4], [0.0, -10.0], 0),
        # A difference of BIC of 1 is no evidence: the one tried first.
        ([[1.0, 1.0], [1.0, 1.0]], [0.0, -1.0], 0),
        ([[1.0, 1.0], [1.0, 1.0]], [0.0, -3.0], 1),
        # Nothing held out: BIC alone.
        ([[], [], []], [5.0, 1.0, 2.0], 1),
    ],
)
def test_the_candidate_taken(errors: list[list[float]], bics: list[float], taken: int) -> None:
    made, own = candidates(errors, bics)
    found, table = choose(made, own)
    assert found is made[taken]
    assert table["chosen"].tolist() == [at == taken for at in range(len(made))]


def test_an_s_curve_is_found_where_there_is_one() -> None:
    random = np.random.default_rng(9)
    spend = random.uniform(0.0, 1.0, 120)
    response = 10.0 * spend**3 / (spend**3 + 0.4**3) + random.normal(0, 0.2, 120)
    table = pd.DataFrame({"channel": "tv", "spend": spend, "response": response})
    fitted = opt.fit_curves(table, draws=0)
    assert fitted.choice.query("chosen")["saturation"].tolist() == ["hill"]
    found = fitted.parameters.set_index("parameter")["value"]
    assert found["slope"] == pytest.approx(3.0, rel=0.1)
    assert found["half"] == pytest.approx(0.4, rel=0.05)
    assert found["top"] == pytest.approx(10.0, rel=0.05)
