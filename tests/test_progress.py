"""Progress: who hears what, where and how often."""

from __future__ import annotations

import io
import json
import os
import re
from fractions import Fraction

import numpy as np
import pytest

from vidfx.errors import UsageError
from vidfx.frames import Frame
from vidfx.progress import Bar, Json, Lines, Notices, OpenJD, Progress, Quiet, choose_progress, minutes

PIXEL = np.zeros((1, 1, 3), np.uint8)


class Clock:
    """Time that passes when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def run(progress: Progress, clock: Clock, count: int, *, total: int | None, seconds_each: float) -> None:
    progress.begin(total, Fraction(24))
    for index in range(count):
        clock.now += seconds_each
        progress.frame(Frame(index=index, pts=index, time_base=Fraction(1, 24), duration=1, image=PIXEL, source=PIXEL))
    progress.end()


class Flushed(io.StringIO):
    """Counts the lines that had left the buffer when the next one was written."""

    flushes = 0

    def flush(self) -> None:
        self.flushes += 1


def test_lines_come_once_a_second_and_are_flushed() -> None:
    clock, stream = Clock(), Flushed()
    run(Lines(stream, clock=clock), clock, 100, total=100, seconds_each=0.25)  # 25 s in all
    lines = stream.getvalue().splitlines()
    assert len(lines) == 25
    assert stream.flushes >= 25
    assert lines[9] == "frame 40/100  40.0 %  4.0 frames/s  0.17× real time  0:15 left"


def test_lines_without_a_known_end_promise_nothing() -> None:
    clock, stream = Clock(), io.StringIO()
    run(Lines(stream, clock=clock), clock, 3, total=None, seconds_each=1)
    assert "left" not in stream.getvalue() and "%" not in stream.getvalue()
    assert stream.getvalue().splitlines()[2] == "frame 3  1.0 frames/s  0.04× real time"


def test_a_container_that_claimed_too_few_frames_never_passes_100_percent() -> None:
    clock, stream = Clock(), io.StringIO()
    run(OpenJD(stream, clock=clock), clock, 50, total=10, seconds_each=1)
    percents = [float(line.split()[1]) for line in stream.getvalue().splitlines() if "progress" in line]
    assert percents == sorted(percents)
    assert max(percents) == 100.0


def test_what_an_earlier_render_left_counts_as_done_but_not_as_speed() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = Lines(stream, clock=clock)
    progress.begin(100, Fraction(24), done=80)
    clock.now += 2
    progress.advance(10)
    assert stream.getvalue() == "frame 90/100  90.0 %  5.0 frames/s  0.21× real time  0:02 left\n"


def test_a_bar_may_begin_with_what_is_done() -> None:
    stream = io.StringIO()
    bar = Bar(stream)
    bar.begin(10, Fraction(24), done=5)
    bar.advance(5)
    bar.say("one film is done")
    bar.end()
    assert "10/10" in stream.getvalue() and "one film is done\n" in stream.getvalue()


def test_json_lines_are_objects_with_both_ends() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = Json(stream, clock=clock)
    progress.begin(100, Fraction(24), done=80)
    progress.notice("two\nlines, and an ü")
    for _ in range(20):
        clock.now += 0.25
        progress.advance(1)
    progress.end()
    progress.end()
    progress.finish("wrote it")
    said = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert said[0] == {"frame": 80, "total": 100, "frames_per_second": 0.0, "speed": 0.0, "left": None}
    assert said[1] == {"note": "two\nlines, and an ü"}
    assert said[2] == {"frame": 84, "total": 100, "frames_per_second": 4.0, "speed": 0.167, "left": 4.0}
    assert [report["frame"] for report in said[2:-1]] == [84, 88, 92, 96, 100]
    assert said[-1] == {"done": "wrote it"}


def test_openjd_lines_are_as_its_specification_says() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = OpenJD(stream, clock=clock)
    run(progress, clock, 8, total=16, seconds_each=0.5)
    progress.notice("two\nlines")
    progress.finish("wrote it")
    progress.fail("no\ngood")
    lines = stream.getvalue().splitlines()
    shape = re.compile(r"openjd_progress: \d{1,3}(\.\d+)?|openjd_(status|fail): \S.*")
    assert all(shape.fullmatch(line) for line in lines)
    assert lines == [
        "openjd_status: rendering",
        *(f"openjd_progress: {p}" for p in (12.5, 25.0, 37.5, 50.0)),
        "openjd_status: two lines",
        "openjd_progress: 100.0",
        "openjd_status: wrote it",
        "openjd_fail: no good",
    ]


def test_openjd_without_a_known_end_reports_frames_as_status() -> None:
    clock, stream = Clock(), io.StringIO()
    run(OpenJD(stream, clock=clock), clock, 2, total=None, seconds_each=1)
    assert stream.getvalue().splitlines()[1:] == ["openjd_status: frame 1", "openjd_status: frame 2"]


def test_a_notice_stands_on_a_line_of_its_own_above_the_bar() -> None:
    stream = io.StringIO()
    bar = Bar(stream)
    bar.begin(10, Fraction(24))
    bar.frame(Frame(index=0, pts=0, time_base=Fraction(1, 24), duration=1, image=PIXEL, source=PIXEL))
    bar.notice("HDR source: tone-mapped")
    bar.end()
    assert re.search(r"\r *\rnote: HDR source: tone-mapped\n", stream.getvalue())
    assert "× real time" in stream.getvalue()
    assert "\x1b[3" not in stream.getvalue()  # no colour
    assert stream.getvalue().endswith("\r")  # the bar is wiped away


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals on this system")
@pytest.mark.parametrize("columns", [0, 120])
def test_a_bar_is_drawn_on_a_terminal_even_if_it_has_no_size(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    import fcntl
    import struct
    import termios

    ours, theirs = os.openpty()
    os.set_blocking(ours, False)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    with os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        run(Bar(), Clock(), 3, total=12, seconds_each=0)
        drawn = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "0/12 frames" in drawn


@pytest.mark.parametrize("total", [None, 0, 3])
def test_a_bar_survives_any_total(total: int | None) -> None:
    stream = io.StringIO()
    run(Bar(stream), Clock(), 5, total=total, seconds_each=0)
    assert "frames" in stream.getvalue()


def test_end_may_come_twice_or_without_a_beginning() -> None:
    for progress in (Progress(), Lines(io.StringIO()), Bar(io.StringIO()), OpenJD(io.StringIO())):
        progress.end()
        progress.end()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "term", "kind"),
    [(Terminal(), "xterm", Bar), (Terminal(), "dumb", Lines), (io.StringIO(), "xterm", Lines)],
)
def test_auto_draws_a_bar_only_where_one_can_be_drawn(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, term: str, kind: type
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", term)
    assert type(choose_progress("auto", quiet=False, json=False)) is kind


def test_quiet_silences_all_but_the_farm(capsys: pytest.CaptureFixture[str]) -> None:
    assert type(choose_progress("bar", quiet=True, json=False)) is Quiet
    assert type(choose_progress("openjd", quiet=True, json=False)) is OpenJD
    quiet = choose_progress("auto", quiet=True, json=True)
    quiet.notice("hello")
    quiet.finish("done")
    assert capsys.readouterr() == ("", "")


def test_none_still_tells_what_matters(capsys: pytest.CaptureFixture[str]) -> None:
    progress = choose_progress("none", quiet=False, json=False)
    assert type(progress) is Notices
    run(progress, Clock(), 5, total=5, seconds_each=9)
    progress.notice("a stream was dropped")
    assert capsys.readouterr() == ("", "note: a stream was dropped\n")


def test_json_and_openjd_do_not_share_stdout() -> None:
    with pytest.raises(UsageError, match="both want stdout"):
        choose_progress("openjd", quiet=False, json=True)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (65.4, "1:05"), (7403, "2:03:23")])
def test_minutes(seconds: float, text: str) -> None:
    assert minutes(seconds) == text
