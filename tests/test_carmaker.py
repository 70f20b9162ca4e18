"""The carmaker's scenario, small: built from what is on record, planned, and held against a truth kept apart."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import optimizer as opt

pytest.importorskip("sklearn", reason="appetence needs the extra learn")

FOLDER = Path(__file__).parents[1] / "scenarios" / "carmaker"
SCRIPTS = ("world", "owners", "learn", "campaigns", "build", "compare")


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory):
    """The folder's scripts as modules, gone from the interpreter afterwards."""
    import importlib

    sys.path.insert(0, str(FOLDER))
    try:
        yield {name: importlib.import_module(name) for name in SCRIPTS}
    finally:
        sys.path.remove(str(FOLDER))
        for name in SCRIPTS:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def built(scripts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short year of few owners, learnt from."""
    folder = tmp_path_factory.mktemp("carmaker")
    scripts["build"].build(folder, weeks=8, owners=700, draws=4, quiet=True)
    return folder


def test_the_learner_never_reads_the_truth() -> None:
    tree = ast.parse((FOLDER / "learn.py").read_text(encoding="utf-8"))
    taken = {
        name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in ("world", "owners")
        for name in node.names
    }
    assert taken <= {"AS_OF", "CHANNELS", "FIRST_WEEK", "MEDIA"}


def test_the_truth_of_a_week_is_what_its_people_do_on_average(scripts: dict[str, Any]) -> None:
    world = scripts["world"]
    spend = pd.DataFrame(
        [
            (country, week, medium, 4_000.0)
            for country in world.COUNTRIES
            for week in range(10)
            for medium in world.MEDIA
        ],
        columns=["country", "week", "medium", "spend"],
    )
    events = world.simulate(np.random.default_rng(3), spend).events
    sales = events[events["conversion"] == "sale"].groupby("country").size()
    for country in world.COUNTRIES:
        expected = 10 * world.expected_sales(country, dict.fromkeys(world.MEDIA, 4_000.0))
        assert sales[country] == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_the_portal_brings_leads_and_loses_money(scripts: dict[str, Any], built: Path) -> None:
    journeys = opt.read_journeys(
        pd.read_parquet(built / "seen" / "events.parquet"),
        nomenclature=FOLDER / "nomenclature.yaml",
        identities=built / "seen" / "keys.csv",
        lookback=30,
    )
    assert len(journeys.unmapped) == 0
    credit = opt.attribution(journeys, model="markov_journey").credit.pivot(
        index="channel", columns="kpi", values="conversions"
    )
    assert credit["lead"].idxmax() == "portal"
    assert credit["sale"].idxmin() == "portal"
    spend = pd.read_csv(built / "seen" / "spend.csv").groupby("medium")["spend"].sum()
    assert credit.loc["portal", "sale"] * scripts["world"].MARGIN < spend["portal"]
    usual = scripts["compare"].as_last_year(built)
    without = {cell: 0.0 if cell.startswith("portal") else money for cell, money in usual.items()}
    assert scripts["world"].true_net_margin(usual) < scripts["world"].true_net_margin(without)


def test_the_plan_beats_last_click_on_the_truth_and_learnt_scores_lose_little(
    scripts: dict[str, Any], built: Path
) -> None:
    compare, true_net_margin = scripts["compare"], scripts["world"].true_net_margin
    plan = opt.solve(compare.scenario(built), gap=5e-3, time_limit=60)
    last = opt.solve(compare.scenario(built, "last"), gap=5e-3, time_limit=60)
    best = compare.best_on_truth(float(sum(plan.spend.values())))
    assert true_net_margin(last.spend) < true_net_margin(plan.spend) <= true_net_margin(best) + 1
    learnt, true = compare.contacts_on_truth(built)
    assert 0.9 * true <= learnt <= true * 1.001


def test_campaigns_are_drawn_from_a_truth_that_the_forecast_does_not_know(scripts: dict[str, Any]) -> None:
    found = scripts["campaigns"].covered(1, owners=400, each=8, seed=5, draws=60)
    assert len(found.table) == 5 * 3 * 2
    assert found.rates.sum(axis=1).to_numpy() == pytest.approx(1.0)


def test_what_comes_lies_in_four_of_five_intervals(scripts: dict[str, Any]) -> None:
    """Campaigns whose customers are told apart rightly, and whose level is known from counted contacts alone."""
    campaigns, owners, count = scripts["campaigns"], scripts["owners"], 30
    parts = []
    for number in range(count):
        rng = np.random.default_rng([5, number])
        people = owners.draw_owners(rng, 1_000)
        usual = owners.true_scores(people)
        truth = owners.true_scores(people, {name: float(rng.normal(0.0, campaigns.TILT)) for name in owners.CHANNELS})
        history = owners.draw_history(rng, people, truth, 1)
        seen = history.merge(usual.melt("customer_id", var_name="channel", value_name="score"))
        level = (seen["event"] == "response").groupby(seen["channel"]).sum() / seen.groupby("channel")["score"].sum()
        scores = usual.melt("customer_id", var_name="channel", value_name="score")
        scores["score"] = (scores["score"] * scores["channel"].map(level)).clip(upper=1.0)
        segment = scores["customer_id"].map(people.set_index("customer_id")["segment"])
        scores["p_sale"] = scores["score"] * segment.map(owners.CLOSING)
        known = {"counted": campaigns.counted(history)}
        parts.append(campaigns.campaign(rng, people, truth, scores, known, draws=200, seed=number))
    came = pd.concat(parts).groupby("measure")
    # A count that falls on the end of an interval is as much inside as outside.
    within = came.apply(lambda rows: rows["actual"].between(rows["p10"], rows["p90"]).sum())
    amid = came.apply(lambda rows: rows["actual"].between(rows["p10"], rows["p90"], inclusive="neither").sum())
    low, high = binom.interval(0.99, count, 0.8)
    assert (within >= low).all(), within
    assert (amid <= high).all(), amid
