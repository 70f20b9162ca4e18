"""The command line: what it prints where, its exit codes, and that nothing is left behind when it fails."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer import cli, engine
from optimizer.commands.new import run_new
from optimizer.plan.verify import verify
from optimizer.solve.choice import solve_by_size
from optimizer.solve.solution import Solution

ROOT = Path(__file__).parents[1]
HEAVY = ("numpy", "pandas", "pyomo", "highspy", "pydantic", "yaml", "jinja2", "scipy")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command line in this process; gives (exit code, stdout, stderr)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["optimizer", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    return call


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter scenario, solved once: its folder."""
    folder = tmp_path_factory.mktemp("cli") / "spring"
    run_new(folder)
    command = [sys.executable, "-m", "optimizer.cli", "solve", str(folder / "scenario.yaml"), "--excel", "--json"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    (folder / "stdout.json").write_text(ended.stdout)
    return folder


@pytest.fixture
def copy(solved: Path, tmp_path: Path) -> Path:
    """A copy of the solved folder, to spoil."""
    return Path(shutil.copytree(solved, tmp_path / "copy"))


# --- the face -----------------------------------------------------------------------------------


def test_help_answers_at_once_and_imports_nothing_heavy() -> None:
    script = (
        "import sys, time; started = time.process_time(); sys.argv = ['optimizer', '--help']\n"
        "from optimizer.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"found = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "print('\\nused', time.process_time() - started, found)"
    )
    seconds = []
    for _ in range(3):
        told = subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
        ).stdout
        ((used, found),) = re.findall(r"used (\S+) (\[.*\])", told)
        assert found == "[]"
        seconds.append(float(used))
    assert min(seconds) < 0.5


