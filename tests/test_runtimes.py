"""Each runtime in each precision paints the same picture, whole or in tiles, and says what it runs on.

Long, because one suite over all runtimes.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from films import TORCH
from tiny_style import make_style

from vidfx import TryAgain, Unavailable, UnreadableInput, UsageError, load_style, machine
from vidfx.frames import Picture
from vidfx.machine import INT8_FLAGS, cpu_flags, has_openvino, resolve
from vidfx.settings import Machine, RuntimeName
from vidfx.styles.card import NetworkShape
from vidfx.styles.generator import Generator
from vidfx.styles.library import find_style
from vidfx.styles.quantise import dead_leaves
from vidfx.styles.stylizer import Stylizer
from vidfx.styles.weights import read_weights, shapes

needs_openvino = pytest.mark.skipif(not has_openvino(), reason="OpenVINO is not installed: pip install openvino")
needs_int8 = pytest.mark.skipif(not cpu_flags() & INT8_FLAGS, reason="this CPU has no VNNI")
KINDS = [
    pytest.param("torch", "fp32", 0.01, id="torch-fp32"),
    pytest.param("torch", "bf16", 1.0, id="torch-bf16"),
    pytest.param("openvino", "fp32", 0.01, id="openvino-fp32", marks=needs_openvino),
    pytest.param("openvino", "bf16", 1.0, id="openvino-bf16", marks=needs_openvino),
    pytest.param("openvino", "int8", 1.0, id="openvino-int8", marks=[needs_openvino, needs_int8]),
]
"""Runtime, precision, and by how many steps of 255 a picture may differ from plain fp32 on average."""


@cache
def painter(model: Path, runtime: str, precision: str, tile: int = 0) -> Stylizer:
    asked = Machine(device="cpu", runtime=runtime, precision=precision, tile=tile, threads=1)
    return Stylizer(find_style(str(model)), asked)


def scene(height: int, width: int) -> Picture:
    """A picture with edges, gradients and noise, black and white among them."""
    rows, columns = np.mgrid[0:height, 0:width]
    shade = np.stack([rows * 255 / height, columns * 255 / width, 127 + 127 * np.sin(rows * columns / 900)], -1)
    shade += np.random.default_rng(1).normal(0, 8, shade.shape)
    shade[height // 3 : height // 2, width // 4 : width // 2] = 0
    shade[height // 2 :, : width // 3] = 255
    return np.clip(shade, 0, 255).astype(np.uint8)


def plain(model: Path, picture: Picture) -> np.ndarray:
    """The painting by the network as it is trained: padded as reflected, in fp32, one line of arithmetic."""
    style = find_style(str(model))
    generator = Generator(style.card.generator).eval()
    generator.load_state_dict({name: torch.from_numpy(values) for name, values in read_weights(style).items()})
    height, width, border = *picture.shape[:2], style.card.border
    padding = [(border, -(-(size + 2 * border) // 8) * 8 - size - border) for size in (height, width)]
    padded = np.pad(picture, [*padding, (0, 0)], mode="reflect")
    with torch.inference_mode():
        out = generator(torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255)[0].permute(1, 2, 0)
    cut = out[border : border + height, border : border + width]
    return (cut * 255).round().clamp(0, 255).numpy()


@pytest.mark.parametrize(("runtime", "precision", "allowed"), KINDS)
def test_it_is_the_network_as_trained(model: Path, runtime: str, precision: str, allowed: float) -> None:
    picture = scene(181, 250)
    painted = painter(model, runtime, precision).stylize(picture[None])[0]
    off = np.abs(painted.astype(float) - plain(model, picture))
    assert off.mean() <= allowed
    assert off.max() <= (1 if precision == "fp32" else 8)
    assert painted.flags.c_contiguous


@pytest.mark.parametrize("size", [(300, 420), (257, 511)])
@pytest.mark.parametrize(("runtime", "precision", "_"), KINDS)
def test_tiles_give_the_whole_frame(model: Path, size: tuple[int, int], runtime: str, precision: str, _: float) -> None:
    picture = scene(*size)[None]
    whole = painter(model, runtime, precision).stylize(picture)
    tiled = painter(model, runtime, precision, tile=128).stylize(picture)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


@pytest.mark.parametrize(("runtime", "precision", "_"), KINDS)
def test_a_batch_is_its_pictures_one_by_one(model: Path, runtime: str, precision: str, _: float) -> None:
    style = painter(model, runtime, precision)
    batch = np.stack([scene(64, 96), scene(64, 96)[::-1], np.full((64, 96, 3), 200, np.uint8)])
    single = np.concatenate([style.stylize(picture[None]) for picture in batch])
    assert np.abs(style.stylize(batch).astype(int) - single).max() <= 1


@pytest.mark.parametrize(("runtime", "precision", "_"), KINDS)
def test_threads_may_share_it(model: Path, runtime: str, precision: str, _: float) -> None:
    style = painter(model, runtime, precision)
    batches = [scene(40, 64)[None], scene(56, 48)[None]] * 6
    alone = [style.stylize(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(style.stylize, batches))
    assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_blocks_are_cut_the_same_on_a_gpu(model: Path, monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    """There torch does it, here numpy; torch can do it here, too."""
    picture = scene(48, 64)[None].astype(kind) * (257 if kind is np.uint16 else 1)
    style = painter(model, "torch", "fp32")
    by_numpy = style.stylize(picture)
    monkeypatch.setattr(style._painter, "_on_cpu", False)
    np.testing.assert_array_equal(style.stylize(picture), by_numpy)


@needs_openvino
def test_sizes_that_come_and_go(model: Path) -> None:
    style, reference = painter(model, "openvino", "fp32"), painter(model, "torch", "fp32")
    for height, width in [(16, 24), (40, 24), (33, 57), (16, 24), (1, 1)]:
        picture = scene(height, width)[None]
        assert np.abs(style.stylize(picture).astype(int) - reference.stylize(picture)).max() <= 1


def test_every_weight_has_its_place(model: Path) -> None:
    """The list that model files are checked against is the network's own."""
    for shape in (NetworkShape(), NetworkShape(quarter=8, eighth=12, blocks=5, half=4)):
        own = {name: tuple(values.shape) for name, values in Generator(shape).state_dict().items()}
        card = find_style(str(model)).card.generator.model_copy(update=shape.model_dump())
        assert shapes(card) == own


