"""What lies between the land and the eye: sky, sun, haze and mist."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from .camera import Camera
from .noise import Field, fbm, pyramid, sample, smoothstep
from .terrain import World


@dataclass(frozen=True)
class Air:
    """Haze and sky, linear light."""

    haze: float = 1 / 4200.0  # per metre at the water
    haze_top: float = 260.0  # scale height
    mist: float = 1 / 900.0
    mist_top: float = 34.0
    far: tuple[float, float, float] = (0.66, 0.74, 0.82)
    glow: tuple[float, float, float] = (1.15, 0.92, 0.66)
    zenith: tuple[float, float, float] = (0.20, 0.36, 0.62)
    cloud: list[Field] = field(default_factory=lambda: pyramid(fbm(1024, 5, 8, 77, 0.52), 6))
    wisps: list[Field] = field(default_factory=lambda: pyramid(fbm(512, 4, 6, 78, 0.5), 5))
    ripple: list[Field] = field(
        default_factory=lambda: pyramid(np.dstack([fbm(512, 14, 6, 79, 0.62), fbm(512, 14, 6, 80, 0.62)]), 8)
    )
    detail: list[Field] = field(default_factory=lambda: pyramid(_detail(), 8))


def _detail() -> Field:
    """Three grains, 1024 × 1024: rock face (stretched upright), leafage, and bedding."""
    tall = cv2.resize(fbm(1024, 24, 6, 81, 0.6, ridged=True), (1024, 3072))[:1024]
    seam = (
        tall[::-1] * np.linspace(0, 1, 1024, dtype=np.float32)[:, None]
        + tall * np.linspace(1, 0, 1024, dtype=np.float32)[:, None]
    )
    return np.dstack([seam, fbm(1024, 96, 4, 82, 0.95), fbm(1024, 8, 6, 83, 0.55)]).astype(np.float32)


def sun_glow(world: World, cam: Camera, right: Field, up: Field) -> Field:
    """How near each ray is to the sun: the cosine, 0..1."""
    s = (np.array(world.place.sun) / np.linalg.norm(world.place.sun)).tolist()
    sin, cos = float(np.sin(cam.heading)), float(np.cos(cam.heading))
    ahead, across = s[0] * sin + s[2] * cos, s[0] * cos - s[2] * sin
    dot = ahead + across * right[None, :] + s[1] * up[:, None]
    norm = np.sqrt(1.0 + right[None, :] ** 2 + up[:, None] ** 2)
    return np.clip(dot / norm, 0.0, 1.0).astype(np.float32)


def sky(world: World, cam: Camera, air: Air, time: float, right: Field, up: Field) -> Field:
    """Gradient, glow about the sun, and a drifting layer of cloud lit from the sun's side."""
    cosine = sun_glow(world, cam, right, up)
    rise = np.clip(up, 0.0, 1.0)[:, None]
    blend = (1.0 - np.exp(-4.2 * rise))[..., None]
    rgb = np.float32(air.far) * (1 - blend) + np.float32(air.zenith) * blend
    rgb = rgb + np.float32(air.glow) * (0.55 * cosine**3 * np.exp(-3.0 * rise) + 0.5 * cosine**24)[..., None]
    # the cloud layer is a plane far above; its rows crowd at the horizon, so it is read row block by row block
    high = np.maximum(up, 0.012)
    dist = 1500.0 / (high + 0.06)
    sin, cos = float(np.sin(cam.heading)), float(np.cos(cam.heading))
    x = cam.x + dist[:, None] * (sin + cos * right[None, :]) + 14.0 * time
    z = cam.z + dist[:, None] * (cos - sin * right[None, :])
    scale = np.float32(1 / 9.0)
    cover = np.empty_like(cosine)
    lit = np.empty_like(cosine)
    for a in range(0, len(up), 24):
        rows = slice(a, a + 24)
        lod = float(
            np.log2(
                max(
                    1.0, dist[rows].mean() * scale * 2.2 / (cam.focal * len(right)) / max(high[rows].mean(), 0.05) * 0.5
                )
            )
        )
        cover[rows] = sample(air.cloud, lod, x[rows] * scale, z[rows] * scale)
        lit[rows] = sample(
            air.cloud, lod + 1, (x[rows] + 90 * world.place.sun[0]) * scale, (z[rows] + 90 * world.place.sun[2]) * scale
        )
    body = smoothstep(-0.12, 0.62, cover) * smoothstep(0.0, 0.10, up)[:, None] * np.float32(0.86)
    light = np.clip(0.80 + 0.55 * (cover - lit) - 0.22 * np.clip(cover, 0, 1), 0.3, 1.4)[..., None]
    cloud = light * (np.float32([1.02, 0.98, 0.93]) + np.float32([0.5, 0.36, 0.2]) * (cosine**4)[..., None])
    return np.asarray(rgb * (1 - body[..., None]) + cloud * body[..., None], np.float32)


def haze(
    world: World, air: Air, cam_y: float, ahead: Field, up: Field, cosine: Field, wisp: Field | float
) -> tuple[Field, Field]:
    """How much light survives the way to `ahead`, and the colour that replaces the rest.

    Both airs thin out exponentially with height; the integral along a ray is closed: (e^-a - e^-b) / (b - a).
    """

    def depth(density: float, top: float) -> Field:
        a = max(cam_y, 0.0) / top
        b = np.clip((cam_y + up * ahead) / top, 0.0, 40.0)
        gap = b - a
        gap = np.where(np.abs(gap) < 1e-3, np.float32(1e-3), gap)
        return density * ahead * (float(np.exp(-a)) - np.exp(-(a + gap))) / gap

    thick = depth(air.haze, air.haze_top) + depth(air.mist, air.mist_top) * wisp
    colour = np.float32(air.far) * np.float32(0.92) + np.float32(air.glow) * (0.5 * cosine**3)[..., None]
    return np.exp(-thick).astype(np.float32)[..., None], colour.astype(np.float32)
