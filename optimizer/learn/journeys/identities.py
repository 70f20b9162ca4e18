"""Identities: a visitor's cookie and a customer's number are one person where a key table says so.

Each row of the key table joins the identifiers in it (two columns or more, empty cells allowed). Persons are the
connected components of all rows; a person is called by the first of their identifiers in the order of their text.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from optimizer.errors import ScenarioError
from optimizer.learn.journeys.table import Source, read_table, source_name
from optimizer.scenario.columns import as_text

#: So many identifiers of one person are likelier a shared device or a filler such as "unknown".
MANY = 20


def joined(customers: pd.Index, keys: Source) -> tuple[NDArray[np.int64], list[str]]:
    """The person behind each customer identifier.

    Parameters
    ----------
    customers : Index of str
        Distinct identifiers of the events.
    keys : path or DataFrame
        The key table.

    Returns
    -------
    persons : array of int
        A number a person, one for each of ``customers``.
    notes : list of str

    Raises
    ------
    ScenarioError
        For a key table with less than two columns.
    """
    name, table = source_name(keys, "identities"), read_table(keys, "identities")
    if table.shape[1] < 2:
        raise ScenarioError(name, "header", list(table.columns), "expected two columns of identifiers or more")
    # Spaces around an identifier are no part of it, as in the events.
    columns = [as_text(table[column]).str.strip() for column in table.columns]
    columns = [column.where(column != "") for column in columns]
    linked = pd.Index(pd.concat(columns).dropna().unique())
    everyone = customers.union(linked)  # sorted by text
    codes = [everyone.get_indexer(pd.Index(column)) for column in columns]
    edges = [
        np.column_stack((left, right))[(left >= 0) & (right >= 0)]
        for left, right in zip(_latest(codes)[:-1], codes[1:], strict=True)
    ]
    ends = np.concatenate(edges)
    graph = sp.coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(len(everyone), len(everyone)))
    _, person = connected_components(graph, directed=False)
    found = person[everyone.get_indexer(customers)].astype(np.int64)
    sizes = np.bincount(person)
    merged = len(customers) - len(np.unique(found))
    notes = [
        f"{name}: {len(customers):,} identifiers of the events are {len(customers) - merged:,} persons",
    ]
    unseen = int((~linked.isin(customers)).sum())
    if unseen:
        notes.append(f"{name}: {unseen:,} of {len(linked):,} identifiers are in no event")
    if not len(ends):
        notes.append(f"{name}: no row joins two identifiers")
    if (large := sizes > MANY).any():
        first = everyone[int(np.argmax(large[person]))]
        notes.append(
            f"{name}: {int(large.sum()):,} persons have more than {MANY} identifiers, up to {int(sizes.max()):,} "
            f"(one is {first!r}); a shared device or a filler may join strangers"
        )
    return found, notes


def _latest(codes: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """For each column, the last identifier that the row has filled so far: so rows with gaps join, too."""
    found = [codes[0]]
    for code in codes[1:]:
        found.append(np.where(code >= 0, code, found[-1]))
    return found
