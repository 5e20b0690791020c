"""The compiled loops compute what the straightforward way does, and vidfx is whole without them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_steady import frame, noise, paint, smooth, texture, window

from vidfx import native
from vidfx.bands import Bands
from vidfx.flow import FlowEstimator
from vidfx.frames import Frame
from vidfx.native import build
from vidfx.trust import MotionJudge

compiled = pytest.mark.skipif(
    not native.AVAILABLE, reason="vidfx/native was not compiled; with a C compiler: python -m vidfx.native"
)


@pytest.fixture(params=native.VECTORS, scope="module")
def vectors(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tries with each set of instructions that this CPU has."""
    if native.AVAILABLE:
        native.allow(request.param)
        if native.vectors() != request.param:
            pytest.skip(f"this CPU has no {request.param}")
    yield
    if native.AVAILABLE:
        native.allow()


def enlarged(values: NDArray[np.float32], width: int, height: int) -> NDArray[np.float64]:
    return np.asarray(cv2.resize(values.astype(np.float64), (width, height)))


def looked_up(past: NDArray[np.float32], flow: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic with OpenCV's slope of -0.75, pixel by pixel of a 4 × 4 neighbourhood, borders repeated."""
    height, width, _ = past.shape
    y, x = np.mgrid[:height, :width]
    column, row = x + flow[..., 0], y + flow[..., 1]
    found = np.zeros((height, width, 3))
    for down in range(-1, 3):
        for across in range(-1, 3):
            at = np.floor(column) + across, np.floor(row) + down
            weight = kernel(column - at[0]) * kernel(row - at[1])
            place = np.clip(at[1], 0, height - 1).astype(int), np.clip(at[0], 0, width - 1).astype(int)
            found += weight[..., None] * past[place]
    return found


def kernel(distance: NDArray[np.float64], a: float = -0.75) -> NDArray[np.float64]:
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d**2 + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


@compiled
@pytest.mark.usefixtures("vectors")
@settings(max_examples=60)
@given(
    st.integers(1, 90), st.integers(1, 150), st.integers(0, 2**31), st.sampled_from([0, 0.2, 3, 80]),
    st.sampled_from([np.uint8, np.uint16]), st.integers(1, 3),
)  # fmt: skip
def test_the_past_is_averaged_in_along_the_flow(
    width: int, height: int, seed: int, speed: float, depth: type[np.uint8 | np.uint16], threads: int
) -> None:
    """Of any size, flow within the picture and far beyond it, on any number of threads."""
    random, top = np.random.default_rng(seed), np.iinfo(depth).max
    past = random.uniform(0, top, (height, width, 3)).astype(np.float32)
    past = cv2.GaussianBlur(past, (0, 0), 1).reshape(past.shape)
    painted = random.integers(0, top + 1, (height, width, 3)).astype(depth)
    maps = (-(-height // 4), -(-width // 4))
    flow = random.normal(0, speed, (*maps, 2)).astype(np.float32)
    flow[random.random(maps) < 0.3] = 0
    share = random.uniform(0, 0.9, maps).astype(np.float32)

    bands = Bands(height, threads)
    out, filled = np.empty_like(past), np.empty((height, width), np.float32)
    bands.each(native.Blend(past, painted, out, filled, flow=flow, share=share))
    bands.close()

    along, weight = enlarged(flow, width, height).reshape(height, width, 2), enlarged(share, width, height)
    carried = np.clip(looked_up(past, along), 0, top)
    wanted = painted + weight[..., None] * (carried - painted)
    assert np.abs(filled - weight).max() < 1e-5
    # a place is rounded to 1/256 of a pixel, and the slope of noise is as steep as it is
    assert np.abs(out - wanted).max() / top < 1.5 / 255
    assert np.abs(out - wanted).mean() / top < 0.2 / 255


def scene(count: int = 12) -> list[Frame]:
    """A painting with a flicker of its own on a scene that pans by fractions of a pixel."""
    jitter = noise(4, 6)
    return [
        frame(i, window(texture(0), 1.3 * i, 0.4 * i), paint(window(texture(0), 1.3 * i, 0.4 * i)) + jitter())
        for i in range(count)
    ]


@compiled
@pytest.mark.usefixtures("vectors")
def test_a_film_is_the_same_without_them_but_for_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = scene()
    with_them = [out.image.astype(int) for out in smooth(frames)]
    monkeypatch.setattr(native, "AVAILABLE", False)
    without = [out.image.astype(int) for out in smooth(frames)]
    for one, other, styled in zip(with_them[1:], without[1:], frames[1:], strict=True):
        assert np.abs(one - styled.image).mean() > 1  # else nothing was smoothed
        assert np.abs(one - other).max() <= (1 if cv2.__version__ >= "5" else 3)  # OpenCV 4 knows 1/32 of a pixel
        assert np.abs(one - other).mean() < 0.05


@compiled
@pytest.mark.usefixtures("vectors")
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1279, 717), (330, 75), (64, 48), (17, 16)])
def test_motion_is_judged_and_refined_alike(monkeypatch: pytest.MonkeyPatch, width: int, height: int) -> None:
    wide = texture(0, width + 16, height + 16)
    estimator, found = FlowEstimator(width, height), []
    first, second = (
        estimator.view(np.ascontiguousarray(wide[y : y + height, x : x + width]).astype(np.uint8))
        for x, y in ((0, 0), (5, 3))
    )
    flow = estimator.between(second, first)
    flow[: len(flow) // 3] += np.random.default_rng(1).normal(0, 0.5, flow[: len(flow) // 3].shape)  # wrong in part
    back = estimator.roughly_between(first, second)
    for is_compiled in (True, False):
        monkeypatch.setattr(native, "AVAILABLE", is_compiled)
        estimator = FlowEstimator(width, height)
        found.append((MotionJudge(estimator)._agreement(flow, back), estimator.refined(flow, second, first)))
    (trust, refined), (plain_trust, plain_refined) = found
    assert np.abs(trust - plain_trust).max() < 1e-4
    assert 0 < plain_trust.mean() < 1
    assert np.abs(refined - plain_refined).max() < 1e-4


@compiled
def test_arrays_of_another_size_or_type_are_refused() -> None:
    """The library would read beyond their end."""
    past, out = (np.zeros((8, 8, 3), np.float32) for _ in range(2))
    painted, weight = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.float32)
    flow, share = np.zeros((2, 2, 2), np.float32), np.zeros((2, 2), np.float32)
    native.Blend(past, painted, out, weight, flow=flow, share=share)
    for wrong in (past[:4], past.astype(np.float64), past[:, ::-1]):
        with pytest.raises(ValueError, match="where whole rows of"):
            native.Blend(wrong, painted, out, weight, flow=flow, share=share)
    with pytest.raises(ValueError, match="where whole rows of"):
        native.Blend(past, painted, out, weight, flow=flow, share=share[:1])
    with pytest.raises(ValueError, match="uint8 or uint16"):
        native.Sharpen(out, weight, 0.5, past)  # type: ignore[arg-type]


