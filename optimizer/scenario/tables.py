"""Tables a scenario names: CSV, Parquet, SQL, joins and DataFrames become typed frames, each read once.

Identifiers are text (integers as decimal text), numbers float64 or int64, booleans bool, dates datetime64[s]
(timestamps become the date they have in the scenario's time zone), lists tuples of text. CSV columns are typed by what
they hold: a column with a leading zero stays text, and only an empty cell is empty (``NA`` is a word).
"""

from __future__ import annotations

import hashlib
import importlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from optimizer.errors import ScenarioError
from optimizer.room import need
from optimizer.scenario.columns import as_text, known_codes, numbers, refuse, require, texts
from optimizer.scenario.messages import found_file
from optimizer.scenario.schema import Currency, JoinSource, SqlSource

#: Columns that name things, whatever they look like.
_IDENTIFIERS = frozenset(
    {"activity", "offer", "offers", "products", "channel", "wave", "medium", "cell", "name", "currency"}
)
_NUMBER = r"^\s*-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$|^([-+]?[Ii]nf(inity)?|[Nn]a[Nn])$"
_LEADING_ZERO = r"^\s*-?0\d"
_INTEGER = r"^\s*-?\d{1,18}\s*$"
_WIDE_INTEGER = r"^\s*-?\d{16,}\s*$"
_FLAG = r"^(true|false|True|False|TRUE|FALSE)$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_STAMP = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"


