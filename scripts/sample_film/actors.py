"""Pictures of things set into the landscape: projected, hidden by what stands nearer, hazed like their surroundings."""

from dataclasses import dataclass

import cv2
import numpy as np

from .air import Air, haze
from .camera import Camera
from .noise import Field
from .pine import Pine
from .terrain import World
from .view import Shot


@dataclass(frozen=True)
class Actor:
    """A flat picture facing the eye. `foot`: its pixel that stands at `at` (across, above the water, along; metres)."""

    picture: Field
    scale: float  # pixels per metre
    foot: tuple[float, float]
    at: tuple[float, float, float]


def project(cam: Camera, at: tuple[float, float, float], width: int, height: int) -> tuple[float, float, float]:
    """Column, row and distance ahead of the point `at`."""
    sin, cos = float(np.sin(cam.heading)), float(np.cos(cam.heading))
    dx, dz = at[0] - cam.x, at[2] - cam.z
    ahead, across = dx * sin + dz * cos, dx * cos - dz * sin
    f = cam.focal * width
    return width / 2 + f * across / ahead, cam.horizon * height + f * (cam.y - at[1]) / ahead, ahead


def sun_from(world: World, cam: Camera) -> tuple[float, float, float]:
    """The way to the sun in the eye's axes: right, up, ahead."""
    x, y, z = world.place.sun
    sin, cos = float(np.sin(cam.heading)), float(np.cos(cam.heading))
    return (x * cos - z * sin, y, x * sin + z * cos)


def put(world: World, air: Air, cam: Camera, shot: Shot, actor: Actor, mirror: bool = False) -> Shot:
    """`shot` with `actor` in it; with `mirror`, upside down as the water shows it (rows as in the upright picture)."""
    height, width = shot.ahead.shape
    x, y, z = actor.at
    col, row, ahead = project(cam, (x, -y if mirror else y, z), width, height)
    size = cam.focal * width / ahead / actor.scale
    picture, foot = actor.picture, actor.foot
    if size < 0.6:  # shrink by area first, so that thin posts do not flicker
        h, w = picture.shape[:2]
        small = round(w * size), round(h * size)
        picture = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), np.float32)
        foot = foot[0] * small[0] / w, foot[1] * small[1] / h
        size = 1.0
    down = -size if mirror else size
    lay = np.float32([[size, 0, col - size * foot[0]], [0, down, row - down * foot[1]]])
    seen = cv2.warpAffine(picture, lay, (width, height), flags=cv2.INTER_LINEAR)
    rows, cols = np.flatnonzero(seen[..., 3].any(axis=1)), np.flatnonzero(seen[..., 3].any(axis=0))
    if not len(rows):
        return shot
    part = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    up = np.float32((y - (-cam.y if mirror else cam.y)) / ahead)
    flat = np.full((1, 1), ahead, np.float32)
    through, veil = haze(world, air, cam.y, flat, np.full((1, 1), up), np.full((1, 1), 0.4, np.float32), 0.8)
    front = seen[part] * (shot.ahead[part] >= ahead - 4.0)[..., None]
    alpha = front[..., 3:]
    out = shot.rgb.copy()
    out[part] = out[part] * (1 - alpha) + front[..., :3] * through + veil * (1 - through) * alpha
    return Shot(out, shot.ahead)


def put_pine(rgb: Field, pine: Pine, size: float, left: float, top: float, time: float, shade: float) -> Field:
    """`rgb` with the pine before it: `size` screen pixels a pine pixel, its corner at `left`, `top`, boughs moving."""
    height, width = rgb.shape[:2]
    x = np.broadcast_to((np.arange(width, dtype=np.float32)[None, :] - left) / size, (height, width))
    y = np.broadcast_to((np.arange(height, dtype=np.float32)[:, None] - top) / size, (height, width))
    x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
    dx, dy = pine.sway(time)
    far = x - cv2.remap(dx, x, y, cv2.INTER_LINEAR), y - cv2.remap(dy, x, y, cv2.INTER_LINEAR)
    front = cv2.remap(pine.picture, *far, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0, 0))
    return np.asarray(rgb * (1 - front[..., 3:]) + front[..., :3] * np.float32(shade), np.float32)
