"""How frames and parts are written, for artists and farms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidfx.errors import UsageError
from vidfx.ranges import clamp, parse_ranges, write_ranges

RUNS = st.tuples(st.integers(-50, 50), st.integers(0, 60), st.integers(1, 9))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("7", [7]),
        ("0-3", [0, 1, 2, 3]),
        ("1-10x2", [1, 3, 5, 7, 9]),
        ("-5", [-5]),
        ("-3--1", [-3, -2, -1]),
        ("-2-2x2", [-2, 0, 2]),
        (" 1-2 , 9,4-4 ", [1, 2, 9, 4]),
    ],
)
def test_runs_are_read(text: str, numbers: list[int]) -> None:
    assert [number for run in parse_ranges(text) for number in run] == numbers


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1-10y2", "leaves out"),
        ("1-10x2,1-10y3", "leaves out"),
        ("1-10:2", "staggered"),
        ("9-1", "runs backwards"),
        ("0-9x0", "step is at least 1"),
        ("", "not a frame range"),
        ("1,", "not a frame range"),
        ("1-", "not a frame range"),
        ("--1", "not a frame range"),
        ("7x2", "not a frame range"),
        ("1.5", "not a frame range"),
        ("1-2-3", "not a frame range"),
        ("99999999999999", "not a frame range"),
        ("٣", "not a frame range"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        parse_ranges(text)
    assert caught.value.hint


@given(st.lists(RUNS, min_size=1, max_size=5))
def test_a_written_list_means_its_runs(runs: list[tuple[int, int, int]]) -> None:
    text = ",".join(f"{first}-{first + length}x{step}" for first, length, step in runs)
    wanted = [list(range(first, first + length + 1, step)) for first, length, step in runs]
    assert [list(run) for run in parse_ranges(text)] == wanted


@given(st.lists(RUNS, min_size=1, max_size=5), st.integers(0, 40))
def test_clamping_keeps_exactly_what_is_there(runs: list[tuple[int, int, int]], count: int) -> None:
    ranges = [range(first, first + length + 1, step) for first, length, step in runs]
    kept, outside = clamp(ranges, count)
    assert kept == sorted({n for run in ranges for n in run if 0 <= n < count})
    assert outside == sum(not 0 <= n < count for run in ranges for n in run)


def test_clamping_a_huge_range_is_immediate() -> None:
    assert clamp(parse_ranges("-999999999-999999999x3"), 7) == ([0, 3, 6], 666666664)


@given(st.sets(st.integers(-200, 200)))
def test_what_is_written_reads_back(numbers: set[int]) -> None:
    rising = sorted(numbers)
    text = write_ranges(rising)
    assert [number for run in (parse_ranges(text) if text else ()) for number in run] == rising


def test_runs_are_written_short() -> None:
    assert write_ranges([0, 1, 2, 3, 7, 10, 12, 14, 20, 21]) == "0-3,7,10-14x2,20-21"
    assert write_ranges([5, 9]) == "5,9"