class Tables:
    """Reads table sources relative to a folder, and remembers them.

    The SHA-256 of what was read is in ``hashes``.
    """

    def __init__(self, folder: Path, time_zone: str = "UTC") -> None:
        self.folder, self.time_zone = folder, time_zone
        self._hashes: dict[str, str] = {}
        self._unhashed: dict[str, pd.DataFrame] = {}
        self._read: dict[object, pd.DataFrame] = {}
        self._kept: list[pd.DataFrame] = []  # keeps the identity of frames that serve as keys

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of every file (and of every other table's content) read so far, by name."""
        while self._unhashed:
            name, frame = self._unhashed.popitem()
            self._hashes[name] = _content_hash(frame)
        return dict(sorted(self._hashes.items()))

    def name(self, source: Any, key: str) -> str:
        """What messages call a source: its path, or the key that holds it."""
        if isinstance(source, str | Path):
            return str(source)
        if isinstance(source, JoinSource):
            return self.name(source.table, key)
        if isinstance(source, dict) and "table" in source:
            return self.name(source["table"], key)
        return f"{key} (SQL)" if isinstance(source, SqlSource | dict) else f"{key} (DataFrame)"

    def read(self, source: Any, key: str = "table") -> pd.DataFrame:
        """Read a source; the frame is shared, so never change it.

        Parameters
        ----------
        source : str, Path, SqlSource, JoinSource, dict or DataFrame
            A path is relative to the folder.
        key : str
            The key of the scenario that names it, for messages.

        Raises
        ------
        ScenarioError
            When it is missing, broken or empty, or a column has no name of its own.
        """
        if isinstance(source, dict):
            source = (SqlSource if "sql" in source else JoinSource).model_validate(source)
        if not isinstance(source, str | Path | pd.DataFrame | SqlSource | JoinSource):
            raise ScenarioError(key, "the table", type(source).__name__, "expected a table or its file")
        known = self._key(source)
        if known not in self._read:
            name = self.name(source, key)
            self._read[known] = self._load(source, name, key)
        return self._read[known]

    def need(self, *sources: Any) -> None:
        """Say so where files that are read at the same time fit into memory one by one, but not together.

        Raises
        ------
        ShortOfMemory
            When less is free than they hold.
        """
        sizes: dict[str, float] = {}
        for source in [one for one in sources if isinstance(one, str | Path) and self._key(one) not in self._read]:
            file = self.folder / source  # the source itself where that begins at the root
            if file.is_file():
                try:
                    sizes[str(source)] = _held_bytes(file, file.suffix.lower())
                except (pa.ArrowException, OSError):
                    continue  # reading it says what is wrong with it
        if len(sizes) > 1:
            need(sum(sizes.values()), f"reading {' and '.join(sizes)}")

    def _key(self, source: Any) -> object:
        if isinstance(source, pd.DataFrame):
            self._kept.append(source)
            return id(source)
        if isinstance(source, JoinSource):
            return ("join", self._key(source.table), *(self._key(one) for one in source.join))
        return (source.sql, source.url) if isinstance(source, SqlSource) else str(source)

    def _load(self, source: Any, name: str, key: str) -> pd.DataFrame:
        if isinstance(source, JoinSource):
            return self._join(source, name, key)
        if isinstance(source, SqlSource):
            frame = typed(_query(source, self.folder, name), name, self.time_zone)
            self._unhashed[self._unused(name)] = frame
        elif isinstance(source, pd.DataFrame):
            frame = typed(source.reset_index(drop=True), name, self.time_zone)
            self._unhashed[self._unused(name)] = frame
        else:
            frame = self._file(Path(source), name)
        if not len(frame):
            raise ScenarioError(name, "the table", None, "is empty; expected at least one row")
        return frame

    def _file(self, path: Path, name: str) -> pd.DataFrame:
        file = found_file(path if path.is_absolute() else self.folder / path, name)
        suffix = "".join(file.suffixes[-2:]).lower()
        try:
            need(_held_bytes(file, suffix), f"reading {name}")
            if suffix.endswith(".parquet"):
                frame = typed(_arrow_frame(pa.parquet.read_table(file), name), name, self.time_zone)
            elif suffix.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")):
                frame = typed(_csv(file, name), name, self.time_zone)
            else:
                raise ScenarioError(name, "file", None, "expected .csv, .csv.gz or .parquet")
        except (pa.ArrowException, OSError, UnicodeDecodeError, EOFError) as error:
            words = str(error).splitlines()[0] if str(error) else type(error).__name__
            kind = "Parquet" if suffix.endswith(".parquet") else "CSV in UTF-8"
            raise ScenarioError(name, "file", None, f"cannot be read as {kind}: {words}") from error
        pa.default_memory_pool().release_unused()  # what decoding took
        self._hashes[name] = file_hash(file)
        return frame

    def release(self, source: Any) -> None:
        """Let go of a file that is read no more; asked for again, it is read again."""
        if isinstance(source, str | Path):
            self._read.pop(self._key(source), None)
            pa.default_memory_pool().release_unused()

    def remember(self, file: Path, name: str) -> None:
        """Hash a file that is read elsewhere."""
        self._hashes[name] = file_hash(file)

    def _unused(self, name: str) -> str:
        """The name, numbered where another table already has it."""
        taken = {*self._hashes, *self._unhashed}
        return next(one for one in (name, *(f"{name} {k}" for k in range(2, len(taken) + 3))) if one not in taken)

    def _join(self, source: JoinSource, name: str, key: str) -> pd.DataFrame:
        left = self.read(source.table, key)
        for other in source.join:
            right, right_name = self.read(other, key), self.name(other, key)
            shared = [column for column in left.columns if column in right.columns]
            if "customer_id" in shared:
                if len(shared) > 1:
                    raise ScenarioError(right_name, f"column {shared[1]}", None, f"stands in {name} too; rename one")
                shared = ["customer_id"]
            if not shared:
                raise ScenarioError(right_name, "header", None, f"shares no column with {name}; nothing to join by")
            keys = pd.DataFrame({column: as_text(right[column]) for column in shared})
            refuse(
                keys.duplicated().to_numpy(bool),
                right,
                right_name,
                shared[0],
                f"stands twice; one row a {', '.join(shared)}",
            )
            wanted = pd.DataFrame({column: as_text(left[column]) for column in shared})
            position = wanted.merge(keys.assign(_row=np.arange(len(keys))), on=shared, how="left")["_row"]
            rows = position.fillna(-1).to_numpy(np.int64)
            added = right.drop(columns=shared).take(np.maximum(rows, 0)).reset_index(drop=True)
            left = pd.concat([left, added.where(pd.Series(rows >= 0), axis=0)], axis=1)
        return typed(left, name, self.time_zone)


def typed(frame: pd.DataFrame, name: str, time_zone: str = "UTC") -> pd.DataFrame:
    """A frame with plain column types (see the module).

    Raises
    ------
    ScenarioError
        For a column without a name, a name that stands twice, and timestamps no date can be made of.
    """
    header = [str(column).strip() for column in frame.columns]
    for position, column in enumerate(header):
        if not column:
            raise ScenarioError(name, f"column {position + 1}", None, "has no name")
        if column in header[:position]:
            raise ScenarioError(name, f"column {column}", None, "stands twice; rename one")
    columns = {column: _typed_column(frame.iloc[:, at], column, time_zone) for at, column in enumerate(header)}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)), copy=False)


def is_identifier(column: str) -> bool:
    """Whether a column names things: its values are text even when they look like numbers."""
    return column in _IDENTIFIERS or column.endswith("_id")


