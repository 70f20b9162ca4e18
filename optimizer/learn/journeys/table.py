"""Reading a journey table: CSV, Parquet or a DataFrame, nothing guessed; times keep their clock and their offset."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from optimizer.errors import ScenarioError
from optimizer.room import need
from optimizer.scenario.messages import found_file

#: What users may hand over as a table.
Source = str | Path | pd.DataFrame


def source_name(source: Source, default: str) -> str:
    """What messages call a source."""
    return f"{default} (DataFrame)" if isinstance(source, pd.DataFrame) else str(source)


def read_table(source: Source, default: str) -> pd.DataFrame:
    """Read a table; the columns of a CSV file are text as written, and an empty cell is missing.

    Parameters
    ----------
    source : path or DataFrame
        ``.csv`` (also ``.tsv``, ``.txt``, gzipped; parted by comma, semicolon or tab) or ``.parquet``.
    default : str
        What to call a DataFrame in messages.

    Raises
    ------
    ScenarioError
        When it is missing, broken or empty, or a column has no name of its own.
    """
    name = source_name(source, default)
    if isinstance(source, pd.DataFrame):
        frame = source.reset_index(drop=True)
    elif isinstance(source, str | Path):
        frame = _file(found_file(Path(source), name), name)
    else:
        raise ScenarioError(default, "the table", type(source).__name__, "expected a file's path or a DataFrame")
    header = [str(column).strip() for column in frame.columns]
    for position, column in enumerate(header):
        if not column:
            raise ScenarioError(name, f"column {position + 1}", None, "has no name")
        if column in header[:position]:
            raise ScenarioError(name, f"column {column}", None, "stands twice; rename one")
    if not len(frame):
        raise ScenarioError(name, "the table", None, "is empty; expected at least one row")
    return frame.set_axis(header, axis=1)


def _file(file: Path, name: str) -> pd.DataFrame:
    suffix = "".join(file.suffixes[-2:]).lower()
    need(float(file.stat().st_size), f"reading {name}")
    try:
        if suffix.endswith(".parquet"):
            return pa.parquet.read_table(file).to_pandas()
        if suffix.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")):
            return _csv(file, name)
    except (pa.ArrowException, OSError, UnicodeDecodeError, EOFError) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        kind = "Parquet" if suffix.endswith(".parquet") else "CSV in UTF-8"
        raise ScenarioError(name, "file", None, f"cannot be read as {kind}: {words}") from error
    raise ScenarioError(name, "file", None, "expected .csv, .csv.gz or .parquet")


def _csv(file: Path, name: str) -> pd.DataFrame:
    with pa.input_stream(str(file), compression="detect") as stream:
        head = stream.read(1 << 16).decode("utf-8-sig", errors="replace")
    first = next((line for line in head.splitlines() if line.strip()), "")
    if not first:
        raise ScenarioError(name, "file", None, "is empty; expected a header and rows")
    separator = max(",;\t", key=first.count)
    table = pa.csv.read_csv(
        file,
        read_options=pa.csv.ReadOptions(autogenerate_column_names=True),
        parse_options=pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types={f"f{at}": pa.string() for at in range(first.count(separator) + 1)},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    header = ["" if (word := column[0].as_py()) is None else word for column in table.columns]
    frame = table.slice(1).to_pandas()
    frame.columns = pd.Index([word.removeprefix("\ufeff") for word in header])
    return frame
