"""A leaning mountain pine, drawn needle by needle, and the wind in it."""

from dataclasses import dataclass

import cv2
import numpy as np

from .noise import Field, fbm


@dataclass(frozen=True)
class Pine:
    """`picture`: height × width × 4, linear RGB times coverage. `loose`: how far the wind carries each pixel, 0..1."""

    picture: Field
    loose: Field
    phase: Field
    scale: float  # pixels per metre

    def sway(self, time: float) -> tuple[Field, Field]:
        """Displacement in pixels, right and down, at `time` seconds: slow boughs, quick needles."""
        gust = 0.65 + 0.35 * np.sin(1.7 * time + 0.4)
        slow = np.sin(2 * np.pi * 0.42 * time + 2.2 * self.phase)
        quick = np.sin(2 * np.pi * 1.3 * time + 9.0 * self.phase)
        dx = self.scale * self.loose * (0.055 * gust * slow + 0.010 * gust * quick)
        dy = (
            self.scale
            * self.loose
            * (0.035 * gust * np.cos(2 * np.pi * 0.42 * time + 2.6 * self.phase) + 0.008 * quick)
        )
        return dx.astype(np.float32), dy.astype(np.float32)


class _Canvas:
    """Strokes in metres, right and up, on a square picture and on its coverage."""

    def __init__(self, rng: np.random.Generator, size: int, metres: float) -> None:
        self.rng, self.scale, self.size = rng, size / metres, size
        self.paint = np.full((size, size, 3), (16, 30, 22), np.uint8)
        self.cover = np.zeros((size, size), np.uint8)

    def stroke(self, a: np.ndarray, b: np.ndarray, width: float, rgb: tuple[float, ...]) -> None:
        scale = self.scale
        pa = [int(a[0] * scale * 16), int((self.size / scale - a[1]) * scale * 16)]
        pb = [int(b[0] * scale * 16), int((self.size / scale - b[1]) * scale * 16)]
        thick = max(1, round(width * scale))
        cv2.line(self.paint, pa, pb, rgb, thick, cv2.LINE_AA, 4)
        cv2.line(self.cover, pa, pb, 255, thick, cv2.LINE_AA, 4)

    def limb(self, points: np.ndarray, wide: float, thin: float) -> None:
        """A bough along `points` that thins out, round by its light, with bark."""
        n = len(points) - 1
        for layer in range(7):  # from the shadowed right edge to the lit left one
            across = layer / 6
            tone = 24 + 88 * across**1.8
            for k in range(n):
                width = wide + (thin - wide) * k / n
                heading = points[k + 1] - points[k]
                side = np.array([-heading[1], heading[0]]) / (np.linalg.norm(heading) + 1e-9)
                side = side if side @ np.array([-0.7, 0.7]) > 0 else -side
                shift = side * width * 0.36 * across
                self.stroke(
                    points[k] + shift,
                    points[k + 1] + shift,
                    width * (1.0 - 0.80 * across),
                    (tone * 1.05, tone * 0.86, tone * 0.72),
                )
        self._bark(points, wide, thin)

    def _bark(self, points: np.ndarray, wide: float, thin: float) -> None:
        rng, n = self.rng, len(points) - 1
        length = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
        for _ in range(int(260 * length * wide)):
            k = rng.integers(0, n)
            a = points[k] + (points[k + 1] - points[k]) * rng.random()
            width = wide + (thin - wide) * k / n
            a = a + rng.normal(0, 0.19, 2) * width
            tone = rng.uniform(16, 120)
            along = (points[k + 1] - points[k]) / (np.linalg.norm(points[k + 1] - points[k]) + 1e-9)
            self.stroke(a, a + along * rng.uniform(0.03, 0.14), 0.008, (tone, tone * 0.80, tone * 0.64))

    def tuft(self, centre: np.ndarray, wide: float, tall: float, needles: int) -> None:
        """A cushion of needles, lit from the upper left."""
        rng = self.rng
        count = int(230 * wide * (0.5 + tall))
        u = rng.uniform(-1, 1, count)
        v = rng.uniform(-0.55, 1.0, count) * np.sqrt(np.maximum(1 - u * u, 0.03))
        for k in np.argsort(v + 0.15 * rng.normal(size=count)):
            at = centre + np.array([u[k] * wide, v[k] * tall])
            lit = np.clip(0.42 + 0.50 * v[k] - 0.16 * u[k] + 0.13 * rng.normal(), 0.0, 1.0)
            for _ in range(needles):
                angle = np.pi / 2 + rng.uniform(-1.25, 1.25) - 0.5 * u[k]
                reach = rng.uniform(0.08, 0.17)
                tone = np.clip(lit + 0.12 * rng.normal(), 0.0, 1.0) ** 1.5
                rgb = (14 + 128 * tone, 27 + 128 * tone, 20 + 46 * tone)
                self.stroke(at, at + reach * np.array([np.cos(angle), np.sin(angle)]), 0.009, rgb)


