"""Between which values each layer of a generator is rounded: what int8 must know of a style.

The pictures to find out with are made here, so that a style alone decides and every machine of a farm rounds alike:
dead leaves, discs that hide one another with radii after r⁻³, whose edges, contrasts and spectra are those of
photographs (Lee, Mumford and Huang, "Occlusion models for natural images", International Journal of Computer Vision 41,
2001).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.styles.blocks import unshuffled
from vidfx.styles.card import NetworkShape
from vidfx.styles.graph import Graph, Ranges
from vidfx.styles.weights import STEPS, Weights

_PICTURES, _EDGE, _LEAVES = 4, 256, 1500
_LEAST, _GREATEST = 2, 128  # px; radii
_EVERY = 17  # th value of a layer is looked at
_REACHES = np.linspace(1.1, 0.2, 19)  # films have a little more range than four pictures


def ranges_of(openvino: Any, network: NetworkShape, weights: Weights) -> Ranges:
    """For each layer the ends of the 256 levels that are nearest to what enters it while dead leaves are painted.

    Nearest by the mean squared error: ends that reach the few greatest values round all the others coarsely (Banner,
    Nahshan and Soudry, "Post training 4-bit quantization of convolutional networks for rapid-deployment", NeurIPS
    2019).
    """
    graph = Graph(openvino, network, weights)
    model = openvino.Model(list(graph.inputs.values()), graph.pictures, "ranges")
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = [
        [entered.ravel()[::_EVERY].copy() for entered in compiled(blocks).values()]
        for blocks in ([unshuffled(picture[None], step) for step in STEPS] for picture in dead_leaves())
    ]
    return {
        name: _best_range(np.concatenate(values))
        for name, values in zip(graph.inputs, zip(*found, strict=True), strict=True)
    }


def _best_range(values: NDArray[np.float32]) -> tuple[float, float]:
    least, greatest = min(float(values.min()), 0.0), max(float(values.max()), 1e-6)

    def error(reach: float) -> float:
        step = reach * (greatest - least) / 255
        levels = np.rint(np.clip(values, reach * least, reach * greatest) / step)
        return float(np.square(levels * step - values).mean())

    reach = float(min(_REACHES, key=error))
    return reach * least, reach * greatest


def dead_leaves() -> list[NDArray[np.uint8]]:
    """Pictures of 256 × 256 × 3 full of discs; the same ones each time."""
    random = np.random.default_rng(0)
    pictures = []
    for _ in range(_PICTURES):
        picture = np.zeros((_EDGE, _EDGE, 3), np.uint8)
        share = random.random(_LEAVES)
        radii = (share / _GREATEST**2 + (1 - share) / _LEAST**2) ** -0.5  # the inverse of r⁻³'s distribution
        centres = random.integers(0, _EDGE, (_LEAVES, 2))
        colours = np.clip(random.normal(random.integers(0, 256, (_LEAVES, 1)), 30, (_LEAVES, 3)), 0, 255)
        for centre, radius, colour in zip(centres.tolist(), radii.tolist(), colours.tolist(), strict=True):
            cv2.circle(picture, centre, round(radius), colour, cv2.FILLED, cv2.LINE_AA)
        pictures.append(picture)
    return pictures