@pytest.mark.parametrize(
    "command", ["solve", "check", "evaluate", "forecast", "verify", "new", "schema", "export", "learn"]
)
def test_every_command_is_there_and_explains_itself(run, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert "Example" in out or command in ("export", "learn")


@pytest.mark.parametrize("command", ["what-if", "explain", "replan", "sandbox", "prices", "compare"])
def test_a_command_that_is_not_built_is_absent(run, command: str) -> None:
    code, _, err = run(command)
    assert code == 2
    assert "No such command" in err


def test_the_schema_is_printed_and_shipped(run) -> None:
    code, out, _ = run("schema")
    assert code == 0
    assert json.loads(out)["properties"]["rules"]
    assert out == (ROOT / "optimizer" / "scenario.schema.json").read_text(encoding="utf-8")


# --- solve -----------------------------------------------------------------------------------


def test_solve_prints_the_summary_alone_and_writes_every_file(solved: Path) -> None:
    printed = json.loads((solved / "stdout.json").read_text())
    assert {file.name for file in (solved / "plan").iterdir()} == {
        "plan.parquet", "budget.csv", "rules.csv", "summary.json", "report.html", "plan.xlsx",
    }  # fmt: skip
    written = json.loads((solved / "plan" / "summary.json").read_text())
    assert written.pop("scenario") == "../scenario.yaml"
    assert printed == written
    assert written["status"] == "optimal"
    assert written["gap"] <= 1e-4
    assert written["objective"] <= written["bound"] * (1 + 1e-9)
    expected = {
        "name", "status", "objective", "bound", "gap", "seconds", "customers", "left_out", "contacts", "cost", "checks",
        "versions", "inputs",
    }  # fmt: skip
    assert expected <= set(written)


def test_the_tables_have_the_columns_of_the_contract(solved: Path) -> None:
    plan = pd.read_parquet(solved / "plan" / "plan.parquet")
    assert list(plan.columns) == [
        "customer_id", "activity", "offer", "channel", "wave", "date", "cost", "appetence", "expected_response",
        "expected_gross_margin",
    ]  # fmt: skip
    rules = pd.read_csv(solved / "plan" / "rules.csv")
    assert list(rules.columns)[:9] == [
        "rule", "scope", "value", "min", "max", "slack", "shadow_price", "violation", "penalty",
    ]  # fmt: skip
    budget = pd.read_csv(solved / "plan" / "budget.csv")
    assert {"channel", "cell", "wave", "volume", "cost", "response", "gross_margin", "net_margin", "roi"} <= set(budget)


def test_money_adds_up_to_the_cent_from_file_to_file(solved: Path) -> None:
    plan = pd.read_parquet(solved / "plan" / "plan.parquet")
    budget = pd.read_csv(solved / "plan" / "budget.csv")
    summary = json.loads((solved / "plan" / "summary.json").read_text())
    fixed = budget.loc[budget["volume"] == 0, "cost"].sum()
    assert abs(plan["cost"].sum() + fixed - summary["cost"]) < 0.005
    assert abs(budget["cost"].sum() - summary["cost"]) < 0.005
    assert abs(plan["expected_gross_margin"].sum() - summary["gross_margin"]) < 0.005
    assert abs(summary["gross_margin"] - summary["cost"] - summary["net_margin"]) < 0.005
    assert abs(summary["net_margin"] - summary["penalty"] - summary["objective"]) < 0.005


def test_progress_goes_to_stderr_and_results_to_stdout(run, tmp_path: Path) -> None:
    run_new(tmp_path / "a")
    code, out, err = run("solve", tmp_path / "a" / "scenario.yaml")
    assert code == 0
    assert "gap" in err
    assert "optimal" in out
    assert "Rules that bind" in out
    assert (tmp_path / "a" / "plan" / "report.html").exists()


def test_quiet_says_the_certificate_alone(run, tmp_path: Path) -> None:
    run_new(tmp_path / "a")
    code, out, err = run("solve", tmp_path / "a" / "scenario.yaml", "--quiet", "--out", tmp_path / "there")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert out.startswith("optimal: objective")
    assert (tmp_path / "there" / "summary.json").exists()
    assert not (tmp_path / "a" / "plan").exists()


def test_the_same_file_gives_the_identical_plan(run, solved: Path, tmp_path: Path) -> None:
    code, _, _ = run("solve", solved / "scenario.yaml", "--quiet", "--out", tmp_path / "again")
    assert code == 0
    assert (tmp_path / "again" / "plan.parquet").read_bytes() == (solved / "plan" / "plan.parquet").read_bytes()
    assert (tmp_path / "again" / "budget.csv").read_bytes() == (solved / "plan" / "budget.csv").read_bytes()


def test_a_folder_with_other_files_is_refused_before_the_solve(run, tmp_path: Path) -> None:
    run_new(tmp_path / "a")
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run("solve", tmp_path / "a" / "scenario.yaml", "--out", tmp_path / "a")
    assert (code, out) == (2, "")
    assert "appetence.csv" in err
    assert sorted(tmp_path.rglob("*")) == before


# --- exit codes -----------------------------------------------------------------------------------


def spoil(folder: Path, old: str, new: str) -> Path:
    """A starter scenario with one piece of its file replaced."""
    run_new(folder)
    file = folder / "scenario.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("objective: net_margin", "objectiv: net_margin", "objective"),
        ("channel: sms}", "channel: smss}", "sms"),
        ("unit_cost: 0.004", "unit_cost: -1", "unit_cost"),
        ("history.csv", "histori.csv", "histori.csv"),
        ("date: 2026-03-10", "date: 10 March", "date"),
    ],
)
def test_bad_input_is_one_message_exit_code_2_and_nothing_written(
    run, tmp_path: Path, old: str, new: str, message: str
) -> None:
    file = spoil(tmp_path / "a", old, new)
    code, out, err = run("solve", file)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert "scenario.yaml" in err or "histori.csv" in err
    assert not (tmp_path / "a" / "plan").exists()


def test_a_missing_file_is_exit_code_2(run, tmp_path: Path) -> None:
    code, out, err = run("solve", tmp_path / "none.yaml")
    assert (code, out) == (2, "")
    assert "none.yaml" in err


def test_brackets_in_names_are_no_markup(run, tmp_path: Path) -> None:
    run_new(tmp_path / "a")
    file = tmp_path / "a" / "scenario.yaml"
    text = file.read_text(encoding="utf-8").replace(
        "name: my first campaign", "name: 'my [bold]first[/bold] [campaign]'"
    )
    file.write_text(text.replace("name: text gateway", "name: 'text [gateway]'"), encoding="utf-8")
    for command in ("check", "solve"):
        code, out, _ = run(command, file)
        assert code == 0
        assert "my [bold]first[/bold] [campaign]" in out
        assert "text [gateway]" in out
    file.write_text(text.replace("unit_cost: 0.004", "'unit_cost[x]': 1"), encoding="utf-8")
    code, _, err = run("solve", file)
    assert code == 2
    assert "unit_cost[x]" in err