@compiled
def test_a_library_of_other_sources_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "digest", lambda: "of other sources")
    assert native._loaded() is None


@pytest.mark.parametrize(
    ("compiler", "said"),
    [
        ("", "no C compiler (cc, gcc, clang) was found"),
        ("no-such-compiler", "CC is 'no-such-compiler', and no such compiler was found"),
        ("false", "false: failed"),
        ("gcc 'x", "No closing quotation"),
        ("sh -c 'sleep 9'", "not done after 0.5 s"),
        ("sh -c 'printf caf\\\\351 >&2; exit 1'", "caf�"),
        ("sh -c 'echo In file; echo 1: error: bad >&2; exit 1'", "1: error: bad"),
        ("sh -c 'head -c 1000000 /dev/zero | tr \\\\0 x >&2; exit 1'", "xxx"),
    ],
)
def test_a_compiler_that_fails_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiler: str, said: str
) -> None:
    monkeypatch.setattr(build, "_SECONDS", 0.5)
    monkeypatch.setenv("CC", compiler)
    if not compiler:
        monkeypatch.setenv("PATH", str(tmp_path))
    fault = build.compile_into(tmp_path)
    assert said in fault and "\n" not in fault and len(fault) <= 300
    assert not list(tmp_path.iterdir())


@compiled
def test_it_is_compiled_by_a_command(tmp_path: Path) -> None:
    """What `vidfx doctor` says to do where it is missing; into a copy, so that the one in use stays."""
    copy = tmp_path / "native"
    copy.mkdir()
    for source in build.HERE.glob("*.[ch]"):
        (copy / source.name).write_bytes(source.read_bytes())
    call = "import sys; from pathlib import Path; from vidfx.native import build; build.HERE = Path(sys.argv[1]); "
    call += "print(build.compile_into(build.HERE))"
    done = subprocess.run([sys.executable, "-c", call, copy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "" and (copy / build.NAME).is_file()


def test_doctor_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from vidfx.doctor import _smoothing

    monkeypatch.setattr(native, "AVAILABLE", False)
    assert not _smoothing().works and "python -m vidfx.native" in _smoothing().hint
