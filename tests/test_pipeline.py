"""The stages composed: order kept, errors raised where frames are consumed, memory bounded, parts equal the whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip, make_sequence, picture
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import vidfx
from vidfx import UsageError
from vidfx.frames import Frame
from vidfx.images import write_picture
from vidfx.pipeline import paint, prefetch
from vidfx.seeking import Stretch
from vidfx.settings import Look, Range
from vidfx.shots import LOOK_AHEAD
from vidfx.source import open_clip
from vidfx.steady import warm_up_frames
from vidfx.styles.stylizer import Stylizer


def threads() -> int:
    return sum(t.name == "vidfx-prefetch" for t in threading.enumerate())


@given(st.lists(st.integers()), st.integers(1, 5))
def test_prefetch_changes_nothing(items: list[int], depth: int) -> None:
    assert list(prefetch(iter(items), depth)) == items


def test_prefetch_runs_no_further_ahead_than_its_depth() -> None:
    made: list[int] = []

    def stage() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    ahead = prefetch(stage(), depth=3)
    next(ahead)
    time.sleep(0.3)
    assert len(made) <= 1 + 3 + 1  # consumed, queued, and one in hand
    ahead.close()


def test_an_error_in_the_worker_is_raised_where_the_frames_are_consumed() -> None:
    def stage() -> Iterator[int]:
        yield 1
        raise UsageError("the stage broke")

    frames = prefetch(stage(), depth=2)
    assert next(frames) == 1
    with pytest.raises(UsageError, match="the stage broke"):
        next(frames)
    assert threads() == 0


def test_stopping_early_stops_the_thread_and_closes_the_stage() -> None:
    closed = threading.Event()

    def stage() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed.set()

    frames = prefetch(prefetch(stage(), depth=1), depth=1)
    next(frames)
    frames.close()
    assert closed.wait(2)
    assert threads() == 0


def test_every_frame_arrives_in_order_with_its_own_time(stylizer: Stylizer, tmp_path: Path) -> None:
    pts = [0, 3, 4, 9, 10, 11, 30, 31, 40]
    clip = open_clip(make_clip(tmp_path / "vfr.mp4", pts=[p * 512 for p in pts], frames=len(pts)))
    frames = list(paint(clip, stylizer, look=Look(), wanted=Range()))
    assert [f.pts for f in frames] == [p * 512 for p in pts]
    assert [f.index for f in frames] == list(range(len(pts)))
    assert threads() == 0


def test_the_first_frame_after_a_cut_is_the_unsmoothed_one(stylizer: Stylizer, tmp_path: Path) -> None:
    clip = open_clip(make_clip(tmp_path / "cuts.mp4", frames=24, cuts=(8, 16)))
    frames = list(paint(clip, stylizer, look=Look(), wanted=Range()))
    assert len(frames) == 24
    for frame in frames:
        plain = stylizer.stylize(frame.source[None])[0]
        if frame.index in (0, 8, 16):
            assert frame.starts_shot
            assert np.array_equal(frame.image, plain)
        else:
            assert not frame.starts_shot


def test_strength_0_is_the_source(stylizer: Stylizer, tmp_path: Path) -> None:
    clip = open_clip(make_clip(tmp_path / "clip.mp4", frames=5))
    frames = list(paint(clip, stylizer, look=Look(strength=0), wanted=Range()))
    assert len(frames) == 5 and all(np.array_equal(frame.image, frame.source) for frame in frames)


def test_frames_of_ones_own_become_what_a_render_of_them_is(tmp_path: Path, stylizer: Stylizer) -> None:
    pictures = [picture(i, (96, 64), cuts=(5,)) for i in range(9)]
    film = make_clip(tmp_path / "film.mkv", pictures=pictures, codec="ffv1", pix_fmt="bgr0")
    time = {"time_base": Fraction(1, 24), "duration": 1}
    mattes = [np.full((64, 96), 200, np.uint8)] * 9
    look = Look(strength=0.8)
    own = (Frame(index=n, pts=n, image=p, source=p, **time) for n, p in enumerate(pictures))
    ours = list(vidfx.paint_frames(own, stylizer, look=look, matte=iter(mattes)))
    write_picture(tmp_path / "matte.png", mattes[0][..., None].repeat(3, 2))
    look = replace(look, matte=tmp_path / "matte.png")
    theirs = list(paint(open_clip(film), stylizer, look=look, wanted=Range()))
    for one, other in zip(ours, theirs, strict=True):
        assert one.starts_shot is other.starts_shot
        np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda n: np.zeros((64, 96, 3)), "64 × 96 × 3, float64"),
        (lambda n: np.zeros((64, 96), np.uint8), "64 × 96, uint8"),
        (lambda n: np.zeros((64, 96 + 2 * n, 3), np.uint8), "frame 1 is 98×64, the first 96×64"),
    ],
)
def test_frames_that_cannot_be_painted_are_refused_in_words(
    stylizer: Stylizer, made: Callable[[int], NDArray[Any]], words: str
) -> None:
    time = {"time_base": Fraction(1, 24), "duration": 1}
    frames = (Frame(index=n, pts=n, image=made(n), source=made(n), **time) for n in range(3))
    with pytest.raises(UsageError, match=words) as caught:
        list(vidfx.paint_frames(frames, stylizer))
    assert caught.value.hint


def test_a_matte_that_is_only_a_path_is_not_passed_over(stylizer: Stylizer) -> None:
    black = np.zeros((64, 96, 3), np.uint8)
    frame = Frame(index=0, pts=0, time_base=Fraction(1, 24), duration=1, image=black, source=black)
    with pytest.raises(UsageError, match=r"'m\.png' are not given"):
        list(vidfx.paint_frames(iter([frame]), stylizer, look=Look(matte=Path("m.png"))))


def test_a_part_that_begins_in_mid_shot_equals_the_whole(stylizer: Stylizer, tmp_path: Path) -> None:
    warm_up = warm_up_frames(1.0) + 2 * LOOK_AHEAD
    first, count = warm_up + 5, warm_up + 40
    clip = open_clip(make_clip(tmp_path / "clip.mp4", frames=count, gop=12))
    whole = list(paint(clip, stylizer, look=Look(), wanted=Range()))
    stretch = Stretch(first=first, warm_up=warm_up)
    part = list(paint(clip, stylizer, look=Look(), wanted=Range(first=first), stretch=stretch))
    assert [f.index for f in part] == list(range(first, count))
    for ours, theirs in zip(part, whole[first:], strict=True):
        assert np.abs(ours.image.astype(int) - theirs.image.astype(int)).max() <= 1


def test_a_matte_follows_the_frames(stylizer: Stylizer, tmp_path: Path) -> None:
    """Left half white, and from frame 3 on the right half: the source stays where the matte is black."""
    clip = open_clip(make_sequence(tmp_path, frames=6))
    for number in range(6):
        matte = np.zeros((32, 48, 3), np.uint8)
        matte[:, :24] = 255 if number < 3 else 0
        matte[:, 24:] = 255 if number >= 3 else 0
        write_picture(tmp_path / f"matte.{number:04d}.png", matte)
    look = Look(matte=tmp_path / "matte.%04d.png", smooth=0)
    for wanted in (Range(), Range(first=2)):
        for frame in paint(clip, stylizer, look=look, wanted=wanted):
            styled = stylizer.stylize(frame.source[None])[0]
            left, right = (styled, frame.source) if frame.index < 3 else (frame.source, styled)
            assert np.abs(frame.image[:, :23].astype(int) - left[:, :23]).max() <= 1
            assert np.abs(frame.image[:, 25:].astype(int) - right[:, 25:]).max() <= 1


def test_the_last_picture_of_a_matte_stays_wherever_a_range_begins(stylizer: Stylizer, tmp_path: Path) -> None:
    clip = open_clip(make_sequence(tmp_path, frames=9))
    for number in range(3):
        matte = np.full((32, 48, 3), 255 if number == 2 else 0, np.uint8)
        write_picture(tmp_path / f"matte.{number:04d}.png", matte)
    look = Look(matte=tmp_path / "matte.%04d.png", smooth=0)
    [found] = paint(clip, stylizer, look=look, wanted=Range(first=7, last=7))
    assert np.abs(found.image.astype(int) - stylizer.stylize(found.source[None])[0]).max() <= 1


def test_what_is_left_out_of_a_matte_is_said_as_all_else(
    stylizer: Stylizer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = open_clip(make_sequence(tmp_path, frames=2))
    write_picture(tmp_path / "m.png", np.full((32, 48, 3), 255, np.uint8), np.full((32, 48), 9, np.uint8))
    said: list[str] = []
    list(paint(clip, stylizer, look=Look(matte=tmp_path / "m.png"), wanted=Range(), notify=said.append))
    assert ["alpha" in text for text in said] == [True]
    assert not caplog.records


def test_the_stages_work_on_frames_of_ones_own(stylizer: Stylizer) -> None:
    from vidfx.steady import steady
    from vidfx.stylize import stylize

    pictures = [picture(i, (64, 48)) for i in range(4)]
    frames = (
        Frame(index=i, pts=i, time_base=Fraction(1, 24), duration=1, image=p, source=p, starts_shot=i == 0)
        for i, p in enumerate(pictures)
    )
    out = list(steady(stylize(frames, stylizer)))
    assert [f.image.shape for f in out] == [(48, 64, 3)] * 4
    assert replace(out[0], image=out[0].source).image is pictures[0]


@pytest.mark.parametrize(
    "wanted",
    [Range(start=Fraction(1, 3)), Range(end=Fraction(2, 3)), Range(first=12, step=2), Range(start=Fraction(1))],
)
def test_a_numbered_matte_goes_by_the_clips_numbers(stylizer: Stylizer, tmp_path: Path, wanted: Range) -> None:
    """Whatever the clip's rate, and wherever it is cut: picture n of the matte is frame n's, and its last one stays."""
    clip = open_clip(make_clip(tmp_path / "in.mkv", frames=36, rate=30, codec="ffv1"))
    for number in range(29):
        write_picture(tmp_path / f"m.{number:04d}.png", np.full((8, 8, 3), 255 * (number % 3 == 0), np.uint8))
    look = Look(smooth=0, matte=tmp_path / "m.%04d.png")
    frames = list(paint(clip, stylizer, look=look, wanted=wanted))
    assert len(frames) > 2
    for frame in frames:
        assert np.array_equal(frame.image, frame.source) == (min(frame.index, 28) % 3 != 0), frame.index
