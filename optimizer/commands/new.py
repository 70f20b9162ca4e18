"""``optimizer new``: a small scenario folder to start from."""

from __future__ import annotations

import shutil
from pathlib import Path

from optimizer.commands.console import say
from optimizer.errors import ScenarioError

STARTER = Path(__file__).with_name("starter")


def run_new(folder: Path) -> None:
    """Copy the starter into ``folder``, which must not exist, or be empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ScenarioError(str(folder), "folder", None, "already holds something; name a folder that does not exist")
    try:
        shutil.copytree(STARTER, folder, dirs_exist_ok=True)
    except OSError as error:
        raise ScenarioError(str(folder), "folder", None, f"cannot be written: {error.strerror or error}") from error
    say(f"made {folder}; next: optimizer solve {folder / 'scenario.yaml'}")
