"""Cuts are found, and only cuts: made-up clips of a few dozen small frames, and one real clip where it is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidfx.frames import Frame, Picture
from vidfx.shots import LOOK_AHEAD, mark_shots

CLIPS = Path(__file__).resolve().parents[2] / "shared" / "media" / "clips"


def scene(seed: int, width: int = 192, height: int = 108) -> Picture:
    """A smooth random picture: blobs of colour, as unlike another seed's as two shots are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 18 + 1, width // 18 + 1, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def clip(pictures: Iterable[Picture]) -> list[Frame]:
    return [
        Frame(index=i, pts=i, time_base=Fraction(1, 25), duration=1, image=p, source=p) for i, p in enumerate(pictures)
    ]


def starts(frames: list[Frame]) -> list[int]:
    out = list(mark_shots(iter(frames)))
    assert [frame.index for frame in out] == [frame.index for frame in frames]
    return [frame.index for frame in out if frame.starts_shot]


@given(lengths=st.lists(st.integers(5, 9), min_size=1, max_size=4))
def test_every_hard_cut_is_found_and_nothing_else(lengths: list[int]) -> None:
    noise = np.random.default_rng(1)
    pictures = [
        np.clip(scene(shot) + noise.normal(0, 3, (108, 192, 3)), 0, 255).astype(np.uint8)
        for shot, length in enumerate(lengths)
        for _ in range(length)
    ]
    assert starts(clip(pictures)) == [0, *np.cumsum(lengths)[:-1]]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4])
def test_a_clip_of_a_few_frames(length: int) -> None:
    assert starts(clip([scene(0)] * length)) == [0][:length]


def test_a_cut_just_before_the_end_is_found() -> None:
    assert starts(clip([scene(0)] * 8 + [scene(1)])) == [0, 8]


def test_a_fast_pan_is_no_cut() -> None:
    wide = scene(3, width=1600)
    still, pan = [wide[:, :192]] * 6, [wide[:, x : x + 192] for x in range(0, 1200, 40)]
    assert starts(clip(np.ascontiguousarray(picture) for picture in still + pan)) == [0]


def test_a_single_flash_is_no_cut() -> None:
    flash = np.full_like(scene(0), 250)
    assert starts(clip([scene(0)] * 7 + [flash] + [scene(0)] * 7)) == [0]


@pytest.mark.parametrize("steps", [10, 25, 40])
@pytest.mark.parametrize("ends", [(1, 0), (0, 1)])
def test_a_fade_to_or_from_black_is_no_cut(ends: tuple[int, int], steps: int) -> None:
    levels = [ends[0]] * 5 + list(np.linspace(*ends, steps)) + [ends[1]] * 5
    assert starts(clip((scene(0) * level).astype(np.uint8) for level in levels)) == [0]


def test_a_mark_that_is_there_stays_and_the_callback_sees_every_mark() -> None:
    frames = clip([scene(0)] * 6 + [scene(1)] * 6)
    frames[3] = replace(frames[3], starts_shot=True)
    seen: list[int] = []
    out = list(mark_shots(iter(frames), on_shot=lambda frame: seen.append(frame.index)))
    assert seen == [0, 3, 6] == [frame.index for frame in out if frame.starts_shot]


def test_only_a_few_frames_wait_in_memory() -> None:
    taken = 0

    def counted() -> Iterator[Frame]:
        nonlocal taken
        for frame in clip([scene(0, 32, 18)] * 50):
            taken += 1
            yield frame

    given_back = 0
    for given_back, _ in enumerate(mark_shots(counted()), start=1):
        assert taken - given_back <= LOOK_AHEAD
    assert given_back == 50


def test_a_part_of_a_clip_is_cut_as_the_whole_is() -> None:
    frames = clip([scene(n // 7) for n in range(35)])
    whole = starts(frames)
    first, last = 10, 22
    part = starts(frames[first - 2 * LOOK_AHEAD : last + LOOK_AHEAD])
    assert [n for n in part if first <= n < last] == [n for n in whole if first <= n < last] == [14, 21]


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 3), (2, 3, 3), (301, 7, 3)])
def test_pictures_of_any_shape(shape: tuple[int, ...]) -> None:
    assert starts(clip([np.zeros(shape, np.uint8)] * 5)) == [0]


def test_the_five_cuts_of_a_real_clip() -> None:
    path = CLIPS / "bikes.mp4"
    if not path.exists():
        pytest.skip(f"no {path.name} in {path.parent}")
    with av.open(path) as container:
        pictures = [frame.to_ndarray(format="rgb24", width=160, height=68) for frame in container.decode(video=0)]
    # The witness: the frames at which ffmpeg's scene filter (select='gt(scene,0.2)') fires.
    assert starts(clip(pictures)) == [0, 30, 76, 137, 187, 242]
