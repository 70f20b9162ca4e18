"""What the learnt plan earns on the truth, beside last click; how far its forecasts hold.

    python scenarios/carmaker/build.py
    python scenarios/carmaker/compare.py

The truth (world.py, owners.py) is asked here alone, after every plan is made.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from build import MODELS
from campaigns import covered
from learn import FOLDER, weekly_credit
from owners import CLOSING, true_scores
from scipy.optimize import minimize
from world import COUNTRIES, HORIZON, MEDIA, SEED, simulate, true_net_margin

import optimizer as opt

GAP = 1e-3


def main() -> None:
    """Print every figure of the README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--built", type=Path, default=FOLDER / "built")
    parser.add_argument("--histories", type=int, default=40, help="five campaigns each")
    parser.add_argument("--quarters", type=int, default=3, help="drawn after launch, for the media")
    arguments = parser.parse_args()
    if not (arguments.built / "curves").is_dir():
        sys.exit(f"{arguments.built} holds no curves: run python scenarios/carmaker/build.py first")
    started = time.perf_counter()
    plan = opt.solve(scenario(arguments.built), gap=GAP)
    print(f"the plan: {plan.certificate}")
    tell_forecast(plan, arguments.built)
    print("\nmedia, net margin on the truth (EUR):")
    for name, money in allocations(plan, arguments.built).items():
        print(f"  {name:24} {true_net_margin(money):>10,.0f}  of {sum(money.values()):>8,.0f} spent on {shares(money)}")
    media = plan.budget[plan.budget["channel"].isin(list(MEDIA))]
    print(f"  the plan's own claim     {media['net_margin'].sum():>11,.0f}  credited sales are not all caused")
    tell_portal(arguments.built)
    quarters = after_launch(plan, arguments.built, arguments.quarters)
    inside, off = quarters["inside"].mean(), (quarters["actual"] / quarters["plan"] - 1).mean()
    print(f"\n{arguments.quarters} quarters drawn at the plan's money: {inside:.1%} of {len(quarters)} cells of media")
    print(f"inside P10 to P90 of their credited sales, {off:+.1%} on average from the plan")
    learnt, true = contacts_on_truth(arguments.built)
    print(f"\ncontacts on true scores: {learnt:,.0f} EUR on learnt, {true:,.0f} on true: {learnt / true:.1%}")
    found = covered(arguments.histories, owners=5000, each=4, seed=11)
    print(f"\n{arguments.histories * 5} campaigns, share inside P10 to P90:")
    print(found.rates.to_string(float_format=lambda value: f"{value:.1%}"))
    print(f"\n{time.perf_counter() - started:.0f} s")


