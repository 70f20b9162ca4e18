"""What the command line says: errors and progress on stderr, results on stdout."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from optimizer.errors import Infeasible, OptimizerError
from optimizer.plan.certificate import gap_between

if TYPE_CHECKING:
    import pandas as pd

    from optimizer.engine import Progress

#: Seconds between two lines of progress where stderr is a file or a pipe.
PLAIN_INTERVAL = 5.0


#: Columns of a table where stdout is a file or a pipe.
PLAIN_WIDTH = 140


def results() -> Console:
    """The console for results."""
    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def messages() -> Console:
    """The console for progress and errors."""
    return Console(file=sys.stderr, highlight=False)


def say(text: str, *, style: str = "") -> None:
    """Print a line of results as it stands: brackets in a planner's names are no markup."""
    results().print(Text(text, style=style), soft_wrap=True)


def tell_error(error: OptimizerError) -> None:
    """Print an error without its traceback; a bill is a result and goes to stdout."""
    if isinstance(error, Infeasible):
        say(str(error.bill))
    else:
        messages().print(Text.assemble(("error: ", "bold red"), str(error)), soft_wrap=True)


def print_json(summary: dict[str, Any]) -> None:
    """Print a summary as JSON on stdout."""
    from optimizer.plan.write import summary_text

    sys.stdout.write(summary_text(json.loads(json.dumps(summary, default=_plain))))


def _plain(value: Any) -> Any:
    """Numbers of numpy and dates, as JSON has them."""
    return value.item() if hasattr(value, "item") else str(value)


def number(value: float, decimals: int = 2) -> str:
    """A figure as a planner reads it: thousands apart, empty when there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:,.{decimals}f}".replace("-", "−")


def count(value: float) -> str:
    """A whole number where it is one, else two decimals."""
    return number(value, 0 if math.isfinite(value) and float(value).is_integer() else 2)


def table(title: str, frame: pd.DataFrame, columns: dict[str, str], *, mixed: bool = False) -> Table:
    """A frame as a table: ``columns`` maps its columns to headers; numbers to the right.

    A column shows the same decimals all through, unless it is ``mixed`` (counts and money in one column).
    """
    shown = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    decimals: dict[str, int] = {}
    for column, header in columns.items():
        numeric = frame[column].dtype.kind in "fiu"
        if numeric:
            values = frame[column].dropna()
            decimals[column] = 0 if (values == values.round()).all() else 2
        shown.add_column(header, justify="right" if numeric else "left", header_style="dim")
    for row in frame[list(columns)].to_dict("records"):
        shown.add_row(
            *(_cell(row[c], None if mixed else decimals[c]) if c in decimals else escape(str(row[c])) for c in columns)
        )
    return shown


def _cell(value: float, decimals: int | None) -> str:
    return count(value) if decimals is None else number(value, decimals)


@contextmanager
def progress_line(*, quiet: bool, time_limit: float = math.inf) -> Iterator[Progress | None]:
    """Tell of stage, incumbent, bound, gap and time left on stderr: one living line, or lines now and then."""
    if quiet:
        yield None
        return
    console = messages()
    started = time.perf_counter()
    if console.is_terminal:
        line = _LivingLine(started, time_limit)
        with Live(line, console=console, refresh_per_second=8, transient=True):
            yield line.tell
    else:
        yield _PlainLines(started, time_limit).tell


def _sentence(stage: str, objective: float, bound: float, seconds: float, limit: float) -> str:
    parts = [f"{seconds:6.1f} s", stage]
    if math.isfinite(objective):
        parts.append(f"best {number(objective)}")
    if math.isfinite(bound):
        parts.append(f"bound {number(bound)}")
    if math.isfinite(gap := gap_between(objective, bound)):
        parts.append(f"gap {gap:.2g}")
    if math.isfinite(limit):
        parts.append(f"at most {max(limit - seconds, 0.0):,.0f} s left")
    return "  ".join(parts)


class _LivingLine:
    """One line that Rich redraws."""

    def __init__(self, started: float, limit: float) -> None:
        self.started, self.limit, self.last = started, limit, ("starting", math.nan, math.nan)

    def tell(self, stage: str, objective: float, bound: float) -> None:
        self.last = (stage, objective, bound)

    def __rich__(self) -> Text:
        return Text(
            _sentence(*self.last, time.perf_counter() - self.started, self.limit), overflow="ellipsis", no_wrap=True
        )


class _PlainLines:
    """A line for every new stage, else at most one every few seconds: rounds and steps of a stage follow a colon."""

    def __init__(self, started: float, limit: float) -> None:
        self.started, self.limit, self.stage, self.told = started, limit, "", -math.inf

    def tell(self, stage: str, objective: float, bound: float) -> None:
        now = time.perf_counter()
        title = stage.partition(":")[0]
        if title == self.stage and now - self.told < PLAIN_INTERVAL:
            return
        self.stage, self.told = title, now
        print(_sentence(stage, objective, bound, now - self.started, self.limit), file=sys.stderr, flush=True)
