"""Parts in, one stream of packets out: the times of decoding are given anew over all of them.

Each part was encoded by itself, so its own dts begin again before its first picture and would run into those of the
part before it. Of all pictures' times in order of presentation, t, and the deepest reordering in any part, d pictures,
packet n gets dts = t[n − d]: rising by construction, never after its pts. The first d lie before the film, as far as
t[d] − t[0]. (This is what x264 does within one encoding.)
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from av.packet import Packet
from av.stream import Stream

from vidfx.errors import UnreadableInput
from vidfx.parts.packets import PartFile, headers


def in_decoding_order(parts: Sequence[PartFile]) -> Iterator[Packet[Stream]]:
    """The packets of all parts with pts, dts and duration in the parts' time base. Raises UnreadableInput."""
    shown, times, delay = _timeline(parts)
    number = 0
    for part, own in zip(parts, shown, strict=True):
        first = number
        for packet in part.packets():
            assert packet.pts is not None
            packet.pts = times[first + bisect_left(own, packet.pts)]
            early = number < delay
            packet.dts = times[number] - (times[delay] - times[0]) if early else times[number - delay]
            number += 1
            yield packet


def _timeline(parts: Sequence[PartFile]) -> tuple[list[array[int]], array[int], int]:
    """The times of each part's pictures in order of presentation, those of all, strictly rising, and the deepest
    reordering in pictures."""
    shown, times, delay = [], array("q"), 0
    for part in parts:
        stored = [stamp.pts for stamp in part.stamps()]
        own = array("q", sorted(stored))
        delay = max([delay, *(place - bisect_left(own, pts) for place, pts in enumerate(stored))])
        for pts in own:  # two frames of AVI's coarse clock may meet where two parts do
            times.append(max(pts, times[-1] + 1) if times else pts)
        shown.append(own)
    return shown, times, delay


def check_headers(parts: Sequence[PartFile], codec: str, extradata: bytes | None) -> None:
    """All parts must decode with the headers the film's stream will have. Raises UnreadableInput for one that does not.

    They differ where machines have different versions of an encoder.
    """
    ours = headers(codec, extradata)
    for part in parts:
        if part.codec != codec or part.headers != ours:
            raise UnreadableInput(
                f"part {part.index} was encoded with other headers than this machine's {codec} writes",
                hint="render and join all parts with one version of vidfx and PyAV",
            )