def keys_of(built: Path) -> dict[str, Any]:
    """The keys of carmaker.yaml, its tables where they were built."""
    text = (FOLDER / "carmaker.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text.replace("built/", f"{built.resolve()}/"))


def scenario(built: Path, model: str = "markov_journey") -> opt.Scenario:
    """The scenario, with the curves of one credit."""
    keys = keys_of(built)
    for medium, section in keys["media"].items():
        section["curve"] = {"table": str(built.resolve() / MODELS[model] / f"{medium}.csv")}
    return opt.Scenario(**keys, folder=FOLDER)


def allocations(plan: opt.Plan, built: Path) -> dict[str, dict[str, float]]:
    """Money by cell: ours, those of last-click credit, last year's, and the best there is on the truth."""
    budget = float(sum(plan.spend.values()))
    found = {"the plan": dict(plan.spend)}
    for model in ("last_non_direct", "last"):
        found[f"{model} credit"] = dict(opt.solve(scenario(built, model), gap=GAP).spend)
    found["as last year"] = as_last_year(built)
    found["the best on the truth"] = best_on_truth(budget)
    return found


def best_on_truth(budget: float) -> dict[str, float]:
    """The allocation that the truth would choose for a budget (several starts of a smooth search)."""
    cells = [f"{medium}[{country}]" for medium in MEDIA for country in COUNTRIES]
    unit = budget / len(cells)

    def loss(shares: np.ndarray) -> float:
        return -true_net_margin(dict(zip(cells, (shares * unit).tolist(), strict=True))) / unit

    rule = {"type": "ineq", "fun": lambda shares: len(cells) - shares.sum()}
    rng = np.random.default_rng(0)
    starts = [np.ones(len(cells)), *(rng.dirichlet(np.ones(len(cells))) * len(cells) for _ in range(4))]
    tries = [
        minimize(loss, start, bounds=[(0, len(cells))] * len(cells), constraints=rule, method="SLSQP")
        for start in starts
    ]
    best = min(tries, key=lambda one: one.fun)
    return dict(zip(cells, (np.maximum(best.x, 0.0) * unit).tolist(), strict=True))


def shares(money: dict[str, float]) -> str:
    """The money by medium, in thousands."""
    of = {medium: sum(value for cell, value in money.items() if cell.startswith(medium)) for medium in MEDIA}
    return ", ".join(f"{medium} {value / 1000:,.0f}k" for medium, value in of.items())


def as_last_year(built: Path) -> dict[str, float]:
    """Last year's weekly means over the horizon, by cell."""
    weekly = pd.read_csv(built / "seen" / "spend.csv").groupby(["medium", "country"])["spend"].mean()
    return {f"{medium}[{country}]": float(money) * HORIZON for (medium, country), money in weekly.items()}


def tell_portal(built: Path) -> None:
    """What the portal truly brings at last year's spend."""
    usual = as_last_year(built)
    without = {cell: 0.0 if cell.startswith("portal") else money for cell, money in usual.items()}
    cost = sum(usual.values()) - sum(without.values())
    brought = true_net_margin(usual) - true_net_margin(without)
    print(f"  the portal as last year {brought:>11,.0f}  on a cost of {cost:,.0f}")


def tell_forecast(plan: opt.Plan, built: Path) -> None:
    """The plan's forecast, by drawn curves and the uncertainty of the scores that the learner told."""
    found = plan.forecast(scores=built / "uncertainty.csv", curves=built / "curves" / "draws.csv", by=["channel"])
    table = found.table[found.table["measure"].isin(["sale", "net_margin"])]
    print("its forecast, in credited sales and EUR:")
    print(table.drop(columns="contacts").to_string(index=False, float_format=lambda value: f"{value:,.0f}"))
    for note in found.notes:
        print(f"  note: {note}")


def after_launch(plan: opt.Plan, built: Path, quarters: int) -> pd.DataFrame:
    """Quarters drawn at the plan's money, credited as the year before, beside the forecast: a row a medium's cell."""
    forecast = plan.forecast(curves=built / "curves" / "draws.csv", by=[["channel", "country"]])
    model, parts = next(iter(MODELS)), []
    weekly = [
        (country, week, medium, plan.spend[f"{medium}[{country}]"] / HORIZON)
        for country in COUNTRIES
        for week in range(HORIZON)
        for medium in MEDIA
    ]
    spend = pd.DataFrame(weekly, columns=["country", "week", "medium", "spend"])
    for quarter in range(quarters):
        seen = simulate(np.random.default_rng([SEED, 1 + quarter]), spend)
        credit = weekly_credit(seen.events, seen.keys, (model,))
        came = credit[credit["channel"].isin(MEDIA)].groupby(["channel", "country"])[model].sum().reset_index()
        cells = came["channel"] + "[" + came["country"] + "]"
        results = pd.DataFrame({"channel": cells, "response": 0.0, "sale": came[model]})
        table = forecast.against(results).table
        media = table["group"].str.contains("/") & (table["plan"] > 0) & (table["measure"] == "sale")
        parts.append(table[media & ~table["group"].str.startswith(("email", "letter", "phone"))])
    return pd.concat(parts, ignore_index=True)


def contacts_on_truth(built: Path) -> tuple[float, float]:
    """Net margin, on true scores, of the contacts planned on learnt and on true ones; media apart."""
    keys = keys_of(built)
    del keys["media"]
    keys["rules"] = [rule for rule in keys["rules"] if "budget" not in rule]
    owners = pd.read_csv(built / "owners.csv", dtype={"customer_id": str})
    closing = owners.set_index("customer_id")["segment"].map(CLOSING)
    known = true_scores(owners).melt("customer_id", list(keys["channels"]), "channel", "score")
    known["p_sale"] = known["score"] * known["customer_id"].map(closing)
    truth = opt.Scenario(**{**keys, "appetence": known}, folder=FOLDER)
    learnt = opt.solve(opt.Scenario(**keys, folder=FOLDER), gap=GAP)
    return opt.evaluate(truth, learnt.contacts).objective, opt.solve(truth, gap=GAP).objective


if __name__ == "__main__":
    main()
