"""Classical teachers: filters that say where tone, line and colour go while a generator warms up.

A teacher is only a first drawing lesson. The adversary and the style statistics bring the hand.
"""

from __future__ import annotations

from collections.abc import Callable

from vidfx.frames import Picture
from vidfx.training.teachers.bluegreen import bluegreen
from vidfx.training.teachers.ink import ink
from vidfx.training.teachers.manga import manga
from vidfx.training.teachers.oil import oil
from vidfx.training.teachers.woodblock import woodblock

Teacher = Callable[[Picture], Picture]
"""An RGB picture, uint8, to an RGB picture of the same size, as it should be drawn."""


def none(picture: Picture) -> Picture:
    """No teacher: the film itself says where tone and colour go."""
    return picture


TEACHERS: dict[str, Teacher] = {
    "none": none,
    "ink": ink,
    "bluegreen": bluegreen,
    "oil": oil,
    "woodblock": woodblock,
    "manga": manga,
}
