"""Clip in, frames out: probing a clip, and reading exactly the wanted part of it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeVar

import av
from av.container import InputContainer
from av.video.frame import VideoFrame

from vidfx import colour, decode, hdr, images, seeking
from vidfx.damage import Damage
from vidfx.deinterlace import deinterlaced
from vidfx.errors import UnreadableInput, UsageError
from vidfx.frames import Clip, Frame, Pixels
from vidfx.notices import Notify
from vidfx.pixels import ToRgb
from vidfx.seeking import TimeTable
from vidfx.settings import Range
from vidfx.upright import degrees, side_data, turn_of


class _Timed(Protocol):
    @property
    def index(self) -> int: ...
    @property
    def time(self) -> Fraction: ...


T = TypeVar("T", bound=_Timed)


def _log(message: str) -> None:
    logging.getLogger("vidfx").warning(message)


def open_clip(path: Path | str, *, video_stream: int | None = None) -> Clip:
    """Probes a film, an image sequence (`shot.%04d.png`, `shot.####.png`) or a still; decodes one picture at most.

    `video_stream` is the index of a video stream among all streams of the file, as ffprobe prints it; None takes the
    default one. Cover art never counts as film. Raises MissingInput, UnreadableInput, UsageError.
    """
    path = Path(path)
    if images.is_pattern(path):
        return images.open_sequence(path)
    if path.suffix.lower() in images.SUFFIXES and path.is_file() and not images.is_film(path):
        return images.open_still(path)
    with decode.opened(path) as container:
        stream = decode.film_stream(container, video_stream)
        stream.thread_type = "AUTO"
        first = next(decode.decoded(container, stream, times=None, damage=Damage(str(path))), None)
        if first is None or stream.time_base is None:
            raise UnreadableInput(f"no picture in '{path}' can be decoded", hint="the file may be cut short")
        picture = first.picture
        turn = turn_of(picture)
        components = picture.format.components
        tags = colour.colour_of(picture, stream)
        # the container's size wins: it is what the stream settles on, and odd sizes are cropped to it
        width, height = stream.codec_context.width or picture.width, stream.codec_context.height or picture.height
        aspect = stream.sample_aspect_ratio or Fraction(1)
        if turn[0] == 0:
            width, height, aspect = height, width, 1 / aspect
        duration, rate = _duration(container, stream), decode.rate_of(stream)
        counted = decode.indexed_count(container, stream) or stream.frames
        return Clip(
            path=path,
            kind="video",
            width=width,
            height=height,
            time_base=stream.time_base,
            rate=rate,
            frame_count=counted or (round(duration * rate) if duration else None),
            duration=duration,
            start=first.time,
            colour=tags,
            sample_aspect_ratio=aspect,
            rotation=degrees(turn),
            bit_depth=max(component.bits for component in components),
            has_alpha=any(component.is_alpha for component in components),
            interlaced=picture.interlaced_frame,
            peak=hdr.peak_of(picture) if hdr.is_hdr(tags) else None,
            stream_index=stream.index,
            pix_fmt=picture.format.name,
            left_out=tuple(_left_out(picture, stream)),
            beside=tuple(dict.fromkeys(other.type for other in container.streams if other.index != stream.index)),
        )


def _duration(container: InputContainer, stream: av.VideoStream) -> Fraction | None:
    if stream.duration and stream.time_base:
        return stream.duration * stream.time_base
    return Fraction(container.duration, av.time_base) if container.duration else None


def _left_out(picture: VideoFrame, stream: av.VideoStream) -> Iterator[str]:
    """What is beside a film's pictures that can be read here, or written, by no means."""
    layer = decode.second_layer(stream)
    if layer:
        yield f"its {'alpha' if layer == 'alpha' else 'second view'}, a layer of HEVC that cannot be decoded here"
    if side_data(picture, "SPHERICAL"):
        yield "its projection on a sphere (players will show it flat)"
    if side_data(picture, "A53_CC"):
        yield "what its pictures hold of closed captions (CEA-608/708)"
    eyes = side_data(picture, "STEREO3D")
    if eyes and any(eyes[:4]) and layer != "view" and "stereo_mode" not in stream.metadata:
        yield "the mark that it shows two eyes' views in one picture"


def read_frames(
    clip: Clip,
    *,
    wanted: Range = Range(),
    warm_up: int = 0,
    threads: int | None = None,
    table: seeking.TimeTable | None = None,
    enter: seeking.Entry | None = None,
    pixels: Pixels = Pixels(),
    strict: bool = False,
    notify: Notify = _log,
) -> Iterator[Frame]:
    """The wanted frames of a clip, upright RGB, each with the time and number it has in the clip.

    `warm_up` frames before the first wanted one come too, as far as there are any (at the range's step), for stages
    with a memory. `table` (from `time_table`) saves reading the packets again. `enter` begins at a known picture in
    place of `wanted.first` and `wanted.start`. `pixels` says how deep the pictures are and whether alpha comes along.
    What cannot be decoded is stepped over and counted, and `notify` told at the end; under `strict` the first loss
    raises UnreadableInput. The first frame that is yielded starts a shot. Raises UsageError where the range holds no
    frame, UnreadableInput where nothing decodes.
    """
    notices: list[str] = []
    damage = Damage(str(clip.path), strict=strict)
    reading = replace(wanted, first=enter.index, start=None) if enter else wanted
    try:
        frames = (
            _film_frames(clip, reading, warm_up, threads, table, enter, pixels, damage, notices.append)
            if clip.kind == "video"
            else _pictures(clip, reading, warm_up, pixels, notices.append)
        )
        starts = True
        for frame in frames:
            yield replace(frame, starts_shot=True) if starts else frame
            starts = False
        if starts and (enter or wanted.whole):
            where = f" from frame {enter.index} on" if enter else ""
            raise UnreadableInput(f"no picture in '{clip.path}' can be decoded{where}", hint="the file may be damaged")
        if starts:
            raise UsageError(f"the range holds no frame of '{clip.path}'", hint=_extent(clip))
    finally:
        for notice in notices:
            notify(notice)
        damage.say(notify)


