"""The whole tool on one page: a clip becomes frames, frames become a painting.

    source -> shots -> stylize -> motion -> steady -> (screentone) -> composite    each takes frames and gives frames

The sink pulls. A stage runs in its consumer's thread unless a `prefetch` stands between them; that call is the only
thread boundary, and its queue is the only place where frames can pile up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

import cv2

from vidfx.ahead import frames_ahead, steady_both_ways
from vidfx.composite import Matte, composite
from vidfx.errors import UsageError
from vidfx.frames import Clip, Frame, Pixels
from vidfx.notices import Notify
from vidfx.screentone import screentone
from vidfx.seeking import Stretch
from vidfx.settings import Look, Range
from vidfx.shots import LOOK_AHEAD, mark_shots
from vidfx.source import open_clip, read_frames
from vidfx.steady import warm_up_frames
from vidfx.styles.stylizer import Stylizer
from vidfx.stylize import stylize
from vidfx.trust import mark_motion

T = TypeVar("T")
Watch = Callable[[str, Iterator[Frame]], Iterator[Frame]]
"""What is put around a stage to see it at work, with the stage's name; `wait` is where a thread waits for another."""


def unwatched(_: str, frames: Iterator[Frame]) -> Iterator[Frame]:
    """Nobody looks."""
    return frames


def paint(
    clip: Clip,
    stylizer: Stylizer,
    *,
    look: Look,
    wanted: Range,
    stretch: Stretch = Stretch(),
    pixels: Pixels = Pixels(),
    strict: bool = False,
    watch: Watch = unwatched,
    notify: Notify = lambda _: None,
) -> Generator[Frame, None, None]:
    """Every stage between a clip and the frames that are written, in order: the wanted ones, or a `stretch` of them.

    `pixels` is what the output has use for. Under `strict` a damaged clip is an error. Raises whatever a stage raises.
    """
    frames = read_frames(
        clip,
        wanted=wanted,
        warm_up=stretch.warm_up,
        enter=stretch.enter,
        threads=stylizer.runtime.threads,
        pixels=pixels,
        strict=strict,
        notify=notify,
    )
    frames = watch("decode", frames)
    matte = None
    if look.matte is not None:
        first = next(frames)  # its number says which picture of the matte is its own
        frames, matte = behind(first, frames), read_matte(look.matte, first.index, wanted.step, notify=notify)
    frames = paint_frames(frames, stylizer, look=look, matte=matte, step=wanted.step, end=stretch.end, watch=watch)
    return starting_at(frames, stretch.first)


def paint_frames(
    frames: Iterator[Frame],
    stylizer: Stylizer,
    *,
    look: Look = Look(),
    matte: Iterable[Matte] | None = None,
    step: int = 1,
    end: int | None = None,
    watch: Watch = unwatched,
) -> Iterator[Frame]:
    """Every stage between reading and writing, on frames from wherever; as many come out as go in, in order.

    `matte`: a picture for each frame, white where it is to be painted. `step`: how many frames of the clip stand for
    one that is given. From `end` on, a pts, frames are only looked at. Raises whatever a stage raises.
    """
    shared = max(1, stylizer.runtime.threads // 2)  # two stages work at once, and a pool on every core fights the rest
    cv2.setNumThreads(shared)
    frames = watch("shots", mark_shots(frames))
    frames = stop_at(frames, end, beyond=frames_ahead(look))
    frames = watch("wait", prefetch(frames, depth=2))
    frames = watch("generator", stylize(frames, stylizer))
    frames = watch("wait", prefetch(frames, depth=2))
    if look.smooth:
        frames = watch("wait", prefetch(watch("motion", mark_motion(frames)), depth=2))
    frames = steady_both_ways(frames, amount=look.smooth, window=look.smooth_window * step, threads=shared)
    frames = stop_at(watch("smoothing", frames), end)
    if stylizer.card.finish == "screentone":
        frames = watch("screentone", screentone(frames))
    frames = watch("composite", composite(frames, look=look, matte=matte))
    return watch("wait", prefetch(frames, depth=2))


def starting_at(frames: Iterator[Frame], first: int) -> Generator[Frame, None, None]:
    """The frames from number `first` on."""
    with closing(frames):  # type: ignore[type-var]  # a generator
        yield from (frame for frame in frames if frame.index >= first)


def warm_up_of(look: Look, *, within: float = 0.5) -> int:
    """Frames to paint before a start in mid-shot so that the rest is as in the single pass, to `within` steps of 255.

    The judge of shots must have seen frames before it is to be believed; without smoothing no frame knows another.
    """
    return warm_up_frames(look.smooth, within=within) + 2 * LOOK_AHEAD if look.smooth else 0


def stop_at(frames: Iterator[Frame], end: int | None, *, beyond: int = 0) -> Iterator[Frame]:
    """The frames before `end`, a pts, and as many beyond it as are asked for; None is never."""
    for frame in frames:
        if end is not None and frame.pts >= end:
            if not beyond:
                return
            beyond -= 1
        yield frame


def read_matte(path: Path, first: int, step: int, *, notify: Notify) -> Iterator[Matte]:
    """The matte's pictures from number `first` on; a still stands for all, and the last one for what comes later.

    By number alone: a matte has its own rate, and numbered pictures have none.
    """
    clip = open_clip(path)
    wanted = Range() if clip.kind == "still" else Range(first=first, step=step)
    return (frame.image for frame in _or_the_last(read_frames(clip, wanted=wanted, notify=notify), clip))


def behind(first: T, rest: Iterator[T]) -> Iterator[T]:
    """An item that was taken to look at it, and what follows it."""
    yield first
    yield from rest


def _or_the_last(frames: Iterator[Frame], clip: Clip) -> Iterator[Frame]:
    """The frames of a range of the clip; its last one where the range begins after its end."""
    try:
        first = next(frames, None)
    except UsageError:
        first = None
        yield from deque(read_frames(clip, notify=lambda _: None), maxlen=1)
    if first is not None:
        yield from behind(first, frames)


def prefetch(stage: Iterator[T], depth: int) -> Iterator[T]:
    """Runs a stage in a thread of its own, at most `depth` items ahead.

    What the stage raises is raised here, where its items are consumed. When the consumer stops early the thread stops
    too, and the stage is closed in the thread that ran it.
    """
    queue: Queue[tuple[T | None, BaseException | None, bool]] = Queue(depth)
    stop = Event()

    def put(entry: tuple[T | None, BaseException | None, bool]) -> None:
        while not stop.is_set():
            try:
                queue.put(entry, timeout=0.1)
            except Full:
                continue
            return

    def work() -> None:
        try:
            for item in stage:
                put((item, None, False))
                if stop.is_set():
                    return
            put((None, None, True))
        except BaseException as error:  # whatever it is, it belongs to the consumer
            put((None, error, True))
        finally:
            close = getattr(stage, "close", None)
            if close:
                close()

    thread = Thread(target=work, name="vidfx-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item, error, last = queue.get(timeout=0.5)  # wakes up, so that Ctrl-C is noticed on every system
            except Empty:
                continue
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]  # an item that is neither last nor an error is a T
    finally:
        stop.set()
        thread.join()
