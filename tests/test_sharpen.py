"""What sharpening after smoothing promises: the styled picture's bite again, and neither rims nor noise for it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from clips import u8
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_steady import frame, noise, paint, rms, smooth, texture, window

from vidfx.bands import Bands
from vidfx.evaluation.appearance import sharpness
from vidfx.frames import Picture
from vidfx.sharpen import Sharpener

pytestmark = pytest.mark.usefixtures("smoothing")
SOURCE = window(texture(0), 20, 20)


def restless(count: int, deviation: float) -> list[NDArray[np.float64]]:
    """The same painting again and again with a weave of its own in each."""
    jitter = noise(3, deviation)
    return [paint(SOURCE) + jitter() for _ in range(count)]


def test_a_steadied_picture_is_as_sharp_as_it_was_painted() -> None:
    frames = [frame(i, SOURCE, styled) for i, styled in enumerate(restless(20, 5))]
    kept = [sharpness(out.image) / sharpness(one.image) for one, out in zip(frames, smooth(frames), strict=True)]
    assert 0.97 < np.mean(kept) < 1.01
    assert 0.95 < min(kept) <= max(kept) < 1.03


def test_a_style_that_is_mostly_noise_gets_no_rims() -> None:
    """Its fine slopes cannot come back, and what is not there is not made up."""
    frames = [frame(i, SOURCE, styled) for i, styled in enumerate(restless(20, 25))]
    errors = [rms(out.image - paint(SOURCE)) for out in smooth(frames)]
    assert np.mean(errors[12:]) < 0.27 * errors[0]


def sharpened(out: NDArray[np.float32], weight: NDArray[np.float32], styled: Picture) -> Picture:
    height, width = weight.shape
    return Sharpener(width, Bands(height, 1)).shown(out, weight, styled)


def straightforward(out: NDArray[np.float32], weight: NDArray[np.float32], amount: float) -> NDArray[np.float64]:
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    luma = out.astype(np.float64) @ (0.299, 0.587, 0.114)
    detail = luma - cv2.filter2D(luma, -1, kernel)
    return np.clip(out + (amount * weight * detail)[..., None], 0, 255)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 150), st.integers(1, 90), st.integers(0, 2**31), st.floats(0, 4))
def test_it_is_one_unsharp_mask_of_some_amount(height: int, width: int, seed: int, softened: float) -> None:
    """Whatever the size: in bands of rows as in one piece; the amount is between 0 and 0.8 and the same everywhere."""
    random = np.random.default_rng(seed)
    styled = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    out = cv2.GaussianBlur(styled.astype(np.float32), (0, 0), 0.1 + softened / 4)
    weight = np.full((height, width), 0.9, np.float32)
    shown = sharpened(out, weight, styled)
    distance = [np.abs(shown - straightforward(out, weight, amount)).max() for amount in np.linspace(0, 0.8, 161)]
    assert min(distance) <= 1.6  # half a step of rounding, and an amount half-way between two of these


def test_where_nothing_was_averaged_the_picture_is_as_it_came() -> None:
    sharp = u8(restless(1, 5)[0])
    out = cv2.GaussianBlur(sharp.astype(np.float32), (0, 0), 0.5)
    out[:, :40] = sharp[:, :40]
    weight = np.full(sharp.shape[:2], 0.9, np.float32)
    weight[:, :40] = 0
    shown = sharpened(out, weight, sharp)
    np.testing.assert_array_equal(shown[:, :40], sharp[:, :40])
    assert sharpness(shown[:, 41:]) > 1.03 * sharpness(u8(out)[:, 41:])


@pytest.mark.parametrize("top", [255, 65535])
def test_bright_and_dark_stay_in_range(top: int) -> None:
    kind = np.uint8 if top == 255 else np.uint16
    styled = (np.indices((64, 64)).sum(0) // 4 % 2 * top).astype(kind)[..., None].repeat(3, 2)
    out = cv2.GaussianBlur(styled.astype(np.float32), (0, 0), 0.6)
    shown = sharpened(out, np.full((64, 64), 0.9, np.float32), styled)
    assert shown.dtype == kind
    assert np.abs(shown.astype(np.int64) - styled).max() < 0.5 * top, "an overshoot wrapped round"


def test_edges_get_no_coloured_rims() -> None:
    """What is added is grey: the same in red, green and blue."""
    styled = u8(restless(1, 5)[0])
    out = cv2.GaussianBlur(styled.astype(np.float32), (0, 0), 0.5)
    added = sharpened(out, np.full(styled.shape[:2], 0.9, np.float32), styled) - out
    assert np.abs(added).max() > 4
    inside = (out > 30).all(2) & (out < 225).all(2)
    assert np.ptp(added[inside], axis=1).max() <= 1
