"""The generator of `vidfx.styles.generator` as an OpenVINO graph, from 8-bit pictures to 8-bit pictures.

    `unshuffled` uint8  ->  x − 127.5  ->  the network, scaled by 1/255 at its entries and 255 at its end  ->  uint8

Pictures are cut into blocks of 4 × 4 and 2 × 2 pixels before it, and put together after it, by `vidfx.styles.blocks`:
OpenVINO would move single values and takes five times as long. A deep graph takes and gives float32 on the same scale
of 0..255, and is cut before the last layer, so that this one can be computed in fp32: bf16 knows no more than 9 bits of
a light tone.

Written out rather than traced, the graph needs neither torch nor a converter, is built in milliseconds, and takes any
size.

With `ranges`, what enters most convolutions is rounded to 256 levels between two ends, and their
weights to 255 levels a channel (Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference",
arXiv:1806.08342); OpenVINO then multiplies them as int8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidfx.styles.card import NetworkShape
from vidfx.styles.weights import STEPS, Weights, by_pixel

Ranges = Mapping[str, tuple[float, float]]
"""A layer's name to the ends of the levels that what enters it is rounded to."""

EXACT = frozenset({"merge", "leave"})
"""Never quantised: these two draw the fine lines. To round them too saves a tenth of the time and doubles the error."""
_CHANNELS_FIRST, _CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]
_BINOMIAL = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16


class Graph:
    """The network in OpenVINO's terms."""

    def __init__(
        self,
        openvino: Any,
        network: NetworkShape,
        weights: Weights,
        ranges: Ranges | None = None,
        *,
        deep: bool = False,
    ) -> None:
        self._openvino, self._op, self._weights, self._ranges = openvino, openvino.opset13, by_pixel(weights), ranges
        self._deep = deep
        op = self._op
        given = openvino.Type.f32 if deep else openvino.Type.u8
        self.pictures = [op.parameter([-1, -1, -1, 3 * step**2], given) for step in STEPS]
        """In blocks of each of STEPS, N × H/step × W/step × 3 step²."""
        self.inputs: dict[str, Any] = {}
        """What enters each layer that needs a range before it can be quantised."""
        quarter = op.relu(self._entry(self.pictures[0], "enter"))
        eighth = op.relu(self._convolution(quarter, "down", stride=2))
        for block in range(network.blocks):
            eighth = self._residual(eighth, f"body.{block}")
        larger = self._smooth_shuffle(self._convolution(eighth, "up_quarter", padding=0), network.quarter)
        quarter = self._residual(op.relu(op.add(larger, quarter)), "join")
        larger = self._smooth_shuffle(self._convolution(quarter, "up_half", padding=0), network.half)
        half = op.relu(op.add(larger, self._entry(self.pictures[1], "look_again")))
        self._drawn = op.relu(self._convolution(half, "merge"))

    def models(self) -> list[Any]:
        """What is to be run, one after the other: a deep graph in two, of which the last must be run in fp32."""
        model = self._openvino.Model
        if not self._deep:
            return [model([self._painted(self._drawn)], self.pictures, "generator")]
        drawn = self._op.parameter(self._drawn.get_output_partial_shape(0), self._openvino.Type.f32)
        return [model([self._drawn], self.pictures, "generator"), model([self._painted(drawn)], [drawn], "leave")]

    def _painted(self, drawn: Any) -> Any:
        op = self._op
        middle = 127.5 if self._deep else 128  # with 0.5 to round
        painted = op.clamp(op.add(self._convolution(drawn, "leave"), self._constant(middle)), 0.0, 255.0)
        return op.convert(op.transpose(painted, op.constant(_CHANNELS_LAST)), "f32" if self._deep else "u8")

    def _entry(self, blocks: Any, name: str) -> Any:
        """A layer that sees the picture itself, in blocks of pixels."""
        op, constant = self._op, self._constant
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        x = op.convert(blocks, "f32")
        if self._ranges is None or self._deep:
            x, kernel = op.subtract(x, constant(127.5)), constant(weight)
        else:  # int8 wants a whole number for its zero: 128, and the bias takes the half
            x = op.fake_quantize(x, constant(0), constant(255), constant(-128), constant(127), 256)
            kernel, bias = self._channel_levels(weight), bias + weight.sum(axis=(1, 2, 3)) / 2
        # turned around last, which is free: a convolution reads its channels last as well
        return self._multiply(op.transpose(x, op.constant(_CHANNELS_FIRST)), kernel, bias)

    def _convolution(self, x: Any, name: str, *, stride: int = 1, padding: int = 1) -> Any:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        kernel = self._constant(weight)
        if name not in EXACT:
            self.inputs[name] = x
            if self._ranges is not None:
                x, kernel = self._levels(x, *self._ranges[name]), self._channel_levels(weight)
        return self._multiply(x, kernel, bias, stride, padding)

    def _multiply(self, x: Any, kernel: Any, bias: NDArray[np.float32], stride: int = 1, padding: int = 1) -> Any:
        edges = [padding, padding]
        product = self._op.convolution(x, kernel, [stride, stride], edges, edges, [1, 1])
        return self._op.add(product, self._constant(bias.reshape(1, -1, 1, 1)))

    def _residual(self, x: Any, name: str) -> Any:
        hidden = self._op.relu(self._convolution(x, f"{name}.first"))
        return self._op.add(self._convolution(hidden, f"{name}.second"), x)

    def _smooth_shuffle(self, x: Any, channels: int) -> Any:
        op = self._op
        kernel = self._constant(np.broadcast_to(_BINOMIAL, (channels, 1, 1, 3, 3)))
        # rows of a pixel's channels are moved whole: depth_to_space takes twice as long
        x = op.transpose(x, op.constant(_CHANNELS_LAST))
        count, height, width, _ = op.split(op.shape_of(x), op.constant(0), 4).outputs()
        rows = op.reshape(x, op.constant([0, 0, 0, 2, 2 * channels]), True)
        rows = op.transpose(rows, op.constant([0, 1, 3, 2, 4]))
        two, depth = op.constant([2]), op.constant([channels])
        size = op.concat([count, op.multiply(height, two), op.multiply(width, two), depth], 0)
        larger = op.transpose(op.reshape(rows, size, False), op.constant(_CHANNELS_FIRST))
        return op.group_convolution(larger, kernel, [1, 1], [1, 1], [1, 1], [1, 1])

    def _levels(self, x: Any, least: float, greatest: float) -> Any:
        """`x` on 256 levels; 0 is one of them, since that is what stands around a picture."""
        least, greatest = min(least, 0.0), max(greatest, 1e-6)
        step = (greatest - least) / 255
        below = round(-least / step)
        low, high = self._constant(-below * step), self._constant((255 - below) * step)
        return self._op.fake_quantize(x, low, high, low, high, 256)

    def _channel_levels(self, weight: NDArray[np.float32]) -> Any:
        """`weight` on 255 levels, spread evenly around 0 for each output channel."""
        reach = self._constant(np.maximum(np.abs(weight).max(axis=(1, 2, 3), keepdims=True), 1e-12))
        less = self._constant(-np.asarray(reach.data))
        return self._op.fake_quantize(self._constant(weight), less, reach, less, reach, 255)

    def _constant(self, values: Any) -> Any:
        return self._op.constant(np.asarray(values, np.float32))
