"""The film: two shots on one river, each a function from frame number to picture."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .actors import Actor, project, put, put_pine, sun_from
from .air import Air
from .birds import crane
from .camera import Camera
from .noise import Field
from .pine import Pine, grow
from .solids import BOAT, PAGODA, boat, carve, footing, pagoda
from .terrain import Place, World, build
from .view import Shot, Stage, cast, develop

RATE = 24
SHOTS = (66, 54)  # frames
KNOLL = (2541.0, 3429.0)


def _ease(u: float) -> float:
    """0..1 at an almost even pace, with soft ends."""
    return u - 0.10 * float(np.sin(2 * np.pi * u)) / np.pi


@dataclass(frozen=True)
class Film:
    """Everything baked once; `frame` draws a picture."""

    place: Place = field(default_factory=lambda: Place(seed=3))
    fineness: float = 1.0  # of the carved and grown things; less for a quick look

    @cached_property
    def world(self) -> World:
        return build(self.place)

    @cached_property
    def air(self) -> Air:
        return Air(haze=1 / 4800.0, mist=1 / 1700.0)

    @cached_property
    def pine(self) -> Pine:
        return grow(4, size=round(1100 * self.fineness), needles=max(1, int(13 * self.fineness**2)))

    @cached_property
    def tower(self) -> tuple[Field, float]:
        scale = 13.0 * self.fineness
        sun = sun_from(self.world, self._second(0.5))
        picture = carve(pagoda(), PAGODA, (-8.0, 8.0, -3.0, 26.0), scale, 0.25, 0.0, sun)
        return footing(picture, max(2, int(1.5 * scale))), scale

    def frame(self, number: int, width: int = 1280, height: int = 720) -> np.ndarray:
        """Frame `number` as 8-bit BT.709 R'G'B', height × width × 3."""
        if number < SHOTS[0]:
            rgb = self._river(number, width, height)
        else:
            rgb = self._pagoda(number - SHOTS[0], width, height)
        return develop(rgb, seed=number)

    def _first(self, u: float) -> Camera:
        z = 1478.0 + 28.0 * u
        return Camera(self.world.river_x(1490.0) + 4.0 * u, 6.5 + 0.9 * u, z, heading=0.11 + 0.03 * u, horizon=0.47)

    def _river(self, number: int, width: int, height: int) -> Field:
        time, u = number / RATE, _ease(number / (SHOTS[0] - 1))
        world, air, cam = self.world, self.air, self._first(u)
        start = self._first(0.0)
        yaw = 0.55
        x, z = start.x - 1.0 + 1.5 * time * np.cos(yaw), start.z + 58.0 + 1.5 * time * np.sin(yaw)
        at = (float(x), 0.04 * float(np.sin(2.1 * time)), float(z))
        _col, _row, ahead = project(cam, at, width, height)
        scale = cam.focal * width / ahead
        pitch = float(np.arctan2(cam.y, ahead))
        picture = carve(boat(time / 3.2), BOAT, (-5.0, 5.0, -1.4, 4.0), scale, yaw, pitch, sun_from(world, cam))
        waterline = 4.0 * picture.shape[0] / 5.4
        foot = (picture.shape[1] / 2, waterline)
        actor = Actor(picture, picture.shape[0] / 5.4, foot, at)

        def mirrored(shot: Shot) -> Field:
            return put(world, air, cam, shot, actor, mirror=True).rgb

        def stir(wx: Field, wz: Field) -> Field:
            along = (wx - x) * np.cos(yaw) + (wz - z) * np.sin(yaw)
            across = np.abs((wz - z) * np.cos(yaw) - (wx - x) * np.sin(yaw))
            behind = np.clip(3.2 - along, 0.0, None)
            arm = across - 0.33 * behind - 0.2
            width_of_arm = 0.35 + 0.05 * behind
            wave = np.exp(-((arm / width_of_arm) ** 2)) * np.cos(4.0 * arm / width_of_arm)
            return np.asarray(1.1 * wave * np.exp(-behind / 16.0) * (behind > 0), np.float32)

        shot = cast(world, cam, air, time, width, height, stage=Stage(mirrored, stir))
        for k in range(3):
            away = (start.x + 44.0 + 9.0 * k - 7.0 * time, 36.0 + 3.5 * (k % 2) - 2 * k, start.z + 170.0 + 7.0 * k)
            shot = self._bird(shot, cam, away, 0.9 * time + 0.37 * k, flip=True)
        return put(world, air, cam, shot, actor).rgb

    def _second(self, u: float) -> Camera:
        z = 3130.0
        x = self.world.river_x(z) - 6.0 + 7.0 * u
        towards = float(np.arctan2(KNOLL[0] - x, KNOLL[1] - z))
        return Camera(x, 10.0, z, heading=towards - 0.03 - 0.03 * u, focal=1.3, horizon=0.58)

    def _pagoda(self, number: int, width: int, height: int) -> Field:
        time, u = number / RATE, _ease(number / (SHOTS[1] - 1))
        world, air, cam = self.world, self.air, self._second(u)
        picture, scale = self.tower
        tall = 1.5  # a large pagoda
        n = world.place.cells
        j, i = (int(v / world.place.metre) % n for v in (KNOLL[1], KNOLL[0]))
        ground = float(np.median(world.height[0][max(j - 3, 0) : j + 4, max(i - 3, 0) : i + 4]))
        foot = (picture.shape[1] / 2, picture.shape[0] * 26.0 / 29.0)
        actor = Actor(picture, scale / tall, foot, (KNOLL[0], ground - 0.5, KNOLL[1]))

        def mirrored(shot: Shot) -> Field:
            return put(world, air, cam, shot, actor, mirror=True).rgb

        shot = cast(world, cam, air, time + 40.0, width, height, stage=Stage(mirrored, lambda x, z: np.zeros_like(x)))
        shot = put(world, air, cam, shot, actor)
        for k, (dx, dy, dz) in enumerate([(0, 0, 0), (-5, 1.5, 4), (-9, 3, 9), (-6, -2.5, 2), (-12, -4, 7)]):
            start = self._second(0.0)
            at = (start.x - 8.0 + dx + 11.0 * time, 30.0 + dy + 1.2 * time, start.z + 105.0 + dz)
            shot = self._bird(shot, cam, at, 1.15 * time + 0.29 * k)
        near = 16.0
        per_metre = cam.focal * width / near
        size = per_metre * 10.0 / self.pine.picture.shape[0]
        left = -0.13 * width - per_metre * (cam.x - self._second(0.0).x) * 0.45
        return put_pine(shot.rgb, self.pine, size, left, -0.06 * height, time, 0.62)

    def _bird(self, shot: Shot, cam: Camera, at: tuple[float, float, float], beat: float, flip: bool = False) -> Shot:
        height, width = shot.ahead.shape
        scale = cam.focal * width / project(cam, at, width, height)[2]
        picture = crane(beat, max(scale, 2.0), 1.15)
        picture = np.ascontiguousarray(picture[:, ::-1]) if flip else picture
        middle = picture.shape[0] / 2
        return put(self.world, self.air, cam, shot, Actor(picture, picture.shape[0] / 3.2, (middle, middle), at))
