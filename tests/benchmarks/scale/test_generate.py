"""The generator: same bytes for the same seed, distinct scores, many start states, and bounds that can be met."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import optimizer as opt
from tests.benchmarks.scale import bounds, calibrate, weekly
from tests.benchmarks.scale.distributions import margins, responses
from tests.benchmarks.scale.generate import generate


def _hashes(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def _table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{name}.parquet")


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 7), ("again", 7), ("other", 8)):
        generate(tmp_path / name, 500, seed=seed)
    assert _hashes(tmp_path / "one") == _hashes(tmp_path / "again")
    assert _hashes(tmp_path / "one")["appetence.parquet"] != _hashes(tmp_path / "other")["appetence.parquet"]


def test_a_weekly_folder_holds_what_was_asked(tmp_path: Path) -> None:
    generate(tmp_path, 20_000)
    people, pairs, past = (_table(tmp_path, name) for name in ("customers", "appetence", "history"))
    assert len(people) == 20_000
    assert len(pairs) == 2 * 20_000
    assert people["customer_id"].is_unique
    wide = pairs.pivot(index="customer_id", columns="offer").dropna(how="all").fillna(-1.0)
    assert len(wide.drop_duplicates()) >= 0.99 * len(wide)
    states = past.sort_values(["date", "channel"]).groupby("customer_id")[["date", "channel"]].agg(tuple)
    assert len(states.drop_duplicates()) >= 200
    assert past["date"].max() < date.fromisoformat(weekly.WAVES["w1"])
    assert len(opt.load(tmp_path / "scenario.yaml").facts.activities) == 24


@pytest.mark.parametrize(("draw", "median", "mean"), [(responses, 0.03166, 0.0361), (margins, 458.64, 398.0)])
def test_draws_follow_the_published_distribution(draw, median: float, mean: float) -> None:
    values = draw(np.random.default_rng(1), (400_000,))
    assert np.median(values) == pytest.approx(median, rel=0.01)
    assert values.mean() == pytest.approx(mean, rel=0.06)


def test_there_are_fifty_rows_and_most_have_a_price() -> None:
    assert len(bounds.ROWS) == len(bounds.rules(1000)) == 50
    assert {row.name for row in bounds.ROWS} == set(bounds.AMOUNTS)
    assert sum(row.price > 0 for row in bounds.ROWS) >= 25


def test_the_enumeration_behind_the_bounds_agrees_with_the_engine(tmp_path: Path) -> None:
    generate(tmp_path, 60)
    file = tmp_path / "scenario.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["rules"] = weekly.local_rules()
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    plan = opt.solve(opt.load(file), gap=1e-6)
    who, menu = calibrate.people(weekly.tables(7, 0, np.arange(1, 61)), 1), calibrate.Menu()
    gain, cost = who.chance * who.margin, np.zeros_like(who.chance) + calibrate.COST
    choice = menu.best(who, gain, cost)
    worth = (menu.factor[choice] * gain).sum() - (menu.made[choice] * cost).sum()
    # Where a response of the last contact is above 1 the engine cuts it off.
    assert plan.certificate.objective == pytest.approx(worth, rel=1e-5)


def test_a_small_scenario_is_feasible(tmp_path: Path) -> None:
    plan = opt.solve(opt.load(generate(tmp_path, 60)), gap=0.05, time_limit=60.0)
    assert plan.certificate.objective > 0


@pytest.mark.parametrize(("kind", "activities", "share"), [("patterns300", 125, 0.15), ("pairs", 175, 0.05)])
def test_the_published_kinds_have_their_eligibility(tmp_path: Path, kind: str, activities: int, share: float) -> None:
    generate(tmp_path, 3_000, activities, kind=kind)
    pairs = _table(tmp_path, "appetence")
    assert len(pairs) / (3_000 * activities) == pytest.approx(share, rel=0.15)
    patterns = pairs.groupby("customer_id")["activity"].agg(frozenset).nunique()
    assert patterns == 300 if kind == "patterns300" else patterns > 2_900
    scenario = opt.load(tmp_path / "scenario.yaml")
    assert len(scenario.facts.pairs) == len(pairs)
    assert {rule.verb for rule in scenario.rules} >= {"volume", "budget", "sum", "contacts", "never", "targets"}
    soft = {rule.name for rule in scenario.rules if rule.soft is not None}
    assert soft >= {rule.name for rule in scenario.rules if rule.verb == "sum"}


def test_the_kinds_row_holds_every_local_verb(tmp_path: Path) -> None:
    scenario = opt.load(generate(tmp_path, 200, kind="kinds"))
    local = {
        "contacts", "pressure", "packages", "duplicates", "rest", "cost_per_customer", "targets", "include", "exclude",
        "requires", "only_after", "never", "alternate", "effect", "control",
    }  # fmt: skip
    assert {rule.verb for rule in scenario.rules} >= local
    assert any(rule.per for rule in scenario.rules)
    assert any(rule.soft for rule in scenario.rules if rule.verb in local)


def test_dealers_have_a_minimum_and_a_maximum_each(tmp_path: Path) -> None:
    generate(tmp_path, 2_000, kind="dealers")
    table, people = pd.read_csv(tmp_path / "dealers.csv"), _table(tmp_path, "customers")
    assert (table["least"] < table["most"]).all()
    assert set(people["dealer"]) == set(table["dealer"])
    assert people.groupby("dealer")["country"].nunique().max() == 1
