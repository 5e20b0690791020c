"""Which packets of a second film beside the painted one a cut must keep, so that what is kept can be decoded."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av.packet import Packet
from av.stream import Stream

from vidfx.window import Window


class CopiedFilm:
    """Cuts a video stream that is copied.

    Where the player `trims`, it begins with the last whole picture before the window; elsewhere with the first in it.
    It ends by the order of decoding: a picture that is shown after the end may be what one before it is made from.
    """

    def __init__(self, window: Window, *, trims: bool) -> None:
        self._window, self._trims = window, trims
        self._since_whole: list[Packet[Stream]] = []
        self.begins: Fraction | None = None if window.start is not None else Fraction(0)
        """When its first picture is shown, on the source's time line; None before there was one."""

    def take(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """The packets that are kept, now that this one has come."""
        if packet.pts is None or packet.dts is None:
            yield packet
            return
        begin, start, end = packet.pts * packet.time_base, self._window.start, self._window.end
        if end is not None and packet.dts * packet.time_base >= end:
            return
        if start is None:
            yield packet
        elif self.begins is not None:
            if begin >= self.begins:  # what is shown before it leans on pictures that are not there
                yield packet
        elif self._trims:
            if packet.is_keyframe:
                self._since_whole = []
            self._since_whole.append(packet)
            if begin + (packet.duration or 0) * packet.time_base > start:
                self.begins = min(one.pts * one.time_base for one in self._since_whole if one.pts is not None)
                kept, self._since_whole = self._since_whole, []
                yield from kept
        elif packet.is_keyframe and begin >= start:
            self.begins = begin
            yield packet
