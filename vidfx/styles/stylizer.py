"""A style loaded on a device: batches, borders, tiles and precision, and what to do when memory runs out."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import cv2
import numpy as np

from vidfx.errors import TryAgain, UsageError
from vidfx.machine import SMALLEST_TILE, resolve
from vidfx.settings import Machine
from vidfx.styles.library import StyleFile, find_style
from vidfx.styles.runtimes import Batch, load_painter

LARGEST_AUTO_BATCH = 8
_GPU_PIXELS = 2**22
"""Of a batch on a GPU: fresh memory on the host for more costs more than the GPU gains (docs/performance.md)."""


class Stylizer:
    """A style loaded on a device.

    The generator has no whole-frame statistic, so the same pixels come out whatever the batch and the tiles, to within
    one step of 255 (the order of additions inside a convolution may change).
    """

    def __init__(self, style: StyleFile, machine: Machine) -> None:
        """Raises Unavailable, UsageError, or UnreadableInput for weights that do not fit the card."""
        self.style, self.card = style, style.card
        self.runtime = resolve(machine)
        if machine.batch is not None and machine.batch < 1:
            raise UsageError(f"--batch must be at least 1, not {machine.batch}", hint="leave it away: memory decides")
        if machine.tile is not None and 0 < machine.tile < SMALLEST_TILE:
            raise UsageError(
                f"--tile must be at least {SMALLEST_TILE}, not {machine.tile}",
                hint="0 paints whole frames; leave it away and memory decides",
            )
        self.batch, self.tile = machine.batch, machine.tile
        self._painter = load_painter(style, self.runtime)

    # --- what to run at once -----------------------------------------------------------------------------------

    def fit(self, height: int, width: int) -> tuple[int, int]:
        """Frames per pass and edge of a tile (0: whole frames) for a frame size: as asked, else as memory allows."""
        need = self.runtime.bytes_per_pixel
        area = self._padded(height) * self._padded(width)
        tile = self.tile
        if tile is None:
            tile = 0
            if area * need > self.runtime.memory:
                edge = int((self.runtime.memory / need) ** 0.5) - 2 * self.card.receptive_radius
                tile = max(SMALLEST_TILE, edge // 64 * 64)
        batch = self.batch
        if batch is None:
            fits = int(self.runtime.memory / (need * area)) if not tile else 1
            # a CPU's other half is for the frames that wait on either side of a batch
            if self.runtime.gpu:
                most = min(fits, _GPU_PIXELS // area, LARGEST_AUTO_BATCH)
            else:
                most = min(fits // 2, self.runtime.pictures_at_once)
            batch = max(most, 1)
        return batch, tile

    def describe(self, height: int, width: int) -> str:
        """What a render of this size runs on, in one line."""
        batch, tile = self.fit(height, width)
        parts = [self.runtime.device, self.runtime.name, self.runtime.precision, f"batch {batch}"]
        parts += [f"tiles of {tile} px"] if tile else []
        parts += [f"{self.runtime.threads} threads"] if not self.runtime.gpu else []
        return ", ".join(parts)

    # --- pictures in, pictures out -----------------------------------------------------------------------------

    def stylize(self, batch: Batch) -> Batch:
        """Paints N × H × W × 3 RGB pictures, uint8 or uint16; same shape and type out.

        Raises UsageError for anything else, TryAgain when memory runs out.
        """
        _check(batch)
        _, tile = self.fit(*batch.shape[1:3])
        while True:
            try:
                return self._paint(batch, tile)
            except MemoryError:
                pass
            if len(batch) > 1:  # halve the batch, then the tile
                middle = len(batch) // 2
                return np.concatenate([self.stylize(batch[:middle]), self.stylize(batch[middle:])])
            tile = (tile or 2 * max(batch.shape[1:3])) // 2 // 64 * 64
            if tile < SMALLEST_TILE:
                raise TryAgain(
                    f"not enough memory to paint even {SMALLEST_TILE} px at once",
                    hint="close other programs, or use --device cpu",
                )
            self.tile = tile

    def _paint(self, batch: Batch, tile: int) -> Batch:
        height, width = batch.shape[1:3]
        border, radius = self.card.border, self.card.receptive_radius
        padded = self._pad(batch)
        if tile:
            out = np.empty_like(padded)
            rows, columns = (spans(size, tile, radius, self.card.size_multiple) for size in padded.shape[1:3])
            for row, column in product(rows, columns):
                painted = self._painter(padded[:, row.window, column.window])
                out[:, row.tile, column.tile] = painted[:, row.inside, column.inside]
        else:
            out = self._painter(padded)
        return np.ascontiguousarray(out[:, border : border + height, border : border + width])

    def _padded(self, size: int) -> int:
        multiple = self.card.size_multiple
        return -(-(size + 2 * self.card.border) // multiple) * multiple

    def _pad(self, batch: Batch) -> Batch:
        """Mirrors the border that the generator was trained to expect, and what is missing to its size multiple."""
        height, width = batch.shape[1:3]
        border = self.card.border
        below, right = self._padded(height) - height - border, self._padded(width) - width - border
        mirror = cv2.BORDER_REFLECT_101
        padded = np.empty((len(batch), border + height + below, border + width + right, 3), batch.dtype)
        for picture, into in zip(batch, padded, strict=True):
            cv2.copyMakeBorder(picture, border, below, border, right, mirror, dst=into)
        return padded


def _check(batch: object) -> None:
    what = f"a {type(batch).__name__}"
    if isinstance(batch, np.ndarray):
        if batch.ndim == 4 and batch.size and batch.shape[3] == 3 and batch.dtype in (np.uint8, np.uint16):
            return
        what = f"an array of {' × '.join(map(str, batch.shape))}, {batch.dtype}"
    raise UsageError(
        f"pictures to paint come as one array of N × height × width × 3, RGB, uint8 or uint16, not as {what}",
        hint="one picture: picture[None]; a list: np.stack(list); values from 0 to 1: (255 * values).astype(np.uint8)",
    )


class Span(NamedTuple):
    """One tile along one side of a picture."""

    tile: slice
    """Which pixels of the picture it gives."""
    window: slice
    """Which pixels the generator must see for that."""
    inside: slice
    """Where the tile lies in its window."""


def spans(size: int, tile: int, radius: int, multiple: int) -> list[Span]:
    """Cuts a side into tiles of equal size, `tile` pixels at most, that `radius` pixels around them make exact.

    Every window has the same size, so a runtime that compiles for a size does so once: at the ends of the side a
    window is moved inwards. All are multiples of `multiple`, as `size` must be.
    """
    count = -(-size // max(tile // multiple * multiple, multiple))
    tile = -(-size // (count * multiple)) * multiple
    seen = min(tile + 2 * radius, size)
    found = []
    for start in range(0, size, tile):
        stop, begin = min(start + tile, size), min(max(start - radius, 0), size - seen)
        found.append(Span(slice(start, stop), slice(begin, begin + seen), slice(start - begin, stop - begin)))
    return found


def load_style(name_or_path: str, *, machine: Machine = Machine()) -> Stylizer:
    """Loads a style ready to paint: `load_style("ink").stylize(batch)`. Raises as `find_style`, and Unavailable."""
    return Stylizer(find_style(name_or_path), machine)
