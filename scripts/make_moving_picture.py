"""Makes the README's moving picture: the sample film, painted over by one style after the other.

python scripts/make_moving_picture.py            # docs/images/moving.webp
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx import Look, Range, load_style
from vidfx.frames import Picture, shallowed
from vidfx.pipeline import paint
from vidfx.source import open_clip, read_frames

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "samples" / "valley.mp4"
TARGET = ROOT / "docs" / "images" / "moving.webp"
STYLES = ("woodblock", "ink", "bluegreen", "oil", "manga")
SIZE = (640, 360)
EVERY = 2
"""Of the film's frames, every how many one is shown."""
SHOWN = Fraction(1, 10)
"""Seconds that each is shown: a little slower than life, so that there is time to look."""
STROKE = 7
"""Frames that one style takes to be painted over the one before."""
QUALITY = "55"


def frames_of(style: str | None) -> list[Picture]:
    """The sample in a style (None: as filmed), held still, reduced to SIZE, with the style's name in a corner."""
    clip = open_clip(SAMPLE)
    frames = paint(clip, load_style(style), look=Look(), wanted=Range()) if style else read_frames(clip)
    reduced = [cv2.resize(f.image, SIZE, interpolation=cv2.INTER_AREA) for f in frames if f.index % EVERY == 0]
    return [named(np.asarray(picture, np.uint8), style or "the film") for picture in reduced]


def named(picture: Picture, name: str) -> Picture:
    """With a name at the lower left, light on its own soft shadow."""
    where, font, scale = (14, SIZE[1] - 14), cv2.FONT_HERSHEY_DUPLEX, 0.6
    letters = np.zeros(picture.shape[:2], np.uint8)
    cv2.putText(letters, name, where, font, scale, 255, 6, cv2.LINE_AA)
    shadow = 0.75 * np.clip(cv2.GaussianBlur(letters, (0, 0), 4) / np.float32(128), 0, 1)[..., None]
    shown: Picture = np.rint(picture * (1 - shadow)).astype(np.uint8)
    cv2.putText(shown, name, where, font, scale, (250, 247, 240), 1, cv2.LINE_AA)
    return shown


def bristles() -> NDArray[np.float32]:
    """How far ahead of the stroke each row of the brush is, in pixels: broad waves and fine hairs."""
    random = np.random.default_rng(3)
    rows = random.normal(0, 1, (SIZE[1], 1)).astype(np.float32)
    ahead = np.zeros_like(rows)
    for spread, reach in ((40, 70), (9, 26), (1.5, 9)):
        soft = np.asarray(cv2.GaussianBlur(rows, (1, 0), sigmaX=0.1, sigmaY=spread), np.float32)
        ahead += reach * soft / max(float(np.abs(soft).max()), 1e-6)
    return ahead


def strokes(layers: list[list[Picture]]) -> Iterator[Picture]:
    """Each layer for the same share of the film, brushed over the one before it from left to right."""
    total, ahead, x = len(layers[0]), bristles(), np.arange(SIZE[0], dtype=np.float32)[None, :]
    begins = [round(total * number / len(layers)) for number in range(len(layers) + 1)]
    for number, (begin, end) in enumerate(pairwise(begins)):
        for index in range(begin, end):
            done = min(1.0, (index - begin + 1) / STROKE)
            edge = -120 + done * (SIZE[0] + 240)
            covered = np.clip((edge + ahead - x) / 24, 0, 1)[..., None]
            new, old = layers[number][index], layers[number - 1][index]
            yield np.rint(new * covered + old * (1 - covered)).astype(np.uint8)


def write(pictures: Iterator[Picture], target: Path) -> None:
    with av.open(str(target), "w", format="webp", options={"loop": "0"}) as container:
        options = {"quality": QUALITY, "compression_level": "6", "preset": "picture"}
        stream = container.add_stream("libwebp_anim", rate=1 / SHOWN, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shallowed(picture), format="rgb24")))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    pictures = list(strokes([frames_of(None), *map(frames_of, STYLES)]))
    write(iter(pictures[STROKE:] + pictures[:STROKE]), TARGET)  # it goes round: the first to be seen is the film
    print(TARGET, TARGET.stat().st_size)
