"""A painting depends on a pixel's neighbourhood alone: not on tiles, batches, or what else is in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from films import TORCH
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vidfx import MissingInput, TryAgain, Unavailable, UnreadableInput, UsageError, load_style
from vidfx.frames import Frame
from vidfx.machine import Runtime
from vidfx.settings import Machine
from vidfx.styles.card import NetworkShape
from vidfx.styles.generator import Generator
from vidfx.styles.library import StyleFile, find_style
from vidfx.styles.runtimes import Batch, Painter, load_painter
from vidfx.styles.stylizer import Stylizer, spans
from vidfx.stylize import stylize


def pictures(count: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def difference(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(height=st.integers(1, 90), width=st.integers(1, 90))
def test_any_size_comes_back_at_its_size(model: Path, height: int, width: int) -> None:
    out = load_style(str(model), machine=TORCH).stylize(pictures(1, height, width))
    assert out.shape == (1, height, width, 3)
    assert out.dtype == np.uint8


@settings(max_examples=40, deadline=None)
@given(
    eighths=st.integers(1, 700),
    tile=st.integers(1, 3000),
    radius=st.integers(0, 30),
    multiple=st.sampled_from([1, 4, 8]),
)
def test_tiles_cover_a_side_once_and_see_enough(eighths: int, tile: int, radius: int, multiple: int) -> None:
    size, radius = 8 * eighths, 8 * radius
    cut = spans(size, tile, radius, multiple)
    assert [pixel for span in cut for pixel in range(size)[span.tile]] == list(range(size))
    assert len({span.window.stop - span.window.start for span in cut}) == 1
    for span in cut:
        assert span.tile.stop - span.tile.start <= max(tile, multiple)
        assert span.window.start % multiple == span.window.stop % multiple == 0
        assert 0 <= span.window.start <= max(span.tile.start - radius, 0)
        assert min(span.tile.stop + radius, size) <= span.window.stop <= size
        assert range(size)[span.window][span.inside] == range(size)[span.tile]


def test_batch_of_one_and_of_seven_agree(model: Path) -> None:
    style = load_style(str(model), machine=TORCH)
    frames = pictures(7, 64, 96)
    single = np.concatenate([style.stylize(frame[None]) for frame in frames])
    assert difference(single, style.stylize(frames)) <= 1


def test_the_receptive_radius_on_the_card_holds() -> None:
    """The gradient of one output pixel reaches no further than the generator says, and nearly that far."""
    torch.manual_seed(0)
    for blocks in (1, 2):
        generator = Generator(NetworkShape(quarter=8, eighth=8, blocks=blocks, half=4)).double()
        for parameter in generator.parameters():
            torch.nn.init.uniform_(parameter, 0.01, 0.02)  # all positive: no path is cut by a ReLU or cancels
        size = 2 * generator.receptive_radius + 64
        reach = 0
        for offset in (0, 3, 7):  # phases of the 8 px lattice, both ends among them
            x = torch.full((1, 3, size, size), 0.9, dtype=torch.double, requires_grad=True)
            centre = size // 2 + offset
            generator(x)[0, 0, centre, centre].backward()
            assert x.grad is not None
            touched = x.grad[0].abs().sum(0).nonzero()
            reach = max(reach, int((touched - centre).abs().max()))
        assert generator.receptive_radius - 24 <= reach <= generator.receptive_radius


def test_a_pixel_far_away_changes_nothing(model: Path) -> None:
    style = load_style(str(model), machine=TORCH)
    a = pictures(1, 64, 400)
    b = a.copy()
    b[:, :, 300:] = 0
    far = 300 - style.card.receptive_radius - 8
    assert np.array_equal(style.stylize(a)[:, :, :far], style.stylize(b)[:, :, :far])
    assert difference(style.stylize(a), style.stylize(b)) > 1


def before_each_pass(monkeypatch: pytest.MonkeyPatch, see: Callable[[Batch], None]) -> None:
    """Styles that are loaded from here on show `see` what they are about to paint; it may raise."""

    def load(style: StyleFile, runtime: Runtime) -> Painter:
        paint = load_painter(style, runtime)

        def seen(batch: Batch) -> Batch:
            see(batch)
            return paint(batch)

        return seen

    monkeypatch.setattr("vidfx.styles.stylizer.load_painter", load)


def test_memory_running_out_halves_the_batch_then_the_tile(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, frames, counts = Machine(device="cpu", precision="fp32", batch=4), pictures(4, 400, 600), set[int]()
    expected = load_style(str(model), machine=machine).stylize(frames)

    def cramped(batch: Batch) -> None:
        counts.add(len(batch))
        if batch[..., 0].size > 400 * 450:
            raise MemoryError("not enough")

    before_each_pass(monkeypatch, cramped)
    assert difference(load_style(str(model), machine=machine).stylize(frames), expected) <= 1
    assert counts == {4, 2, 1}


def test_no_memory_at_all_is_try_again(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Batch) -> None:
        raise MemoryError

    before_each_pass(monkeypatch, full)
    with pytest.raises(TryAgain) as caught:
        load_style(str(model), machine=TORCH).stylize(pictures(2, 300, 300))
    assert caught.value.exit_code == 75


def test_a_fault_that_is_not_memory_is_not_swallowed(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Batch) -> None:
        raise RuntimeError("expected scalar type Float")

    before_each_pass(monkeypatch, broken)
    with pytest.raises(RuntimeError, match="scalar type"):
        load_style(str(model), machine=TORCH).stylize(pictures(1, 16, 16))


@pytest.mark.parametrize("batch", [1, 3, 50])
def test_the_stage_keeps_every_frame_in_order(model: Path, batch: int) -> None:
    stylizer = Stylizer(find_style(str(model)), Machine(device="cpu", precision="fp32", batch=batch))
    source = pictures(10, 16, 24)
    frames = [
        Frame(index=i, pts=i * i, time_base=Fraction(1, 90), duration=1, image=p, source=p, starts_shot=i == 4)
        for i, p in enumerate(source)
    ]
    out = list(stylize(iter(frames), stylizer))
    assert [(f.index, f.pts, f.starts_shot) for f in out] == [(f.index, f.pts, f.starts_shot) for f in frames]
    assert all(f.source is frame.source for f, frame in zip(out, frames, strict=True))
    assert all(difference(f.image, stylizer.stylize(p[None])[0]) <= 1 for f, p in zip(out, source, strict=True))


def test_large_frames_are_tiled_by_themselves(model: Path) -> None:
    stylizer = load_style(str(model), machine=TORCH)
    batch, tile = stylizer.fit(2160 * 4, 3840 * 4)
    assert batch == 1
    assert 0 < tile < 3840
    assert stylizer.fit(72, 128) == (1, 0)


@pytest.mark.parametrize(
    ("height", "width", "pictures"), [(270, 480, 8), (720, 1280, 4), (1080, 1920, 1), (2160, 3840, 1)]
)
def test_a_gpu_paints_no_more_at_once_than_its_host_copies_cheaply(
    model: Path, height: int, width: int, pictures: int
) -> None:
    stylizer = load_style(str(model), machine=TORCH)
    stylizer.runtime = replace(stylizer.runtime, device="cuda:0", memory=2**34)
    assert stylizer.fit(height, width) == (pictures, 0)


def test_cuda_where_there_is_none(model: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(Unavailable) as caught:
        load_style(str(model), machine=Machine(device="cuda"))
    assert caught.value.exit_code == 69


@pytest.mark.parametrize(
    "what",
    [
        np.zeros((1, 16, 16, 3), np.float32),
        np.zeros((16, 16, 3), np.uint8),
        np.zeros((1, 16, 16, 4), np.uint8),
        [np.zeros((16, 16, 3), np.uint8)],
        np.zeros((0, 16, 16, 3), np.uint8),
    ],
    ids=["from 0 to 1", "one picture", "alpha", "a list", "none"],
)
def test_what_is_no_batch_of_pictures_is_a_usage_error(model: Path, what: object) -> None:
    with pytest.raises(UsageError, match="N × height × width × 3"):
        load_style(str(model), machine=TORCH).stylize(what)


@pytest.mark.parametrize(
    "machine", [Machine(device="toaster"), Machine(precision="fp16", device="cpu"), Machine(tile=5), Machine(batch=0)]
)
def test_nonsense_is_a_usage_error(model: Path, machine: Machine) -> None:
    with pytest.raises(UsageError):
        load_style(str(model), machine=machine)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_cuda_paints_as_the_cpu_does(model: Path, precision: str) -> None:
    frame = pictures(2, 96, 128)
    cpu = load_style(str(model), machine=TORCH).stylize(frame).astype(float)
    cuda = load_style(str(model), machine=Machine(device="cuda", precision=precision)).stylize(frame)
    assert np.abs(cpu - cuda).mean() < 1.5


def test_missing_and_damaged(model: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        load_style(str(tmp_path / "nowhere.safetensors"))
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(model.read_bytes()[:-1000])
    with pytest.raises(UnreadableInput):
        load_style(str(cut))
