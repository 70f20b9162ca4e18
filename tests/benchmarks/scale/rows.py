"""The rows of the table: what is solved, how near it must come, in how long, and within what memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Row:
    """One size.

    ``kind`` is one of ``generate.KINDS`` or ``published``; ``aim`` and ``reach`` are seconds. ``after`` names the row
    in whose process another budget is solved.
    """

    key: str
    kind: str
    customers: int
    activities: int
    gap: float
    reach: float
    aim: float
    limit: float
    memory: float | None = None
    after: str | None = None
    #: Beside it in the same run, where it can finish in a bounded time.
    beside: tuple[Literal["greedy", "chunks", "highs"], ...] = ()

    @property
    def title(self) -> str:
        """The row in the words of the table."""
        if self.kind == "published":
            return self.key
        words = {
            "weekly": "",
            "kinds": ", all kinds of local rules",
            "dealers": ", 1,000 dealers, 5 countries with budgets",
            "patterns300": ", 300 patterns at 15 %",
            "patterns800": ", 800 patterns at 15 %",
            "pairs": ", 5 % eligible at random",
        }[self.kind]
        if self.after is not None:
            words += ", another budget on the solved one"
        return f"{self.customers:,} × {self.activities}{words}"


ROWS: tuple[Row, ...] = (
    Row("10000x24", "kinds", 10_000, 24, 2e-5, 60, 12, 300, beside=("greedy", "chunks", "highs")),
    Row("100000x24", "weekly", 100_000, 24, 1e-5, 10, 2, 120, beside=("greedy", "chunks", "highs")),
    Row("1000000x24", "weekly", 1_000_000, 24, 1e-5, 40, 10, 300, memory=4.0, beside=("greedy", "chunks")),
    Row("1000000x24-budget", "weekly", 1_000_000, 24, 1e-5, 5, 1, 60, after="1000000x24"),
    Row("10000000x24", "weekly", 10_000_000, 24, 1e-5, 480, 120, 1200, memory=18.0),
    Row("200000x125-300", "patterns300", 200_000, 125, 1e-4, 90, 30, 300, beside=("greedy", "chunks")),
    Row("200000x125-800", "patterns800", 200_000, 125, 1e-4, 90, 30, 300, beside=("greedy", "chunks")),
    Row("1000000x175", "pairs", 1_000_000, 175, 1e-4, 600, 180, 1200, beside=("greedy",)),
    Row("100000x24-dealers", "dealers", 100_000, 24, 1e-4, 90, 20, 300, beside=("greedy", "highs")),
    Row("GS1", "published", 10_000, 50, 2.5e-5, 60, 60, 120, beside=("greedy", "chunks", "highs")),
    Row("GS3", "published", 10_000, 50, 5e-5, 60, 60, 120, beside=("greedy", "chunks", "highs")),
    # Values are whole numbers: within one of 60,004 and of 105,467 is proof.
    Row("L-5-5-1-s", "published", 10_000, 5, 1.6e-5, 60, 15, 120, beside=("greedy", "highs")),
    Row("L-5-5-1-l", "published", 10_000, 5, 9e-6, 60, 15, 120, beside=("greedy", "highs")),
)


def chosen(only: str | None) -> list[Row]:
    """The rows of that key, else those whose key starts so; all without one.

    Raises
    ------
    ValueError
        When no row is called that.
    """
    if only is None:
        return list(ROWS)
    found = [row for row in ROWS if row.key == only] or [row for row in ROWS if row.key.startswith(f"{only}-")]
    if not found:
        raise ValueError(f"no row {only!r}; there are {', '.join(row.key for row in ROWS)}")
    return found
