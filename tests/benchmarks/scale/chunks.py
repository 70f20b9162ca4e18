"""Random chunks of 1,000 customers, each planned alone with its share of every capacity, as a commercial product does.

Where all chunks would take too long, some are planned and the objective is extrapolated; the remark says so.
"""

from __future__ import annotations

import copy
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

import optimizer as opt
from optimizer.solve import choice

SIZE = 1_000
GAP = 1e-3
#: Least seconds a chunk is given, and what a unit short of a hard minimum costs in a chunk: a tenth of a capacity often
#: cannot be met by a tenth of the customers, and a product that splits leaves it short.
SECONDS, PENALTY = 30.0, 100.0
#: Rules whose bound is an amount, to be shared out; averages, ratios and shares stand as they are.
SHARED = ("volume", "budget", "sum")
#: End of the name of a rule whose minimum is hard for the whole.
LOOSENED = " (in a chunk)"
#: Tables by customer.
TABLES = ("customers", "appetence", "history", "committed", "consent", "baseline")


def solve(file: Path, limit: float, seed: int = 0) -> dict[str, Any]:
    """Plan chunk after chunk until all are done or the limit has come."""
    # Chunks are too small for the library to choose prices by itself; they are faster, and chunks shall not wait.
    choice.DECOMPOSED_PAIRS = 0
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    people = pq.read_table(file.parent / document["customers"], columns=["customer_id"]).column("customer_id")
    ids = np.random.default_rng(seed).permutation(people.to_numpy())
    count = max(len(ids) // SIZE, 1)
    started = time.perf_counter()
    worth, short, seconds, done, without = 0.0, 0.0, 0.0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for part in np.array_split(ids, count):
            one = _chunk(file, document, part, len(part) / len(ids), Path(folder))
            begun = time.perf_counter()
            try:
                plan = opt.solve(opt.load(one), gap=GAP, time_limit=max(limit / 10, SECONDS))
                missing = _short(plan)
                worth += plan.certificate.objective + PENALTY * missing
                short += missing
            except (opt.Infeasible, opt.NoPlan):
                without += 1
            seconds += time.perf_counter() - begun
            done += 1
            if time.perf_counter() - started > limit:
                break
    planned = done - without
    remark = f"{planned} of {done} chunks have a plan"
    if done < count:
        remark += f"; extrapolated to {count:,} chunks"
    if short > 0:
        remark += f"; {short:,.0f} units short of minima in all"
    return {
        "objective": worth / planned * count if planned else None,
        "seconds": round(seconds / done * count, 1),
        "remark": remark + ("; the others' shares of the rules cannot be met" if without else ""),
        "feasible": without == 0 and short == 0,
    }


def _chunk(file: Path, document: dict[str, Any], ids: np.ndarray, share: float, folder: Path) -> Path:
    """Write the scenario of some customers; other tables stay where they are."""
    small = copy.deepcopy(document)
    kept = pa.array(np.sort(ids))
    for key in TABLES:
        name = small.get(key)
        if isinstance(name, str):
            table = _read(file.parent / name)
            table = table.filter(pc.is_in(table.column("customer_id"), value_set=kept))
            small[key] = f"{key}.parquet"
            pq.write_table(table, folder / small[key])
    for key in ("activities",):
        if isinstance(small.get(key), str):
            small[key] = str(file.parent / small[key])
    small["rules"] = [_shared(rule, share, file.parent, folder) for rule in small["rules"]]
    made = folder / "scenario.yaml"
    made.write_text(yaml.safe_dump(small, sort_keys=False), encoding="utf-8")
    return made


def _read(file: Path) -> pa.Table:
    if file.suffix == ".parquet":
        return pq.read_table(file)
    return pa.Table.from_pandas(pd.read_csv(file, dtype={"customer_id": str}), preserve_index=False)


def _shared(rule: dict[str, Any], share: float, source: Path, folder: Path) -> dict[str, Any]:
    """The rule with its amounts times the share; whole numbers of contacts are rounded to the nearest."""
    verb = next((one for one in SHARED if one in rule), None)
    if verb is None:
        return _with_table(rule, source)
    body = dict(rule[verb])
    if isinstance(body.get("table"), str):
        table = pd.read_csv(source / body["table"])
        for side in ("min", "max"):
            if side in table:
                table[side] = table[side] * share
        body["table"] = f"{verb}-{len(list(folder.glob('*.csv')))}-{abs(hash(rule['name'])) % 10**6}.csv"
        table.to_csv(folder / body["table"], index=False)
    for side in ("min", "max"):
        bound = body.get(side)
        if isinstance(bound, int | float):
            body[side] = round(bound * share) if verb == "volume" else bound * share
        elif isinstance(bound, dict):
            table = pd.read_csv(source / bound["table"])
            table[bound["column"]] = (table[bound["column"]] * share).round()
            body[side] = {**bound, "table": f"{side}-{bound['column']}.csv"}
            table.to_csv(folder / body[side]["table"], index=False)
    made = {**rule, verb: body}
    if body.get("min") is not None and "soft" not in rule:
        made |= {"name": f"{rule['name']}{LOOSENED}", "soft": {"penalty": PENALTY, "side": "min"}}
    return made


def _short(plan: opt.Plan) -> float:
    """Units that the plan is short of minima that are hard for the whole."""
    table = plan.rules[plan.rules["rule"].str.endswith(LOOSENED)]
    return float(table["violation"].sum())


def _with_table(rule: dict[str, Any], source: Path) -> dict[str, Any]:
    """A rule that names a table of its own finds it where it was."""
    made = dict(rule)
    for key, value in rule.items():
        if isinstance(value, dict) and isinstance(value.get("table"), str):
            made[key] = {**value, "table": str(source / value["table"])}
    return made
