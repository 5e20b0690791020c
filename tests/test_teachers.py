"""What the teachers draw: every style's palette and line, sizes kept, strokes as broad as asked."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vidfx.frames import Picture
from vidfx.training.pictures import answer
from vidfx.training.teachers import TEACHERS
from vidfx.training.teachers.drawing import kuwahara, ramp


@pytest.fixture(scope="module")
def scene() -> Picture:
    """A bright sky, a green hill, a dark house with a door."""
    picture = np.zeros((160, 240, 3), np.uint8)
    picture[:] = np.linspace(215, 240, 160)[:, None, None] * np.array([0.9, 0.96, 1.0])
    cv2.circle(picture, (60, 190), 90, (70, 130, 60), -1, cv2.LINE_AA)
    cv2.rectangle(picture, (150, 70), (210, 140), (50, 46, 44), -1)
    cv2.rectangle(picture, (170, 100), (190, 140), (170, 70, 50), -1)
    noise = np.random.default_rng(3).normal(0, 2, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", sorted(TEACHERS))
def test_a_drawing_has_the_size_and_kind_of_the_picture(scene: Picture, name: str) -> None:
    drawn = TEACHERS[name](scene)
    assert (drawn.shape, drawn.dtype) == (scene.shape, scene.dtype)
    assert np.array_equal(drawn, TEACHERS[name](scene)), "a teacher must always draw alike"


def test_bluegreen_gives_growth_malachite_and_light_silk(scene: Picture) -> None:
    drawn = TEACHERS["bluegreen"](scene).astype(int)
    hill, sky = drawn[140, 40], drawn[20, 120]
    assert hill[1] > hill[0], "green grows green"
    assert sky[0] > sky[2] + 40, "a bright sky is gold silk, not blue"


def test_manga_is_grey_with_black_white_and_two_tones(scene: Picture) -> None:
    drawn = TEACHERS["manga"](scene)
    assert np.ptp(drawn.astype(int), axis=2).max() == 0
    assert drawn.max() >= 250
    assert drawn.min() <= 16


def test_woodblock_lays_flat_colour(scene: Picture) -> None:
    flat = TEACHERS["woodblock"](scene)[90:95, 195:200].reshape(-1, 3).astype(float)
    assert flat.std(0).max() < 6


def test_woodblock_draws_a_line_around_a_form_in_haze() -> None:
    haze = np.full((160, 160, 3), 190, np.uint8)
    cv2.circle(haze, (80, 80), 45, (180, 180, 180), -1, cv2.LINE_AA)  # four hundredths darker
    drawn = TEACHERS["woodblock"](haze).astype(float).mean(2)
    rim = drawn[76:84, 29:41].min(1)
    assert (rim < drawn[76:84, 80] - 60).all(), "every row of the left rim crosses the keyline"


def test_woodblock_prints_light_as_paper_and_a_bluer_sky_deeper() -> None:
    def wall(colour: tuple[int, int, int]) -> list[int]:
        return [int(v) for v in TEACHERS["woodblock"](np.full((96, 96, 3), colour, np.uint8))[48, 48]]

    light, pale, deep = wall((225, 225, 225)), wall((190, 205, 235)), wall((120, 165, 235))
    assert light[0] > light[2] + 20, "grey light is warm paper"
    assert pale[2] >= pale[0], "a pale sky is blue, not paper"
    assert sum(deep) < sum(pale) - 60
    assert deep[2] > deep[0] + 60


def test_oil_is_more_vivid_than_the_film(scene: Picture) -> None:
    def chroma(picture: Picture) -> float:
        lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(float) - 128
        return float(np.hypot(lab[..., 1], lab[..., 2]).mean())

    assert chroma(TEACHERS["oil"](scene)) > 1.1 * chroma(scene)


def test_a_broader_stroke_draws_less_detail(scene: Picture) -> None:
    fine = answer(TEACHERS["ink"], scene, 1.0).astype(float)
    broad = answer(TEACHERS["ink"], scene, 2.5).astype(float)
    assert broad.shape == fine.shape
    assert np.abs(np.diff(broad, 2, axis=1)).mean() < 0.8 * np.abs(np.diff(fine, 2, axis=1)).mean()


def test_kuwahara_keeps_a_step_and_calms_noise() -> None:
    step = np.full((60, 60, 3), 0.2, np.float32)
    step[:, 30:] = 0.8
    noisy = step + np.random.default_rng(0).normal(0, 0.05, step.shape).astype(np.float32)
    calm = kuwahara(noisy, 3.0)
    assert np.abs(calm - step)[10:-10, 10:26].mean() < 0.4 * np.abs(noisy - step)[10:-10, 10:26].mean()
    assert (calm[30, 34] - calm[30, 25]).min() > 0.5, "the edge stays where it was"


def test_ramp_is_linear_between_its_stops() -> None:
    tone = np.array([[0.0, 0.25, 1.0]], np.float32)
    colours = ramp(tone, (0.0, 0.5, 1.0), ((0, 0, 0), (100, 50, 0), (200, 250, 10)))
    assert np.allclose(colours[0], [[0, 0, 0], [50, 25, 0], [200, 250, 10]])
