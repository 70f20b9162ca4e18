"""Targeted offers (Nobibon, Leus, Spieksma, EJOR 210, 2011) as a scenario.

    max  Σ (p_ij − c_ij) x_ij − Σ f_j y_j
    s.t. Σ p x ≥ (1 + R)(Σ c x + Σ f y)                net margin at least R times the cost
         Σ_i c_ij x_ij ≤ B_j y_j                       budget of offer j, its fixed cost f_j apart
         Σ_j x_ij ≤ M_i, Σ_i x_ij ≥ O_j y_j, x ≤ y

Each offer is an activity of one channel; a contact is a sure sale (score 1) worth p_ij.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def read(file: Path) -> dict[str, Any]:
    """Read an instance (``.txt`` or ``.txt.gz``) as the keys of a scenario file."""
    content = file.read_bytes()
    numbers = iter((gzip.decompress(content) if file.suffix == ".gz" else content).decode().split())

    def take(count: int) -> np.ndarray:
        return np.asarray([float(next(numbers)) for _ in range(count)])

    customers, products, hurdle = int(next(numbers)), int(next(numbers)), float(next(numbers))
    rows = np.asarray([take(2 * products + 1) for _ in range(customers)])
    minimum, budget, fixed = take(products), take(products), take(products)
    names = [f"p{product + 1}" for product in range(products)]
    identifiers = np.arange(1, customers + 1).astype(str)
    return {
        "name": file.name.removesuffix(".gz").removesuffix(".txt"),
        "objective": "net_margin",
        "customers": pd.DataFrame({"customer_id": identifiers, "most": rows[:, -1].astype(int)}),
        "appetence": pd.DataFrame(
            {
                "customer_id": np.repeat(identifiers, products),
                "channel": "direct",
                "offer": np.tile(names, customers),
                "score": 1.0,
                "cost": rows[:, :products].ravel(),
                "gross_margin": rows[:, products:-1].ravel(),
            }
        ),
        "channels": {"direct": {}},
        "offers": {
            name: {"fixed_cost": float(fixed[j]), "min_volume_if_opened": float(minimum[j])}
            for j, name in enumerate(names)
        },
        "rules": [
            {"name": "hurdle", "ratio": {"of": "net_margin", "to": "cost", "min": hurdle}},
            {"name": "offers a customer", "contacts": {"max": "most"}},
            {
                "name": "budget of an offer",
                "each": "offer",
                "budget": {
                    "max": {"table": pd.DataFrame({"offer": names, "budget": budget + fixed}), "column": "budget"}
                },
            },
        ],
    }
