"""Is a painting nearer to its style than the film, the classical teacher and OpenCV's own filters are?

    python benchmarks/style_distance.py --data DATA --features FILE --style ink --style oil CLIP [CLIP ...]

Takes a dozen frames of each clip, none of which a recipe may have trained on, and measures how far they are from the
style pictures that the recipe holds out (all of them where it holds out none, which the table says), as they are
(`film`), drawn by the teacher, by OpenCV's `stylization` and `pencilSketch`, and painted by the style. Kernel distance
and its 95 % interval, from `vidfx.evaluation.style`; smaller is nearer. Edge agreement with the film stands beside it:
the correlation of the gradient magnitudes at half size.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from vidfx import load_style
from vidfx.evaluation.appearance import edge_agreement, edges
from vidfx.evaluation.style import StyleReference
from vidfx.evaluation.temporal import luma
from vidfx.features import load_features
from vidfx.frames import Picture
from vidfx.screentone import make_screen, put_screen
from vidfx.source import open_clip, read_frames
from vidfx.styles.stylizer import Stylizer
from vidfx.training.pictures import style_pictures
from vidfx.training.recipe import Recipe, read_recipe
from vidfx.training.teachers import TEACHERS

FRAMES_PER_CLIP = 12
Filter = Callable[[Picture], Picture]


def frames_of(clip: Path) -> list[Picture]:
    """Frames spread over the clip's first thousand, at 480 lines or the clip's own size if that is less."""
    opened = open_clip(clip)
    count = min(opened.frame_count or 250, 1000)
    step = max(count // FRAMES_PER_CLIP, 1)
    pictures = (frame.source for frame in read_frames(opened) if frame.index % step == 0)
    found: list[Picture] = []
    for picture in islice(pictures, FRAMES_PER_CLIP):
        scale = min(480 / picture.shape[0], 1.0)
        size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        found.append(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8))
    return found


def filters_for(painter: Stylizer, recipe: Recipe) -> dict[str, Filter]:
    def pencil(picture: Picture) -> Picture:
        return np.asarray(cv2.cvtColor(cv2.pencilSketch(picture)[0], cv2.COLOR_GRAY2RGB), np.uint8)

    def screened(picture: Picture) -> Picture:
        painted = painter.stylize(picture[None])[0]
        return put_screen(painted, make_screen(*painted.shape[:2]))

    return {
        "film": lambda picture: picture,
        "teacher": lambda picture: TEACHERS[recipe.warm_start.teacher](picture),
        "OpenCV stylization": lambda picture: np.asarray(cv2.stylization(picture), np.uint8),
        "OpenCV pencilSketch": pencil,
        "vidfx": lambda picture: painter.stylize(picture[None])[0],
        **({"vidfx, screened": screened} if recipe.finish == "screentone" else {}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="where the recipes' paths start")
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--style", action="append", required=True)
    arguments = parser.parse_args()
    network = load_features(arguments.features)
    frames = [picture for clip in arguments.clips for picture in frames_of(clip)]
    print("| style | pictures | what | distance | 95 % interval | Fréchet | edge agreement |")
    print("|---|---|---|---|---|---|---|")
    for name in arguments.style:
        painter = load_style(name)
        recipe = read_recipe(painter.style.path.parent / "recipe.toml")
        wanted, held_out = style_pictures(recipe, arguments.data, print)
        reference = StyleReference(wanted, network)
        for what, draw in filters_for(painter, recipe).items():
            drawn = [draw(picture) for picture in frames]
            d = reference.distance(drawn)
            agreement = np.mean(
                [edge_agreement(edges(luma(a)), edges(luma(b))) for a, b in zip(drawn, frames, strict=True)]
            )
            kind = f"{len(wanted)} {'held out' if held_out else 'trained on'}"
            figures = f"{d.kernel:.3f} | {d.low:.3f} to {d.high:.3f} | {d.frechet:.3f} | {agreement:.2f}"
            print(f"| {name} | {kind} | {what} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