def test_infeasible_prints_the_bill_and_leaves_with_3(run, tmp_path: Path) -> None:
    folder = Path(
        shutil.copytree(ROOT / "scenarios" / "first_steps", tmp_path / "a", ignore=shutil.ignore_patterns("plan"))
    )
    file = folder / "scenario.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text + "  - {name: everyone by text, volume: {min: 12}, where: {channel: sms}}\n", encoding="utf-8")
    code, out, err = run("solve", file, "--quiet")
    assert (code, err) == (3, "")
    assert "'everyone by text'" in out
    assert not (folder / "plan").exists()
    code, out, err = run("solve", file, "--json")
    assert (code, err) == (3, "")
    told = json.loads(out)
    assert told["status"] == "infeasible"
    # Two of the twelve have no score for texts; the pocket money pays for eight texts at 0.06.
    assert {item["rule"] for item in told["bill"]["shortages"]} == {"everyone by text", "pocket money"}


@pytest.mark.parametrize(("status", "code"), [("no_plan", 4), ("failed", 1)])
def test_no_plan_within_the_limit_leaves_with_4(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: Any, code: int
) -> None:
    run_new(tmp_path / "a")

    def nothing(problem, **options) -> Solution:
        return Solution(status, np.zeros(len(problem.customer), bool), np.zeros(0), -np.inf, np.inf, "own", 1.0)

    monkeypatch.setattr(engine, "solve_by_size", nothing)
    left, out, err = run("solve", tmp_path / "a" / "scenario.yaml", "--quiet")
    assert (left, out) == (code, "")
    assert err.startswith("error:")
    assert not (tmp_path / "a" / "plan").exists()


def test_a_plan_that_fails_the_check_is_never_written(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_new(tmp_path / "a")
    tried = []

    def everything(problem, *, tighten: float, **options) -> Solution:
        tried.append(tighten)
        return Solution("optimal", np.ones(len(problem.customer), bool), np.zeros(0), 1e9, 1e9, "own", 1.0)

    monkeypatch.setattr(engine, "solve_by_size", everything)
    code, out, err = run("solve", tmp_path / "a" / "scenario.yaml", "--quiet")
    assert (code, out) == (1, "")
    assert "independent check" in err
    assert "total budget" in err
    assert tried == list(engine.TIGHTENINGS)
    assert not (tmp_path / "a" / "plan").exists()


def test_a_plan_that_states_another_objective_is_never_written(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_new(tmp_path / "a")

    def boast(problem, **options) -> Solution:
        found = solve_by_size(problem, **options)
        return replace(found, objective=found.objective + 0.01, bound=found.bound + 0.01)

    monkeypatch.setattr(engine, "solve_by_size", boast)
    code, _, err = run("solve", tmp_path / "a" / "scenario.yaml", "--quiet")
    assert code == 1
    assert "objective" in err
    assert not (tmp_path / "a" / "plan").exists()


# --- verify -----------------------------------------------------------------------------------


def test_verify_passes_later_and_elsewhere(run, copy: Path) -> None:
    code, out, err = run("verify", copy / "plan")
    assert (code, err) == (0, "")
    assert "passes" in out
    assert "has changed" not in out


def test_verify_takes_the_scenario_from_where_it_is_told(run, solved: Path, copy: Path) -> None:
    shutil.move(copy / "plan", copy.parent / "moved")
    code, _, err = run("verify", copy.parent / "moved")
    assert code == 2
    assert "scenario.yaml" in err
    code, _, _ = run("verify", copy.parent / "moved", "--scenario", solved / "scenario.yaml")
    assert code == 0


def test_verify_finds_a_contact_too_few(run, copy: Path) -> None:
    file = copy / "plan" / "plan.parquet"
    pd.read_parquet(file).iloc[1:].to_parquet(file, index=False)
    code, out, _ = run("verify", copy / "plan")
    assert code == 1
    assert "objective" in out


def test_verify_finds_a_contact_too_many(run, copy: Path) -> None:
    file = copy / "plan" / "plan.parquet"
    plan = pd.read_parquet(file)
    everyone = pd.read_csv(copy / "customers.csv", dtype=str)[["customer_id"]]
    more = pd.concat([plan, everyone.assign(activity=plan["activity"].iloc[0])])
    more.drop_duplicates(["customer_id", "activity"]).to_parquet(file, index=False)
    code, out, _ = run("verify", copy / "plan", "--json")
    assert code == 1
    told = json.loads(out)
    assert told["status"] == "failed"
    assert told["failures"]


@pytest.mark.parametrize(("key", "value"), [("objective", 1e6), ("bound", 0.0)])
def test_verify_finds_a_certificate_that_lies(run, copy: Path, key: str, value: float) -> None:
    file = copy / "plan" / "summary.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    code, out, _ = run("verify", copy / "plan")
    assert code == 1
    assert key in out


def retold(file: Path, column: str, value: object) -> None:
    """Another value in the first row of a plan's table, or at a key of its summary."""
    if file.suffix == ".json":
        file.write_text(json.dumps({**json.loads(file.read_text()), column: value}))
        return
    read = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file, dtype=str, keep_default_na=False)
    read[column] = [value, *read[column].iloc[1:]]
    read.to_parquet(file, index=False) if file.suffix == ".parquet" else read.to_csv(file, index=False)


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("plan.parquet", "cost", 123.25),
        ("plan.parquet", "channel", "pigeon"),
        ("plan.parquet", "offer", "pigeon"),
        ("plan.parquet", "date", pd.Timestamp("2001-01-01")),
        ("plan.parquet", "expected_response", float("nan")),
        ("plan.parquet", "expected_gross_margin", 123.25),
        ("budget.csv", "gross_margin", "123.25"),
        ("budget.csv", "roi", "much"),
        ("rules.csv", "value", "123.25"),
        ("rules.csv", "max", ""),
        ("rules.csv", "passed", "False"),
        ("summary.json", "cost", 123.25),
        ("summary.json", "contacts", 123),
        ("summary.json", "penalty", None),
        ("summary.json", "gap", 0.5),
        ("summary.json", "spend", {"pigeon": 123.25}),
        ("summary.json", "currency", "pigeon"),
    ],
)
def test_verify_finds_what_is_stated_otherwise(run, copy: Path, name: str, column: str, value: object) -> None:
    retold(copy / "plan" / name, column, value)
    code, out, _ = run("verify", copy / "plan", "--json")
    assert code == 1
    (line,) = json.loads(out)["failures"]
    assert line.startswith(f"{name}, " if name != "summary.json" else "summary.json, column ")
    assert f"column {column}" in line
    assert "stated" in line
    assert "recomputed" in line


