"""Where each pixel of a frame was in the frame before: optical flow on the source.

DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016, in OpenCV) finds the motion at about 320
pixels across, a quarter of 720p. For pictures so large that this leaves half a pixel open, one step of Lucas and Kanade
("An Iterative Image Registration Technique", IJCAI 1981) on twice that size takes off what is left, d, over a window:
with g the gradient of luma and e = now − before(x + w),

    Σ (g gᵀ + r) d = Σ g e        w ← w + d        r keeps d at 0 where there is nothing to see
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx import native
from vidfx.frames import Field, Map, Picture, shallowed

Plane = NDArray[np.uint8]
"""H × W, uint8."""

_LONG_SIDE = 640  # px of the larger of the two reduced sizes: half of 720p, a third of 1080p
_HALVED_FROM = 320  # px; a picture with less than this on its long side is not reduced again
_LEAST_SIDE = 16  # px; DIS works on patches of 8 and cannot see anything smaller
_SMOOTHED = (5, 5)  # px of the map; does what DIS's own variational refinement would, in a thirtieth of the time
_REFINED_FROM = 3.0  # px of the full picture to one of a map; with fewer, DIS is exact enough by itself
_WINDOW = (5, 5)  # px of the small size, over which the refinement sums
_REGULAR = 64.0  # r, in steps² of luma per px²
_LARGEST_STEP = 1.0  # px of the larger reduced size; what is farther off is beyond a linear model
_STILL = 0.1  # px of the full picture; a slower pixel is not resampled, so a still world stays untouched


@dataclass(frozen=True, slots=True)
class View:
    """What is kept of a source picture to compare it with its neighbours."""

    luma: Plane
    """At the larger reduced size."""
    small: Plane
    """Luma at the small size, that of every map and field."""
    colour: NDArray[np.uint8]
    """Luma, Cr and Cb (full range BT.601) and nothing, h × w × 4, at the small size: OpenCV warps four of them together
    in half the time of three."""


class FlowEstimator:
    """Optical flow between frames of one size. It remembers nothing, but has scratch memory: one thread at a time."""

    def __init__(self, width: int, height: int) -> None:
        scale = max(1, round(max(width, height) / _LONG_SIDE))
        self._size = (-(-width // scale), -(-height // scale))
        halved = 2 if max(self._size) >= _HALVED_FROM else 1
        self.width, self.height = (-(-side // halved) for side in self._size)
        """Of the maps and fields."""
        self.stretch = np.array([width / self.width, height / self.height], np.float32)
        """Pixels of the full picture to one of a map, across and down."""
        self.grid: Field = grid(self.width, self.height)
        self._upper_stretch = np.array([self._size[0] / self.width, self._size[1] / self.height], np.float32)
        # scratch: fresh memory costs more than the sums in it
        self._upper_flow: Field = np.empty((*self._size[::-1], 2), np.float32)
        if native.AVAILABLE:
            self._step = native.Refinement(
                self._size, (self.width, self.height), window=_WINDOW[0], regular=_REGULAR, most=_LARGEST_STEP
            ).step
        else:
            self._product: Map = np.empty(self._size[::-1], np.float32)
            self._step = self._step_by_opencv
        self._there = _dis(finest=0, stride=5)
        self._back = _dis(finest=halved - 1, stride=5)  # a quarter of the time, to compare with
        self.is_blind = min(self.width, self.height) < _LEAST_SIDE
        """Whether the picture is too small to see motion in; it is then taken to stand still."""

    def view(self, picture: Picture) -> View:
        """What `between` and the judgements of trust need of a picture."""
        reduced = shallowed(cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA))
        tiny = cv2.resize(reduced, (self.width, self.height), interpolation=cv2.INTER_AREA)
        colour = cv2.cvtColor(cv2.cvtColor(tiny, cv2.COLOR_RGB2YCrCb), cv2.COLOR_RGB2RGBA)
        return View(
            luma=np.asarray(cv2.cvtColor(reduced, cv2.COLOR_RGB2GRAY), np.uint8),
            small=np.asarray(cv2.extractChannel(colour, 0), np.uint8),
            colour=np.asarray(colour, np.uint8),
        )

    def between(self, start: View, end: View) -> Field:
        """From each pixel of `start` to its place in `end`, in pixels of the maps."""
        return self._calc(self._there, start, end)

    def roughly_between(self, start: View, end: View) -> Field:
        """The same, found at half the size: good enough to compare with."""
        return self._calc(self._back, start, end)

    def refined(self, flow: Field, start: View, end: View) -> Field:
        """`flow` from `start` to `end` without what is left of it below a pixel; itself where that is too little."""
        return flow if self.is_blind or self.stretch.max() < _REFINED_FROM else self._refined(flow, start, end)

    def stilled(self, flow: Field) -> Field:
        """`flow` with nothing in it too slow to see: 0 there."""
        moving = (squared(stretched(flow, self.stretch)) >= _STILL**2).view(np.uint8)
        return np.asarray(cv2.copyTo(flow, moving), np.float32)

    def _calc(self, dis: Any, start: View, end: View) -> Field:
        if self.is_blind:
            return np.zeros_like(self.grid)
        return np.asarray(cv2.GaussianBlur(dis.calc(start.small, end.small, None), _SMOOTHED, 0), np.float32)

    def _refined(self, flow: Field, start: View, end: View) -> Field:
        cv2.resize(stretched(flow, self._upper_stretch), self._size, dst=self._upper_flow)
        found = warp(end.luma, self._upper_flow, cv2.INTER_LINEAR)
        step = self._step(start.luma, found)
        return np.asarray(cv2.add(flow, stretched(step, 1 / self._upper_stretch)), np.float32)

    def _step_by_opencv(self, start: Plane, found: Plane) -> Field:
        product = self._product
        left = cv2.subtract(start, found, dtype=cv2.CV_32F)
        # the slope of both is right to second order
        both = cv2.addWeighted(start, 0.5, found, 0.5, 0, dtype=cv2.CV_32F)
        x, y = (cv2.Scharr(both, cv2.CV_32F, *way, scale=1 / 32) for way in ((1, 0), (0, 1)))
        products = ((x, x), (x, y), (y, y), (x, left), (y, left))
        xx, xy, yy, xe, ye = (self._mean(cv2.multiply(*pair, dst=product)) for pair in products)
        xx, yy = xx + _REGULAR, yy + _REGULAR
        over = 1 / (xx * yy - xy * xy)
        step = cv2.merge([(yy * xe - xy * ye) * over, (xx * ye - xy * xe) * over])
        return np.asarray(np.clip(step, -_LARGEST_STEP, _LARGEST_STEP, out=step), np.float32)

    def _mean(self, product: Any) -> Map:
        reduced = cv2.resize(product, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.blur(reduced, _WINDOW), np.float32)


def grid(width: int, height: int) -> Field:
    """Each pixel's own place."""
    return np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))


