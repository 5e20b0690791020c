"""Between which values each layer of a generator works: what int8 must know of a style before it can round.

The pictures to find out with are made here, so that a style alone decides and every machine of a farm rounds alike:
dead leaves, discs that hide one another with radii after r⁻³, whose edges, contrasts and spectra are those of
photographs (Lee, Mumford and Huang, "Occlusion models for natural images", International Journal of Computer Vision 41,
2001).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.styles.blocks import unshuffled
from vidfx.styles.card import NetworkShape
from vidfx.styles.graph import STEPS, Graph, Ranges
from vidfx.styles.weights import Weights

_PICTURES, _EDGE, _LEAVES = 4, 256, 1500
_LEAST, _GREATEST = 2, 128  # px; radii
_MARGIN = 1.1  # films have a little more range than four pictures


def ranges_of(openvino: Any, network: NetworkShape, weights: Weights) -> Ranges:
    """The least and greatest value that enters each layer while dead leaves are painted in fp32."""
    op, graph = openvino.opset13, Graph(openvino, network, weights)
    every = op.constant([0, 1, 2, 3])
    ends = [find(x, every) for x in graph.inputs.values() for find in (op.reduce_min, op.reduce_max)]
    model = openvino.Model(ends, graph.pictures, "ranges")
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = np.array([[float(end) for end in compiled(leaves).values()] for leaves in _blocks()])
    least, greatest = _MARGIN * found[:, 0::2].min(0), _MARGIN * found[:, 1::2].max(0)
    return dict(zip(graph.inputs, zip(least.tolist(), greatest.tolist(), strict=True), strict=True))


def _blocks() -> Iterator[list[NDArray[np.uint8]]]:
    for picture in dead_leaves():
        yield [unshuffled(picture[None], step) for step in STEPS]


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
