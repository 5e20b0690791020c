"""How a render says how far it is: a bar, plain lines, Open Job Description's lines, or nothing.

A stage reports through `Progress` and knows none of these. Talk goes to stderr; only Open Job Description's lines go
to stdout, because a farm reads them as data.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TextIO

from vidfx.errors import UsageError

if TYPE_CHECKING:
    from tqdm import tqdm

    from vidfx.frames import Frame

Kind = Literal["auto", "bar", "lines", "json", "openjd", "none"]
EVERY = 1.0
"""Seconds between two plain lines."""


class Progress:
    """Says nothing at all; the base of those that talk. `notice` may be called from any thread."""

    def begin(self, total: int | None, rate: Fraction, done: int = 0) -> None:
        """Rendering begins. `total`: frames expected, None if unknown; `rate`: the clip's frames per second; `done`:
        how many of the frames an earlier render has left finished."""

    def frame(self, frame: Frame) -> None:
        """One more frame is done."""
        self.advance(1)

    def advance(self, frames: int) -> None:
        """So many more frames are done, here or by another process."""

    def say(self, text: str) -> None:
        """A line in its own right, such as one film of many that is done."""

    def notice(self, text: str) -> None:
        """A line the user should read, such as what became of an HDR source."""

    def end(self) -> None:
        """Rendering is over, well or not. May be called twice."""

    def finish(self, text: str) -> None:
        """The job succeeded; `text` is its closing line."""

    def fail(self, text: str) -> None:
        """The job failed because of `text`, which the caller reports to people itself."""


class _Talking(Progress):
    """Counts frames and speaks to one stream."""

    def __init__(self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = stream or sys.stderr
        self._clock = clock
        self._total: int | None = None
        self._rate = Fraction(25)
        self._done = self._before = 0
        self._began = clock()

    def begin(self, total: int | None, rate: Fraction, done: int = 0) -> None:
        self._total, self._rate, self._began = total, rate, self._clock()
        self._done = self._before = done

    def advance(self, frames: int) -> None:
        self._done += frames
        if self._total is not None:
            self._total = max(self._total, self._done)  # it was an estimate

    def say(self, text: str) -> None:
        self._say(text)

    def notice(self, text: str) -> None:
        self._say(f"note: {text}")

    def finish(self, text: str) -> None:
        self._say(text)

    def _say(self, text: str) -> None:
        try:
            print(text, file=self.stream, flush=True)
        except BrokenPipeError:
            raise
        except OSError:  # a log on a full disk is no reason to stop painting
            if self.stream is not sys.stderr:
                raise

    def _speed(self) -> tuple[float, float]:
        """Frames per second, and film seconds per second."""
        per_second = (self._done - self._before) / max(self._clock() - self._began, 1e-9)
        return per_second, per_second / float(self._rate) if self._rate else 0.0

    def _percent(self) -> float | None:
        return 100 * self._done / self._total if self._total else None


class Quiet(Progress):
    """The same silence, chosen by the user: not even notices."""


class Notices(_Talking):
    """Notices and the closing line, but no progress."""


class Lines(_Talking):
    """One plain, flushed line a second, for logs."""

    _spoke = 0.0

    def begin(self, total: int | None, rate: Fraction, done: int = 0) -> None:
        super().begin(total, rate, done)
        self._spoke = self._began

    def advance(self, frames: int) -> None:
        super().advance(frames)
        if self._clock() - self._spoke >= EVERY:
            self._spoke = self._clock()
            self._report()

    def _report(self) -> None:
        per_second, speed = self._speed()
        percent = self._percent()
        parts = [f"frame {self._done}" + (f"/{self._total}" if self._total else "")]
        if percent is not None and self._total:
            parts.append(f"{percent:.1f} %")
        parts += [f"{per_second:.1f} frames/s", f"{speed:.2f}× real time"]
        if self._total:
            parts.append(f"{minutes((self._total - self._done) / max(per_second, 1e-9))} left")
        self._say("  ".join(parts))


class Json(Lines):
    """One JSON object a line on stderr, for programs: `frame`, `total`, `frames_per_second`, `speed` (1 is real time)
    and `left` (seconds) once a second and at both ends; `note`; and `done` or `failed` as the last one."""

    _reported = 0

    def begin(self, total: int | None, rate: Fraction, done: int = 0) -> None:
        super().begin(total, rate, done)
        self._report()

    def end(self) -> None:
        if self._done > self._reported:
            self._report()

    def _report(self) -> None:
        self._reported = self._done
        per_second, speed = self._speed()
        left = (self._total - self._done) / per_second if self._total and per_second else None
        report = {"frame": self._done, "total": self._total, "frames_per_second": round(per_second, 2)}
        self._put(report | {"speed": round(speed, 3), "left": left if left is None else round(left, 1)})

    def say(self, text: str) -> None:
        self._put({"note": text})

    def notice(self, text: str) -> None:
        self._put({"note": text})

    def finish(self, text: str) -> None:
        self._put({"done": text})

    def fail(self, text: str) -> None:
        self._put({"failed": text})

    def _put(self, said: Mapping[str, object]) -> None:
        self._say(json.dumps(said, ensure_ascii=False))


class OpenJD(Lines):
    """The lines a farm's worker looks for on stdout (Open Job Description, "Stdout/Stderr Messages").

    `openjd_progress:` takes a number from 0 to 100, `openjd_status:` and `openjd_fail:` a text, each on one line.
    """

    def __init__(self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream or sys.stdout, clock=clock)

    def begin(self, total: int | None, rate: Fraction, done: int = 0) -> None:
        super().begin(total, rate, done)
        self._say("openjd_status: rendering")

    def _report(self) -> None:
        percent = self._percent()
        if percent is None:
            self._say(f"openjd_status: frame {self._done}")
        else:
            self._say(f"openjd_progress: {percent:.1f}")

    def say(self, text: str) -> None:
        self._say(f"openjd_status: {_one_line(text)}")

    def notice(self, text: str) -> None:
        self.say(text)

    def finish(self, text: str) -> None:
        self._say("openjd_progress: 100.0")
        self._say(f"openjd_status: {_one_line(text)}")

    def fail(self, text: str) -> None:
        self._say(f"openjd_fail: {_one_line(text)}")


class Bar(_Talking):
    """A bar on a terminal: frames, frames per second, time left, and how that compares with real time."""

    _bar: tqdm[None] | None = None

    def begin(self, total: int | None, rate: Fraction, done: int = 0) -> None:
        from tqdm import tqdm

        super().begin(total, rate, done)
        self.end()
        tqdm.monitor_interval = 0  # no watcher thread: with miniters=1 it has nothing to do
        measured = _columns(self.stream) > 0  # a terminal without a size (a container's, say) would hide the bar
        counted = "{percentage:3.0f} % |{bar}| {n_fmt}/{total_fmt} frames  {rate_noinv_fmt}{postfix}  {remaining} left"
        open_ended = "{n_fmt} frames  {rate_noinv_fmt}{postfix}  {elapsed}"
        self._bar = tqdm(
            total=total,
            initial=done,
            unit=" frames",
            file=self.stream,
            leave=False,
            miniters=1,
            ncols=None if measured else 80,
            nrows=None if measured else 24,
            dynamic_ncols=measured,
            bar_format=counted if total else open_ended,
        )

    def advance(self, frames: int) -> None:
        super().advance(frames)
        if self._bar is not None:
            self._bar.total = self._total
            self._bar.set_postfix_str(f"{self._speed()[1]:.2f}× real time", refresh=False)
            self._bar.update(frames)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _say(self, text: str) -> None:
        if self._bar is None:
            super()._say(text)
        else:
            self._bar.write(text, file=self.stream)  # above the bar, not through it


def choose_progress(kind: Kind, *, quiet: bool, json: bool) -> Progress:
    """The progress the user asked for; `auto` draws a bar on a terminal and prints lines elsewhere.

    `quiet` silences all but `openjd` and `json`, which are for a machine. Raises UsageError where `openjd` and the
    flag `--json` both claim stdout.
    """
    if kind == "openjd":
        if json:
            raise UsageError("--json and --progress openjd both want stdout", hint="drop one of the two")
        return OpenJD()
    if kind == "json":
        return Json()
    if quiet:
        return Quiet()
    if kind == "auto":
        kind = "bar" if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else "lines"
    return {"bar": Bar, "lines": Lines, "none": Notices}[kind]()


def minutes(seconds: float) -> str:
    """`1:05` or `2:03:20`."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


def _one_line(text: str) -> str:
    return " ".join(text.split())
