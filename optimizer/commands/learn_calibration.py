"""``optimizer learn calibration``: a channel's scores brought to its response curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.commands.console import messages, say
from optimizer.learn.calibration import calibrate


def run_calibration(file: Path, scores: Path, **asked: Any) -> None:
    """Calibrate, say the factor, and write it into the curve's file."""
    found = calibrate(scores.absolute(), file, **asked)
    found.write()
    say(str(found))
    messages().print(f"wrote {file}", soft_wrap=True, markup=False)
