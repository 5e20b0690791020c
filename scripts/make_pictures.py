"""Paints the pictures of the README and of the model cards from the sample film.

python scripts/make_pictures.py            # every shipped style: docs/images/ and models/*/preview.jpg
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vidfx import Look, Machine, Range, list_styles, load_style
from vidfx.frames import Frame, Picture
from vidfx.pipeline import paint
from vidfx.source import open_clip

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "samples" / "valley.mp4"
TIMES = (1.5, 4.0)
"""Seconds into the sample: one frame of each shot."""
GAP, WHITE = 8, 255
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 88]


def frames_of(style: str) -> list[Frame]:
    """The sample's frames at TIMES, painted; without smoothing, which a still does not show."""
    clip, painter = open_clip(SAMPLE), load_style(style, machine=Machine())
    found = []
    for time in TIMES:
        index = round(time * clip.rate)
        wanted = Range(first=index, last=index)
        *_, frame = paint(clip, painter, look=Look(smooth=0.0), wanted=wanted)
        found.append(frame)
    return found


def grid(rows: list[list[Picture]]) -> Picture:
    """Pictures of one size in rows, with a white gap between them."""
    height, width = rows[0][0].shape[:2]
    tall, wide = len(rows) * (height + GAP) - GAP, len(rows[0]) * (width + GAP) - GAP
    sheet = np.full((tall, wide, 3), WHITE, np.uint8)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            top, left = y * (height + GAP), x * (width + GAP)
            sheet[top : top + height, left : left + width] = picture
    return sheet


def write(path: Path, picture: Picture) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture[..., ::-1], QUALITY)
    print(path.relative_to(ROOT))


def small(picture: Picture, width: int) -> Picture:
    height = round(picture.shape[0] * width / picture.shape[1])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    for style in list_styles():
        if style.origin != "shipped":
            continue
        frames = frames_of(style.name)
        pairs = [[small(f.source, 720), small(f.image, 720)] for f in frames]
        write(style.path.parent / "preview.jpg", grid([pairs[0]]))
        if style.name == "ink":
            write(ROOT / "docs" / "images" / "detail.jpg", frames[1].image[60:560, :1000])


if __name__ == "__main__":
    main()
