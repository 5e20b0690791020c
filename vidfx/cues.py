"""Text that is shown at once, put one after the other for containers whose subtitles may not overlap."""

from __future__ import annotations

from collections.abc import Iterator

Piece = tuple[int, int, str]
"""Begin, duration and words."""


class Cues:
    """Subtitles that follow each other: what is shown at once becomes one piece, line below line.

    MP4 knows no overlap: its muxer would move the later words behind the earlier ones. Times in ticks.
    """

    def __init__(self) -> None:
        self.shown: list[tuple[int | None, str]] = []
        """Until when each text is shown, and what it is; without an end it gives way to the next."""
        self._at = 0

    def add(self, begin: int, duration: int, words: str) -> Iterator[Piece]:
        """Begins a text; what was shown before it is decided."""
        yield from self.until(begin)
        if self.shown and self._at < begin:
            yield self._at, begin - self._at, self._words()
        self._at = max(self._at, begin)
        self.shown = [(end, text) for end, text in self.shown if end is not None]
        self.shown.append((begin + duration if duration else None, words))

    def until(self, time: int | None) -> Iterator[Piece]:
        """What has ended by `time`; None: all that is left."""
        while self.shown:
            stop = min((end for end, _ in self.shown if end is not None), default=None)
            if time is not None and (stop is None or stop > time):
                return
            if stop is None or stop > self._at:
                yield self._at, 0 if stop is None else stop - self._at, self._words()
            self._at = max(self._at, stop or 0)
            self.shown = [] if stop is None else [one for one in self.shown if one[0] is None or one[0] > stop]

    def _words(self) -> str:
        return "\n".join(text for _, text in self.shown)
