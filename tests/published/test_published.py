"""Published instances: tiny ones against enumeration, docplex to its published optimum, saved folders alike."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import optimizer as opt
from tests.published import customer_assignment, docplex, targeted_offers
from tests.published.__main__ import main
from tests.published.folder import save
from tests.published.recount import Published
from tests.published.run import solve

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

ACTIVITIES = pd.DataFrame(
    {
        "Activity": [1, 2, 3, 4],
        "Day": [3, 8, 8, 40],
        "Channel": ["email", "email", "call center", "call center"],
        "TargetProducts": ["1; 11", "2", "1", "2;11"],
        "Cost": [0.0, 0.0, 6.5, 6.5],
    }
)
RULES = pd.DataFrame(
    [
        ["Minimum assignment", 1, 10, "email", "ALL", 3.4],
        ["Maximum assignment", 1, 40, "call center", "ALL", 2.6],
        ["Budget", 1, 40, "call center; email", "ALL", 13.0],
        ["Minimum sales", 1, 40, "ALL", "11", 0.9],
        ["Maximum sales", 1, 10, "ALL", "1", 0.5],
        ["Maximum contact", 1, 10, "ALL", "ALL", 1.0],
    ],
    columns=["Type", "StartDay", "EndDay", "Channels", "TargetProducts", "Bound"],
)
CONFLICTS = pd.DataFrame(
    [["email", "ALL", "call center", "11", 32], ["call center", "ALL", "call center", "ALL", 60]],
    columns=["Channel1", "TargetProduct1", "Channel2", "TargetProduct2", "Lag"],
)
#: (customer, activity) -> expected profit, probability.
PAIRS = {
    ("7", "1"): (4.0, 0.2),
    ("7", "3"): (9.5, 0.4),
    ("7", "4"): (7.25, 0.5),
    ("8", "1"): (3.0, 0.3),
    ("8", "2"): (5.5, 0.3),
    ("8", "4"): (-1.0, 0.6),
    ("9", "2"): (-2.0, 0.1),
    ("9", "3"): (6.0, 0.35),
    ("9", "4"): (8.0, 0.45),
}


def _write(folder: Path, *, packed: bool) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pairs = pd.DataFrame(
        [[*pair, *value] for pair, value in PAIRS.items()],
        columns=["Customer", "Activity", "ExpectedProfit", "ResponseProbability"],
    )
    numbered = [frame.rename_axis("Index").reset_index() for frame in (RULES, CONFLICTS)]
    for number, frame in enumerate((ACTIVITIES, pairs, *numbered), start=1):
        frame.to_csv(folder / f"table{number}.csv{'.gz' if packed else ''}", index=False)
    return folder


@pytest.fixture(scope="module")
def enumerated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Best objective over all 2^9 plans, each counted from the published tables: soft as they are, and all hard."""
    published = Published(_write(tmp_path_factory.mktemp("enumerated"), packed=False))
    best: dict[str, float] = {}
    for mask in itertools.product((False, True), repeat=len(PAIRS)):
        worth = published.recount(pair for pair, made in zip(PAIRS, mask, strict=True) if made)
        for key in [] if worth.broken else ["soft"] if worth.short else ["soft", "hard"]:
            best[key] = max(worth.objective, best.get(key, worth.objective))
    return best


@pytest.mark.parametrize("packed", [False, True])
def test_a_tiny_assignment_is_solved_as_its_readme_says(
    tmp_path: Path, packed: bool, enumerated: dict[str, float]
) -> None:
    folder = _write(tmp_path / "tiny", packed=packed)
    keys = customer_assignment.read(folder)
    line = solve(keys, gap=1e-6, time_limit=60, out=tmp_path / "plan.csv", as_published=customer_assignment.plan)
    assert line["instance"] == "tiny"
    assert line["status"] == "optimal"
    plan = pd.read_csv(tmp_path / "plan.csv", dtype=str)
    assert Published(folder).recount(plan.itertuples(index=False, name=None)).objective == pytest.approx(
        line["objective"]
    )
    assert line["objective"] == pytest.approx(enumerated["soft"])
    assert list(plan.columns) == ["Customer", "Activity"]
    assert len(plan) == line["contacts"]


def test_hard_rules_that_cannot_hold_print_their_bill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], enumerated: dict[str, float]
) -> None:
    folder = _write(tmp_path / "tiny", packed=False)
    assert "hard" not in enumerated
    assert main(["customer_assignment", str(folder), "--hard", "--quiet"]) == 3
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    line = json.loads(out)
    assert line["status"] == "infeasible"
    assert line["bill"]["shortages"]


