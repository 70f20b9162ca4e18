"""Write a scenario folder block by block: memory stays that of one block, whatever the number of customers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from numpy.typing import NDArray

#: Customers a block: each has random numbers of its own, so a larger scenario begins as a smaller one does.
BLOCK = 100_000

Columns = dict[str, Any]


def blocks(customers: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """The number of each block, and its customers (1 …)."""
    for number, first in enumerate(range(0, customers, BLOCK)):
        yield number, np.arange(first + 1, min(first + BLOCK, customers) + 1, dtype=np.int64)


def generator(seed: int, table: int, block: int) -> np.random.Generator:
    """Random numbers of one block of one table."""
    return np.random.default_rng([seed, table, block])


def write_tables(folder: Path, customers: int, make: Callable[[int, NDArray[np.int64]], dict[str, Columns]]) -> None:
    """Write the tables that ``make(block, customers)`` returns by name, a row group a block.

    A float column's NaN becomes an empty cell; a text column may come as (codes, words).
    """
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for number, ids in blocks(customers):
            for name, columns in make(number, ids).items():
                table = pa.table({column: _array(values) for column, values in columns.items()})
                if name not in writers:
                    writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", table.schema, compression="zstd")
                writers[name].write_table(table)
    finally:
        for writer in writers.values():
            writer.close()


def write_scenario(folder: Path, document: dict[str, Any]) -> Path:
    """Write scenario.yaml and return its path."""
    file = folder / "scenario.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
    return file


def _array(values: Any) -> pa.Array:
    if isinstance(values, tuple):
        codes, words = values
        return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(list(words))).cast(pa.string())
    return pa.array(values, from_pandas=values.dtype.kind == "f")
