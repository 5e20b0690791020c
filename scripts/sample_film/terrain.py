"""A river among karst towers: height, colour and sunlight, baked into maps once per shot."""

from dataclasses import dataclass

import cv2
import numpy as np

from .noise import Field, fbm, pyramid, smoothstep


@dataclass(frozen=True)
class Place:
    """What one landscape is asked to be; lengths in metres."""

    seed: int
    cells: int = 3072
    metre: float = 1.6  # one map cell
    river: float = 62.0  # half width
    meander: float = 150.0
    grid: float = 330.0  # spacing of towers
    tallest: float = 330.0
    sun: tuple[float, float, float] = (-0.80, 0.47, 0.37)  # towards the sun: right, up, ahead


@dataclass(frozen=True)
class World:
    """Baked maps, finest first. `height`: metres above the water. `lit`: linear RGB radiance, then bare rock."""

    place: Place
    height: list[Field]
    lit: list[Field]

    @property
    def side(self) -> float:
        return self.place.cells * self.place.metre

    def river_x(self, z: float) -> float:
        return float(river_line(self.place, np.float32(z)))


def river_line(place: Place, z: Field | np.float32) -> Field:
    """Where the river's middle lies, in metres across, at `z` metres along; periodic."""
    turn = 2.0 * np.pi * z / (place.cells * place.metre)
    wave = place.meander * np.sin(2 * turn + 0.6) + 0.3 * place.meander * np.sin(5 * turn + 1.9)
    return np.asarray(wave + place.cells * place.metre / 2, np.float32)


def build(place: Place) -> World:
    """The whole landscape; a few seconds."""
    n = place.cells
    axis = (np.arange(n, dtype=np.float32) + 0.5) * place.metre
    bank = np.abs(axis[None, :] - river_line(place, axis)[:, None]) - place.river
    bank += 22.0 * fbm(n, 12, 4, place.seed + 1)
    ground = _towers(place, axis, bank)
    slope = _slope(cv2.GaussianBlur(ground, (0, 0), 1.5), place.metre)
    rock = smoothstep(1.9, 3.0, slope + 0.9 * fbm(n, 96, 4, place.seed + 2) + 0.5 * fbm(n, 24, 2, place.seed + 3))
    wild = (1.0 - 0.93 * rock) * smoothstep(3.0, 7.0, ground + 2.5 * fbm(n, 40, 3, place.seed + 4))
    crown, tint = _forest(place, wild)
    crown *= 1.0 + 0.30 * fbm(n, 768, 2, place.seed + 14) + 0.22 * fbm(n, 384, 1, place.seed + 15)  # lobes, not balls
    height = ground + crown
    lit = np.dstack([_light(place, height, ground, _albedo(place, ground, slope, rock, crown, tint)), rock])
    return World(place, pyramid(height, 7), pyramid(lit, 7))


def _towers(place: Place, axis: Field, bank: Field) -> Field:
    n, rng = place.cells, np.random.default_rng(place.seed)
    side = n * place.metre
    count = round(side / place.grid)
    warp = 46.0 * fbm(n, 14, 5, place.seed + 5), 46.0 * fbm(n, 14, 5, place.seed + 6)
    x, z = axis[None, :] + warp[0], axis[:, None] + warp[1]
    tall = np.zeros((n, n), np.float32)
    for row in range(count):
        for col in range(count):
            cx, cz = (np.array([col, row]) + rng.uniform(0.1, 0.9, 2)) * side / count
            top = place.tallest * rng.uniform(0.28, 1.0) ** 1.25
            wide = top * rng.uniform(0.38, 0.60) + 45.0
            # only the window the tower can reach, wrapped round the torus
            reach = int((wide + 75.0) / place.metre)
            rows = np.arange(int(cz / place.metre) - reach, int(cz / place.metre) + reach)
            cols = np.arange(int(cx / place.metre) - reach, int(cx / place.metre) + reach)
            pick = np.ix_(rows % n, cols % n)
            dx = (cols * place.metre - cx)[None, :] + warp[0][pick]
            dz = (rows * place.metre - cz)[:, None] + warp[1][pick]
            u = np.sqrt(dx * dx + dz * dz * rng.uniform(0.6, 1.5)) / wide
            peak = top * np.clip(1.0 - u**2.1, 0.0, 1.0) ** 0.72
            tall[pick] = np.maximum(tall[pick], peak)
    del x, z
    crag = fbm(n, 36, 6, place.seed + 7, 0.55, ridged=True)
    tall = tall * (1.0 + 0.13 * crag) + np.minimum(tall, 60.0) * 0.16 * fbm(n, 110, 4, place.seed + 8, ridged=True)
    tall *= smoothstep(10.0, 120.0, bank)
    plain = 1.5 + 7.0 * smoothstep(0.0, 90.0, bank) + 4.0 * fbm(n, 30, 4, place.seed + 9)
    shore = np.clip(bank * 0.11, -6.0, 1.0)
    return np.asarray(
        np.where(bank < 9.0, shore + 0.4 * fbm(n, 150, 2, place.seed + 10), 0.0) * 1.0
        + smoothstep(4.0, 30.0, bank) * np.maximum(plain, 0.6)
        + tall,
        np.float32,
    )


def _slope(height: Field, metre: float) -> Field:
    gz, gx = np.gradient(height, metre)
    return np.hypot(gx, gz).astype(np.float32)


