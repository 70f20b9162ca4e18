"""The tables, from the published experiment: ``python scenarios/hillstrom/build.py [DATA] [--out DIR]``.

64,000 customers were drawn into three arms: an e-mail with men's merchandise, one with women's, or none; whether they
visited the shop within two weeks was recorded (K. Hillstrom, MineThatData, 2008). Half of the customers, by a hash of
their number, teach: who visits after each e-mail, and who visits without. The other half is planned.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

import optimizer as opt

FOLDER = Path(__file__).parent
DATA = FOLDER.parents[2] / "shared" / "data" / "hillstrom"
CONTROL = "No E-Mail"
ARMS = ("Mens E-Mail", "Womens E-Mail")
#: All columns of the published table but the arm and what came of it.
COLUMNS = ("recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "bought_through")


def main() -> None:
    """Build the tables beside the scenario, or in another folder."""
    parser = argparse.ArgumentParser(description="Build the tables of the scenario from the published experiment.")
    parser.add_argument("data", type=Path, nargs="?", default=DATA, help="folder of hillstrom.csv or hillstrom.csv.gz")
    parser.add_argument("--out", type=Path, default=FOLDER)
    asked = parser.parse_args()
    learnt = build(asked.data, asked.out)
    print(learnt.reports.models[["channel", "offer", "contacts", "responses", "rate", "auc", "p_value"]].to_string())
    print(f"wrote {asked.out / 'tables'}; next: optimizer solve {asked.out / 'scenario.yaml'}")


def read(data: Path) -> pd.DataFrame:
    """The experiment: customer_id, the columns, arm, visit, conversion, spend, and whether the customer teaches."""
    file = next((data / name for name in ("hillstrom.csv.gz", "hillstrom.csv") if (data / name).is_file()), None)
    if file is None:
        raise SystemExit(f"no hillstrom.csv in {data}; name its folder")
    table = pd.read_csv(file).rename(columns={"channel": "bought_through", "segment": "arm"})
    table.insert(0, "customer_id", [f"H{number:05d}" for number in range(1, len(table) + 1)])
    table["teaches"] = pd.util.hash_array(table["customer_id"].to_numpy(object)) % np.uint64(2) == 0
    return table


def learn(experiment: pd.DataFrame) -> opt.Appetence:
    """Appetence of every customer, from the half that teaches."""
    taught = experiment[experiment["teaches"]]
    history = pd.DataFrame(
        {
            "customer_id": taught["customer_id"],
            "channel": "email",
            "offer": taught["arm"],
            "event": np.where(taught["visit"] == 1, "response", "no_response"),
            "date": "2008-03-01",  # one send date; the published table has none
        }
    )
    return opt.fit_appetence(history, experiment[["customer_id", *COLUMNS]], control=CONTROL)


def build(data: Path, folder: Path) -> opt.Appetence:
    """Learn on one half, write customers, appetence and baseline of the other."""
    experiment = read(data)
    learnt = learn(experiment)
    planned = experiment[~experiment["teaches"]]
    assert learnt.baseline is not None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tables").mkdir(exist_ok=True)
    for name, table in (
        ("customers", planned[["customer_id", *COLUMNS]]),
        ("appetence", learnt.scores),
        ("baseline", learnt.baseline),
    ):
        kept = table[table["customer_id"].isin(planned["customer_id"])]
        kept.to_parquet(folder / "tables" / f"{name}.parquet", index=False)
    if folder.resolve() != FOLDER.resolve():
        shutil.copyfile(FOLDER / "scenario.yaml", folder / "scenario.yaml")
    return learnt


if __name__ == "__main__":
    main()