@pytest.mark.parametrize("runtime", ["torch", pytest.param("openvino", marks=needs_openvino)])
def test_weights_that_do_not_fit_the_card_are_refused(tmp_path: Path, runtime: str) -> None:
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    path = make_style(tmp_path)
    with safe_open(path, framework="np") as file:
        said = file.metadata()
    for damage in ({"merge.weight": np.zeros((8, 8, 1, 1), np.float16)}, {"more": np.zeros(1, np.float16)}):
        save_file(load_file(make_style(tmp_path)) | damage, path, metadata=said)
        with pytest.raises(UnreadableInput, match=next(iter(damage))):
            load_style(str(path), machine=Machine(device="cpu", runtime=runtime, precision="fp32"))


def test_what_int8_is_measured_on_never_changes() -> None:
    first, second = dead_leaves(), dead_leaves()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert min(picture.min() for picture in first) == 0
    assert max(picture.max() for picture in first) == 255


@needs_openvino
@needs_int8
def test_int8_rounds_a_style_the_same_each_time(model: Path) -> None:
    picture, first = scene(64, 96)[None], painter(model, "openvino", "int8")
    again = Stylizer(first.style, Machine(device="cpu", precision="int8", threads=1))
    assert np.array_equal(first.stylize(picture), again.stylize(picture))


# --- what is chosen -----------------------------------------------------------------------------------------------


def on(monkeypatch: pytest.MonkeyPatch, *flags: str, openvino: bool) -> None:
    monkeypatch.setattr(machine, "cpu_flags", lambda: frozenset(flags))
    monkeypatch.setattr(machine, "has_openvino", lambda: openvino)


@pytest.mark.parametrize(
    ("flags", "openvino", "chosen"),
    [
        ((), False, ("torch", "fp32")),
        (("avx512_bf16", "avx512_vnni"), False, ("torch", "bf16")),
        (("amx_bf16", "amx_int8"), True, ("openvino", "int8")),
        (("avx_vnni",), True, ("openvino", "int8")),
        (("avx512_bf16",), True, ("openvino", "bf16")),
        ((), True, ("openvino", "fp32")),
    ],
)
def test_auto_goes_by_what_the_cpu_has(
    monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], openvino: bool, chosen: tuple[str, str]
) -> None:
    on(monkeypatch, *flags, openvino=openvino)
    found = resolve(Machine(device="cpu"))
    assert (found.name, found.precision) == chosen


def test_what_is_not_here_is_69_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, "avx512_vnni", openvino=False)
    for asked in (Machine(device="cpu", runtime="openvino"), Machine(device="cpu", precision="int8")):
        with pytest.raises(Unavailable) as caught:
            resolve(asked)
        assert caught.value.hint == "pip install openvino"
    on(monkeypatch, "avx2", openvino=True)
    with pytest.raises(Unavailable, match="VNNI"):
        resolve(Machine(device="cpu", precision="int8"))


def test_what_does_not_go_together_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, "avx512_vnni", openvino=True)
    monkeypatch.setattr(machine, "cuda_devices", lambda: 1)
    for asked in (
        Machine(runtime="torch", precision="int8", device="cpu"),
        Machine(runtime="openvino", device="cuda"),
        Machine(precision="int8", device="cuda"),
        Machine(precision="fp16", device="cpu"),
    ):
        with pytest.raises(UsageError):
            resolve(asked)