def _forest(place: Place, wild: Field) -> tuple[Field, Field]:
    """Round crowns on a jittered lattice, metres high, and a hue of its own for each tree, -1..1."""
    n, rng = place.cells, np.random.default_rng(place.seed + 11)
    pitch = 4  # cells between trees
    k = n // pitch
    ox, oz = rng.uniform(0.1, 0.9, (2, k, k)).astype(np.float32) * pitch
    size = rng.uniform(0.55, 1.25, (k, k)).astype(np.float32)
    size *= (rng.random((k, k)) < np.clip(0.12 + wild[pitch // 2 :: pitch, pitch // 2 :: pitch], 0, 1) ** 1.5) * (
        wild[pitch // 2 :: pitch, pitch // 2 :: pitch] > 0.08
    )
    hue = rng.uniform(-1.0, 1.0, (k, k)).astype(np.float32)
    local = np.tile(np.arange(n, dtype=np.float32) % pitch, (n, 1))
    best, tint = np.zeros((n, n), np.float32), np.zeros((n, n), np.float32)

    def spread(a: Field, dz: int, dx: int) -> Field:
        return np.repeat(np.repeat(np.roll(a, (-dz, -dx), (0, 1)), pitch, 0), pitch, 1)

    for dz in (-1, 0, 1):
        for dx in (-1, 0, 1):
            s = spread(size, dz, dx)
            d2 = (local - spread(ox, dz, dx) - dx * pitch) ** 2 + (local.T - spread(oz, dz, dx) - dz * pitch) ** 2
            bump = 7.0 * s * np.sqrt(np.clip(1.0 - d2 / (9.5 * s * s + 1e-3), 0.0, 1.0))
            over = bump > best
            best[over], tint[over] = bump[over], spread(hue, dz, dx)[over]
    return best, tint


def _albedo(place: Place, ground: Field, slope: Field, rock: Field, crown: Field, tint: Field) -> Field:
    n = place.cells

    def mix(a: Field, b: Field, w: Field) -> Field:
        return a * (1.0 - w[..., None]) + b * w[..., None]

    patch, fine = fbm(n, 20, 4, place.seed + 12), fbm(n, 300, 3, place.seed + 13)
    grass = np.array([0.150, 0.190, 0.055], np.float32) * (1.0 + 0.25 * fine + 0.2 * patch)[..., None]
    grass = mix(grass, np.array([0.30, 0.25, 0.11], np.float32), smoothstep(0.1, 0.7, patch + 0.3 * fine))
    leaf = np.array([0.062, 0.105, 0.030], np.float32) * (1.0 + 0.4 * tint + 0.25 * patch)[..., None]
    leaf = mix(leaf, np.array([0.21, 0.155, 0.035], np.float32), 0.8 * smoothstep(0.62, 0.98, tint + 0.35 * patch))
    stone = np.array([0.235, 0.222, 0.205], np.float32) * (1.0 + 0.28 * fine + 0.25 * patch)[..., None]
    sand = np.array([0.24, 0.21, 0.155], np.float32) * (1.0 + 0.2 * fine)[..., None]
    colour = mix(grass, sand, 1.0 - smoothstep(0.7, 2.4, ground + 0.7 * fine))
    colour = mix(colour, stone, rock)
    return mix(colour, leaf, smoothstep(0.5, 2.5, crown))


def _light(place: Place, height: Field, ground: Field, albedo: Field) -> Field:
    """Sun with a cast shadow, sky dimmed by what stands around; linear radiance."""
    sx, sy, sz = np.array(place.sun) / np.linalg.norm(place.sun)
    gz, gx = np.gradient(height, place.metre)
    lean = 1.0 / np.sqrt(1.0 + gx * gx + gz * gz)
    sun = np.clip((sy - sx * gx - sz * gz) * lean, 0.0, 1.0) * _cast(place, height, (sx, sy, sz))
    hollow = np.zeros_like(height)
    for sigma, strength in ((2.0, 0.05), (8.0, 0.022), (40.0, 0.007)):
        small = cv2.resize(
            height, None, fx=1 / max(1, sigma / 2), fy=1 / max(1, sigma / 2), interpolation=cv2.INTER_AREA
        )
        around = cv2.resize(cv2.GaussianBlur(small, (0, 0), 2.0), height.shape[::-1], interpolation=cv2.INTER_LINEAR)
        hollow += strength * (around - height)
    sky = np.exp(-np.clip(hollow, -0.25, 2.2)) * (0.45 + 0.55 * lean)
    warm, cool = np.array([3.3, 2.75, 2.0], np.float32), np.array([0.58, 0.72, 0.92], np.float32)
    bounce = np.array([0.22, 0.20, 0.12], np.float32)
    return np.asarray(albedo * (sun[..., None] * warm + sky[..., None] * cool + bounce * sky[..., None]), np.float32)


def _cast(place: Place, height: Field, sun: tuple[float, float, float]) -> Field:
    """1 in the sun, 0 in shadow, soft between: the shadow's roof is carried away from the sun, row by row."""
    sx, sy, sz = sun
    along_x = abs(sx) > abs(sz)
    h = height.T if along_x else height
    major, minor = (sx, sz) if along_x else (sz, sx)
    h = h[::-1] if major > 0 else h  # the sun now stands before row 0
    shift = minor / abs(major)
    drop = place.metre * sy / abs(major)
    n = h.shape[0]
    x = np.arange(n, dtype=np.float32)
    lo = int(np.floor(shift))
    frac = np.float32(shift - lo)
    roof = np.full(n, -1e3, np.float32)
    out = np.empty_like(h)
    for lap in range(2):  # the second lap sees the shadows that wrapped round
        for row in range(n):
            carried = (1 - frac) * np.roll(roof, -lo) + frac * np.roll(roof, -lo - 1) - drop
            if lap:
                out[row] = np.clip(1.0 - (carried - h[row]) / 3.0, 0.0, 1.0)
            roof = np.maximum(carried, h[row])
    del x
    out = out[::-1] if major > 0 else out
    return np.ascontiguousarray(out.T if along_x else out)
