"""A plan's value as tables: a row a contact (plan.parquet), a row a channel, fixed cost or medium cell (budget.csv)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from optimizer.plan.records import Records, pair_rows
from optimizer.plan.valuation import Worth

BUDGET_KEYS = ["channel", "cell", "wave"]
BUDGET_SUMS = ["volume", "cost", "response", "gross_margin"]
BUDGET_COLUMNS = [*BUDGET_KEYS, *BUDGET_SUMS, "net_margin", "roi", "marginal_return"]


def contacts_table(plan: Records, worth: Worth) -> pd.DataFrame:
    """A row a contact.

    Returns
    -------
    DataFrame
        customer_id, activity, offer, channel, wave, date, cost, appetence, expected_response, expected_gross_margin;
        after effects, combination and saturation.
    """
    facts = plan.facts
    frame = {"customer_id": facts.customers["customer_id"].array.take(plan.customer)}
    for column in ("activity", "offer", "channel", "wave", "date"):
        frame[column] = facts.activities[column].array.take(plan.activity)
    frame |= {
        "cost": worth.contact_cost,
        "appetence": facts.pairs.score[pair_rows(plan)],
        "expected_response": worth.response,
        "expected_gross_margin": worth.contact_gross_margin,
    }
    return pd.DataFrame(frame)


def budget_table(plan: Records, worth: Worth) -> pd.DataFrame:
    """Where the money goes and what it yields; its sums are the plan's totals.

    Returns
    -------
    DataFrame
        A row a channel, saturation cell and wave; a fixed cost that is paid (``cell`` names it); a medium cell.
        channel, cell, wave, volume, cost, response, gross_margin, net_margin, roi = net_margin / cost,
        marginal_return (what the next unit of money on a medium yields; empty elsewhere).
    """
    parts = [_channel_rows(plan, worth), _fixed_rows(plan, worth), _media_rows(plan, worth)]
    filled = [part for part in parts if len(part)]
    budget = pd.concat(filled, ignore_index=True) if filled else parts[0]
    budget["net_margin"] = budget["gross_margin"] - budget["cost"]
    budget["roi"] = budget["net_margin"] / budget["cost"].where(budget["cost"] != 0)
    return budget[BUDGET_COLUMNS]


def _rows(records: list[tuple[object, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(records, columns=[*BUDGET_KEYS, *BUDGET_SUMS, "marginal_return"])
    frame[[*BUDGET_SUMS, "marginal_return"]] = frame[[*BUDGET_SUMS, "marginal_return"]].astype(np.float64)
    return frame


def _channel_rows(plan: Records, worth: Worth) -> pd.DataFrame:
    facts = plan.facts
    # every cell of any saturation has a number, 0 where there is none
    cells, cell = [""], np.zeros(len(plan), dtype=np.int64)
    for saturation in facts.saturations:
        code = saturation.cell[pair_rows(plan)]
        cell = np.where(code >= 0, len(cells) + code, cell)
        cells += [str(label) for label in saturation.cells]
    key = plan.activity * len(cells) + cell
    found = np.flatnonzero(np.bincount(key, minlength=len(facts.activities) * len(cells)))
    channels, waves = facts.activities["channel"].tolist(), facts.activities["wave"].tolist()
    texts = [(channels[one // len(cells)], cells[one % len(cells)], waves[one // len(cells)]) for one in found]
    named = sorted(set(texts))
    row = np.zeros(len(facts.activities) * len(cells), dtype=np.int64)
    row[found] = [named.index(text) for text in texts]
    contacts = pd.DataFrame(
        {
            "volume": 1.0,
            "cost": worth.contact_cost,
            "response": worth.response,
            "gross_margin": worth.contact_gross_margin,
        }
    )
    summed = contacts.groupby(row[key], sort=True)[BUDGET_SUMS].sum()
    return _rows([(*text, *values, np.nan) for text, values in zip(named, summed.to_numpy(), strict=True)])


def _fixed_rows(plan: Records, worth: Worth) -> pd.DataFrame:
    paid = [(item, money) for item, money in zip(plan.facts.fixed_costs, worth.fixed_money, strict=True) if money]
    return _rows(
        [
            (
                str(item.columns.get("channel", item.columns.get("offer", item.name))),
                f"fixed cost {item.name}",
                str(item.columns.get("wave", "")),
                *(0.0, money, 0.0, 0.0, np.nan),
            )
            for item, money in paid
        ]
    )


def _media_rows(plan: Records, worth: Worth) -> pd.DataFrame:
    media, responses = worth.media, worth.media.of("responses")
    return _rows(
        [
            (cell.medium, cell.name, "", 0.0, media.cost[row], responses[row], media.margin[row], media.marginal[row])
            for row, cell in enumerate(plan.facts.media)
        ]
    )
