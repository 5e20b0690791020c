"""Which stretch of a source's time line an output holds, and where it begins there."""

from __future__ import annotations

from fractions import Fraction

from vidfx.settings import Range

TRIMS = {"mp4", "mov"}
"""Containers with edit lists: a packet may begin before the film does, and is trimmed on playback."""
NO_NEGATIVE = {"nut", "avi"}
"""Containers without times below 0, where sound that serves to prime a decoder has no place."""


class Window:
    """The part of the source's time line that is kept, and how far it moves. Times in seconds."""

    def __init__(self, start: Fraction | None = None, end: Fraction | None = None, *, shift: Fraction | None = None):
        """`start` and `end` on the source's time line; None keeps that side open. `shift` is taken off every time."""
        self.start = start
        self.end = end
        self.shift = (start or Fraction(0)) if shift is None else shift

    @classmethod
    def of(cls, wanted: Range, start: Fraction, end: Fraction | None) -> Window:
        """The window of a film whose first frame lies at `start` on the source's line, and whose last ends at `end`.

        A film that is cut begins at 0, and so does one that lies before 0, where no container can show it. Everything
        else stays where it is.
        """
        ends = end if wanted.end is not None or wanted.last is not None else None
        if not wanted.whole:
            return cls(start, ends)
        return cls(shift=min(start, Fraction(0)))

    def cuts_away(self, begin: Fraction, end: Fraction, *, trims: bool) -> bool:
        """Whether nothing that lasts from `begin` to `end` is to be kept.

        What begins before the window is kept where the player `trims` it to the window, else left out.
        """
        if self.end is not None and begin >= self.end:
            return True
        if self.start is None:
            return False
        return end <= self.start if trims else begin < self.start
