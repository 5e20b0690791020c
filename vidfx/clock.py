"""The times of a film's frames as its container is to write them."""

from __future__ import annotations

from fractions import Fraction

from vidfx.frames import Clip, Frame
from vidfx.notices import Notify
from vidfx.settings import Range
from vidfx.window import Window


def time_base_in(format_name: str, rate: Fraction, time_base: Fraction) -> Fraction:
    """The unit of an output's times; AVI knows none, but counts frames at the average rate."""
    return 1 / rate if format_name == "avi" else time_base


class Clock:
    """The times of the output's frames: the source's own, less what was cut away before them."""

    def __init__(
        self,
        time_base: Fraction,
        start: Fraction,
        clip: Clip,
        wanted: Range,
        format_name: str,
        notify: Notify,
    ) -> None:
        """`start`: time of the film's first frame on the source's time line."""
        self.time_base = time_base_in(format_name, clip.rate, time_base)
        self._shift, self._notify = Window.of(wanted, start, None).shift, notify
        self._counted = format_name == "avi"
        self._last: int | None = None
        self._told = False

    def __call__(self, frame: Frame) -> tuple[int, int]:
        """pts and duration in `time_base`, strictly rising."""
        exact = (frame.time - self._shift) / self.time_base
        pts = round(exact)
        if self._last is not None and pts <= self._last:
            pts = self._last + 1
        if pts != exact and not self._told:
            self._told = True
            why = "this container counts frames" if self._counted else "two frames had one time"
            self._notify(f"frames move to the nearest time that can be written: {why}")
        self._last = pts
        return pts, round(frame.duration * frame.time_base / self.time_base)
