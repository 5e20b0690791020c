"""A trained style as the teacher: so a narrower generator learns, in minutes, to paint what a wide one paints.

Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network", with pictures for the classes.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from vidfx.frames import Picture
from vidfx.settings import Machine
from vidfx.styles.library import find_style
from vidfx.styles.stylizer import Stylizer


@cache
def painter(style: str) -> Stylizer:
    """A style, by name or path, loaded in full precision; several threads may paint with it.

    Raises MissingInput and UnreadableInput for a style that is not there.
    """
    import torch  # here: a recipe is read without it

    return Stylizer(find_style(style), Machine(precision="fp32", threads=torch.get_num_threads()))


def paint(style: str, picture: Picture) -> Picture:
    """What a style paints of an RGB picture, before its finish. Raises as `painter`."""
    return np.asarray(painter(style).stylize(picture[None])[0], np.uint8)
