"""A look on one frame, on a loop or on a sheet, through the stages of a render, with what was painted kept for later.

A picture comes in up to three steps, so that something answers while a slider moves:

    draft     the frame reduced to DRAFT_WIDTH and painted; strokes look larger than they will be
    full      the frame at its own size, painted alone
    settled   the same with the past that smoothing remembers: the very frame of a render
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from vidfx.ahead import frames_ahead, steady_both_ways
from vidfx.composite import Matte, composite
from vidfx.errors import UnreadableInput
from vidfx.frames import Frame, Picture
from vidfx.pipeline import warm_up_of
from vidfx.screentone import make_screen, screentone
from vidfx.settings import Look, Machine
from vidfx.sheet import Cell, contact_sheet
from vidfx.shots import LOOK_AHEAD, mark_shots
from vidfx.source import open_clip
from vidfx.styles.library import find_style
from vidfx.styles.stylizer import Stylizer
from vidfx.stylize import stylize
from vidfx.tune.cache import ByteCache
from vidfx.tune.reader import ClipReader, stamp_of
from vidfx.tune.window import WHOLE, Window, reduced, resized

DRAFT_WIDTH = 480
LOOP_WIDTH = 640
CARD_WIDTH = 320
_NEAR = 12
"""Frames ahead to which a run under way is taken on, rather than begun anew."""
MARGIN = 24
"""Pixels around a part that are painted too and thrown away, for the flow, beside what the generator itself needs."""

Level = Literal["draft", "full", "settled"]


@dataclass(frozen=True, slots=True)
class Pane:
    """What one part of the page shows: a style with a look, or the source where `style` is None."""

    style: str | None
    look: Look


@dataclass(frozen=True, slots=True)
class Painted:
    """One picture for one pane."""

    pane: int
    level: Level
    index: int
    pts: int
    image: Picture


@dataclass(frozen=True, slots=True)
class Waiting:
    """How far the work is before the next picture can come."""

    what: str
    done: int
    total: int


@dataclass(slots=True)
class _Going:
    """A steadied run that stands somewhere in the clip: the next frame costs one frame, not all that is remembered."""

    key: tuple[object, ...]
    next: int
    frames: Iterator[Frame]


class Painter:
    """Paints what the page asks for. For one thread at a time; memory bounded by its caches and a few frames."""

    def __init__(self, reader: ClipReader, machine: Machine, *, cache: int = 256 * 2**20) -> None:
        """`cache`: bytes of painted pictures that are kept."""
        self.reader = reader
        self.machine = machine
        self._stylizers: dict[str, Stylizer] = {}
        self._painted: ByteCache[Picture] = ByteCache(cache)
        self._mattes: dict[tuple[Path, object], ClipReader] = {}
        self._going: _Going | None = None
        self._size = (reader.clip.width, reader.clip.height)

    @property
    def kept_bytes(self) -> int:
        """Bytes of painted and decoded pictures in memory."""
        return self._painted.bytes + self.reader.kept_bytes + sum(m.kept_bytes for m in self._mattes.values())

    def stylizer(self, style: str) -> Stylizer:
        """The style, loaded once."""
        if style not in self._stylizers:
            while len(self._stylizers) >= 8:
                del self._stylizers[next(iter(self._stylizers))]
            self._stylizers[style] = Stylizer(find_style(style), self.machine)
        return self._stylizers[style]

    def close(self) -> None:
        for reader in (self.reader, *self._mattes.values()):
            reader.close()

    # --- what the page asks for --------------------------------------------------------------------------------

    def picture(self, panes: Sequence[Pane], index: int, *, upto: Level) -> Iterator[Painted | Waiting]:
        """Each pane's picture of a frame, quickly first, then better, up to a level. What is known already is skipped.

        A level comes for all panes before the next begins.
        """
        best: dict[int, Level] = {}
        small = Window(width=DRAFT_WIDTH)
        for number, pane in enumerate(panes):
            known = self._known(pane, index)
            if known:
                best[number] = known
                yield self._now(pane, number, index, known, WHOLE)
            elif self.reader.clip.width > DRAFT_WIDTH or upto == "draft":
                yield self._now(pane, number, index, "draft", small)
        if upto == "draft":
            return
        for number, pane in sorted(enumerate(panes), key=lambda item: item[1].style is None):  # paintings first
            if number not in best:
                best[number] = "full" if self._remembers(pane, index) else "settled"
                yield self._now(pane, number, index, best[number], WHOLE)
        if upto == "full":
            return
        for number, pane in enumerate(panes):
            if best[number] != "settled":
                yield from self._settle(pane, number, index)

    def loop(self, panes: Sequence[Pane], first: int, last: int, window: Window) -> Iterator[Painted | Waiting]:
        """Frames `first` to `last` for every pane, in step with each other, after the frames that smoothing needs."""
        if window.part is not None:
            reaches = [self.stylizer(pane.style).card for pane in panes if pane.style]
            need = max((card.receptive_radius + card.border for card in reaches), default=0)
            window = replace(window, margin=MARGIN + need)
        runs = [self._run(pane, first, last, window) for pane in panes]
        begin = min(start for start, _ in runs)
        for index in range(begin, last + 1):
            if index < first:
                yield Waiting("frames before the loop, for smoothing", index - begin, first - begin)
            for number, (start, frames) in enumerate(runs):
                if index >= start:
                    frame = next(frames)
                    assert frame.index == index
                    if index >= first:
                        yield Painted(number, "settled", index, frame.pts, window.cut(frame.image, self._size))

    def card(self, style: str, index: int) -> Picture:
        """A small picture of the frame in a style, for its card: painted at LOOP_WIDTH, then reduced."""
        image = self._alone(Pane(style, Look()), index, Window(width=LOOP_WIDTH)).image
        return reduced(image, CARD_WIDTH)

    def sheet(self, cells: Sequence[tuple[str, Pane]], index: int) -> Iterator[Waiting | Picture]:
        """A contact sheet of the settled frame in each look, the source first; as `vidfx preview` lays it out."""
        laid: list[Cell] = [("source", self.reader.frame(index).source)]
        for number, (label, pane) in enumerate(cells):
            yield Waiting("pictures of the sheet", number, len(cells))
            for item in self._settle(pane, number, index):
                if isinstance(item, Waiting):
                    yield item
                else:
                    laid.append((label, item.image))
        yield contact_sheet(laid)

    # --- how it is painted -------------------------------------------------------------------------------------

    def _known(self, pane: Pane, index: int) -> Level | None:
        """The best level that needs no painting, only compositing."""
        if pane.style is None:
            return None
        if self._painted.get(self._key(pane.style, index, WHOLE, pane.look.smooth)) is not None:
            return "settled"
        if self._painted.get(self._key(pane.style, index, WHOLE)) is not None:
            return "full" if self._remembers(pane, index) else "settled"
        return None

    def _remembers(self, pane: Pane, index: int) -> bool:
        """Whether smoothing changes this frame at all: the first has no past, and may look ahead."""
        return pane.style is not None and pane.look.smooth > 0 and (index > 0 or pane.look.smooth_window > 0)

    @staticmethod
    def _key(style: str | None, index: int, window: Window, smooth: float | None = None) -> tuple[object, ...]:
        """Where a painted picture is kept; `smooth`: how far it was steadied, None: not yet."""
        return (style, smooth, index, window)

    def _now(self, pane: Pane, number: int, index: int, level: Level, window: Window) -> Painted:
        held = None
        if level == "settled" and pane.style is not None:
            held = self._painted.get(self._key(pane.style, index, WHOLE, pane.look.smooth))
        frame = window.seen(self.reader.frame(index))
        if held is not None:
            frame = self._finished(replace(frame, image=held), pane, window)
        elif pane.style is not None:
            frame = self._finished(self._alone(pane, index, window), pane, window)
        return Painted(number, level, index, frame.pts, frame.image)

    def _settle(self, pane: Pane, number: int, index: int) -> Iterator[Painted | Waiting]:
        if not self._remembers(pane, index) or self._known(pane, index) == "settled":
            yield self._now(pane, number, index, "settled", WHOLE)
            return
        key = (pane.style, pane.look.smooth)
        going, self._going = self._going, None  # one job at a time takes it on
        if going is None or going.key != key or not going.next <= index < going.next + _NEAR:
            going = _Going(key, *self._steadied(pane, index, len(self.reader) - 1, WHOLE))
        begin = going.next
        for frame in going.frames:
            going.next = frame.index + 1
            if frame.index == index:
                break
            try:
                yield Waiting("frames before this one, for smoothing", going.next - begin, index + 1 - begin)
            except GeneratorExit:
                self._going = going  # nobody waits any more; whoever asks next begins here
                raise
        else:
            raise UnreadableInput(f"frame {index} cannot be reached", hint="the clip may be damaged there")
        self._going = going
        self._painted.put(self._key(pane.style, index, WHOLE, pane.look.smooth), frame.image, frame.image.nbytes)
        done = self._finished(frame, pane, WHOLE)
        yield Painted(number, "settled", index, done.pts, done.image)

    def _run(self, pane: Pane, first: int, last: int, window: Window) -> tuple[int, Iterator[Frame]]:
        """The first frame that must be painted, and the finished frames from it on."""
        if pane.style is None:
            return first, (window.seen(frame) for frame in self.reader.frames(first, last))
        start, frames = self._steadied(pane, first, last, window)
        frames = self._printed(frames, pane, window)
        return start, composite(frames, look=pane.look, matte=self._matte(pane.look, start, last, window))

    def _steadied(self, pane: Pane, first: int, last: int, window: Window) -> tuple[int, Iterator[Frame]]:
        """Frames painted and steadied so that from `first` on they are those of a render of the whole clip."""
        assert pane.style is not None
        look, looked_at = pane.look, last + frames_ahead(pane.look)
        start = max(0, first - warm_up_of(look))
        frames = self.reader.frames(start, min(looked_at + LOOK_AHEAD, len(self.reader) - 1))
        frames = mark_shots(frames)
        frames = (window.seen(frame) for frame in frames if frame.index <= looked_at)
        frames = self._styled(frames, pane.style, window)
        frames = steady_both_ways(frames, amount=look.smooth, window=look.smooth_window)
        return start, (frame for frame in frames if frame.index <= last)

    def _alone(self, pane: Pane, index: int, window: Window) -> Frame:
        assert pane.style is not None
        return next(self._styled(iter([window.seen(self.reader.frame(index))]), pane.style, window))

    def _styled(self, frames: Iterator[Frame], style: str, window: Window) -> Iterator[Frame]:
        """The stylize stage, one frame at a time, with its pictures kept."""
        stylizer = self.stylizer(style)
        for frame in frames:
            key = self._key(style, frame.index, window)
            image = self._painted.get(key)
            if image is None:
                image = next(stylize(iter([frame]), stylizer)).image
                self._painted.put(key, image, image.nbytes)
            yield replace(frame, image=image)

    def _finished(self, frame: Frame, pane: Pane, window: Window) -> Frame:
        matte = self._matte(pane.look, frame.index, frame.index, window)
        frames = self._printed(iter([frame]), pane, window)
        return next(composite(frames, look=pane.look, matte=matte))

    def _printed(self, frames: Iterator[Frame], pane: Pane, window: Window) -> Iterator[Frame]:
        """With the style's finish; a part gets its piece of the page's screen: the render's dots."""
        if pane.style is None:
            return frames
        if self.stylizer(pane.style).card.finish != "screentone":
            return frames
        if window.part is None:
            return screentone(frames)
        height = self.reader.clip.height
        return screentone(frames, window.of_whole(make_screen(height, self.reader.clip.width)), height=height)

    def _matte(self, look: Look, first: int, last: int, window: Window) -> Iterator[Matte] | None:
        """The matte's pictures for these frames: a still for all, the last one where a clip is shorter."""
        if look.matte is None:
            return None
        key = look.matte, stamp_of(look.matte)  # one that was drawn on since is another
        if key not in self._mattes:
            while len(self._mattes) >= 2:
                self._mattes.pop(next(iter(self._mattes))).close()
            self._mattes[key] = ClipReader(open_clip(look.matte), cache=32 * 2**20)
        reader = self._mattes[key]
        pictures = (reader.frame(min(index, len(reader) - 1)).image for index in range(first, last + 1))
        if window.part is None:
            return pictures
        return (window.of_whole(resized(picture, self._size)) for picture in pictures)