def _extent(clip: Clip) -> str:
    frames = f"about {clip.frame_count} frames" if clip.frame_count else "an unknown number of frames"
    return f"the clip has {frames}" + (f", {float(clip.duration):.2f} s" if clip.duration else "")


def _film_frames(
    clip: Clip,
    wanted: Range,
    warm_up: int,
    threads: int | None,
    table: seeking.TimeTable | None,
    enter: seeking.Entry | None,
    pixels: Pixels,
    damage: Damage,
    notify: Notify,
) -> Iterator[Frame]:
    before = warm_up * wanted.step
    if enter:
        point, enter = seeking.point_for_entry(clip, enter, before)
        wanted, warm_up = replace(wanted, first=enter.index - before), 0
    else:
        point = seeking.point_for_range(clip, wanted, warm_up, table)
    point = seeking.proved(clip, point)
    times = point.times if point else None
    to_rgb = _to_rgb(clip, pixels, notify)
    with decode.opened(clip.path) as container:
        stream = decode.film_stream(container, clip.stream_index)
        stream.thread_type = "AUTO"
        stream.thread_count = threads or 0
        if point:
            container.seek(point.keyframe, stream=stream)
        raws = decode.decoded(container, stream, times=None if enter else times, damage=damage)
        raws = deinterlaced(raws, notify)
        origin = times[0] * clip.time_base if times else None
        if enter:
            first = next(raws, None)
            origin = first.time if first and not point else enter.origin
            raws = _numbered(chain([first] if first else [], raws), enter, before)
        for raw in _select(raws, wanted, warm_up, origin=origin):
            image, alpha = to_rgb(raw.picture)
            yield Frame(
                index=raw.index,
                pts=raw.pts,
                time_base=raw.time_base,
                duration=raw.duration,
                image=image,
                source=image,
                alpha=alpha,
            )


def _to_rgb(clip: Clip, pixels: Pixels, notify: Notify) -> ToRgb:
    turned = clip.rotation in (90, 270)
    width, height = (clip.height, clip.width) if turned else (clip.width, clip.height)
    return ToRgb(
        clip.colour,
        width=width,
        height=height,
        turned=turned,
        pixels=pixels,
        peak=clip.peak,
        notify=lambda what: notify(f"'{clip.path.name}': {what}"),
    )


def _numbered(raws: Iterator[decode.Raw], enter: seeking.Entry, before: int) -> Iterator[decode.Raw]:
    """Numbers the pictures from the one that is entered, and drops all but the last `before` of those ahead of it."""
    waiting: deque[decode.Raw] = deque(maxlen=max(before, 1))
    early, index = enter.index - before, enter.index
    for raw in raws:
        if raw.pts >= enter.pts:
            while waiting:
                yield replace(waiting[0], index=index - len(waiting))
                waiting.popleft()
            yield replace(raw, index=index)
            index += 1
        elif enter.begin is None:
            waiting.append(raw)
        elif raw.pts >= enter.begin:
            yield replace(raw, index=min(early, enter.index - 1))
            early += 1


def _pictures(clip: Clip, wanted: Range, warm_up: int, pixels: Pixels, notify: Notify) -> Iterator[Frame]:
    begin = max(0, (wanted.first or 0) - warm_up * wanted.step)
    frames = images.read_images(clip, begin=begin, pixels=pixels, notify=notify)
    return _select(frames, wanted, warm_up, origin=Fraction(0))


def time_table(clip: Clip, *, notify: Notify) -> TimeTable:
    """The times of all pictures. Where packets cannot tell, by decoding, without keyframes, and `notify` is told."""
    if clip.kind != "video":
        return TimeTable(images.times_of(clip), [], clip.time_base)
    table = seeking.read_table(clip)
    if table is None:
        notify(f"the packets of '{clip.path}' cannot be counted as pictures: decoding it once, which parts will do too")
        table = TimeTable(_times_by_decoding(clip), [], clip.time_base)
    return table


def _times_by_decoding(clip: Clip) -> list[int]:
    with decode.opened(clip.path) as container:
        stream = decode.film_stream(container, clip.stream_index)
        stream.thread_type = "AUTO"
        return [raw.pts for raw in decode.decoded(container, stream, times=None, damage=Damage(str(clip.path)))]


def _select(items: Iterable[T], wanted: Range, warm_up: int, *, origin: Fraction | None = None) -> Iterator[T]:
    """The items in the range, and before them up to `warm_up` at the same step. `origin`: time of the clip's first."""
    before: deque[T] = deque(maxlen=max(warm_up * wanted.step, 1))
    anchor: int | None = None
    for item in items:
        origin = item.time if origin is None else origin
        time = item.time - origin
        if (wanted.last is not None and item.index > wanted.last) or (wanted.end is not None and time >= wanted.end):
            return
        if anchor is None:
            early = wanted.first is not None and item.index < wanted.first
            if early or (wanted.start is not None and time < wanted.start):
                before.append(item)
                continue
            anchor = item.index
            if warm_up:
                yield from [old for old in before if (anchor - old.index) % wanted.step == 0]
            before.clear()
        if (item.index - anchor) % wanted.step == 0:
            yield item
