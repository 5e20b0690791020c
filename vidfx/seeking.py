"""Where decoding may begin so that nothing wanted is missed, told from packets and proved before it is believed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise

import av
from av.container import InputContainer

from vidfx.damage import Damage
from vidfx.decode import Reader, film_stream, is_countable, opened
from vidfx.frames import Clip
from vidfx.settings import Range
from vidfx.timeline import Timeline

_REORDER = 64  # packets; no codec shows a picture this much later than it is stored
_PROOF = 3  # pictures; fewer would not show that each packet is one
_BEYOND = 24  # pictures past an entry for which packets are read, so that its time is among them
_WORTH_SEEKING = 24
"""Pictures; to decode fewer than this for nothing is cheaper than to look for a keyframe."""


@dataclass(frozen=True, slots=True)
class SeekPoint:
    """Where decoding may begin so that no wanted picture is missed."""

    keyframe: int
    """pts of the keyframe."""
    times: list[int] | None
    """pts of the clip's pictures in order of presentation; the place in the list is the picture's number. It may end
    early: what comes later is counted on from there. None where the pictures get their numbers in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where in a clip an interrupted reading goes on: at a picture that was seen before, or planned from packets.

    Numbers count from this picture, backwards and forwards, so that a damaged one elsewhere cannot shift them.
    """

    index: int
    """The picture's number."""
    pts: int
    keyframe: int | None = None
    """pts of a keyframe early enough for all that is wanted before the picture; None looks for it."""
    begin: int | None = None
    """pts of the first picture that is wanted; None looks for it, or keeps what may be wanted until it is known."""
    origin: Fraction | None = None
    """Time in seconds of the clip's first picture; needed with a keyframe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A run of a job's frames that is painted as if those before it had just been: a part, what is left of a render, or
    the one frame of a preview. As it stands: all of them.
    """

    first: int = 0
    """Number in the clip of the first frame; what comes before it is painted for the stages' memory alone."""
    enter: Entry | None = None
    """Where its reading goes in: at the first frame, or at the one before it that was painted last. None: where the
    job's range begins."""
    warm_up: int = 0
    """How many wanted frames before the first are painted and thrown away."""
    end: int | None = None
    """pts from which on frames are only looked at; None: the job's range says."""


