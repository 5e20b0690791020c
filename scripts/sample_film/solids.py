"""Small things with volume, carved from distance fields and lit once: a boat with its fisherman, a pagoda."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .noise import Field, fbm, sample, smoothstep

Distance = Callable[[Field], tuple[Field, NDArray[np.intp]]]
Parts = list[tuple[Field, int]]


def carve(
    shape: Distance,
    colours: Field,
    box: tuple[float, float, float, float],
    scale: float,
    yaw: float,
    pitch: float,
    sun: tuple[float, float, float],
) -> Field:
    """A picture of `shape` seen square-on: height × width × 4, linear RGB times coverage, coverage last.

    `box` is left, right, bottom, top in metres about the origin, `scale` pixels per metre; drawn at twice that, halved.
    `yaw` turns the thing about the upright, `pitch` is how far the eye looks down. `sun` is given in the eye's axes.
    """
    left, right, bottom, top = box
    depth = 0.9 * max(right - left, top - bottom)
    w, h = (round(side * scale) * 2 for side in (right - left, top - bottom))
    across, down = np.linspace(left, right, w, dtype=np.float32), np.linspace(top, bottom, h, dtype=np.float32)
    w, h = w - w % _CELL, h - h % _CELL
    cy, sy, cp, sp = (float(f(a)) for a in (yaw, pitch) for f in (np.cos, np.sin))
    # eye axes (right, up, ahead) in the thing's own axes
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    turn = turn.astype(np.float32)
    hit, points = _met(shape, across[:w], down[:h], turn, depth, scale)
    light = turn @ (np.array(sun, np.float32) / np.linalg.norm(sun)).astype(np.float32)
    out = np.zeros((h * w, 4), np.float32)
    out[hit, :3], out[hit, 3] = _lit(shape, colours, points, light), 1.0
    return np.asarray(out.reshape(h // 2, 2, w // 2, 2, 4).mean(axis=(1, 3)), np.float32)


_CELL = 8
"""Edge of the blocks of a first, coarse march."""


def _met(
    shape: Distance, across: Field, down: Field, turn: Field, depth: float, scale: float
) -> tuple[NDArray[np.bool_], Field]:
    """Which rays, one for each pixel row by row, meet the shape, and the points where."""
    w, h, way = len(across), len(down), turn[:, 2]

    def rays(right: Field, upward: Field) -> Field:
        start = np.stack(np.broadcast_arrays(right[None, :], upward[:, None], np.float32(-depth)), -1)
        return np.ascontiguousarray(start.reshape(-1, 3) @ turn.T)

    def for_pixels(blocks: np.ndarray) -> np.ndarray:
        return np.repeat(np.repeat(blocks.reshape(h // _CELL, w // _CELL), _CELL, 0), _CELL, 1).ravel()

    # a coarse march finds where anything is and how near it may begin; the fine one starts there
    rough = rays(across.reshape(-1, _CELL).mean(1), down.reshape(-1, _CELL).mean(1))
    live = for_pixels(_march(shape, rough, way, depth, 1.3 * _CELL / (2.0 * scale)))
    far = for_pixels(rough @ way) + depth
    points = rays(across, down)[live] + far[live, None] * way
    hit = np.zeros(h * w, bool)
    struck = _march(shape, points, way, depth, 0.006)
    hit[np.flatnonzero(live)[struck]] = True
    return hit, points[struck]


def _lit(shape: Distance, colours: Field, q: Field, light: Field) -> Field:
    """Linear RGB of the points `q` of a shape: sun with soft shadows, and sky where it is open above."""
    base, which = shape(q)
    eps = np.float32(0.012)
    normal = np.stack([shape(q + eps * np.eye(3, dtype=np.float32)[k])[0] - base for k in range(3)], -1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    shadow = np.ones(len(q), np.float32)
    reach = np.full(len(q), 0.05, np.float32)
    for _ in range(18):
        d, _which = shape(q + normal * 0.03 + reach[:, None] * light)
        shadow = np.minimum(shadow, np.clip(9.0 * d / reach, 0.0, 1.0))
        reach += np.clip(d, 0.04, 0.9)
    open_air = np.clip(shape(q + 0.35 * normal)[0] / 0.35, 0.0, 1.0)
    direct = np.clip(normal @ light, 0.0, 1.0) * shadow
    ambient = (0.35 + 0.65 * open_air) * (0.6 + 0.4 * normal[:, 1])
    spot = np.pad(q, ((0, -len(q) % 256), (0, 0)), mode="edge").reshape(-1, 256, 3)  # remap takes no long columns
    grain = sample([_GRAIN], 0.0, (spot[..., 0] + 0.7 * spot[..., 2]) * 60, spot[..., 1] * 60).reshape(-1, 1)[: len(q)]
    skin = colours[which] * (1.0 + 0.35 * grain)
    sunlight, skylight = np.float32([3.3, 2.75, 2.0]), np.float32([0.62, 0.72, 0.88])
    return np.asarray(skin * (direct[:, None] * sunlight + ambient[:, None] * skylight), np.float32)


def _march(shape: Distance, p: Field, way: Field, depth: float, touch: float) -> NDArray[np.bool_]:
    """Move the points `p` along `way` until within `touch` of the shape; which of them got there."""
    live = np.arange(len(p))
    hit = np.zeros(len(p), bool)
    for _ in range(110):
        d, _which = shape(p[live])
        near = d < touch
        hit[live[near]] = True
        p[live[~near]] += (0.85 * d[~near])[:, None] * way
        live = live[~near & ((p[live] @ way) < depth)]
        if not len(live):
            break
    return hit


_GRAIN = fbm(256, 16, 4, 5, 0.6)


def _nearest(parts: Parts) -> tuple[Field, NDArray[np.intp]]:
    best, which = parts[0][0], np.full(parts[0][0].shape, parts[0][1], np.intp)
    for d, material in parts[1:]:
        closer = d < best
        best = np.where(closer, d, best)
        which[closer] = material
    return best.astype(np.float32), which


def _capsule(p: Field, a: tuple[float, ...], b: tuple[float, ...], ra: float, rb: float) -> Field:
    pa, ba = p - np.float32(a), np.float32(b) - np.float32(a)
    h = np.clip(pa @ ba / float(ba @ ba), 0.0, 1.0)
    return np.asarray(np.linalg.norm(pa - h[:, None] * ba, axis=1) - (ra + (rb - ra) * h), np.float32)


def _ball(p: Field, centre: tuple[float, ...], radii: tuple[float, ...]) -> Field:
    q = (p - np.float32(centre)) / np.float32(radii)
    return np.asarray((np.linalg.norm(q, axis=1) - 1.0) * min(radii), np.float32)


BOAT = np.array(
    [
        [0.11, 0.065, 0.035],
        [0.30, 0.21, 0.11],
        [0.045, 0.055, 0.085],
        [0.42, 0.33, 0.17],
        [0.30, 0.18, 0.12],
        [0.16, 0.10, 0.05],
        [0.012, 0.012, 0.015],
    ],
    np.float32,
)


def boat(phase: float) -> Distance:
    """A narrow river boat, bow towards +x, a man in a straw hat poling at the stern; `phase` in turns of his stroke."""
    swing = float(np.sin(2 * np.pi * phase))

    def shape(p: Field) -> tuple[Field, NDArray[np.intp]]:
        x, y, z = p[:, 0], p[:, 1], p[:, 2]
        sheer = y - 0.045 * x * x * np.abs(x) ** 0.3
        hull = (np.sqrt((x / 3.9) ** 2 + (z / 0.80) ** 2 + ((sheer - 0.3) / 0.62) ** 2) - 1.0) * 0.5
        hull = np.maximum(hull, sheer - 0.34)
        well = (np.sqrt((x / 3.6) ** 2 + (z / 0.68) ** 2) - 1.0) * 0.5
        hull = np.maximum(hull, -np.maximum(well, 0.12 - sheer))
        arch = np.hypot(y - 0.3, z * 1.08)
        awning = np.maximum(np.abs(arch - 0.86) - 0.05, np.maximum(np.abs(x + 0.1) - 1.25, 0.2 - y))
        lean = 0.10 * swing
        foot = -2.5
        robe = _capsule(p, (foot, 0.72, 0.0), (foot + lean, 1.42, 0.0), 0.27, 0.17)
        head = _ball(p, (foot + 1.2 * lean, 1.74, 0.0), (0.13, 0.16, 0.13))
        hr = np.hypot(x - foot - 1.2 * lean, z)
        hat = np.maximum((y - 2.05 + 0.62 * hr) * 0.8, np.maximum(hr - 0.46, 1.98 - 0.62 * hr - y) * 0.8)
        hand = (foot + lean - 0.30 + 0.16 * swing, 1.18, 0.34)
        arms = np.minimum(
            _capsule(p, (foot + lean, 1.36, 0.16), hand, 0.085, 0.06),
            _capsule(p, (foot + lean, 1.36, -0.12), (hand[0] + 0.05, 1.46, hand[2] - 0.02), 0.085, 0.06),
        )
        pole = _capsule(p, (hand[0] + 0.55, 3.6, 0.16), (hand[0] - 0.75 - 0.5 * swing, -1.0, 0.58), 0.035, 0.04)
        hull, pole = np.maximum(hull, -0.02 - y), np.maximum(pole, -0.02 - y)  # the river hides the rest
        birds = np.minimum(
            _capsule(p, (2.75, 0.75, 0.1), (2.85, 1.15, 0.1), 0.13, 0.07),
            _capsule(p, (2.85, 1.15, 0.1), (3.12, 1.27, 0.1), 0.06, 0.03),
        )
        birds = np.minimum(birds, _capsule(p, (2.1, 0.62, -0.25), (2.2, 0.98, -0.28), 0.13, 0.07))
        return _nearest(
            [(hull, 0), (awning, 1), (robe, 2), (hat, 3), (np.minimum(head, arms), 4), (pole, 5), (birds, 6)]
        )

    return shape


PAGODA = np.array(
    [[0.050, 0.058, 0.062], [0.34, 0.075, 0.045], [0.52, 0.46, 0.36], [0.30, 0.28, 0.25], [0.03, 0.02, 0.02]],
    np.float32,
)


def pagoda(tiers: int = 5) -> Distance:
    """An eight-sided pagoda on a stone terrace: red posts, pale walls, dark tiled eaves that lift at the corners."""
    floors, base = [], 1.6
    for k in range(tiers):
        floors.append((base, 3.7 * 0.86**k, 3.5 * 0.90**k))
        base += 3.5 * 0.90**k + 0.75 * 0.9**k
    crown = base

    def shape(p: Field) -> tuple[Field, NDArray[np.intp]]:
        x, y, z = p[:, 0], p[:, 1], p[:, 2]
        angle = np.arctan2(z, x)
        sector = np.mod(angle, np.pi / 4) - np.pi / 8
        r = np.hypot(x, z)
        flat, side = r * np.cos(sector), r * np.sin(sector)  # flat: out from a face; side: along it
        corner = (np.abs(sector) / (np.pi / 8)) ** 3
        d = np.maximum(np.maximum(flat - 5.6, y - 1.6), -y - 6.0)
        parts: Parts = [(d, 3)]
        rail = np.maximum(np.abs(flat - 5.35) - 0.07, np.minimum(np.abs(y - 2.35) - 0.07, np.abs(y - 1.9) - 0.05))
        parts.append((np.maximum(rail, y - 2.5), 1))
        for foot, out, tall in floors:
            wall = np.maximum(flat - 0.80 * out, np.abs(y - foot - tall / 2) - tall / 2)
            bay = np.abs(np.abs(side) - 0.0)
            door = np.maximum(bay - 0.13 * out, np.abs(y - foot - 0.40 * tall) - 0.34 * tall)
            wall_id = np.maximum(wall, -np.maximum(door, 0.72 * out - flat))
            parts.append((wall_id, 2))
            inner = np.maximum(flat - 0.73 * out, np.abs(y - foot - tall / 2) - tall / 2)
            parts.append((inner, 4))
            half = out * 0.88 * np.tan(np.pi / 8)
            post = np.maximum(
                np.hypot(flat - 0.86 * out, np.abs(side) - half * 0.97) - 0.13, np.abs(y - foot - tall / 2) - tall / 2
            )
            beam = np.maximum(np.abs(flat - 0.84 * out) - 0.11, np.abs(y - foot - tall + 0.18) - 0.2)
            parts.append((np.minimum(post, beam), 1))
            # the roof swoops: steep at the wall, level at the eave, lifted at the corners
            far = np.clip((1.42 * out - flat) / (0.85 * out), 0.0, 1.2)
            lift = 0.50 * corner * np.clip(1.0 - far, 0, 1) ** 2 * out / 3.7
            line = foot + tall - 0.15 + lift + (0.25 * far + 1.05 * far * far) * out / 3.0
            tile = 0.05 * np.cos(side * 2 * np.pi / 0.42) * np.clip(1.3 - far, 0, 1)
            roof = np.maximum(np.abs(y - line - 0.5 * tile) - 0.14, flat - 1.42 * out - 0.14 * corner * out)
            roof = np.maximum(roof, 0.5 * out - flat) * 0.62
            parts.append((roof, 0))
        top = np.maximum(np.abs(y - crown - 0.4) - 0.9, r - 0.9 + 0.75 * np.clip(y - crown + 0.4, 0, 1.6)) * 0.6
        parts.append((top, 0))
        parts.append((_capsule(p, (0, crown, 0), (0, crown + 3.2, 0), 0.16, 0.04), 4))
        for k in range(3):
            parts.append((_ball(p, (0, crown + 1.25 + 0.55 * k, 0), (0.42 - 0.09 * k, 0.16, 0.42 - 0.09 * k)), 4))
        return _nearest(parts)

    return shape


def footing(picture: Field, rows: int) -> Field:
    """Let the lowest `rows` fade, so that a thing sits in its grass instead of on it."""
    fade = smoothstep(0.0, 1.0, np.linspace(1.0, 0.0, rows, dtype=np.float32))
    out = picture.copy()
    out[-rows:] *= fade[:, None, None]
    return out
