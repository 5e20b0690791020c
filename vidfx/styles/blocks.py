"""Pictures as blocks of pixels and back: what a pixel (un)shuffle does, in runs of bytes.

torch orders the channels of a block by colour, then by pixel; here a block is pixel by pixel, as pictures lie in
memory, so that a whole row of a block is one copy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[Any]
"""N × H × W × 3."""
Blocks = NDArray[Any]
"""N × H/step × W/step × 3 step²."""


def unshuffled(pictures: Pictures, step: int) -> Blocks:
    """`step` × `step` pixels as one. The pictures are C-contiguous, and their sides multiples of `step`."""
    count, height, width, channels = pictures.shape
    rows, columns, run = count * height // step, width // step, _run(pictures, channels * step)
    given = pictures.reshape(rows, step, -1).view(run).reshape(rows, step, columns)
    out = np.empty((rows, columns, step), run)
    for row in range(step):
        out[:, :, row] = given[:, row]
    return out.view(pictures.dtype).reshape(count, height // step, columns, -1)


def shuffled(blocks: Blocks, step: int) -> Pictures:
    """The pictures that `unshuffled` gives these blocks for."""
    count, height, width, channels = blocks.shape
    rows, run = count * height, _run(blocks, channels // step)
    given = blocks.reshape(rows, -1).view(run).reshape(rows, width, step)
    out = np.empty((rows, step, width), run)
    for row in range(step):
        out[:, row] = given[:, :, row]
    return out.view(blocks.dtype).reshape(count, height * step, width * step, -1)


def channels_by_pixel(colours: int, step: int) -> NDArray[np.intp]:
    """Where each channel of a block stands in torch's order."""
    return np.arange(colours * step**2).reshape(colours, step**2).T.ravel()


def _run(values: NDArray[Any], length: int) -> np.dtype[np.void]:
    return np.dtype((np.void, values.itemsize * length))
