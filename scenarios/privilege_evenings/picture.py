"""The picture of the README: who is invited how to each evening, and what each way of planning earns."""

from __future__ import annotations

from html import escape

import pandas as pd

COLOURS = {"print": "#c05621", "email": "#2b6cb0", "sms": "#2f855a"}
NAMES = {"print": "letter", "email": "e-mail", "sms": "text"}
INK, FAINT, LINE, STRONG = "#1a202c", "#718096", "#e2e8f0", "#2b6cb0"
WIDTH, TOP, ROW = 960, 92, 34
FONT = "font-family='system-ui, -apple-system, Segoe UI, Roboto, sans-serif'"


def plan_picture(contacts: pd.DataFrame, earned: dict[str, float], bound: float) -> str:
    """An SVG: combinations of channels by evening above, the net margin of each plan below."""
    mixes = combinations(contacts)
    below = TOP + ROW * len(mixes) + 62
    height = below + 40 + ROW * len(earned) + 18
    out = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' {FONT} font-size='14'>",
        f"<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>",
        text(24, 34, "Who is invited how", size=18, weight=600),
        *mix_rows(mixes),
        text(24, below, "What each way of planning earns under the same rules, EUR net margin", size=18, weight=600),
        *earned_rows(earned, bound, below + 24),
        "</svg>",
    ]
    return "\n".join(out) + "\n"


def combinations(contacts: pd.DataFrame) -> pd.DataFrame:
    """Customers by the set of channels that invites them (rows, most frequent first) and evening (columns)."""
    by_evening = contacts.groupby(["customer_id", "wave"])["channel"].agg(lambda names: tuple(sorted(set(names))))
    table = by_evening.reset_index().groupby(["channel", "wave"]).size().unstack("wave", fill_value=0)
    table = table[sorted(table.columns)]
    return table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index]


def mix_rows(mixes: pd.DataFrame) -> list[str]:
    """A row a combination: a dot a channel, then a bar an evening."""
    out = []
    dots = {channel: 60 + 76 * k for k, channel in enumerate(COLOURS)}
    for channel, x in dots.items():
        out.append(text(x, TOP - 22, NAMES[channel], colour=COLOURS[channel], anchor="middle", weight=600))
    largest, room = int(mixes.to_numpy().max()), 250
    for k, wave in enumerate(mixes.columns):
        out.append(text(300 + k * 330, TOP - 22, wave, colour=FAINT))
    for r, (channels, volumes) in enumerate(mixes.iterrows()):
        y = TOP + r * ROW
        inside = [dots[channel] for channel in COLOURS if channel in channels]
        out.append(line(min(inside), y + 10, max(inside), y + 10, INK))
        for channel, x in dots.items():
            colour = COLOURS[channel] if channel in channels else LINE
            out.append(f"<circle cx='{x}' cy='{y + 10}' r='8' fill='{colour}'/>")
        for k, volume in enumerate(volumes):
            length = room * volume / largest
            x = 300 + k * 330
            out.append(f"<rect x='{x}' y='{y}' width='{max(length, 1):.1f}' height='20' rx='3' fill='{STRONG}'/>")
            out.append(text(x + length + 8, y + 15, f"{volume:,}"))
    return out


def earned_rows(earned: dict[str, float], bound: float, top: float) -> list[str]:
    """A bar a plan, and the line that no plan crosses."""
    out = []
    left, room = 300, 540
    for r, (name, value) in enumerate(sorted(earned.items(), key=lambda item: -item[1])):
        y, length = top + r * ROW, room * max(value, 0) / bound
        out.append(text(left - 12, y + 15, name, anchor="end", weight=600 if r == 0 else 400))
        colour = STRONG if r == 0 else "#a0aec0"
        out.append(f"<rect x='{left}' y='{y:g}' width='{length:.1f}' height='20' rx='3' fill='{colour}'/>")
        out.append(text(WIDTH - 40, y + 15, f"{value:,.0f}", anchor="end", weight=600 if r == 0 else 400))
    end = top + ROW * len(earned) + 14
    out.append(line(left + room, top - 4, left + room, end, INK, dashed=True))
    out.append(text(left + room - 10, end - 6, "no plan beats this line", colour=FAINT, anchor="end", size=12))
    return out


def text(
    x: float, y: float, words: str, *, colour: str = INK, anchor: str = "start", size: int = 14, weight: int = 400
) -> str:
    """A line of text."""
    style = f"fill='{colour}' text-anchor='{anchor}' font-size='{size}' font-weight='{weight}'"
    return f"<text x='{x:g}' y='{y:g}' {style}>{escape(words)}</text>"


def line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False) -> str:
    """A stroke."""
    dash = " stroke-dasharray='4 4'" if dashed else ""
    return f"<line x1='{x1:g}' y1='{y1:g}' x2='{x2:g}' y2='{y2:g}' stroke='{colour}' stroke-width='2'{dash}/>"