def warp(picture: NDArray[Any], flow: Field, interpolation: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """`picture` looked up along `flow`, in its own pixels; beyond the border its edge is repeated."""
    remap: Any = cv2.remap  # its stub wants a second map where none is needed
    along = interpolation | cv2.WARP_RELATIVE_MAP
    return np.asarray(remap(picture, flow, None, along, out, cv2.BORDER_REPLICATE))


def squared(field: Any) -> Map:
    """The squared length of each vector."""
    x, y = cv2.split(field)
    return np.asarray(x * x + y * y, dtype=np.float32)


def stretched(field: Any, pair: NDArray[np.floating]) -> Field:
    """Each vector times the pair, element by element."""
    multiply: Any = cv2.multiply  # its stub wants a second array where a scalar does
    return np.asarray(multiply(field, (float(pair[0]), float(pair[1]), 0.0, 0.0)), np.float32)


def shift(field: Field, pair: tuple[int, int]) -> None:
    """Adds the pair to each vector, in place. Not by numpy, which takes nine times as long."""
    add: Any = cv2.add
    add(field, (float(pair[0]), float(pair[1]), 0.0, 0.0), field)


def _dis(*, finest: int, stride: int) -> Any:
    """`finest`: halvings below the maps' size; `stride`: pixels from one patch to the next."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    dis.setFinestScale(finest)
    dis.setPatchStride(stride)
    dis.setGradientDescentIterations(6)
    dis.setVariationalRefinementIterations(0)
    return dis