# Where each bough leaves the trunk (0 foot, 1 crown), how far it reaches to the right, m, and how it rises.
_BOUGHS = [
    (0.40, 3.6, 0.15),
    (0.50, -1.9, 0.35),
    (0.58, 4.4, 0.05),
    (0.68, -2.1, 0.30),
    (0.74, 3.9, 0.25),
    (0.84, -1.7, 0.25),
    (0.90, 2.8, 0.35),
    (0.98, 1.2, 0.45),
    (0.98, -0.9, 0.5),
]


def grow(seed: int, size: int = 1500, metres: float = 10.0, needles: int = 13) -> Pine:
    """A pine about `metres` tall, rooted at the lower left, reaching right; the sun stands at the upper left."""
    rng = np.random.default_rng(seed)
    canvas = _Canvas(rng, size, metres)
    t = np.linspace(0, 1, 26)
    trunk = np.stack([1.3 + 0.5 * np.sin(5.2 * t) + 3.0 * t**1.7, -0.3 + 8.4 * t**0.93], -1)
    tufts: list[tuple[np.ndarray, float, float]] = []
    for place, reach, rise in _BOUGHS:
        root = trunk[int(place * 25)]
        s = np.linspace(0, 1, 14)
        bend = rng.uniform(-0.35, 0.35)
        path = root + np.stack(
            [reach * s, rise * reach * np.sign(reach) * s + bend * np.sin(3.4 * s) - 0.5 * s * s], -1
        )
        canvas.limb(path, 0.17, 0.04)
        for where in np.arange(0.38, 1.01, 0.155):
            node = path[int(where * 13)] + rng.normal(0, 0.1, 2)
            tip = node + np.array([0.35 * np.sign(reach) * rng.random(), rng.uniform(0.10, 0.38)])
            canvas.limb(np.linspace(node, tip, 4), 0.05, 0.02)
            tufts.append((tip, rng.uniform(0.50, 0.92), rng.uniform(0.17, 0.30)))
    canvas.limb(trunk, 0.52, 0.10)
    for tuft in sorted(tufts, key=lambda tuft: float(tuft[0][1])):
        canvas.tuft(*tuft, needles)
    return _finished(canvas, seed)


def _finished(canvas: _Canvas, seed: int) -> Pine:
    """With mottled colours, and how the wind takes it."""
    size = canvas.size
    alpha = canvas.cover.astype(np.float32)[..., None] / 255.0
    tiled = np.arange(size) % 1024
    mottle = fbm(1024, 16, 4, seed, 0.6)[..., None].repeat(1, 2)[np.ix_(tiled, tiled)]
    rgb = (canvas.paint.astype(np.float32) / 255.0) ** 2.2 * (1.0 + 0.22 * mottle)
    y = np.linspace(1, 0, size, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, size, dtype=np.float32)[None, :]
    loose = np.clip(1.4 * y - 0.25, 0, 1) * (0.35 + np.abs(x - 0.22 - 0.2 * y) * 1.6)
    phase = cv2.resize(fbm(256, 3, 3, seed + 1), (size, size), interpolation=cv2.INTER_CUBIC)
    picture = np.dstack([rgb * alpha * 1.5, alpha]).astype(np.float32)
    return Pine(picture, loose.astype(np.float32), phase, canvas.scale)
