"""Pictures stored as two fields, made whole: one out for each that goes in, at its own time.

bwdif (FFmpeg's blend of Yadif and the BBC's Weston 3-field filter) looks at the frames before and after. It runs from
the first picture that is flagged on, and leaves those that are not flagged as they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import av
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from vidfx.decode import Raw
from vidfx.errors import VidfxError
from vidfx.notices import Notify

NOTICE = "interlaced source: its frames are deinterlaced (bwdif)"

_Form = tuple[int, int, str]


def deinterlaced(raws: Iterator[Raw], notify: Notify) -> Iterator[Raw]:
    """Passes pictures on, whole. `notify` is told when the first of them has fields."""
    bwdif: _Bwdif | None = None
    told = False
    for raw in raws:
        if bwdif is None and not raw.picture.interlaced_frame:
            yield raw
            continue
        if not told:
            notify(NOTICE)
            told = True
        form = raw.picture.width, raw.picture.height, raw.picture.format.name
        if bwdif and bwdif.form != form:
            yield from bwdif.finish()
            bwdif = None
        bwdif = bwdif or _Bwdif(form)
        yield from bwdif.push(raw)
    if bwdif:
        yield from bwdif.finish()


class _Bwdif:
    """The filter, for pictures of one form; it holds one back."""

    def __init__(self, form: _Form) -> None:
        self.form = form
        self._waiting: deque[Raw] = deque()
        self._count = 0
        self._graph = graph = Graph()
        width, height, pix_fmt = form
        size = f"video_size={width}x{height}:pix_fmt={pix_fmt}:time_base=1/2:pixel_aspect=1/1"
        self._entry: FilterContext = graph.add("buffer", size)
        middle = graph.add("bwdif", mode="send_frame", parity="auto", deint="interlaced")
        self._exit: FilterContext = graph.add("buffersink")
        self._entry.link_to(middle)
        middle.link_to(self._exit)
        graph.configure()

    def push(self, raw: Raw) -> Iterator[Raw]:
        self._waiting.append(raw)
        raw.picture.pts = self._count  # the filter's own time: what comes out is told apart by order alone
        self._count += 1
        self._entry.push(raw.picture)
        yield from self._pulled()

    def finish(self) -> Iterator[Raw]:
        self._entry.push(None)
        yield from self._pulled()
        if self._waiting:
            raise VidfxError(
                f"the deinterlacer lost {len(self._waiting)} frames",
                hint="deinterlace the clip with `ffmpeg -vf bwdif` first, and render what that gives",
            )

    def _pulled(self) -> Iterator[Raw]:
        while True:
            try:
                picture = self._exit.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(picture, VideoFrame)
            yield replace(self._waiting.popleft(), picture=picture)