@pytest.mark.parametrize("asked", [Machine(runtime="openvino"), Machine(precision="int8")])
def test_where_there_is_a_gpu_auto_still_is_the_cpu_for_what_only_that_can(
    monkeypatch: pytest.MonkeyPatch, asked: Machine
) -> None:
    on(monkeypatch, "avx512_vnni", openvino=True)
    monkeypatch.setattr(machine, "cuda_devices", lambda: 1)
    found = resolve(asked)
    assert (found.device, found.name, found.precision) == ("cpu", "openvino", "int8")


def test_it_says_what_it_runs_on(model: Path) -> None:
    assert painter(model, "torch", "fp32").describe(64, 96) == "cpu, torch, fp32, batch 1, 1 threads"


@needs_openvino
def test_openvino_needs_no_torch_and_tells_nobody(model: Path) -> None:
    """A whole render without torch; and the module that reports its use to a server is never loaded."""
    script = (
        "import sys, numpy; from vidfx import load_style, Machine;"
        f"load_style({str(model)!r}, machine=Machine(device='cpu', runtime='openvino', precision='fp32'))"
        ".stylize(numpy.zeros((1, 16, 16, 3), 'uint8'));"
        "sys.exit(f'loaded {found}' if (found := {'torch', 'openvino_telemetry'} & set(sys.modules)) else 0)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("said", ["not enough memory: you tried", "can't allocate memory: you tried"])
def test_torch_running_out_of_memory_is_told_as_that(model: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    def full(*_: object, **__: object) -> torch.Tensor:
        raise RuntimeError(f"[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: {said}")

    style = load_style(str(model), machine=TORCH)
    monkeypatch.setattr(Generator, "paint", full)
    with pytest.raises(TryAgain, match="not enough memory"):
        style.stylize(np.zeros((1, 16, 16, 3), np.uint8))


@needs_openvino
@pytest.mark.parametrize("precision", ["fp32", "bf16", pytest.param("int8", marks=needs_int8)])
def test_deep_pictures_keep_their_depth(model: Path, precision: str) -> None:
    """uint16 in, uint16 out: the same painting, with more than 256 shades in each channel."""
    shades = np.linspace(20000, 30000, 160 * 160 * 3).reshape(1, 160, 160, 3).astype(np.uint16)
    style = painter(model, "openvino", precision)
    deep, shallow = style.stylize(shades), style.stylize((shades / 257).round().astype(np.uint8))
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - shallow).mean() < 1
    assert len(np.unique(deep[..., 0])) > 300


@pytest.mark.parametrize(("runtime", "precision", "_"), KINDS)
def test_a_memory_budget_makes_tiles_and_the_same_picture(model: Path, runtime: str, precision: str, _: float) -> None:
    picture = scene(400, 600)[None]
    whole = painter(model, runtime, precision)
    machine = Machine(device="cpu", runtime=runtime, precision=precision, threads=1, memory=2**23)
    frugal = Stylizer(whole.style, machine)
    tile = frugal.fit(400, 600)[1]
    window = tile + 2 * frugal.card.receptive_radius
    assert 128 <= tile < 600
    assert tile == 128 or window**2 * frugal.runtime.bytes_per_pixel <= 2**23
    assert "tiles of" in frugal.describe(400, 600)
    assert np.abs(frugal.stylize(picture).astype(int) - whole.stylize(picture)).max() <= 1
    assert frugal.fit(2160, 3840)[1] == frugal.fit(4320, 7680)[1]  # so memory does not grow with the frame


@needs_openvino
@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to itself")
def test_ctrl_c_while_it_paints_harms_nothing(model: Path) -> None:
    """Arrays that OpenVINO still reads and writes were freed, and the process died or painted rubbish."""
    style = painter(model, "openvino", "fp32")
    whole = style.stylize(scene(256, 384)[None])
    for place in range(20):
        until = time.monotonic() + 30
        with pytest.raises(KeyboardInterrupt):
            threading.Timer(0.001 * place, os.kill, [os.getpid(), signal.SIGINT]).start()
            while time.monotonic() < until:
                assert np.array_equal(style.stylize(scene(256, 384)[None]), whole)
    assert np.array_equal(style.stylize(scene(256, 384)[None]), whole)


@pytest.mark.parametrize("runtime", ["torch", pytest.param("openvino", marks=needs_openvino)])
def test_a_painter_that_is_dropped_leaves_no_thread(model: Path, runtime: RuntimeName) -> None:
    before = set(threading.enumerate())
    style = Stylizer(find_style(str(model)), Machine(device="cpu", runtime=runtime, precision="fp32", threads=2))
    style.stylize(np.stack([scene(16, 24)] * 2))
    begun = set(threading.enumerate()) - before
    assert begun
    del style
    gc.collect()
    for thread in begun:
        thread.join(5)
        assert not thread.is_alive()