def test_verify_finds_a_line_of_the_budget_renamed_and_a_column_gone(run, copy: Path) -> None:
    retold(copy / "plan" / "budget.csv", "channel", "pigeon")
    rules = pd.read_csv(copy / "plan" / "rules.csv", dtype=str, keep_default_na=False)
    rules.drop(columns="slack").to_csv(copy / "plan" / "rules.csv", index=False)
    code, out, _ = run("verify", copy / "plan", "--json")
    missing, strange, column = json.loads(out)["failures"]
    assert code == 1
    assert missing.endswith("the row is missing")
    assert strange.startswith("budget.csv, pigeon/")
    assert column == "rules.csv: column slack is missing"


def test_verify_takes_rows_in_any_order_and_figures_that_are_not_compared(run, copy: Path) -> None:
    file = copy / "plan" / "plan.parquet"
    pd.read_parquet(file).iloc[::-1].to_parquet(file, index=False)
    retold(copy / "plan" / "rules.csv", "shadow_price", "123.25")
    retold(copy / "plan" / "summary.json", "seconds", 1e6)
    retold(copy / "plan" / "summary.json", "versions", {})
    code, out, _ = run("verify", copy / "plan")
    assert (code, "passes" in out) == (0, True)


def test_verify_tells_a_few_of_many_differences_and_how_many_there_are(run, copy: Path) -> None:
    file = copy / "plan" / "plan.parquet"
    plan = pd.read_parquet(file)
    plan.assign(cost=plan["cost"] + 1, channel="pigeon").to_parquet(file, index=False)
    code, out, _ = run("verify", copy / "plan", "--json")
    told = json.loads(out)["failures"]
    assert code == 1
    assert [line.split("column ")[1].split(":")[0] for line in told[:2]] == ["channel", "cost"]
    assert told[3:] == [f"plan.parquet: {2 * len(plan) - 3} more differences"]
    # Where the inputs have changed since, that is the news: one line a file.
    retold(copy / "plan" / "summary.json", "inputs", {})
    code, out, _ = run("verify", copy / "plan", "--json")
    (line,) = json.loads(out)["failures"]
    assert code == 1
    assert f"({2 * len(plan)} such differences, with inputs that have changed)" in line


def test_verify_names_an_input_that_has_changed(run, copy: Path) -> None:
    with (copy / "customers.csv").open("a") as file:
        file.write("C9999,FR,gold,44,50.0\n")
    _, out, _ = run("verify", copy / "plan")
    assert "customers.csv has changed" in out


