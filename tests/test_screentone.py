"""Flat greys become dots that cover as much paper as the grey asks; what is drawn stays as it is."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidfx.frames import Frame
from vidfx.screentone import make_screen, put_screen, screentone


def flat(level: int, height: int = 240, width: int = 320) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


@settings(max_examples=25, deadline=None)
@given(level=st.integers(80, 222))
def test_dots_cover_what_the_tone_asks(level: int) -> None:
    printed = put_screen(flat(level, 720, 960), make_screen(720, 960))
    asked = 255 * ((level - 76) / (228 - 76)) ** 0.7  # solid below, bare paper above, the greys between lifted
    assert abs(float(printed.mean()) - asked) < 30  # the soft edge of the dots costs a little
    assert printed.min() < 60 or printed.max() > 195, "dots, not grey"


@pytest.mark.parametrize(("level", "printed"), [(0, 0), (72, 0), (236, 255), (255, 255)])
def test_black_and_white_carry_no_dots(level: int, printed: int) -> None:
    assert (put_screen(flat(level), make_screen(240, 320)) == printed).all()


def test_a_line_is_not_broken_by_the_screen() -> None:
    picture = flat(255)
    picture[:, 100:102] = 0
    printed = put_screen(picture, make_screen(240, 320))
    assert printed[:, 100:102].max() <= 40


def test_a_part_of_the_page_gets_the_same_dots() -> None:
    whole = make_screen(720, 640)
    assert np.array_equal(whole[:, :320], make_screen(720, 320)), "the screen belongs to the page, not to the picture"


def test_only_the_image_changes_and_still_tones_hold_still() -> None:
    frames = [
        Frame(index=n, pts=n, time_base=Fraction(1, 25), duration=1, image=flat(120), source=flat(7)) for n in range(3)
    ]
    printed = list(screentone(iter(frames)))
    assert [f.pts for f in printed] == [0, 1, 2]
    assert all(f.source is frame.source for f, frame in zip(printed, frames, strict=True))
    assert all(np.array_equal(f.image, printed[0].image) for f in printed)


def test_a_part_of_a_page_is_printed_as_in_the_whole() -> None:
    page = np.random.default_rng(0).integers(60, 200, (360, 480, 1), np.uint8).repeat(3, 2)
    page[:] = page.mean((0, 1)).astype(np.uint8)
    page[100:200, 100:300] = 90
    rows, columns = slice(80, 240), slice(40, 360)
    frame = Frame(index=0, pts=0, time_base=Fraction(1, 25), duration=1, image=page[rows, columns], source=page)
    (part,) = screentone(iter([frame]), make_screen(360, 480)[rows, columns], height=360)
    whole = put_screen(page, make_screen(360, 480))[rows, columns]
    inside = (slice(6, -6), slice(6, -6))  # the neighbourhood that tells a tone from a line ends at the part's edge
    assert np.array_equal(part.image[inside], whole[inside])