@pytest.mark.parametrize("which", ["assignment", "offers"])
def test_the_saved_folder_has_the_same_answer(tmp_path: Path, which: str) -> None:
    if which == "assignment":
        keys = customer_assignment.read(_write(tmp_path / "tiny", packed=False))
    else:
        keys = targeted_offers.read(_offers_file(tmp_path / "small.txt"))
    file = save(keys, tmp_path / "saved")
    direct = opt.solve(opt.Scenario(**keys), gap=1e-6)
    read_back = opt.solve(opt.load(file), gap=1e-6)
    assert read_back.certificate.objective == pytest.approx(direct.certificate.objective, rel=1e-12)


#: m n R; costs, revenues and M_i a customer; O_j; B_j; f_j.
OFFERS: dict[str, Any] = {
    "hurdle": 0.25,
    "cost": [[2, 1, 3], [1, 2, 2], [3, 1, 1], [2, 2, 1]],
    "revenue": [[9, 4, 5], [3, 7, 6], [8, 2, 9], [5, 5, 5]],
    "most": [1, 2, 2, 1],
    "least": [2, 2, 3],
    "budget": [5, 4, 9],
    "fixed": [4, 3, 5],
}


def _offers_file(file: Path) -> Path:
    rows = [
        " ".join(map(str, [*c, *p, m]))
        for c, p, m in zip(*(OFFERS[k] for k in ("cost", "revenue", "most")), strict=True)
    ]
    tail = [" ".join(map(str, OFFERS[key])) for key in ("least", "budget", "fixed")]
    text = "\n".join([f"  4   3  {OFFERS['hurdle']}", *rows, *tail]) + "\n"
    if file.suffix == ".gz":
        file.write_bytes(gzip.compress(text.encode()))
    else:
        file.write_text(text)
    return file


@pytest.mark.parametrize("name", ["small.txt", "small.txt.gz"])
def test_tiny_offers_are_solved_as_their_readme_says(tmp_path: Path, name: str) -> None:
    best = 0.0
    for mask in itertools.product((0, 1), repeat=12):
        x = [mask[3 * i : 3 * i + 3] for i in range(4)]
        cost = [sum(OFFERS["cost"][i][j] * x[i][j] for i in range(4)) for j in range(3)]
        sold = sum(OFFERS["revenue"][i][j] * x[i][j] for i in range(4) for j in range(3))
        size = [sum(x[i][j] for i in range(4)) for j in range(3)]
        paid = sum(cost) + sum(OFFERS["fixed"][j] for j in range(3) if size[j])
        if (
            all(sum(x[i]) <= OFFERS["most"][i] for i in range(4))
            and all(cost[j] <= OFFERS["budget"][j] for j in range(3))
            and all(size[j] == 0 or size[j] >= OFFERS["least"][j] for j in range(3))
            and sold >= (1 + OFFERS["hurdle"]) * paid - 1e-9
        ):
            best = max(best, sold - paid)
    assert best > 0
    line = solve(targeted_offers.read(_offers_file(tmp_path / name)), gap=1e-6, time_limit=60)
    assert line["instance"] == "small"
    assert line["objective"] == pytest.approx(best)


@pytest.mark.skipif(not (DATA / "docplex_marketing").is_dir(), reason=f"needs the published data in {DATA}")
def test_docplex_reaches_its_published_optimum(tmp_path: Path) -> None:
    keys = docplex.read(DATA / "docplex_marketing")
    plan = opt.solve(opt.load(save(keys, tmp_path / "saved")), gap=1e-7)
    assert plan.certificate.objective == pytest.approx(844.4226, abs=1e-3)
    assert len(plan.contacts) == 20
    assert plan.contacts["cost"].sum() == pytest.approx(460)


@pytest.mark.skipif(not (DATA / "customer_assignment").is_dir(), reason=f"needs the published data in {DATA}")
@pytest.mark.parametrize("name", ["GS1", "GS1_prime", "GS3"])
def test_assignment_instances_read_whole(name: str) -> None:
    scenario = opt.Scenario(**customer_assignment.read(DATA / "customer_assignment" / name))
    assert len(scenario.facts.customers) == 10_000
    assert len(scenario.facts.pairs) == {"GS1": 29_476, "GS1_prime": 29_476, "GS3": 34_394}[name]
    assert len(scenario.rules) == 9 + 8


@pytest.mark.skipif(not (DATA / "targeted_offers").is_dir(), reason=f"needs the published data in {DATA}")
def test_offer_instances_read_whole() -> None:
    scenario = opt.Scenario(**targeted_offers.read(DATA / "targeted_offers" / "S3-5-15-1-s.txt.gz"))
    assert len(scenario.facts.pairs) == 300 * 15
    assert len(scenario.facts.minimum_volumes) == 15
