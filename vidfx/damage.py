"""What of a film is lost or mended: counted while it is read, said once."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from vidfx.errors import UnreadableInput
from vidfx.notices import Notify

Loss = Literal["packet", "picture", "undecoded", "missing", "end"]
Mended = Literal["time", "untimed", "jump"]

_WORDS: dict[Loss | Mended, tuple[str, str]] = {
    "packet": ("damaged packet in {} stepped over", "damaged packets in {} stepped over"),
    "picture": ("damaged picture in {} mended by the decoder", "damaged pictures in {} mended by the decoder"),
    "undecoded": ("picture in {} could not be decoded", "pictures in {} could not be decoded"),
    "missing": ("picture missing where {} breaks off", "pictures missing where {} breaks off"),
    "end": ("picture or so missing at the end of {}", "pictures or so missing at the end of {}"),
    "time": ("picture in {} had a repeated time; mended", "pictures in {} had repeated times; mended"),
    "untimed": ("picture in {} had no time; mended", "pictures in {} had no time; mended"),
    "jump": ("jump in the clock of {} taken out", "jumps in the clock of {} taken out"),
}


class Damage:
    """Counts by kind. Under `strict` the first loss is an error; what can be mended never is."""

    def __init__(self, name: str, *, strict: bool = False) -> None:
        self._name, self._strict = name, strict
        self._counts: Counter[Loss | Mended] = Counter()

    def lost(self, kind: Loss, count: int = 1) -> None:
        """Raises UnreadableInput under `strict`."""
        self._counts[kind] += max(count, 0)
        if self._strict and count > 0:
            said = self._said(kind)
            del self._counts[kind]  # the error says it; what else there was is still to be said
            raise UnreadableInput(
                f"'{self._name}' is damaged: {said}", hint="without --strict vidfx paints what decodes"
            )

    def mended(self, kind: Mended, count: int = 1) -> None:
        """Nothing is lost."""
        self._counts[kind] += count

    def __getitem__(self, kind: Loss | Mended) -> int:
        return self._counts[kind]

    def say(self, notify: Notify) -> None:
        """One line for each kind there was; each is said once."""
        for kind in _WORDS:
            if self._counts[kind]:
                notify(self._said(kind))
        self._counts.clear()

    def _said(self, kind: Loss | Mended) -> str:
        count = self._counts[kind]
        return f"{count} {_WORDS[kind][count > 1].format(repr(self._name))}"
