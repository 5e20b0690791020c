"""Commands run in the test's own process, without anybody's settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]
"""Takes the words of a command; gives exit code, stdout and stderr."""


def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Takes away every VIDFX_ variable and the user's own settings file."""
    for name in [name for name in os.environ if name.startswith("VIDFX_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda name, appauthor: str(tmp_path / "home" / name))