@pytest.mark.parametrize("broken", ["plan.parquet", "summary.json", "budget.csv", "rules.csv"])
def test_verify_names_a_broken_file(run, copy: Path, broken: str) -> None:
    (copy / "plan" / broken).write_bytes(b"\x00 nonsense")
    code, out, err = run("verify", copy / "plan")
    assert (code, out) == (2, "")
    assert broken in err
    (copy / "plan" / broken).unlink()
    code, _, err = run("verify", copy / "plan")
    assert code == 2
    assert broken in err


# --- evaluate, check, new, export -----------------------------------------------------------------------------------


def test_evaluate_gives_a_plan_its_own_objective_back(run, solved: Path, tmp_path: Path) -> None:
    plan = pd.read_parquet(solved / "plan" / "plan.parquet")
    plan[["customer_id", "channel", "offer", "wave"]].to_csv(tmp_path / "mine.csv", index=False)
    code, out, _ = run("evaluate", solved / "scenario.yaml", "--plan", tmp_path / "mine.csv", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["status"] == "passed"
    summary = json.loads((solved / "plan" / "summary.json").read_text())
    assert told["objective"] == pytest.approx(summary["objective"], abs=1e-9)
    assert "bound" not in told


def test_evaluate_names_the_rules_that_break(run, solved: Path, tmp_path: Path) -> None:
    plan = pd.read_parquet(solved / "plan" / "plan.parquet")
    plan[plan["channel"] != "print"].to_csv(tmp_path / "mine.csv", index=False)
    code, out, _ = run("evaluate", solved / "scenario.yaml", "--plan", tmp_path / "mine.csv")
    assert code == 1
    assert "print run" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("customer,activity\n1,a\n", "customer_id"),
        ("customer_id,channel,offer,wave\nC0001,fax,welcome,first\n", "fax"),
        ("customer_id,offer\nC0001,welcome\n", "activity"),
    ],
)
def test_evaluate_refuses_a_table_it_cannot_read(run, solved: Path, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.csv").write_text(text)
    code, out, err = run("evaluate", solved / "scenario.yaml", "--plan", tmp_path / "mine.csv")
    assert (code, out) == (2, "")
    assert message in err


def test_check_reads_counts_and_says_every_rule(run, solved: Path) -> None:
    code, out, _ = run("check", solved / "scenario.yaml")
    assert code == 0
    assert "200 customers" in out
    for rule in ("total budget", "pressure", "paper for gold", "letters to seniors"):
        assert rule in out
    code, out, _ = run("check", solved / "scenario.yaml", "--json")
    told = json.loads(out)
    assert (code, told["customers"], len(told["rules"])) == (0, 200, 8)


def test_check_leaves_with_3_on_a_contradiction(run, tmp_path: Path) -> None:
    file = spoil(tmp_path / "a", "volume: {min: 50, max: 90}", "volume: {min: 5000, max: 6000}")
    code, out, _ = run("check", file)
    assert code == 3
    assert "contradictory" in out
    assert "print run" in out


def test_new_writes_nothing_over_anything(run, tmp_path: Path) -> None:
    code, out, _ = run("new", tmp_path / "spring")
    assert code == 0
    assert "optimizer solve" in out
    code, _, err = run("new", tmp_path / "spring")
    assert code == 2
    assert "already holds" in err


@pytest.mark.parametrize("ending", ["lp", "mps"])
def test_the_exported_model_names_its_rules(run, tmp_path: Path, ending: str) -> None:
    out_file = tmp_path / f"model.{ending}"
    code, _, _ = run("export", "model", ROOT / "scenarios" / "first_steps" / "scenario.yaml", "--out", out_file)
    assert code == 0
    assert re.search(r"pocket.money", out_file.read_text())
    assert [entry.name for entry in tmp_path.iterdir()] == [out_file.name]


def test_export_refuses_an_unknown_ending(run, tmp_path: Path) -> None:
    code, _, err = run(
        "export", "model", ROOT / "scenarios" / "first_steps" / "scenario.yaml", "--out", tmp_path / "m.txt"
    )
    assert code == 2
    assert ".lp or .mps" in err


def test_a_written_plan_passes_the_library_too(solved: Path) -> None:
    import optimizer as opt
    from optimizer.plan.read import read_plan

    written = read_plan(solved / "plan")
    verdict = verify(opt.load(solved / "scenario.yaml"), written.contacts, written.spend)
    assert verdict.failures == []
