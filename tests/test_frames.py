"""A frame takes pictures of one kind, wherever they lie in memory."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from clips import picture
from numpy.typing import NDArray

from vidfx import Frame, UsageError
from vidfx.steady import steady

PICTURE = picture(0)


def frame(index: int, image: NDArray[np.uint8], source: NDArray[np.uint8]) -> Frame:
    return Frame(index=index, pts=index, time_base=Fraction(1, 25), duration=1, image=image, source=source)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [(PICTURE[..., 0], "RGB"), (PICTURE / 255, "uint8 or uint16"), (PICTURE[..., :2], "not 64 × 96 × 2")],
)
def test_a_picture_of_another_kind_is_refused(wrong: NDArray[np.uint8], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        frame(0, PICTURE, wrong)


@pytest.mark.parametrize(
    "view", [PICTURE[..., ::-1], PICTURE[:, ::-1], PICTURE[10:50, 20:80]], ids=["BGR", "mirrored", "cut out"]
)
def test_a_view_of_another_picture_will_do(view: NDArray[np.uint8]) -> None:
    frames = [frame(n, view, view) for n in range(3)]
    assert all(one.image is one.source and np.array_equal(one.image, view) for one in frames)
    assert np.abs(list(steady(iter(frames)))[-1].image.astype(int) - view).max() <= 1
    apart = frame(0, view, PICTURE)
    assert apart.source is PICTURE and np.array_equal(apart.image, view)
