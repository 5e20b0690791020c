"""Packets of a file on one line of time, though its clock may start anew in the middle."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

_RESTARTING = {"mpegts", "mpeg"}
"""Broadcast formats: recordings are joined end to end, each with its own clock."""
_GAP = 10.0
"""Seconds; a clock that may restart and goes ahead by more has restarted (ffmpeg's -dts_delta_threshold)."""
_BACK = {True: 0.1, False: 1.0}
"""Seconds back, by whether the format's clock may restart; less is a slip of one packet."""


class Timeline:
    """Reads packets, and moves what comes after a jump of the clock to where it would have come without.

    All streams move together, so that sound and picture stay in step, and every pass over a file gives the same times.
    A pause in a file whose clock cannot restart (MP4, Matroska) is a pause.
    """

    def __init__(self) -> None:
        self.jumps = 0
        """Jumps taken out so far."""
        self._offset = 0.0
        self._due: dict[int, tuple[float, float]] = {}
        """By stream: when its last packet began and ended, in seconds."""

    @staticmethod
    def needs_all(container: InputContainer) -> bool:
        """Whether no stream of the file may be left unread, since each tells of a restart of the clock."""
        return container.format.name in _RESTARTING

    def demux(self, container: InputContainer, wanted: Collection[Stream]) -> Iterator[Packet[Stream]]:
        """The packets of the wanted streams, and at the end of each an empty one. Raises av's errors."""
        restarts = self.needs_all(container)
        # every stream tells of a restart: who reads one alone must see it where the others see it
        streams = tuple(container.streams) if restarts else tuple(wanted)
        chosen = {stream.index for stream in wanted}
        for packet in _packets(container, streams):
            if packet.size:
                self._place(packet, restarts)
            if packet.stream.index in chosen:
                yield packet

    def _place(self, packet: Packet[Stream], restarts: bool) -> None:
        # a packet without dts is one of the first few, out of order: its pts may lie far ahead of the next one's dts
        stamp = packet.pts if packet.dts is None and restarts else packet.dts
        if stamp is not None and packet.stream.type in ("video", "audio"):
            time = float(stamp * packet.time_base)
            began, due = self._due.get(packet.stream.index, (None, 0.0))
            if began is not None:
                moved = time + self._offset
                if moved < began - _BACK[restarts] or (restarts and moved > due + _GAP):
                    self._offset = due - time
                    self.jumps += 1
            begin = time + self._offset
            self._due[packet.stream.index] = begin, begin + float((packet.duration or 0) * packet.time_base)
        if self._offset:
            ticks = round(self._offset / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks


def _packets(container: InputContainer, streams: Collection[Stream]) -> Iterator[Packet[Stream]]:
    packets = container.demux(*streams)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, IndexError):
            # at the end PyAV hands out an empty packet for each stream, and trips over one that appeared in mid-file
            return
        yield packet
