"""Frames through the generator: batches, borders, tiles and precision, and what to do when memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vidfx.errors import TryAgain, UnreadableInput, UsageError
from vidfx.frames import Frame
from vidfx.machine import BYTES_PER_PIXEL, SMALLEST_TILE, resolve
from vidfx.settings import Machine
from vidfx.styles.generator import Generator, GeneratorConfig
from vidfx.styles.library import StyleFile

Batch = NDArray[np.uint8]
"""N × H × W × 3, RGB, 0..255."""

LARGEST_AUTO_BATCH = 8


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
            raise UsageError(f"--batch must be at least 1, not {machine.batch}")
        if machine.tile is not None and 0 < machine.tile < SMALLEST_TILE:
            raise UsageError(f"--tile must be at least {SMALLEST_TILE}, not {machine.tile}")
        self.batch, self.tile = machine.batch, machine.tile
        torch.set_num_threads(self.runtime.threads)
        generator = Generator(GeneratorConfig(**self.card.generator.model_dump()))
        try:
            weights = {name: tensor.float() for name, tensor in load_file(style.path).items()}
            generator.load_state_dict(weights)
        except (SafetensorError, RuntimeError, OSError) as error:
            raise UnreadableInput(f"the weights in '{style.path}' do not fit its card: {error}") from None
        if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
            raise UnreadableInput(f"the weights in '{style.path}' are not all finite numbers")
        generator.eval().requires_grad_(False)
        self.generator = generator.to(
            device=self.runtime.device, dtype=self.runtime.dtype, memory_format=torch.channels_last
        )  # type: ignore[call-overload]  # torch's stubs lack memory_format here

    # --- what to run at once -----------------------------------------------------------------------------------

    def fit(self, height: int, width: int) -> tuple[int, int]:
        """Frames per pass and edge of a tile (0: whole frames) for a frame size: as asked, else as memory allows."""
        need = BYTES_PER_PIXEL[self.runtime.precision]
        area = self._padded(height) * self._padded(width)
        tile = self.tile
        if tile is None:
            tile = 0
            if area * need > self.runtime.memory:
                edge = int((self.runtime.memory / need) ** 0.5) - 2 * self.card.receptive_radius
                tile = max(SMALLEST_TILE, edge // 64 * 64)
        batch = self.batch
        if batch is None:
            gpu = self.runtime.device.type == "cuda"  # a CPU's caches hold one frame at best: batches only wait
            fits = int(self.runtime.memory / (need * area))
            batch = min(max(fits, 1), LARGEST_AUTO_BATCH) if gpu and not tile else 1
        return batch, tile

    def describe(self, height: int, width: int) -> str:
        """What a render of this size runs on, in one line."""
        batch, tile = self.fit(height, width)
        parts = [str(self.runtime.device), "torch", self.runtime.precision, f"batch {batch}"]
        parts += [f"tiles of {tile} px"] if tile else []
        parts += [f"{self.runtime.threads} threads"] if self.runtime.device.type == "cpu" else []
        return ", ".join(parts)

    # --- pictures in, pictures out -----------------------------------------------------------------------------

    def stylize(self, batch: Batch) -> Batch:
        """Paints N × H × W × 3 RGB uint8 pictures of any size; same shape out. Raises TryAgain when memory runs out."""
        _, tile = self.fit(*batch.shape[1:3])
        while True:
            try:
                return self._paint(batch, tile)
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not _out_of_memory(error):
                    raise
            if self.runtime.device.type == "cuda":
                torch.cuda.empty_cache()
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
        if not tile:
            return self._generate(padded)[:, border : border + height, border : border + width]
        tile = max(tile // self.card.size_multiple, 1) * self.card.size_multiple
        tall, wide = padded.shape[1:3]
        out = np.empty_like(padded)
        for top in range(0, tall, tile):
            for left in range(0, wide, tile):
                bottom, right = min(top + tile, tall), min(left + tile, wide)
                y0, x0 = max(top - radius, 0), max(left - radius, 0)
                window = padded[:, y0 : min(bottom + radius, tall), x0 : min(right + radius, wide)]
                painted = self._generate(window)
                out[:, top:bottom, left:right] = painted[:, top - y0 : bottom - y0, left - x0 : right - x0]
        return out[:, border : border + height, border : border + width]

    def _padded(self, size: int) -> int:
        multiple = self.card.size_multiple
        return -(-(size + 2 * self.card.border) // multiple) * multiple

    def _pad(self, batch: Batch) -> Batch:
        """Mirrors the border that the generator was trained to expect, and what is missing to its size multiple."""
        height, width = batch.shape[1:3]
        border = self.card.border
        below, right = self._padded(height) - height - border, self._padded(width) - width - border
        mirror = cv2.BORDER_REFLECT_101
        pictures = [cv2.copyMakeBorder(picture, border, below, border, right, mirror) for picture in batch]
        return np.asarray(pictures[0][None] if len(pictures) == 1 else np.stack(pictures), np.uint8)

    @torch.inference_mode()
    def _generate(self, batch: Batch) -> Batch:
        """One pass of the generator; sizes are multiples of the card's."""
        x = torch.from_numpy(np.ascontiguousarray(batch)).to(self.runtime.device, non_blocking=True)
        x = x.permute(0, 3, 1, 2)  # channels last, without a copy
        painted: Tensor = self.generator(x.to(self.runtime.dtype).mul_(1 / 255))
        painted = painted.permute(0, 2, 3, 1).float()  # bf16 has 8 bits of mantissa: scale and round in fp32
        return painted.mul_(255).add_(0.5).clamp_(0, 255).to(torch.uint8).contiguous().cpu().numpy()


def stylize(frames: Iterator[Frame], stylizer: Stylizer) -> Iterator[Frame]:
    """Replaces each frame's `image` by the style's painting of it, some frames at a time."""
    waiting: list[Frame] = []
    for frame in frames:
        waiting.append(frame)
        if len(waiting) >= stylizer.fit(*frame.image.shape[:2])[0]:
            yield from _painted(waiting, stylizer)
            waiting = []
    if waiting:
        yield from _painted(waiting, stylizer)


def _painted(frames: list[Frame], stylizer: Stylizer) -> Iterator[Frame]:
    pictures = frames[0].image[None] if len(frames) == 1 else np.stack([frame.image for frame in frames])
    for frame, picture in zip(frames, stylizer.stylize(pictures), strict=True):
        yield replace(frame, image=picture)


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return "not enough memory" in str(error) or "out of memory" in str(error)  # how torch's CPU allocator says it
