"""Strength, keep-colour and matte against the same formulas in plain floating-point numpy."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidfx.composite import composite
from vidfx.errors import UsageError
from vidfx.frames import Frame, Picture
from vidfx.settings import Look

LUMA = np.array([0.299, 0.587, 0.114])


def frame(index: int, shape: tuple[int, int], seed: int = 0) -> Frame:
    rng = np.random.default_rng([seed, index])
    source, styled = rng.integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    return Frame(index=index, pts=index, time_base=Fraction(1, 25), duration=1, image=styled, source=source)


def expected(one: Frame, look: Look, matte: NDArray[np.float64] | float = 1.0) -> NDArray[np.float64]:
    source, top = one.source.astype(float), one.image.astype(float)
    if look.keep_color:
        top = np.clip(source + ((top - source) @ LUMA)[..., None], 0, 255)
    weight = np.atleast_1d(look.strength * np.asarray(matte, float))[..., None]
    return source + weight * (top - source)


def only(frames: list[Frame], look: Look, matte: list[Picture] | None = None) -> list[Frame]:
    return list(composite(iter(frames), look=look, matte=None if matte is None else iter(matte)))


@given(
    strength=st.floats(0, 1),
    keep_color=st.booleans(),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    matted=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_every_mix_is_within_a_step_of_the_formula(
    strength: float, keep_color: bool, height: int, width: int, matted: bool, seed: int
) -> None:
    look = Look(strength=strength, keep_color=keep_color)
    one = frame(0, (height, width), seed)
    mask = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    [out] = only([one], look, [mask] if matted else None)
    difference = np.abs(out.image - expected(one, look, mask / 255 if matted else 1.0))
    assert out.image.dtype == np.uint8
    assert difference.max() <= (1.5 if keep_color else 0.51)  # keep_color rounds two lumas first


def test_full_strength_passes_the_very_same_frame() -> None:
    one = frame(0, (4, 5))
    assert only([one], Look())[0] is one


@pytest.mark.parametrize("look", [Look(strength=0), Look(strength=0, keep_color=True)])
def test_no_strength_is_the_source_exactly(look: Look) -> None:
    one = frame(0, (6, 7))
    assert np.array_equal(only([one], look)[0].image, one.source)


def test_white_matte_is_the_style_and_black_the_source_exactly() -> None:
    one = frame(0, (8, 8))
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 4:] = 255
    [out] = only([one], Look(), [mask])
    assert np.array_equal(out.image[:, :4], one.source[:, :4])
    assert np.array_equal(out.image[:, 4:], one.image[:, 4:])


def test_a_frame_keeps_its_time_and_its_source() -> None:
    one = frame(3, (4, 4))
    [out] = only([one], Look(strength=0.5))
    assert (out.index, out.pts, out.time_base) == (3, 3, Fraction(1, 25))
    assert out.source is one.source


def test_keep_color_keeps_the_colour_differences_and_takes_the_lightness() -> None:
    source = np.full((2, 2, 3), (120, 90, 140), np.uint8)
    styled = np.full((2, 2, 3), (160, 160, 160), np.uint8)
    one = Frame(index=0, pts=0, time_base=Fraction(1, 25), duration=1, image=styled, source=source)
    [out] = only([one], Look(keep_color=True))
    r, g, b = (int(v) for v in out.image[0, 0])
    assert (r - g, b - g) == (30, 50)
    assert abs(out.image[0, 0] @ LUMA - 160) <= 1


def test_a_matte_of_another_size_is_stretched_over_the_frame() -> None:
    one = frame(0, (64, 32))
    [large] = only([one], Look(), [np.repeat(np.array([[0, 255]], np.uint8), 128, axis=1).repeat(200, axis=0)])
    assert np.array_equal(large.image[:, :15], one.source[:, :15])
    assert np.array_equal(large.image[:, 17:], one.image[:, 17:])
    [small] = only([one], Look(), [np.array([[0, 255]], np.uint8)])
    assert np.array_equal(small.image[:, 0], one.source[:, 0])
    assert np.array_equal(small.image[:, -1], one.image[:, -1])


def test_a_short_matte_repeats_its_last_picture_and_a_colour_matte_counts_by_luma() -> None:
    frames = [frame(i, (4, 4)) for i in range(4)]
    black, green = np.zeros((4, 4), np.uint8), np.full((4, 4, 3), (0, 255, 0), np.uint8)
    outs = only(frames, Look(), [black, green])
    assert np.array_equal(outs[0].image, frames[0].source)
    for one, out in zip(frames[1:], outs[1:], strict=True):
        assert np.abs(out.image - expected(one, Look(), 150 / 255)).max() <= 0.51  # 0.587 · 255 rounds to 150


def test_a_matte_that_is_empty_or_not_8_bit_is_refused() -> None:
    with pytest.raises(UsageError, match="no picture"):
        only([frame(0, (4, 4))], Look(), [])
    with pytest.raises(UsageError, match="8-bit"):
        only([frame(0, (4, 4))], Look(), [np.zeros((4, 4), np.float32)])
