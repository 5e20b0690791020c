"""Frame N of a clip, exactly: numbered and timed as a render does it, in any order, without decoding all before it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from vidfx.errors import UnreadableInput, UsageError
from vidfx.frames import Clip, Frame
from vidfx.settings import Range
from vidfx.source import read_frames, time_table
from vidfx.tune.cache import ByteCache

_BACK = 8
"""Frames before the wanted one that are kept as well after a seek: they had to be decoded, and one steps back often."""
_NEAR = 24
"""Frames ahead that are cheaper to decode on to than to seek to."""


class ClipReader:
    """Random access to the frames of a clip. For one thread at a time."""

    def __init__(self, clip: Clip, *, threads: int | None = None, cache: int = 256 * 2**20) -> None:
        """`cache` is how many bytes of decoded pictures are kept. Raises UnreadableInput where no frame is found."""
        self.clip = clip
        self._threads, self._stamp = threads, stamp_of(clip.path)
        self._table = time_table(clip, notify=lambda _: None)
        self.pts = self._table.times
        self._kept: ByteCache[Frame] = ByteCache(cache)
        self._run: Iterator[Frame] | None = None
        self._next = 0
        if not self.pts:
            raise UnreadableInput(f"no picture in '{clip.path}' can be decoded", hint="the file may be damaged")

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def kept_bytes(self) -> int:
        """Bytes of decoded pictures in memory."""
        return self._kept.bytes

    def check_unchanged(self) -> None:
        """Raises UnreadableInput where the file is no longer the one that was opened."""
        if self._stamp != stamp_of(self.clip.path):
            raise UnreadableInput(
                f"'{self.clip.path}' has changed since it was opened", hint="start vidfx tune again to see it as it is"
            )

    def around(self, index: int, seconds: float) -> tuple[int, int]:
        """First and last frame of the stretch of `seconds` about a frame, by their times; moved inward at the ends."""
        ticks = round(Fraction(seconds) / self.clip.time_base)
        begin = self.pts[index] - ticks // 2
        begin = max(self.pts[0], min(begin, self.pts[-1] - ticks))
        first = bisect_left(self.pts, begin)
        last = bisect_right(self.pts, begin + ticks) - 1
        return min(first, index), max(last, index)

    def frame(self, index: int) -> Frame:
        """Frame `index` of the clip. Raises UsageError past the ends, UnreadableInput where it cannot be decoded."""
        if not 0 <= index < len(self.pts):
            raise UsageError(f"there is no frame {index}", hint=f"the clip has frames 0 to {len(self.pts) - 1}")
        return self._kept.get(index) or self._read(index)

    def frames(self, first: int, last: int) -> Iterator[Frame]:
        """Frames `first` to `last`, both included."""
        for index in range(first, last + 1):
            yield self.frame(index)

    def close(self) -> None:
        """Closes the file; the next frame opens it again."""
        if self._run is not None:
            self._run.close()  # type: ignore[attr-defined]  # a generator
            self._run = None

    def _read(self, index: int) -> Frame:
        if self._run is None or not self._next <= index < self._next + _NEAR:
            self.close()
            wanted = Range(first=index) if self.clip.kind != "still" else Range()
            back = min(index, _BACK)
            self._run = read_frames(
                self.clip, wanted=wanted, warm_up=back, threads=self._threads, table=self._table, notify=lambda _: None
            )
        found = None
        for frame in self._run:
            unmarked = replace(frame, starts_shot=False)  # only the first that was read; here that says nothing
            self._kept.put(frame.index, unmarked, frame.image.nbytes)
            self._next = frame.index + 1
            if frame.index >= index:
                found = unmarked
                break
        if found is None or found.index != index:
            self.close()
            raise UnreadableInput(f"frame {index} of '{self.clip.path}' cannot be decoded", hint="step to the next one")
        return found


def stamp_of(path: Path) -> tuple[int, int] | None:
    """What tells a file from what lay there before; None for a pattern, and where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