def _typed_column(series: pd.Series, column: str, time_zone: str) -> Any:
    dtype = series.dtype
    if is_identifier(column) and not _holds_lists(series):
        return as_text(series).array
    if isinstance(dtype, pd.CategoricalDtype):
        return _typed_column(series.astype(dtype.categories.dtype), column, time_zone)
    if pd.api.types.is_datetime64_any_dtype(dtype):
        local = series.dt.tz_convert(time_zone).dt.tz_localize(None) if series.dt.tz is not None else series
        return local.dt.floor("D").astype("datetime64[s]").array
    if pd.api.types.is_bool_dtype(dtype):
        return series.astype("boolean" if series.hasnans else bool).array
    if pd.api.types.is_numeric_dtype(dtype):
        if pd.api.types.is_integer_dtype(dtype) and not series.hasnans:
            return series.astype("int64").array
        return (
            series.astype(float).array
            if not series.hasnans
            else pd.array(series.to_numpy(float, na_value=np.nan), dtype=float)
        )
    if pd.api.types.is_object_dtype(dtype):
        return _typed_object(series, column, time_zone)
    if pd.api.types.is_string_dtype(dtype):
        return as_text(series).array
    return as_text(series.astype(object)).array


def _typed_object(series: pd.Series, column: str, time_zone: str) -> Any:
    """A column of Python objects: lists become tuples, dates dates, numbers numbers; a mixture becomes text."""
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if _holds_lists(series):
        made = np.empty(len(series), dtype=object)
        made[:] = [_tuple(value) for value in series]
        return made
    if kind in ("datetime", "datetime64", "date"):
        stamps = pd.to_datetime(series, utc=True) if _zoned(series) else pd.to_datetime(series)
        return _typed_column(stamps, column, time_zone)
    if kind == "boolean":
        return _typed_column(series.astype("boolean"), column, time_zone)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        return _typed_column(pd.to_numeric(series.astype(float) if kind == "decimal" else series), column, time_zone)
    if kind == "empty":
        return pd.array(np.full(len(series), np.nan), dtype=float)
    return as_text(series).array


def _holds_lists(series: pd.Series) -> bool:
    if series.dtype != object:
        return False
    first = next((value for value in series if value is not None and value is not pd.NA), None)
    return isinstance(first, list | tuple | np.ndarray)


def _zoned(series: pd.Series) -> bool:
    return getattr(next(value for value in series if not pd.isna(value)), "tzinfo", None) is not None


def _tuple(value: Any) -> tuple[str, ...]:
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(as_text(pd.Series(list(value), dtype=object)).dropna())
    return () if pd.isna(value) else (str(value),)


def _arrow_frame(table: pa.Table, name: str) -> pd.DataFrame:
    """Parquet to pandas without losing integers that have gaps; identifiers as text from the start."""
    columns: dict[str, Any] = {}
    for position, column in enumerate(table.column_names):
        if column in columns:
            raise ScenarioError(name, f"column {column}", None, "stands twice; rename one")
        array = table.column(position)
        if pa.types.is_dictionary(array.type):
            array = array.cast(array.type.value_type)
        if is_identifier(column) and pa.types.is_integer(array.type):
            array = pc.cast(array, pa.string())
        elif pa.types.is_decimal(array.type):
            array = pc.cast(array, pa.float64())
        elif pa.types.is_date(array.type):
            array = pc.cast(array, pa.timestamp("s"))
        columns[column] = array.to_pandas()
    return pd.DataFrame(columns, copy=False)


def _csv(file: Path, name: str) -> pd.DataFrame:
    """A CSV file, every column typed by what it holds."""
    with pa.input_stream(str(file), compression="detect") as stream:
        head = stream.read(1 << 16).decode("utf-8-sig", errors="replace")
    first = next((line for line in head.splitlines() if line.strip()), "")
    if not first:
        raise ScenarioError(name, "file", None, "is empty; expected a header and rows")
    separator = max(",;\t", key=first.count)
    columns = next(iter(pd.read_csv(io.StringIO(first), sep=separator, header=None, dtype=str).itertuples(index=False)))
    header = ["" if pd.isna(column) else str(column).strip() for column in columns]
    table = pa.csv.read_csv(
        file,
        read_options=pa.csv.ReadOptions(column_names=[f"{at}" for at in range(len(header))], skip_rows=1),
        parse_options=pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types={f"{at}": pa.string() for at in range(len(header))},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    frame = pd.DataFrame(
        {at: _csv_column(table.column(at), column) for at, column in enumerate(header)},
        index=pd.RangeIndex(table.num_rows),
    )
    frame.columns = pd.Index(header)
    return frame


def _csv_column(words: pa.ChunkedArray, column: str) -> Any:
    """Text to flags, dates or numbers where every filled cell reads so."""
    if is_identifier(column):
        # A table written with gaps by other tools holds 12.0 where 12 was meant.
        trimmed = pc.utf8_trim_whitespace(words)
        return pc.replace_substring_regex(trimmed, r"^(-?\d+)\.0+$", r"\1").to_pandas().array
    filled = words.drop_null()
    if not len(filled):
        return np.full(len(words), np.nan)

    def all_match(pattern: str) -> bool:
        return bool(pc.all(pc.match_substring_regex(filled, pattern)).as_py())

    if all_match(_NUMBER) and not _any_match(filled, _LEADING_ZERO) and not _any_match(filled, _WIDE_INTEGER):
        trimmed = pc.utf8_trim_whitespace(words)
        whole = words.null_count == 0 and all_match(_INTEGER)
        return pc.cast(trimmed, pa.int64() if whole else pa.float64()).to_pandas().to_numpy()
    if all_match(_FLAG):
        made = pc.equal(pc.utf8_lower(words), "true").to_pandas()
        return made.astype("boolean").array if words.null_count else made.to_numpy(bool)
    if all_match(_STAMP):
        if all_match(_DATE):
            parsed = pd.to_datetime(words.to_pandas(), format="%Y-%m-%d", errors="coerce")
        else:
            zoned = _any_match(filled, r"(Z|[+-]\d{2}:?\d{2})$")
            parsed = pd.to_datetime(words.to_pandas(), format="ISO8601", errors="coerce", utc=zoned)
        if int(parsed.notna().sum()) == len(filled):
            return parsed.array
    return words.to_pandas().array


def _any_match(words: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(words, pattern)).as_py())


