"""What smoothing promises, on made-up scenes whose truth is known: calm where the film is calm, and no ghosts."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from clips import u8
from numpy.typing import NDArray

from vidfx.bands import Bands
from vidfx.errors import UsageError
from vidfx.frames import Frame, Picture
from vidfx.steady import steady, warm_up_frames

pytestmark = pytest.mark.usefixtures("smoothing")
WIDTH, HEIGHT = 112, 80


def texture(seed: int, width: int = 400, height: int = 300) -> NDArray[np.float32]:
    """Smooth random blobs with some fine grain, 30..225."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.random((height // 8, width // 8, 3), np.float32), (width, height))
    fine = cv2.GaussianBlur(rng.random((height, width, 3), np.float32), (0, 0), 1.2)
    return np.asarray(30 + 195 * np.clip(0.6 * coarse + 2 * (fine - 0.5) + 0.2, 0, 1), np.float32)


def window(wide: NDArray[np.float32], x: float, y: float) -> NDArray[np.float32]:
    """The picture seen from (x, y), at any fraction of a pixel."""
    shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(wide, shift, (WIDTH, HEIGHT), flags=flags), np.float32)


def paint(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """A style that keeps its place: other colours, same shapes."""
    return 245 - 0.85 * picture[..., ::-1]


def frame(index: int, source: NDArray[np.floating], styled: NDArray[np.floating], cut: bool = False) -> Frame:
    return Frame(
        index=index, pts=index, time_base=Fraction(1, 25), duration=1,
        image=u8(styled), source=u8(source), starts_shot=cut or index == 0,
    )  # fmt: skip


def smooth(frames: list[Frame], amount: float = 1.0) -> list[Frame]:
    return list(steady(iter(frames), amount=amount))


def noise(seed: int, deviation: float = 12) -> Callable[[], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return lambda: rng.normal(0, deviation, (HEIGHT, WIDTH, 3))


def rms(difference: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(difference))))


def difference(a: Frame, b: Frame) -> NDArray[np.int16]:
    return np.abs(a.image.astype(np.int16) - b.image)


