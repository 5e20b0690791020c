"""What a user is told that is no error."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

Notify = Callable[[str], None]
"""Takes a sentence for the user."""


def typed(path: Path) -> str:
    """A path as it is typed into a shell; none is taken for an option."""
    return shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))


class Notices:
    """Hands notices on, each once, and keeps them."""

    def __init__(self, notify: Notify) -> None:
        self.said: list[str] = []
        self._notify = notify

    def __call__(self, message: str) -> None:
        if message not in self.said:
            self.said.append(message)
            self._notify(message)