def _query(source: SqlSource, folder: Path, name: str) -> pd.DataFrame:
    """Run a query; the path of a SQLite file is relative to the folder, and the file must exist."""
    try:
        sqlalchemy = importlib.import_module("sqlalchemy")
    except ImportError as error:
        raise ScenarioError(
            name, "url", None, "SQL tables need SQLAlchemy: pip install 'campaign-optimizer[sql]'"
        ) from error
    try:
        url = sqlalchemy.engine.make_url(source.url)
        if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
            file = folder / url.database
            if not file.is_file():
                raise ScenarioError(name, "url", url.render_as_string(hide_password=True), f"no SQLite file {file}")
            url = url.set(database=str(file))
        engine = sqlalchemy.create_engine(url)
        try:
            with engine.connect() as connection:
                return pd.read_sql_query(sqlalchemy.text(source.sql), connection)
        finally:
            engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, pd.errors.DatabaseError, ImportError) as error:
        # pandas wraps the database's own words, which say it best.
        cause = error.__cause__ or error
        words = str(getattr(cause, "orig", None) or cause).splitlines()[0]
        raise ScenarioError(name, "sql", source.sql, f"the query failed: {words}") from error


def file_hash(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _content_hash(frame: pd.DataFrame) -> str:
    digest = hashlib.sha256("\n".join(frame.columns).encode())
    for column in frame.columns:
        values = frame[column]
        digest.update(
            pd.util.hash_pandas_object(values.astype("str") if values.dtype == object else values, index=False)
            .to_numpy()
            .tobytes()
        )
    return digest.hexdigest()


class Money:
    """Brings money columns to the reporting currency."""

    def __init__(self, currency: str | Currency, tables: Tables) -> None:
        self.report = currency if isinstance(currency, str) else currency.report
        self.rates: dict[str, float] | None = None
        if not isinstance(currency, str):
            table, name = tables.read(currency.rates, "currency.rates"), tables.name(currency.rates, "currency.rates")
            require(table, name, "currency", "rate")
            codes = texts(table, name, "currency")
            refuse(codes.duplicated().to_numpy(bool), table, name, "currency", "stands twice; one rate a currency")
            rates = numbers(
                table, name, "rate", low=0, required=True, what="units of the reporting currency for one of this"
            )
            refuse(rates == 0, table, name, "rate", "expected a rate above 0")
            self.rates = {**dict(zip(codes, rates.tolist(), strict=True)), self.report: 1.0}

    def factors(self, table: pd.DataFrame, file: str) -> np.ndarray | None:
        """What one unit of each row's currency is worth; None where the table has no ``currency`` column."""
        if "currency" not in table.columns:
            return None
        codes = texts(table, file, "currency")
        rates = self.rates or {self.report: 1.0}
        return np.array(list(rates.values()))[known_codes(codes, table, file, "currency", rates)]

    def converted(self, table: pd.DataFrame, file: str, columns: list[str]) -> pd.DataFrame:
        """The table with these numeric columns in the reporting currency."""
        present = [column for column in columns if column in table.columns]
        factors = self.factors(table, file) if present else None
        if factors is None:
            return table
        return table.assign(**{column: numbers(table, file, column) * factors for column in present})


def _held_bytes(file: Path, suffix: str) -> float:
    """What a table's columns take at least, once read."""
    if suffix.endswith(".parquet"):
        groups = pa.parquet.read_metadata(file)
        return float(sum(groups.row_group(k).total_byte_size for k in range(groups.num_row_groups)))
    return float(file.stat().st_size)
