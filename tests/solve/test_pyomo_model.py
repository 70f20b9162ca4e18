"""Both builders state the same matrix, and the Pyomo model reads as the planner wrote."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.errors import ScenarioError
from optimizer.solve.linear_model import LinearModel, MatrixForm
from optimizer.solve.mip import solve_mip
from optimizer.solve.pyomo_model import to_pyomo_model, write_model
from optimizer.solve.standard_form import standard_form

pyo = pytest.importorskip("pyomo.environ")


def random_model(seed: int) -> LinearModel:
    """Blocks of variables and rows of every kind, with names that Pyomo would not take as they are."""
    rng = np.random.default_rng(seed)
    model = LinearModel(offset=float(rng.integers(-3, 4)))
    names = ["contacts", "spend / display", "contacts", "1st", "été", "c-d", "c d"]
    for number in range(int(rng.integers(1, 6))):
        size = int(rng.integers(1, 6))
        model.add_variables(
            names[number],
            size,
            lower=rng.choice([0.0, -np.inf, -2.0], size),
            upper=rng.choice([1.0, np.inf, 7.25], size),
            integer=rng.random(size) < 0.6,
            objective=rng.normal(size=size),
            labels=None if rng.random() < 0.3 else [f"42|sms|w{rng.integers(0, 2)}" for _ in range(size)],
        )
    model.add_objective(rng.integers(0, model.width, 5), rng.normal(size=5))
    for number in range(int(rng.integers(1, 6))):
        size, entries = int(rng.integers(1, 4)), int(rng.integers(1, 12))
        low = rng.choice([-np.inf, -3.5, 1.0], size)
        model.add_rows(
            names[number],
            rng.integers(0, size, entries),
            rng.integers(0, model.width, entries),  # repeats are summed
            rng.normal(size=entries),
            lower=low,
            upper=np.where(
                rng.random(size) < 0.3, np.where(np.isfinite(low), low, np.inf), rng.choice([4.0, np.inf], size)
            ),
            size=size,
        )
    return model


def canonical(form: MatrixForm) -> list[tuple]:
    """Rows as sorted tuples: the same for any order of rows; free and empty rows say nothing."""
    dense = form.matrix.toarray()
    return sorted(
        (low, high, *row)
        for low, high, row in zip(form.row_lower.tolist(), form.row_upper.tolist(), dense.tolist(), strict=True)
        if (np.isfinite(low) or np.isfinite(high)) and (any(row) or not low <= 0 <= high)
    )


@pytest.mark.parametrize("seed", range(25))
def test_both_builders_give_the_same_matrix(seed):
    model = random_model(seed)
    direct, through = model.form(), standard_form(to_pyomo_model(model))
    width = len(direct.objective)
    assert len(through.objective) in (width, width + 1)  # one more where a row without variables cannot hold
    if len(through.objective) == width:
        assert canonical(direct) == canonical(through)
    np.testing.assert_array_equal(direct.objective, through.objective[:width])
    np.testing.assert_array_equal(direct.lower, through.lower[:width])
    np.testing.assert_array_equal(direct.upper, through.upper[:width])
    np.testing.assert_array_equal(direct.integer, through.integer[:width])
    assert direct.offset == through.offset


def campaign() -> LinearModel:
    model = LinearModel(offset=10.0)
    x = model.add_variables(
        "contacts", 4, upper=1, integer=True, objective=[3, 5, 4, 1], labels=["ana|sms", "bo|sms", "ana|é", "bo|ü"]
    )
    s = model.add_variables("spend", 1, lower=1, upper=8, objective=-0.5, labels=["display"])
    model.add_rows("sms gateway: at most 1", [0, 0], x[:2], 1, lower=-np.inf, upper=1, size=1, labels=["w1"])
    model.add_rows("sms gateway (at most 1)", [0, 0, 0], [*x[2:], *s], [1, 1, -0.25], lower=-3, upper=1, size=1)
    return model


def test_components_carry_the_names_of_the_rules():
    model = to_pyomo_model(campaign())
    assert [c.name for c in model.component_objects(pyo.Constraint)] == [
        "sms_gateway_at_most_1",
        "sms_gateway_at_most_1_2",
    ]
    assert model.sms_gateway_at_most_1.doc == "sms gateway: at most 1"
    assert model.contacts["ana|sms"].domain is pyo.Binary
    assert model.spend["display"].bounds == (1, 8)
    assert model.objective.sense == pyo.maximize


def test_an_expert_may_add_a_constraint_and_fix_a_variable():
    plain = solve_mip(standard_form(to_pyomo_model(campaign())))
    assert plain.objective == pytest.approx(10 + 5 + 4 - 0.5)
    model = to_pyomo_model(campaign())
    model.mine = pyo.Constraint(expr=model.contacts["ana|é"] <= model.contacts["ana|sms"])
    assert solve_mip(standard_form(model)).objective == pytest.approx(10 + 3 + 4 - 0.5)
    model.contacts["ana|sms"].fix(0)
    assert solve_mip(standard_form(model)).objective == pytest.approx(10 + 5 + 1 - 0.5)


def test_a_minimised_model_is_negated():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(0, 5), domain=pyo.Integers)
    model.cost = pyo.Objective(expr=2 * model.x + 1)
    model.floor = pyo.Constraint(expr=model.x >= 1.5)
    assert solve_mip(standard_form(model)).objective == -5


def test_a_row_without_variables_that_cannot_hold_stays_infeasible():
    model = campaign()
    model.add_rows("asks for more than there is", [], [], [], lower=2, upper=np.inf, size=1)
    model.add_rows("asks for nothing", [], [], [], lower=-1, upper=0, size=1)
    assert solve_mip(model.form()).status == "infeasible"
    assert solve_mip(standard_form(to_pyomo_model(model))).status == "infeasible"


@pytest.mark.parametrize("ending", [".lp", ".mps"])
def test_written_models_are_readable_and_say_the_same(ending, tmp_path):
    import highspy

    path = tmp_path / f"model{ending}"
    write_model(campaign(), path)
    text = path.read_text()
    assert "sms_gateway_at_most_1" in text
    assert "contacts(ana_sms)" in text
    solver = highspy._core._Highs()
    solver.setOptionValue("output_flag", False)
    solver.readModel(str(path))
    solver.run()
    assert abs(solver.getInfo().objective_function_value) == pytest.approx(10 + 5 + 4 - 0.5)


def test_another_ending_is_an_error(tmp_path):
    with pytest.raises(ScenarioError, match=r"\.lp or \.mps"):
        write_model(campaign(), tmp_path / "model.txt")
