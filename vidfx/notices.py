"""What a user is told that is no error."""

from __future__ import annotations

from collections.abc import Callable

Notify = Callable[[str], None]
"""Takes a sentence for the user."""


class Notices:
    """Hands notices on, each once, and keeps them."""

    def __init__(self, notify: Notify) -> None:
        self.said: list[str] = []
        self._notify = notify

    def __call__(self, message: str) -> None:
        if message not in self.said:
            self.said.append(message)
            self._notify(message)
