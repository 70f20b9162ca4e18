"""Models of thousands of contacts close through a core and a tree, with a bound of our own where the LP gives it."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.solve import mip, tree
from optimizer.solve.core import THRESHOLD
from optimizer.solve.linear_model import LinearModel, MatrixForm
from optimizer.solve.mip import solve_mip
from tests.solve.programs import random_form


def contacts(seed: int, customers: int = 1_500, activities: int = 4) -> MatrixForm:
    """At most two contacts a customer, volumes with a floor and a cap, a budget, and one soft floor out of reach."""
    rng = np.random.default_rng(seed)
    model = LinearModel()
    pairs = customers * activities
    customer, activity = np.divmod(np.arange(pairs), activities)
    cost = np.array([0.1, 0.6, 2.0, 4.5])[:activities]
    worth = rng.gamma(2.0, 2.0, pairs) - cost[activity]
    x = model.add_variables("contacts", pairs, upper=1, integer=True, objective=worth)
    short = model.add_variables("short", 1, objective=-3.0)
    model.add_rows("pressure", customer, x, 1, lower=-np.inf, upper=2, size=customers)
    volume = np.array([900, 400, 300, 120]) * customers / 1_500
    model.add_rows("volume", activity, x, 1, lower=volume * 0.5, upper=volume, size=activities)
    model.add_rows("budget", np.zeros(pairs), x, cost[activity], lower=-np.inf, upper=1_100.25, size=1)
    wish = np.flatnonzero(activity == 0)
    model.add_rows("wish", [0] * (len(wish) + 1), [*x[wish], *short], 1, lower=volume[0] + 7.5, upper=np.inf, size=1)
    return model.form()


def openings(seed: int, customers: int = 260, offers: int = 12) -> MatrixForm:
    """Fixed costs, minimum quantities, a budget an offer: the relaxation is loose until the offers are whole."""
    rng = np.random.default_rng(seed)
    model = LinearModel()
    pairs = customers * offers
    customer, offer = np.divmod(np.arange(pairs), offers)
    cost, worth = rng.integers(1, 4, pairs).astype(float), rng.integers(0, 17, pairs).astype(float)
    x = model.add_variables("contacts", pairs, upper=1, integer=True, objective=worth - cost)
    y = model.add_variables("open", offers, upper=1, integer=True, objective=-rng.integers(150, 420, offers))
    one = np.ones(pairs)
    model.add_rows("caps", customer, x, 1, lower=-np.inf, upper=2, size=customers)
    both, row = np.concatenate([x, y]), np.concatenate([offer, np.arange(offers)])
    budget = -rng.integers(60, 140, offers).astype(float)
    model.add_rows("budget", row, both, np.concatenate([cost, budget]), lower=-np.inf, upper=0, size=offers)
    model.add_rows("minimum", row, both, np.concatenate([one, [-25.0] * offers]), lower=0, upper=np.inf, size=offers)
    link = np.concatenate([np.arange(pairs)] * 2)
    model.add_rows(
        "if open", link, np.concatenate([x, y[offer]]), np.concatenate([one, -one]), lower=-np.inf, upper=0, size=pairs
    )
    return model.form()


def holds(form: MatrixForm, x: np.ndarray | None) -> bool:
    assert x is not None
    activity = form.matrix @ x
    return bool((activity <= form.row_upper + 1e-6).all() and (activity >= form.row_lower - 1e-6).all())


@pytest.mark.parametrize("seed", [1, 2])
def test_many_customers_close_with_our_own_bound(seed):
    form = contacts(seed)
    assert np.count_nonzero(form.integer) > THRESHOLD
    told: list[str] = []
    result = solve_mip(form, time_limit=60, progress=lambda stage, *_: told.append(stage))
    assert result.status == "optimal"
    assert result.bound_by == "own"
    assert holds(form, result.x)
    assert any("relaxation" in stage for stage in told)
    again = solve_mip(form, time_limit=60)
    assert again.x is not None
    assert result.x is not None
    assert again.x.tobytes() == result.x.tobytes()


def test_openings_close_by_a_tree_over_the_offers():
    form = openings(3)
    told: list[str] = []
    result = solve_mip(form, gap=1e-3, time_limit=120, progress=lambda stage, *_: told.append(stage))
    assert result.status == "optimal"
    assert holds(form, result.x)
    assert any(stage.startswith("node") for stage in told)


def test_links_left_out_of_the_relaxation_come_back_as_bounds(monkeypatch):
    form = openings(5, customers=150, offers=8)
    plain = solve_mip(form, gap=1e-3, time_limit=60)
    monkeypatch.setattr(tree, "_SIMPLEX_NONZEROS", 0)
    told: list[str] = []
    loose = solve_mip(form, gap=1e-3, time_limit=60, progress=lambda stage, *_: told.append(stage))
    assert loose.status == plain.status == "optimal"
    assert holds(form, loose.x)
    assert abs(loose.objective - plain.objective) <= 1e-3 * abs(plain.objective)
    assert loose.bound >= plain.objective
    assert any(stage.startswith("node") for stage in told)


def test_contacts_behind_two_doors_and_the_prices_of_all_rows(monkeypatch):
    """An offer and its channel may both have to be opened: the contact's bound is named once, and is the tighter."""
    rng = np.random.default_rng(11)
    model = LinearModel()
    customers, offers, channels = 150, 6, 3
    pairs = customers * offers
    customer, offer = np.divmod(np.arange(pairs), offers)
    x = model.add_variables("contacts", pairs, upper=1, integer=True, objective=rng.integers(1, 12, pairs))
    y = model.add_variables("offers", offers, upper=1, integer=True, objective=-rng.integers(200, 420, offers))
    z = model.add_variables("channels", channels, upper=1, integer=True, objective=-rng.integers(200, 420, channels))
    for door in (y[offer], z[offer % channels]):
        row = np.tile(np.arange(pairs), 2)
        model.add_rows("opens", row, np.r_[x, door], np.repeat([1.0, -1.0], pairs), lower=-np.inf, upper=0, size=pairs)
    model.add_rows("caps", customer, x, 1, lower=-np.inf, upper=2, size=customers)
    form = model.form()
    plain = solve_mip(form, gap=1e-3, time_limit=60)
    monkeypatch.setattr(mip, "THRESHOLD", 0)
    monkeypatch.setattr(tree, "_SIMPLEX_NONZEROS", 0)
    told: list[str] = []
    loose = solve_mip(form, gap=1e-3, time_limit=60, progress=lambda stage, *_: told.append(stage))
    assert loose.status == plain.status == "optimal"
    assert holds(form, loose.x)
    assert abs(loose.objective - plain.objective) <= 1e-3 * abs(plain.objective)
    assert loose.bound >= plain.objective
    assert loose.row_dual is not None
    assert len(loose.row_dual) == len(form.row_lower)
    # Every node takes one LP: fewer than one a combination of doors, or the bounds did not reach the solver.
    assert len({stage for stage in told if stage.startswith("node") and "," not in stage}) < 2 ** (offers + channels)


def test_a_large_model_that_nothing_satisfies():
    form = contacts(1)
    form.row_lower[-3] = form.row_upper[-3] = 5_000  # as many calls as there are not customers
    result = solve_mip(form, time_limit=60)
    assert result.status == "infeasible"


def test_a_large_model_out_of_time_says_so():
    form = openings(3)
    result = solve_mip(form, time_limit=0.05)
    assert result.status in ("no_plan", "feasible", "optimal")
    start = np.zeros(len(form.objective))
    kept = solve_mip(form, time_limit=0.05, start=start)
    assert kept.objective >= 0
    assert kept.bound >= kept.objective


def test_two_hundred_small_programs_leave_one_process():
    from optimizer.solve.child import solver_child

    solve_mip(random_form(np.random.default_rng(0)))
    process = solver_child().process
    for seed in range(200):
        solve_mip(random_form(np.random.default_rng(seed)))
    assert solver_child().process is process
