"""Paints docs/images/gallery/*.jpg: every shipped style on the same frames.

    python scripts/make_gallery.py --clips DIR

`DIR` holds the clips named below (their makers stand in docs/styles.md); without it only the landscape is painted, from
the sample film. Frames are painted without smoothing, which a still does not show.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from vidfx import Look, Machine, Range, list_styles, load_style
from vidfx.frames import Picture
from vidfx.pipeline import paint
from vidfx.sheet import contact_sheet
from vidfx.source import open_clip

ROOT = Path(__file__).resolve().parents[1]
GALLERY = ROOT / "docs" / "images" / "gallery"
HEIGHT = 405
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 86]


@dataclass(frozen=True)
class Subject:
    """A frame everybody is shown on."""

    name: str
    clip: str
    at: Fraction
    """Seconds."""


SUBJECTS = (
    Subject("landscape", "samples/valley.mp4", Fraction(4)),
    Subject("people", "asl_walk.mkv", Fraction(4, 3)),
    Subject("street", "chaplin.mp4", Fraction(4)),
    Subject("animation", "bigbuckbunny.mp4", Fraction(3)),
)


def painted(clip: Path, at: Fraction, style: str | None) -> Picture:
    """One frame of a clip, painted, or as it is."""
    opened = open_clip(clip)
    index = round(at * opened.rate)
    painter = load_style(style or "ink", machine=Machine())
    look = Look(strength=1.0 if style else 0.0, smooth=0.0)
    wanted = Range(first=index, last=index)
    *_, frame = paint(opened, painter, look=look, wanted=wanted)
    size = (round(frame.image.shape[1] * HEIGHT / frame.image.shape[0]), HEIGHT)
    return np.asarray(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path)
    clips = parser.parse_args().clips
    GALLERY.mkdir(parents=True, exist_ok=True)
    for subject in SUBJECTS:
        ours = ROOT / subject.clip
        if not ours.exists() and clips is None:
            continue
        path = ours if ours.exists() else clips / subject.clip
        for style in (None, *(s.name for s in list_styles() if s.origin == "shipped")):
            file = GALLERY / f"{subject.name}-{style or 'film'}.jpg"
            assert cv2.imwrite(str(file), painted(path, subject.at, style)[..., ::-1], QUALITY)
            print(file.relative_to(ROOT))
    names = ["film", *(s.name for s in list_styles() if s.origin == "shipped")]
    named = [
        (name, np.asarray(cv2.imread(str(GALLERY / f"{SUBJECTS[0].name}-{name}.jpg")), np.uint8)) for name in names
    ]
    sheet = contact_sheet([(name, picture[..., ::-1]) for name, picture in named])
    assert cv2.imwrite(str(GALLERY.parent / "styles.jpg"), sheet[..., ::-1], QUALITY)


if __name__ == "__main__":
    main()
