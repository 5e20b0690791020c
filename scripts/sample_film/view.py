"""A camera over the landscape: one ray per pixel, met with the terrain column by column.

All of a column's rays lie in one upright plane, so the terrain is read once along that plane and every ray of the
column is answered by a running maximum of slopes ("voxel space"), then refined by linear intersection.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .air import Air, haze, sky, sun_glow
from .camera import Camera
from .noise import Field, sample, smoothstep
from .terrain import World


@dataclass(frozen=True)
class Shot:
    """What one ray pass leaves: linear RGB, and the distance ahead of each pixel (inf: sky)."""

    rgb: Field
    ahead: Field


@dataclass(frozen=True)
class Stage:
    """What a shot adds to the water. `mirrored`: the mirror picture with its actors. `stir`: more lean of the waves."""

    mirrored: Callable[[Shot], Field]
    stir: Callable[[Field, Field], Field]


def cast(
    world: World,
    cam: Camera,
    air: Air,
    time: float,
    width: int,
    height: int,
    mirror: bool = False,
    stage: Stage | None = None,
) -> Shot:
    """The picture from `cam`, or with `mirror` the one the water would see: sky and land only, upside down."""
    right, up = cam.slopes(width, height)
    eye = -cam.y if mirror else cam.y
    if mirror:
        up = -up
    steps = int(1.15 * width) if not mirror else int(0.8 * width)
    near, far = (30.0, 5200.0) if cam.y > 12 else (6.0, 5200.0)
    t = (near * (far / near) ** np.linspace(0, 1, steps)).astype(np.float32)
    pixel = 1.0 / (cam.focal * width)
    ground, lit = _along_rays(world, cam, right, t, max(pixel, 0.7 * ((far / near) ** (1 / steps) - 1.0)))
    solid = np.maximum(ground, 0.0) if not mirror else np.where(ground > 0.0, ground, np.float32(-1e4))
    slope = (solid - np.float32(eye)) / t[:, None]
    ray = up[:, None]
    first = _steps_below(slope, cam, height, mirror)
    step, ahead = _between_steps(slope, t, ray, first)
    hit = first < steps
    colf = np.ascontiguousarray(np.broadcast_to(np.arange(width, dtype=np.float32)[None, :], step.shape))
    seen = cv2.remap(lit, colf, step, cv2.INTER_LINEAR)
    rgb, bare = seen[..., :3], np.clip(seen[..., 3], 0, 1)
    wx, wz = _ahead_of(cam, ahead, right)
    if not mirror:
        rgb = rgb * _grain(air, wx, np.float32(eye) + ray * ahead, wz, ahead, bare, pixel)
    wisp = sample(air.wisps, 1.0, (wx + 8.0 * time) / 3.1, wz / 3.1)
    glow = sun_glow(world, cam, right, up)
    through, veil = haze(world, air, max(eye, 0.0), ahead, ray, glow, np.clip(0.9 + 2.6 * wisp, 0.08, 4.0))
    land = rgb * through + veil * (1 - through)
    out = np.where(hit[..., None], land, sky(world, cam, air, time, right, up)).astype(np.float32)
    if not mirror:
        shore = cv2.remap(ground, colf, step, cv2.INTER_LINEAR)
        wet = (1.0 - smoothstep(-0.10, 0.10, shore)) * hit * (ray < -1e-4)
        if wet.any():
            out = _water(world, cam, air, time, out, wet, wx, wz, up, through, veil, stage)
    return Shot(out, np.where(hit, ahead, np.float32(np.inf)))


def _ahead_of(cam: Camera, ahead: Field, right: Field) -> tuple[Field, Field]:
    """Metres east and north of what is so far ahead in each column."""
    sin, cos = float(np.sin(cam.heading)), float(np.cos(cam.heading))
    return cam.x + ahead * (sin + cos * right[None, :]), cam.z + ahead * (cos - sin * right[None, :])


def _along_rays(world: World, cam: Camera, right: Field, t: Field, spread: float) -> tuple[Field, Field]:
    """Height and lit colour of the terrain under each column's rays, at each distance `t`.

    `spread`: metres that a sample stands for, per metre of distance.
    """
    steps, width = len(t), len(right)
    sin, cos = float(np.sin(cam.heading)), float(np.cos(cam.heading))
    x = (np.float32(cam.x) + t[:, None] * (sin + cos * right[None, :])) / np.float32(world.place.metre)
    z = (np.float32(cam.z) + t[:, None] * (cos - sin * right[None, :])) / np.float32(world.place.metre)
    ground, lit = np.empty((steps, width), np.float32), np.empty((steps, width, 4), np.float32)
    for a in range(0, steps, 32):
        rows = slice(a, a + 32)
        foot = float(t[rows].mean()) * spread / world.place.metre
        lod = float(np.log2(max(foot, 1.0)))
        ground[rows] = sample(world.height, lod, x[rows], z[rows])
        lit[rows] = sample(world.lit, lod, x[rows], z[rows])
    return ground, lit


def _steps_below(slope: Field, cam: Camera, height: int, mirror: bool) -> NDArray[np.int32]:
    """For each pixel, how many steps along its column pass before the terrain has risen to its ray; all: it never does.

    That is the first step whose running maximum reaches the ray.
    """
    steps, width = slope.shape
    top = np.maximum.accumulate(slope, axis=0)
    f = cam.focal * width
    row = (cam.horizon * height - 0.5 - top * f) if not mirror else (cam.horizon * height - 0.5 + top * f)
    bins = np.clip(np.ceil(row) if not mirror else np.ceil(-row + height - 1), 0, height).astype(np.int32)
    # a step covers rows >= bin; it stays below rows < bin
    tally = np.bincount(
        (bins * width + np.arange(width, dtype=np.int32)[None, :]).ravel(), minlength=(height + 1) * width
    )
    reached = np.cumsum(tally.reshape(height + 1, width)[:height], axis=0, dtype=np.int32)
    return np.asarray(steps - (reached[::-1] if mirror else reached), np.int32)


def _between_steps(slope: Field, t: Field, ray: Field, first: NDArray[np.int32]) -> tuple[Field, Field]:
    """Where in its column each ray meets the line between two steps: as a fractional step, and as a distance."""
    steps, width = slope.shape
    i = np.clip(first, 1, steps - 1)
    flat = i * width + np.arange(width, dtype=np.int32)[None, :]
    s1, s0 = slope.ravel()[flat], slope.ravel()[flat - width]
    t1, t0 = t[i], t[i - 1]
    d1, d0 = (s1 - ray) * t1, (s0 - ray) * t0
    frac = np.clip(-d0 / np.maximum(d1 - d0, 1e-6), 0.0, 1.0)
    frac = np.where(d0 > 0, np.float32(1.0), frac)
    return (i - 1 + frac).astype(np.float32), t0 + frac * (t1 - t0)


def _grain(air: Air, x: Field, y: Field, z: Field, ahead: Field, bare: Field, pixel: float) -> Field:
    """Close-up texture the map is too coarse for: rock read upright on faces, leafage elsewhere."""
    out = np.ones(x.shape, np.float32)
    u, v = (0.8 * x + 0.6 * z) * np.float32(5.0), y * np.float32(5.0)
    gx, gz = x * np.float32(4.0) + 0.7 * v, z * np.float32(4.0) + 0.7 * v
    band = np.floor(np.log2(np.maximum(ahead * np.float32(pixel * 5.0), 1.0)) * 2).astype(np.int32)
    bands = np.minimum(band, 10)
    for b in range(11):
        mask = bands == b
        count = int(mask.sum())
        if not count:
            continue
        pad = -count % 512

        def grid(a: Field, mask: np.ndarray = mask, pad: int = pad) -> Field:
            return np.pad(a[mask], (0, pad), mode="edge").reshape(-1, 512)

        face = sample(air.detail, b / 2, grid(u), grid(v)).reshape(-1, 3)[:count]
        leaf = sample(air.detail, b / 2, grid(gx), grid(gz)).reshape(-1, 3)[:count]
        twig = sample(air.detail, b / 2 + 1.5, grid(gx * 2.8), grid(gz * 2.8)).reshape(-1, 3)[:count]
        low = np.clip((y[mask] - 1.0) / 6.0, 0.15, 1.0)  # gravel is finer than leaves, and seen too flat
        r = bare[mask]
        stone = 0.95 + 0.55 * face[:, 0] + 0.35 * face[:, 2] + 0.35 * face[:, 1]
        out[mask] = r * stone + (1 - r) * (1.0 + low * (1.7 * leaf[:, 1] + 1.3 * twig[:, 1]) + 0.2 * leaf[:, 2])
    return np.clip(out, 0.25, 2.0)[..., None]


def _water(
    world: World,
    cam: Camera,
    air: Air,
    time: float,
    under: Field,
    wet: Field,
    x: Field,
    z: Field,
    up: Field,
    through: Field,
    veil: Field,
    stage: Stage | None,
) -> Field:
    """Mirror, ripples, Fresnel: `under` with its wet pixels replaced."""
    height, width = wet.shape
    half_shot = cast(world, cam, air, time, width // 2, height // 2, mirror=True)
    half = stage.mirrored(half_shot) if stage else half_shot.rgb
    mirror = cv2.GaussianBlur(half, (0, 0), sigmaX=0.6, sigmaY=1.2)
    rows = np.flatnonzero(wet.max(axis=1) > 0)
    a, b = int(rows[0]), int(rows[-1]) + 1
    tilt = _ripples(cam, air, time, x[a:b], z[a:b], up[a:b])
    if stage:
        tilt[..., 1] += stage.stir(x[a:b], z[a:b])
    # mirror rows: the ray that went down by `up` comes back up by as much, nudged by the wave's lean
    f = cam.focal * width
    strength = 0.020 * f
    my = np.arange(a, b, dtype=np.float32)[:, None] + strength * (0.9 * tilt[..., 1] + 0.35 * np.abs(tilt[..., 1]))
    mx = np.arange(width, dtype=np.float32)[None, :] + 0.4 * strength * tilt[..., 0]
    seen = cv2.remap(mirror, mx / 2, my / 2, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    graze = np.clip(-up[a:b], 0.0, 1.0)[:, None] + 0.10 * tilt[..., 1]
    fresnel = 0.10 + 0.90 * np.clip(1.0 - np.abs(graze), 0.0, 1.0) ** 3.8
    deep = np.float32([0.035, 0.085, 0.080]) * np.float32(1.1)
    sheet = seen * (0.96 * fresnel[..., None]) + deep * (1 - fresnel[..., None])
    mistless = through[a:b] ** 0.8
    sheet = sheet * mistless + veil[a:b] * (1 - mistless)
    out = under.copy()
    w = wet[a:b, :, None]
    out[a:b] = under[a:b] * (1 - w) + sheet * w
    return np.asarray(out, np.float32)


def _ripples(cam: Camera, air: Air, time: float, x: Field, z: Field, up: Field) -> Field:
    """How far the water leans, right and away, in rows of the picture whose rays fall by `up`."""
    height, width = x.shape
    tilt = np.zeros((height, width, 2), np.float32)
    pixel = 1.0 / (cam.focal * width)
    for start in range(0, height, 12):
        r = slice(start, min(start + 12, height))
        dist = float(cam.y / max(-float(up[r].mean()), 1e-4))
        foot = dist * pixel * float(np.sqrt(max(dist / max(cam.y, 1.0), 1.0)))  # rows stretch faster than columns
        for size, speed, strength in ((0.11, 0.5, 0.6), (0.032, 0.22, 1.0)):
            lod = float(np.log2(max(foot / size, 1.0)))
            tilt[r] += strength * sample(
                air.ripple, lod, (x[r] + speed * time * 3) / size, (z[r] - speed * time * 5) / size
            )
    still = sample(air.wisps, 1.0, x / 1.7 + 2 * time, z / 3.5)
    return np.asarray(tilt * (0.55 + 0.45 * np.clip(still * 1.6 + 0.2, -0.8, 1.0))[..., None], np.float32)


def develop(linear: Field, seed: int = 0) -> np.ndarray:
    """Linear light to 8-bit RGB: a gentle shoulder, display gamma, and grain enough that skies do not band."""
    x = np.maximum(linear, 0.0) * np.float32(0.66)
    x = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)  # Narkowicz's fit of the ACES curve
    x = np.clip(x, 0.0, 1.0) ** np.float32(1 / 2.2)
    noise = np.random.default_rng(seed).normal(0.0, 0.8, x.shape[:2]).astype(np.float32)
    return np.clip(x * 255.0 + noise[..., None] + 0.5, 0, 255).astype(np.uint8)
