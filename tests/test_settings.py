"""What a time, a frame range and a look may be."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidfx.errors import UsageError
from vidfx.settings import Look, Range


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", Fraction(0)),
        ("12.5", Fraction(25, 2)),
        ("12.5s", Fraction(25, 2)),
        ("250ms", Fraction(1, 4)),
        ("40us", Fraction(1, 25_000)),
        ("1:02.5", Fraction(125, 2)),
        ("01:02:03.25", Fraction(14893, 4)),
        ("0.1", Fraction(1, 10)),
    ],
)
def test_times_are_read_exactly(text: str, seconds: Fraction) -> None:
    assert Range.parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "abc", "1:2:3:4", "1e3", "1,5", "5m", "nan", "1:"])
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="not a time") as caught:
        Range.parse_time(text)
    assert "01:02:03.25" in caught.value.hint


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_any_clock_time_is_exact(hours: int, minutes: int, seconds: int, thousandths: int) -> None:
    text = f"{hours}:{minutes:02}:{seconds:02}.{thousandths:03}"
    assert Range.parse_time(text) == hours * 3600 + minutes * 60 + seconds + Fraction(thousandths, 1000)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [("7", (7, 7, 1)), ("0-99", (0, 99, 1)), ("0-99x2", (0, 99, 2)), (" 3-3 ", (3, 3, 1)), ("-5-9", (-5, 9, 1))],
)
def test_frame_ranges(text: str, meaning: tuple[int, int, int]) -> None:
    assert Range.parse_frames(text) == meaning


@pytest.mark.parametrize("text", ["9-3", "0-9x0", "a-b", "", "1-", "7x2"])
def test_what_is_no_frame_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a frame range"):
        Range.parse_frames(text)


@pytest.mark.parametrize("text", ["0-9:2", "0-9y2", "0-9,20-29"])
def test_a_frame_range_that_a_render_does_not_take_says_why(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Range.parse_frames(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "kept"),
    [("0-9", (0, 9)), ("0-40", (0, 23)), ("-7-40x2", (1, 23)), ("30-40", (30, 40)), ("-9--1", (-9, -1))],
)
def test_frames_that_a_clip_lacks_are_left_out_and_told(text: str, kept: tuple[int, int]) -> None:
    first, last, step = Range.parse_frames(text)
    left, notice = Range(first=first, last=last, step=step).clamped(24)
    assert (left.first, left.last, left.step) == (*kept, step)
    assert bool(notice) == (kept != (first, last))


@pytest.mark.parametrize(("start", "end"), [(5, 3), (5, 5)])
def test_a_range_ends_after_it_begins(start: int, end: int) -> None:
    with pytest.raises(UsageError, match="before it begins"):
        Range(start=Fraction(start), end=Fraction(end))


def test_what_is_equal_is_one_setting() -> None:
    """By whatever kind of number it is said; a render goes by exact seconds."""
    assert repr(Look(strength=0, smooth=1)) == repr(Look(strength=0.0, smooth=1.0))
    assert repr(Range(start=2, end=2.5)) == repr(Range(start=Fraction(2), end=Fraction(5, 2)))
    with pytest.raises(UsageError, match="no time"):
        Range(start=float("nan"))


def test_only_an_untouched_range_is_whole() -> None:
    assert Range().whole
    assert not Range(start=Fraction(0)).whole
    assert not Range(step=2).whole


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
@pytest.mark.parametrize("name", ["strength", "smooth"])
def test_shares_lie_between_0_and_1(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"--{name} must be between 0 and 1"):
        Look(**{name: value})