def test_no_amount_passes_the_very_same_frames() -> None:
    frames = [frame(i, window(texture(0), i, 0), window(texture(1), i, 0)) for i in range(4)]
    assert all(out is one for out, one in zip(smooth(frames, 0), frames, strict=True))


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan")])
def test_an_amount_out_of_range_is_refused(amount: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        smooth([], amount)


def test_a_frame_keeps_all_but_its_picture() -> None:
    frames = [frame(i, window(texture(0), i, 0), window(texture(1), i, 0)) for i in range(3)]
    for out, one in zip(smooth(frames), frames, strict=True):
        assert replace(out, image=one.image) == one


def test_the_first_frame_of_each_shot_comes_as_it_was_painted() -> None:
    jitter = noise(2)
    shots = [texture(0), texture(1)]
    frames = [frame(i, window(shots[i // 6], 5, 5), window(shots[i // 6], 5, 5) + jitter(), i == 6) for i in range(12)]
    out = smooth(frames)
    same = [np.array_equal(a.image, b.image) for a, b in zip(out, frames, strict=True)]
    assert [i for i, equal in enumerate(same) if equal] == [0, 6]


def test_five_hundred_still_frames_neither_drift_nor_grey() -> None:
    source = window(texture(0), 3, 4)
    frames = [frame(i, source, paint(source)) for i in range(500)]
    out = smooth(frames)
    assert difference(out[-1], out[20]).max() <= 1
    assert difference(out[-1], frames[0]).max() <= 1


def test_noise_on_a_still_scene_fades_and_stays_low() -> None:
    source, jitter = window(texture(0), 3, 4), noise(3)
    truth = np.clip(paint(source), 0, 255)
    frames = [frame(i, source, truth + jitter()) for i in range(80)]
    before = np.mean([rms(one.image - truth) for one in frames])
    errors = [rms(one.image - truth) for one in smooth(frames)]
    assert max(errors[15:]) < 0.27 * before  # an exponential mean with K = 0.9 leaves sqrt(0.1 / 1.9) = 0.23
    assert np.mean(errors[60:]) == pytest.approx(np.mean(errors[20:40]), rel=0.1)


def test_threads_share_a_picture_and_change_nothing() -> None:
    """In bands of rows, of which some move in part, some altogether and some not at all."""
    rng = np.random.default_rng(5)
    still, card = rng.integers(0, 256, (300, 200, 3)), texture(3, 80, 100)
    frames = []
    for i in range(6):
        source = cv2.GaussianBlur(still.astype(np.float32), (0, 0), 2)
        source[40:140, 20 + 4 * i : 100 + 4 * i] = card
        frames.append(frame(i, source, paint(source)))
    alone = smooth(frames)
    for threads in (2, 3, 16):
        shared = list(steady(iter(frames), threads=threads))
        assert all(np.array_equal(a.image, b.image) for a, b in zip(alone, shared, strict=True))
    moved = [
        np.abs(out.image - paint(one.source.astype(np.float32))).max() for out, one in zip(alone, frames, strict=True)
    ]
    assert max(moved) < 60, "what moves is carried along, what does not stays"


def test_a_thread_that_fails_is_heard_and_the_others_are_waited_for() -> None:
    bands, begun, done = Bands(1000, 3), [], []

    def work(thread: int, rows: slice) -> None:
        begun.append(rows.start)
        if rows.start == 64:
            raise ValueError("no paint left")
        done.append(rows.start)

    with pytest.raises(ValueError, match="no paint left"):
        bands.each(work)
    bands.close()
    assert set(begun) >= {0, 64, 128}
    assert len(done) == len(begun) - 1


def test_half_an_amount_smooths_less() -> None:
    source, jitter = window(texture(0), 3, 4), noise(3)
    frames = [frame(i, source, paint(source) + jitter()) for i in range(30)]
    none, half, full = (rms(smooth(frames, amount)[-1].image - paint(source)) for amount in (0, 0.5, 1))
    assert full < 0.7 * half < 0.7 * none


def test_a_sub_pixel_pan_is_smoothed_along_its_motion() -> None:
    wide, jitter = texture(4), noise(5)
    sources = [window(wide, 20 + 0.7 * i, 10 + 0.3 * i) for i in range(40)]
    frames = [frame(i, source, paint(source) + jitter()) for i, source in enumerate(sources)]
    truths = [np.clip(paint(source), 0, 255) for source in sources]
    mean = frames[0].image.astype(np.float32)
    for one in frames[1:]:
        mean = 0.85 * mean + 0.15 * one.image  # the plain exponential mean: what smoothing is without flow
    inner = (slice(8, -8), slice(8, -8))
    without = rms((frames[-1].image - truths[-1])[inner])
    plain = rms((mean - truths[-1])[inner])
    along = rms((smooth(frames)[-1].image - truths[-1])[inner])
    assert along < 0.6 * without
    assert along < 0.6 * plain


def test_a_still_world_keeps_its_detail_beside_a_moving_one() -> None:
    back, front = window(texture(0), 0, 0), texture(6)
    frames = []
    for i in range(20):
        source = back.copy()
        source[:, WIDTH // 2 :] = window(front, 3 * i, 0)[:, WIDTH // 2 :]
        frames.append(frame(i, source, paint(source)))
    still = (slice(None), slice(0, WIDTH // 2 - 24))
    assert difference(smooth(frames)[-1], frames[-1])[still].max() <= 1


def test_a_passing_object_leaves_no_ghost() -> None:
    back, card = window(texture(0), 0, 0), window(texture(7), 60, 60)
    frames, covers = [], []
    for i in range(14):
        cover = np.zeros((HEIGHT, WIDTH), np.bool_)
        cover[24:56, 6 * i : 6 * i + 30] = True
        source = np.where(cover[..., None], np.roll(card * 0.3, 6 * i, axis=1), back)
        frames.append(frame(i, source, paint(source)))
        covers.append(cover)
    out = smooth(frames)
    unlike = float(difference(frames[1], frames[0])[covers[1] & ~covers[0]].mean())
    for i in range(2, 14):
        covered, uncovered = covers[i] & ~covers[i - 1], covers[i - 1] & ~covers[i]
        for changed in (covered, uncovered):
            assert difference(out[i], frames[i])[changed].mean() < 0.12 * unlike


def test_a_change_of_colour_alone_leaves_no_ghost() -> None:
    warm = np.full((HEIGHT, WIDTH, 3), (200.0, 90, 80))
    cold = np.full((HEIGHT, WIDTH, 3), (40.0, 143, 218))  # of the same luma
    lumas = [int(cv2.cvtColor(u8(one), cv2.COLOR_RGB2GRAY)[0, 0]) for one in (warm, cold)]
    assert abs(lumas[0] - lumas[1]) <= 1
    scene = window(texture(0), 0, 0)
    frames = []
    for i in range(10):
        source = scene.copy()
        source[20:60, 30:80] = (warm if i < 6 else cold)[20:60, 30:80]
        frames.append(frame(i, source, paint(source)))
    inner = (slice(26, 54), slice(36, 74))
    assert difference(smooth(frames)[6], frames[6])[inner].mean() < 2


@pytest.mark.parametrize("length", [12, 25, 100])
def test_a_fade_leaves_no_ghost(length: int) -> None:
    scene = window(texture(0), 0, 0)
    levels = [1.0] * 8 + list(np.linspace(1, 0, length)) + [0.0] * 8
    frames = [frame(i, scene * level, 1.1 * scene * level) for i, level in enumerate(levels)]
    out = smooth(frames)
    assert max(difference(a, b).mean() for a, b in zip(out, frames, strict=True)) < 5
    assert out[-1].image.max() <= 1


@pytest.mark.parametrize("pace", [1, 3, 6])
def test_the_painting_keeps_up_with_a_deepening_shadow(pace: int) -> None:
    scene = 60 + 0.6 * window(texture(0), 0, 0)
    shadow = np.zeros((HEIGHT, WIDTH, 1))
    shadow[:, : WIDTH // 3] = 1  # no fade: most of the picture keeps its light
    depths = [0.0] * 8 + [pace * i for i in range(1, 120 // pace // 3)]
    frames = [frame(i, scene - depth * shadow, scene - depth * shadow) for i, depth in enumerate(depths)]
    inner = (slice(8, -8), slice(8, WIDTH // 3 - 12))
    for out, one in zip(smooth(frames), frames, strict=True):
        assert difference(out, one)[inner].mean() < 10


def moving_scene(count: int) -> list[Frame]:
    wide, jitter = texture(8), noise(9, 20)
    frames = []
    for i in range(count):
        source = window(wide, 10 + 0.6 * i, 20)
        source[20:40, (5 * i) % 90 : (5 * i) % 90 + 20] *= 0.3
        frames.append(frame(i, source * (0.9 + 0.1 * np.sin(i / 5)), paint(source) + jitter()))
    return frames


@pytest.mark.parametrize("amount", [1.0, 0.5])
def test_a_part_that_starts_mid_shot_equals_the_single_pass(amount: float) -> None:
    warm_up = warm_up_frames(amount)
    first = 20 + warm_up
    frames = moving_scene(first + 6)
    whole, part = smooth(frames, amount), smooth(frames[20:], amount)
    assert max(difference(a, b).max() for a, b in zip(whole[first:], part[warm_up:], strict=True)) <= 1
    assert max(difference(a, b).max() for a, b in zip(whole[21:24], part[1:4], strict=True)) > 1  # it is needed


def test_no_amount_needs_no_warm_up() -> None:
    assert warm_up_frames(0) == 0
    assert 0 < warm_up_frames(0.2) < warm_up_frames(1) < 100


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (15, 200), (16, 16), (17, 33), (81, 55)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(10)
    for make in (lambda: np.zeros((*size, 3)), lambda: rng.integers(0, 256, (*size, 3))):
        frames = [frame(i, source := make(), 255 - source) for i in range(5)]
        for out, one in zip(smooth(frames), frames, strict=True):
            assert out.image.shape == one.image.shape
            assert out.image.dtype == np.uint8
            assert rms(out.image.astype(np.float64) - one.image) <= (0 if not one.source.any() else 255 * 0.45)


def test_pure_noise_is_left_nearly_alone() -> None:
    rng = np.random.default_rng(11)
    pictures = rng.integers(0, 256, (6, HEIGHT, WIDTH, 3)).astype(np.uint8)
    frames = [frame(i, picture, picture) for i, picture in enumerate(pictures)]
    assert difference(smooth(frames)[-1], frames[-1]).mean() < 8


def test_memory_does_not_grow_with_the_clip() -> None:
    alive: list[weakref.ref[Picture]] = []

    def made() -> Iterator[Frame]:
        for one in moving_scene(40):
            fresh = replace(one, image=one.image.copy(), source=one.source.copy())
            alive.extend([weakref.ref(fresh.image), weakref.ref(fresh.source)])
            yield fresh

    count = 0
    for out in steady(made()):
        count += 1
        alive.append(weakref.ref(out.image))
        gc.collect()
        assert sum(one() is not None for one in alive) <= 6  # two frames of three pictures each
    assert count == 40
