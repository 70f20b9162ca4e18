"""Pictures of a plan as inline SVG: no script, no font and nothing to fetch."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

#: One colour a channel, told apart in print and by most colour-blind readers.
COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#b7791f", "#b83280", "#2c7a7b", "#4a5568")
INK, FAINT, TRACK = "#1a202c", "#718096", "#edf2f7"
FONT = "font-family='system-ui, -apple-system, Segoe UI, Roboto, sans-serif'"
#: Beyond so many columns a picture shows shades in place of numbers.
NUMBERED_COLUMNS = 8


def contacts_picture(contacts: pd.DataFrame) -> str:
    """Contacts by channel (rows) and wave, or date where there are no waves (columns): a bar and a number a cell.

    Parameters
    ----------
    contacts : DataFrame
        Columns channel, wave, date; a row a contact.

    Returns
    -------
    str
        An ``<svg>`` element; empty when there is no contact.
    """
    if not len(contacts):
        return ""
    volumes = volumes_by_wave(contacts)
    numbered = volumes.shape[1] <= NUMBERED_COLUMNS
    label, cell, row = 130, (max(90, 640 // volumes.shape[1]) if numbered else max(10, 720 // volumes.shape[1])), 40
    width, height = label + cell * volumes.shape[1] + 10, row * len(volumes) + 34
    largest = max(1, int(volumes.to_numpy().max()))
    out = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' role='img' {FONT} font-size='13'>",
        "<title>Contacts by channel and wave</title>",
    ]
    step = 1 if numbered else -(-volumes.shape[1] // 10)
    for k, name in enumerate(volumes.columns):
        if k % step == 0:
            out.append(f"<text x='{label + k * cell}' y='16' fill='{FAINT}'>{escape(str(name))}</text>")
    for r, (channel, values) in enumerate(volumes.iterrows()):
        y, colour = 26 + r * row, COLOURS[r % len(COLOURS)]
        out.append(f"<text x='0' y='{y + 21}' fill='{INK}' font-weight='600'>{escape(str(channel))}</text>")
        for k, value in enumerate(values):
            x = label + k * cell
            if numbered:
                room = cell - 66
                out.append(f"<rect x='{x}' y='{y + 6}' width='{room}' height='22' rx='3' fill='{TRACK}'/>")
                out.append(bar(x, y + 6, room * value / largest, 22, colour))
                out.append(f"<text x='{x + room + 6}' y='{y + 22}' fill='{INK}'>{value:,}</text>")
            else:
                about = f"{escape(str(channel))}, {escape(str(volumes.columns[k]))}: {value:,}"
                shade = 0.08 + 0.92 * value / largest if value else 0.0
                out.append(
                    f"<rect x='{x}' y='{y + 4}' width='{cell - 1}' height='28' fill='{colour}' "
                    f"fill-opacity='{shade:.2f}'><title>{about}</title></rect>"
                )
    return "\n".join([*out, "</svg>"])


def bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    """A bar; one too short to see is drawn two units wide, an empty one not at all."""
    if width <= 0:
        return ""
    return f"<rect x='{x:g}' y='{y:g}' width='{max(width, 2):.1f}' height='{height:g}' rx='3' fill='{colour}'/>"


def volumes_by_wave(contacts: pd.DataFrame) -> pd.DataFrame:
    """Number of contacts: channels as rows, largest first; waves by date as columns, or dates where there are none."""
    # A million contacts have few channels, waves and dates: what they read like is worked out once each.
    few = contacts.groupby(["channel", "wave", "date"], dropna=False, observed=True, sort=False).size()
    kinds = few.index.to_frame(index=False).assign(number=few.to_numpy(np.int64))
    dates = pd.to_datetime(kinds["date"])
    waves = kinds["wave"].astype(str)
    waved = bool((waves != "").any())
    column = waves if waved else dates.dt.strftime("%Y-%m-%d").fillna("horizon").astype(str)
    frame = pd.DataFrame(
        {"channel": kinds["channel"].astype(str), "column": column, "date": dates, "number": kinds["number"]}
    )
    # The middle date of a wave says where it stands: channels of one wave land on different days.
    middle = {name: _middle(lines["date"], lines["number"]) for name, lines in frame.groupby("column")}
    order = sorted(middle, key=lambda name: (pd.isna(middle[name]), 0 if pd.isna(middle[name]) else middle[name], name))
    volumes = frame.pivot_table("number", "channel", "column", "sum", fill_value=0)[order]
    rows = volumes.sum(axis=1).reset_index(name="total").sort_values(["total", "channel"], ascending=[False, True])
    return volumes.loc[rows["channel"]].astype(int)


def _middle(dates: pd.Series, number: pd.Series) -> pd.Timestamp | pd.api.typing.NaTType:
    """The median of dates that stand so many times each; NaT where none is known."""
    known = pd.DataFrame({"date": dates, "number": number}).dropna().sort_values("date")
    if not len(known):
        return pd.NaT
    upto = known["number"].cumsum().to_numpy()
    low, high = (known["date"].iloc[int(np.searchsorted(upto, k + 1))] for k in ((upto[-1] - 1) // 2, upto[-1] // 2))
    return low + (high - low) / 2
