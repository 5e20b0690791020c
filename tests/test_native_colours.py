"""The compiled way from a film's planes to RGB and back is the straightforward one, of any size and depth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_native import compiled, kernel, vectors
from test_steady import texture

from vidfx import native
from vidfx.frames import Colour, Pixels
from vidfx.fromrgb import FromRgb
from vidfx.pixels import ToRgb

__all__ = ["vectors"]  # a fixture
Depth = type[np.uint8] | type[np.uint16]
DEPTHS = st.sampled_from([np.uint8, np.uint16])
RATIOS = st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2)])


@compiled
@pytest.mark.usefixtures("vectors")
@settings(max_examples=60)
@given(st.integers(1, 90), st.integers(1, 60), st.integers(0, 2**31), DEPTHS, DEPTHS, RATIOS, st.booleans())
def test_a_picture_becomes_the_nearest_codes(
    width: int, height: int, seed: int, depth: Depth, kind: Depth, ratio: tuple[int, int], extreme: bool
) -> None:
    """Of any size and depth: luma of each pixel, chroma of the mean of those it stands for; and beyond `top` none."""
    random, (across, down) = np.random.default_rng(seed), ratio
    most, top = np.iinfo(depth).max, np.iinfo(kind).max // (1 if kind == np.uint8 else 64)
    values = (
        random.integers(0, 2, (height, width, 3)) * most
        if extreme
        else random.integers(0, most + 1, (height, width, 3))
    )
    matrix = np.column_stack([random.uniform(-0.6, 0.9, (3, 3)) * top / most, random.uniform(0, top / 2, 3)])
    small = -(-height // down), -(-width // across)
    room = [np.full((shape[0], shape[1] + 7), 99, kind) for shape in ((height, width), small, small)]
    planes = [array[:, :-7] for array in room]  # rows of a film's planes are longer than they look

    native.to_planes(values.astype(depth), planes, matrix, ratio, top=top)

    whole = np.pad(values, ((0, -height % down), (0, -width % across), (0, 0)), mode="edge")
    means = whole.reshape(small[0], down, small[1], across, 3).mean(axis=(1, 3))
    for number, (array, plane) in enumerate(zip(room, planes, strict=True)):
        wanted = np.clip((means if number else values) @ matrix[number, :3] + matrix[number, 3], 0, top)
        assert np.abs(plane - wanted).max() < 0.5 + top * 1e-5
        assert (array[:, -7:] == 99).all()


@compiled
@pytest.mark.usefixtures("vectors")
@settings(max_examples=60)
@given(st.integers(1, 90), st.integers(1, 60), st.integers(0, 2**31), DEPTHS, DEPTHS, RATIOS, st.booleans())
def test_codes_become_the_nearest_picture(
    width: int, height: int, seed: int, depth: Depth, kind: Depth, ratio: tuple[int, int], extreme: bool
) -> None:
    """Of any size and depth: chroma is enlarged by the cubic, twice, the second time with what its means had lacked."""
    random, (across, down) = np.random.default_rng(seed), ratio
    most, top = np.iinfo(depth).max, np.iinfo(kind).max
    small = -(-height // down), -(-width // across)
    planes = [
        (random.integers(0, 2, shape) * top if extreme else random.integers(0, top + 1, shape)).astype(kind)
        for shape in ((height, width), small, small)
    ]
    matrix = np.column_stack([random.uniform(-0.6, 0.9, (3, 3)) * most / top, random.uniform(0, most / 2, 3)])
    picture = np.empty((height, width, 3), depth)

    native.to_picture(planes, picture, matrix, ratio, room)

    up_down, up_across = doubling(small[0], down), doubling(small[1], across)
    limit, channels = 65535 / 256 if kind == np.uint8 else 65535, [planes[0].astype(float)]
    for plane in planes[1:]:
        once = up_down @ plane @ up_across.T
        means = once.reshape(small[0], down, small[1], across).mean(axis=(1, 3))
        more = np.clip(2.0 * plane - means, 0, limit) if ratio != (1, 1) else plane
        channels.append(np.clip(up_down @ more @ up_across.T, 0, limit)[:height, :width])
    wanted = np.clip(np.stack(channels, axis=-1) @ matrix[:, :3].T + matrix[:, 3], 0, most)
    assert np.abs(picture - wanted).max() < 0.5 + most * 1e-5


def room(floats: int) -> NDArray[np.float32]:
    return np.full(floats, np.nan, np.float32)


def doubling(count: int, times: int) -> NDArray[np.float64]:
    """The matrix that enlarges a line by the cubic between the centres of its pixels; the ends go on for ever."""
    if times == 1:
        return np.eye(count)
    out = np.zeros((2 * count, count))
    for at in range(2 * count):
        middle = (at + 0.5) / 2 - 0.5
        for near in range(int(np.floor(middle)) - 1, int(np.floor(middle)) + 3):
            out[at, min(max(near, 0), count - 1)] += float(kernel(np.array([middle - near]))[0])
    return out


@compiled
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "pix_fmt", ["yuv420p", "yuvj420p", "yuv422p", "yuv440p", "yuv444p", "yuv420p10le", "yuva444p12le"]
)
def test_colours_are_the_same_without_them_but_for_rounding(
    monkeypatch: pytest.MonkeyPatch, pix_fmt: str, deep: bool
) -> None:
    width, height, times = 95, 61, 257 if deep else 1
    shades = np.clip(texture(0, width, height) * [1, 0.7, 0.4] + 20, 0, 255).astype(np.uint8)
    picture = shades.astype(np.uint16) * times if deep else shades
    tags, found = Colour(matrix=1, range=1), []
    for is_compiled in (True, False):
        monkeypatch.setattr(native, "AVAILABLE", is_compiled)
        stored = FromRgb(tags, width=width, height=height, pix_fmt=pix_fmt)(picture)
        seen, _ = ToRgb(tags, width=width, height=height, pixels=Pixels(deep=deep))(stored)
        found.append(seen.astype(int))
    apart = np.abs(found[0] - found[1])
    assert apart.max() <= 3 * times
    assert apart.mean() <= 0.15 * times


@compiled
def test_planes_of_another_size_or_type_are_refused() -> None:
    """The library would read beyond their end."""
    painted = np.zeros((8, 8, 3), np.uint8)
    planes, matrix = [np.zeros(shape, np.uint8) for shape in ((8, 8), (4, 4), (4, 4))], np.zeros((3, 4))
    native.to_planes(painted, planes, matrix, (2, 2), top=255)
    for wrong_planes in (planes[::-1], [*planes[:2], planes[2].astype(np.uint16)], [planes[0][:7], *planes[1:]]):
        with pytest.raises(ValueError, match=r"where .* is read"):
            native.to_picture(wrong_planes, painted, matrix, (2, 2), room)
    with pytest.raises(ValueError, match="side by side"):
        native.to_planes(painted, [np.zeros((8, 16), np.uint8)[:, ::2], *planes[1:]], matrix, (2, 2), top=255)
    with pytest.raises(ValueError, match="to one of chroma"):
        native.to_planes(painted, planes, matrix, (4, 1), top=255)
