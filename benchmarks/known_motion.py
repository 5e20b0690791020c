"""Smoothing against the truth: scenes whose motion is known, painted by a style that flickers. A table for the docs.

    python benchmarks/known_motion.py [--size 640x360] [--frames 24]

A texture moves by a known law and is painted by a rule that keeps its place (other colours, same shapes): that is the
truth. What comes in is the truth with a flicker of its own in every frame. The error is the root mean square
difference to the truth, in steps of 255, over the frames from the ninth on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.flow import warp
from vidfx.frames import Frame, Picture
from vidfx.steady import steady

Image = NDArray[np.float32]
Smoother = Callable[[list[Frame]], list[Picture]]

WEIGHT = 0.75  # of the past, in the plain methods: a longer one is worse for them: docs/steady.md
FLICKER = 12.0  # steps, standard deviation
SETTLED = 8  # frames that do not count


def texture(seed: int, width: int, height: int) -> Image:
    """Smooth random blobs with some fine grain, 30..225, H × W × 3."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.random((height // 24, width // 24, 3), np.float32), (width, height))
    fine = cv2.GaussianBlur(rng.random((height, width, 3), np.float32), (0, 0), 2)
    return np.asarray(30 + 195 * np.clip(0.6 * coarse + 3 * (fine - 0.5) + 0.2, 0, 1), np.float32)


def scenes(size: tuple[int, int], count: int) -> dict[str, Iterator[Image]]:
    """What each scene shows, frame by frame: H × W × 3, 0..255."""
    width, height = size
    wide = texture(0, 2 * width, 2 * height)
    card = texture(1, width // 3, height // 2) * 0.4
    middle = (float(width), float(height))

    def seen(matrix: NDArray[np.float64]) -> Image:
        """The wide picture about its middle, through an affine map from where it is seen to where it is taken."""
        centre = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]])
        whole = np.vstack([matrix, [0, 0, 1]]) @ centre
        return np.asarray(
            cv2.warpAffine(wide, whole[:2], size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP), np.float32
        )

    def occluded(i: int) -> Image:
        scene = seen(np.array([[1.0, 0, 0.7 * i], [0, 1, 0.2 * i]]))
        x = round(5 * i * width / 320) - card.shape[1] // 2
        left, right = max(0, x), min(width, x + card.shape[1])
        if right > left:
            scene[height // 4 : height // 4 + card.shape[0], left:right] = card[:, left - x : right - x]
        return scene

    ways: dict[str, Callable[[int], Image]] = {
        "still": lambda i: seen(np.array([[1.0, 0, 0], [0, 1, 0]])),
        "pan, 2.3 px a frame": lambda i: seen(np.array([[1.0, 0, 2.2 * i], [0, 1, 0.7 * i]])),
        "zoom, 1 % a frame": lambda i: seen(np.asarray(cv2.getRotationMatrix2D(middle, 0, 1.01**i), np.float64)),
        "rotation, 0.5° a frame": lambda i: seen(np.asarray(cv2.getRotationMatrix2D(middle, 0.5 * i, 1), np.float64)),
        "an occluder crosses": occluded,
    }
    return {name: map(way, range(count)) for name, way in ways.items()}


def painted(scene: Image) -> Image:
    """A style that keeps its place."""
    return np.asarray(245 - 0.85 * scene[..., ::-1], np.float32)


def flickering(truth: Image, rng: np.random.Generator) -> Image:
    """The truth with a flicker about as wide as a stroke."""
    grain = cv2.GaussianBlur(rng.normal(size=truth.shape).astype(np.float32), (0, 0), 1.2)
    return np.asarray(truth + FLICKER / grain.std() * grain, np.float32)


def u8(picture: Image) -> Picture:
    return np.ascontiguousarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8))


def unsmoothed(frames: list[Frame]) -> list[Picture]:
    return [frame.image for frame in frames]


def exponential_mean(frames: list[Frame]) -> list[Picture]:
    mean = frames[0].image.astype(np.float32)
    out = []
    for frame in frames:
        mean = WEIGHT * mean + (1 - WEIGHT) * frame.image
        out.append(u8(mean))
    return out


def median_of_three(frames: list[Frame]) -> list[Picture]:
    """Of each frame and its neighbours on both sides."""
    images = [frames[0].image, *(frame.image for frame in frames), frames[-1].image]
    return [np.median(images[i : i + 3], axis=0).astype(np.uint8) for i in range(len(frames))]


def plain_flow_blend(frames: list[Frame]) -> list[Picture]:
    """The exponential mean along DIS flow (medium preset, full size) with a cubic warp, trusted everywhere."""
    dis: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    lumas = [cv2.cvtColor(frame.source, cv2.COLOR_RGB2GRAY) for frame in frames]
    mean, out = frames[0].image.astype(np.float32), [frames[0].image]
    for before, now, frame in zip(lumas, lumas[1:], frames[1:], strict=False):
        past = warp(mean, dis.calc(now, before, None), cv2.INTER_CUBIC)
        mean = np.clip(WEIGHT * past + (1 - WEIGHT) * frame.image, 0, 255)
        out.append(u8(mean))
    return out


def stage(frames: list[Frame]) -> list[Picture]:
    return [frame.image for frame in steady(iter(frames))]


METHODS: dict[str, Smoother] = {
    "unsmoothed": unsmoothed,
    "exponential mean": exponential_mean,
    "median of 3": median_of_three,
    "plain flow blend": plain_flow_blend,
    "vidfx": stage,
}


def errors(scene: Iterator[Image]) -> dict[str, float]:
    """Each method's error against the truth of one scene."""
    rng = np.random.default_rng(2)
    truths, frames = [], []
    for i, picture in enumerate(scene):
        source = u8(picture)
        truths.append(painted(source.astype(np.float32)))
        frames.append(
            Frame(
                index=i, pts=i, time_base=Fraction(1, 25), duration=1,
                image=u8(flickering(truths[-1], rng)), source=source, starts_shot=i == 0,
            )
        )  # fmt: skip

    def error(outs: list[Picture]) -> float:
        squares = [np.mean((out - truth) ** 2) for out, truth in zip(outs, truths, strict=True)]
        return float(np.sqrt(np.mean(squares[SETTLED:])))

    return {name: error(smooth(frames)) for name, smooth in METHODS.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--frames", type=int, default=24)
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    cv2.setNumThreads(1)
    print("| motion | " + " | ".join(METHODS) + " |")
    print("|---" * (len(METHODS) + 1) + "|")
    for name, scene in scenes((width, height), options.frames).items():
        print(f"| {name} | " + " | ".join(f"{error:.2f}" for error in errors(scene).values()) + " |", flush=True)


if __name__ == "__main__":
    main()
