"""The tables, from the published calls of a bank: ``python scenarios/bank_calls/build.py [DATA] [--out DIR]``.

41,188 clients of a Portuguese bank were called about a term deposit between May 2008 and November 2010 (Moro, Cortez,
Rita, Decision Support Systems 62, 2014; UCI, CC BY 4.0). Half of them, by a hash of their number, teach; of the others
3,000 are planned. ``duration`` is known only after the call and says how it ended: it is left out.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

import optimizer as opt

FOLDER = Path(__file__).parent
DATA = FOLDER.parents[2] / "shared" / "data" / "bank_marketing"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("mon", "tue", "wed", "thu", "fri")
#: The state of the economy is the same for every client of a day: it tells days apart, not clients.
ECONOMY = ("emp.var.rate", "cons.price.idx", "cons.conf.idx", "euribor3m", "nr.employed")
#: Of the call itself, or known only after it.
NOT_OF_THE_CLIENT = (*ECONOMY, "contact", "month", "day_of_week", "duration", "call", "y", "date", "teaches")
PLANNED = 3_000


def main() -> None:
    """Build the tables beside the scenario, or in another folder."""
    parser = argparse.ArgumentParser(description="Build the tables of the scenario from the published calls.")
    parser.add_argument("data", type=Path, nargs="?", default=DATA, help="folder of bank-additional-full.csv(.gz)")
    parser.add_argument("--out", type=Path, default=FOLDER)
    asked = parser.parse_args()
    learnt = build(asked.data, asked.out)
    models = learnt.reports.models
    print(models[["channel", "contacts", "responses", "rate", "calibration", "auc", "p_value"]].to_string(index=False))
    print(learnt.fatigue("call").query("channel == 'all' and rank <= 5").to_string(index=False))
    print(f"wrote {asked.out / 'tables'}; next: optimizer solve {asked.out / 'scenario.yaml'}")


def read(data: Path) -> pd.DataFrame:
    """The calls, one a client: customer_id, columns, contact, call (its rank), y, date, teaches."""
    names = ("bank-additional-full.csv.gz", "bank-additional-full.csv")
    file = next((data / name for name in names if (data / name).is_file()), None)
    if file is None:
        raise SystemExit(f"no bank-additional-full.csv in {data}; name its folder")
    table = pd.read_csv(file, sep=";").rename(columns={"campaign": "call"})
    table.insert(0, "customer_id", [f"B{number:05d}" for number in range(1, len(table) + 1)])
    # 999 stands for "never called before".
    table["pdays"] = table["pdays"].astype(float).where(table["pdays"] != 999)
    table["date"] = dated(table)
    table["teaches"] = pd.util.hash_array(table["customer_id"].to_numpy(object)) % np.uint64(2) == 0
    return table


def dated(table: pd.DataFrame) -> pd.Series:
    """A date for each call: rows stand in the order of dates, and tell month and weekday but neither day nor year.

    The year rises where the month falls back; the week is the row's place among those of its month.
    """
    month = table["month"].map({name: number for number, name in enumerate(MONTHS, start=1)})
    run = (month != month.shift()).cumsum()
    year = 2008 + (month.diff() < 0).cumsum()
    week = (table.groupby(run).cumcount() * 4) // table.groupby(run)["month"].transform("size")
    first = pd.to_datetime({"year": year, "month": month, "day": 1})
    ahead = (table["day_of_week"].map({name: number for number, name in enumerate(DAYS)}) - first.dt.day_of_week) % 7
    return first + pd.to_timedelta(ahead + 7 * week, unit="D")


def learn(calls: pd.DataFrame, *, judge: Literal["auto", "customers"] = "customers") -> opt.Appetence:
    """Appetence by kind of telephone at the first call, from the half that teaches.

    Those planned are clients of the same months, so that other clients judge. With ``judge="auto"`` the last months do:
    the bank's calls changed so much in 2010 that what was learnt before does not hold then, and the report says so.
    """
    taught = calls[calls["teaches"]]
    history = taught[["customer_id", "date", "call"]].assign(
        channel=taught["contact"], event=np.where(taught["y"] == "yes", "response", "no_response")
    )
    customers = calls.drop(columns=[column for column in calls.columns if column in NOT_OF_THE_CLIENT])
    return opt.fit_appetence(history, customers, context={"call": 1}, judge=judge)


def build(data: Path, folder: Path) -> opt.Appetence:
    """Learn on one half; write customers and appetence (each by their own telephone) of some of the other."""
    calls = read(data)
    learnt = learn(calls)
    # Drawn by the same hash, from all months: those who teach are of all months, too.
    drawn = calls[~calls["teaches"]]
    order = np.argsort(pd.util.hash_array(drawn["customer_id"].to_numpy(object)))
    planned = drawn.iloc[order[:PLANNED]].sort_values("customer_id")
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    customers = planned[["customer_id", "age", "job", "contact"]].rename(columns={"contact": "telephone_kind"})
    customers.to_parquet(folder / "tables" / "customers.parquet", index=False)
    scores = learnt.scores[learnt.scores["customer_id"].isin(planned["customer_id"])].reset_index(drop=True)
    kind = scores["customer_id"].map(planned.set_index("customer_id")["contact"])
    for channel in learnt.channels:
        scores[channel] = scores[channel].where(kind == channel)
    scores.to_parquet(folder / "tables" / "appetence.parquet", index=False)
    if folder.resolve() != FOLDER.resolve():
        shutil.copyfile(FOLDER / "scenario.yaml", folder / "scenario.yaml")
    return learnt


if __name__ == "__main__":
    main()