@dataclass(frozen=True, slots=True)
class TimeTable:
    """When each picture of a clip is shown, and where decoding may begin: from its packets, or from its pictures, and
    then without a keyframe."""

    times: list[int]
    """pts of the clip's pictures in order of presentation, as far as was read; the place in the list is the picture's
    number."""
    keyframes: list[int]
    """pts of the pictures from which a decoder can begin, rising."""
    time_base: Fraction

    def seek_point(self, *, first: int | None, start: Fraction | None, before: int) -> SeekPoint | None:
        """The last keyframe from which the wanted pictures can be decoded.

        `first` and `start` are the wanted beginning as number and as seconds from the first picture, `before` how many
        pictures ahead of it are needed too. None where decoding begins with the clip.
        """
        wanted = first or 0
        if start is not None:
            ticks = start / self.time_base
            wanted = max(wanted, bisect_left(self.times, self.times[0] + -(-ticks.numerator // ticks.denominator)))
        wanted = min(wanted, len(self.times) - 1) - before
        place = bisect_right(self.keyframes, self.times[max(wanted, 0)]) - 1
        return SeekPoint(self.keyframes[place], self.times) if place > 0 else None


def packet_table(
    container: InputContainer, stream: av.VideoStream, *, first: int | None = None, start: Fraction | None = None
) -> TimeTable | None:
    """The clip's pictures as its packets tell of them, without decoding more than a few; None where packets cannot say.

    With `first` (a number) or `start` (seconds from the first picture) it reads only as far as that; else to the end.
    The container is left anywhere.
    """
    if not is_countable(container, stream):
        return None
    assert stream.time_base is not None
    stored: list[int] = []
    keyframes: list[int] = []
    bounded = first is not None or start is not None
    extra, ends_early = _REORDER, False
    timeline = Timeline()
    try:
        for packet in timeline.demux(container, [stream]):
            if packet.size == 0:
                continue
            if packet.pts is None or packet.is_corrupt or timeline.jumps:
                return None
            if packet.is_discard:
                continue
            stored.append(packet.pts)
            if packet.is_keyframe:
                keyframes.append(packet.pts)
            enough = (first is None or len(stored) > first) and (
                start is None or (packet.pts - min(stored[:_REORDER])) * stream.time_base >= start
            )
            extra -= bounded and enough
            if extra <= 0:
                ends_early = True
                break
        container.seek(0 if stream.start_time is None else stream.start_time, stream=stream)
        pictures = list(islice(Reader(container, stream, Damage("")).pictures(), _PROOF))
    except av.FFmpegError:
        return None
    times = sorted(stored)
    if ends_early:
        del times[-_REORDER:]  # among the last, pictures may be missing that are stored after them and shown before
    shown = [picture.pts for picture in pictures]
    if not shown or shown[0] not in times or len(set(times)) != len(times):
        return None
    # leading pictures that no decoder shows do not count
    times = times[times.index(shown[0]) :]
    if times[: len(shown)] != shown[: len(times)] or _may_be_fields(stream, pictures[0], times):
        return None
    return TimeTable(times, sorted(keyframes), stream.time_base)


def _may_be_fields(stream: av.VideoStream, first: av.VideoFrame, times: list[int]) -> bool:
    """Whether packets may hold one field: in H.264 those of a picture may come apart, also of some pictures alone."""
    if stream.codec_context.name != "h264" or not first.interlaced_frame:
        return False
    gaps = [after - before for before, after in pairwise(times)]
    return bool(gaps) and 3 * min(gaps) < 2 * max(gaps)


def _lands(container: InputContainer, stream: av.VideoStream, point: SeekPoint) -> bool:
    """Whether the container lands on the keyframe, and the decoder can begin there."""
    try:
        container.seek(point.keyframe, stream=stream)
        landed = next((packet for packet in container.demux(stream) if packet.size), None)
        if landed is None or not landed.is_keyframe or landed.pts is None or landed.pts > point.keyframe:
            return False
        if point.times is not None and landed.pts not in point.times:
            return False
        container.seek(point.keyframe, stream=stream)
        # some files mark pictures as keyframes that still lean on earlier ones: the decoder then has to invent pixels
        pictures = Reader(container, stream, Damage("")).pictures()
        shown = next(
            (picture for picture in pictures if picture.pts is not None and picture.pts >= point.keyframe), None
        )
    except av.FFmpegError:
        return False
    return shown is not None and shown.pts == point.keyframe and not shown.is_corrupt


def proved(clip: Clip, point: SeekPoint | None) -> SeekPoint | None:
    """The point, if the clip's container lands there; tried on an opening of its own."""
    if point is None:
        return None
    with opened(clip.path) as container:
        return point if _lands(container, film_stream(container, clip.stream_index), point) else None


def read_table(clip: Clip) -> TimeTable | None:
    """The times of all frames of a film clip from its packets; None where only decoding can tell."""
    if clip.kind != "video":
        return None
    with opened(clip.path) as container:
        return packet_table(container, film_stream(container, clip.stream_index))


def point_for_range(clip: Clip, wanted: Range, warm_up: int, table: TimeTable | None) -> SeekPoint | None:
    soon = (wanted.first or 0) <= _WORTH_SEEKING and (wanted.start or 0) * clip.rate <= _WORTH_SEEKING
    if soon:
        return None
    if table is None:
        with opened(clip.path) as container:
            stream = film_stream(container, clip.stream_index)
            table = packet_table(container, stream, first=wanted.first, start=wanted.start)
    before = warm_up * wanted.step + clip.interlaced  # a deinterlacer looks one picture back
    return table.seek_point(first=wanted.first, start=wanted.start, before=before) if table else None


def point_for_entry(clip: Clip, enter: Entry, before: int) -> tuple[SeekPoint | None, Entry]:
    """Where to seek to, and the entry with its beginning as far as packets tell; `before` pictures come first."""
    if enter.keyframe is not None:
        return SeekPoint(enter.keyframe, None), enter
    with opened(clip.path) as container:
        stream = film_stream(container, clip.stream_index)
        table = packet_table(container, stream, first=enter.index + _BEYOND)
    if table is None or enter.pts not in table.times:
        return None, enter
    place = table.times.index(enter.pts)
    point = table.seek_point(first=place, start=None, before=before + clip.interlaced)
    begin, origin = table.times[max(0, place - before)], table.times[0] * table.time_base
    return point, replace(enter, begin=begin, origin=origin)
