"""What looking ahead promises: calmer than the past alone, nothing across a cut, parts as the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import make_clip
from films import LOSSLESS
from test_steady import difference, frame, moving_scene, noise, paint, rms, smooth, texture, window

import vidfx
from vidfx.ahead import frames_ahead, steady_both_ways
from vidfx.errors import UsageError
from vidfx.frames import Frame
from vidfx.settings import Look
from vidfx.source import open_clip, read_frames
from vidfx.steady import warm_up_frames

AHEAD = 4


def both_ways(frames: list[Frame], amount: float = 1.0, ahead: int = AHEAD) -> list[Frame]:
    return list(steady_both_ways(iter(frames), amount=amount, window=ahead))


def still_scene(count: int, first: int = 0, seed: int = 1) -> list[Frame]:
    """A picture that stands still, painted with a flicker of its own; `first` is the number of its first frame."""
    source, jitter = window(texture(seed), 20, 20), noise(seed)
    frames = [frame(first + i, source, paint(source) + jitter()) for i in range(count)]
    return [replace(frames[0], starts_shot=True), *frames[1:]]


def test_a_step_looks_as_many_rendered_frames_ahead(tmp_path: Path, style: str) -> None:
    """Of every fourth frame, four times as many of the clip's own are looked at: the same number that is rendered."""
    pictures = [frame.source for frame in still_scene(40)]
    random = np.random.default_rng(3)
    noisy = [np.clip(p.astype(int) + random.integers(-9, 10, p.shape), 0, 255).astype(np.uint8) for p in pictures]
    make_clip(tmp_path / "all.mkv", pictures=noisy, codec="ffv1", pix_fmt="bgr0")
    make_clip(tmp_path / "fourth.mkv", pictures=noisy[::4], codec="ffv1", pix_fmt="bgr0")
    look, painted = vidfx.Look(smooth_window=2), []
    for name, wanted in (("all.mkv", vidfx.Range(step=4)), ("fourth.mkv", vidfx.Range())):
        done = vidfx.render(
            tmp_path / name, tmp_path / f"out.{name}", style=style, look=look, wanted=wanted, encode=LOSSLESS
        )
        painted.append(list(read_frames(open_clip(done.path))))
    assert len(painted[0]) == len(painted[1]) == 10
    assert max(difference(a, b).max() for a, b in zip(*painted, strict=True)) <= 1


def flicker(frames: list[Frame]) -> float:
    return rms(frames[-1].image.astype(np.float64) - paint(window(texture(1), 20, 20)))


def test_no_window_is_the_past_alone() -> None:
    frames = moving_scene(12)
    for one, other in zip(both_ways(frames, ahead=0), smooth(frames), strict=True):
        np.testing.assert_array_equal(one.image, other.image)
    assert all(one is other for one, other in zip(both_ways(frames, amount=0), frames, strict=True))


def test_it_is_calmer_than_the_past_alone_above_all_where_a_shot_begins() -> None:
    frames = still_scene(24)
    both, past = both_ways(frames), smooth(frames)
    assert flicker(both[:1]) < 0.5 * flicker(past[:1])
    later = [[flicker(frames[:count]) for count in range(6, 16)] for frames in (both, past)]
    assert np.mean(later[0]) < 0.93 * np.mean(later[1])
    np.testing.assert_array_equal(both[-1].image, past[-1].image)  # nothing comes after the last one


def test_every_frame_keeps_its_place_and_its_source() -> None:
    frames = moving_scene(11)
    for out, one in zip(both_ways(frames), frames, strict=True):
        assert (out.index, out.pts, out.starts_shot) == (one.index, one.pts, one.starts_shot)
        assert out.source is one.source
        assert out.motion is None


def test_nothing_crosses_a_cut() -> None:
    first, second = still_scene(7, seed=1), still_scene(9, first=7, seed=2)
    together = both_ways(first + second)
    for out, alone in zip(together, both_ways(first) + both_ways(second), strict=True):
        np.testing.assert_array_equal(out.image, alone.image)


@pytest.mark.parametrize("start", [20, 23])
def test_a_part_equals_the_single_pass(start: int) -> None:
    look = Look(smooth_window=AHEAD)
    warm_up, count = warm_up_frames(1.0), 6
    first = start + warm_up
    frames = moving_scene(first + count + 2 * AHEAD + 5)
    whole = both_ways(frames)
    part = both_ways(frames[start : first + count + frames_ahead(look)])
    pairs = list(zip(whole[first:], part[warm_up : warm_up + count], strict=False))
    assert len(pairs) == count
    assert max(difference(one, other).max() for one, other in pairs) <= 1
    short = both_ways(frames[start : first + count])[-1]
    assert difference(whole[first + count - 1], short).max() > 1  # the frames ahead are needed


@pytest.mark.parametrize("window", [-1, 17])
def test_windows_out_of_range_are_refused(window: int) -> None:
    with pytest.raises(UsageError, match="smooth-window"):
        vidfx.Look(smooth_window=window)
