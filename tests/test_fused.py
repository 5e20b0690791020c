"""torch's convolutions on a CPU: what follows them is done in one pass over memory, which stays in the process."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from films import TORCH
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from vidfx import load_style
from vidfx.cli import main
from vidfx.heap import keep_freed_memory
from vidfx.styles import fused
from vidfx.styles.generator import Kernel, convolve

TYPES = (torch.float32, torch.bfloat16)
needs_fusion = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    fused.quickest.cache_clear()
    yield
    fused.quickest.cache_clear()


def pictures(channels: int, height: int, width: int, dtype: torch.dtype) -> Tensor:
    values = torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(height + channels))
    return values.to(dtype).contiguous(memory_format=torch.channels_last)


@needs_fusion
@given(
    st.integers(4, 20),
    st.integers(4, 20),  # of one column oneDNN itself makes rubbish in bf16 on AMX (torch 2.13); no frame is so narrow
    st.sampled_from([(12, 16, 3, 1, 1), (16, 24, 4, 2, 1), (24, 32, 1, 1, 0)]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(TYPES),
)
def test_it_is_the_same_convolution(
    height: int, width: int, kind: tuple[int, int, int, int, int], onto: bool, relu: bool, dtype: torch.dtype
) -> None:
    taken, given_, edge, stride, padding = kind
    x, weight = pictures(taken, height, width, dtype), pictures(given_ * taken, edge, edge, dtype) / 8
    weight, bias = weight.reshape(given_, taken, edge, edge), torch.linspace(-1, 1, given_).to(dtype)
    with torch.inference_mode():
        exact = convolve(x.double(), Kernel(weight.double(), bias.double(), stride, padding))
        base = pictures(given_, *exact.shape[2:], dtype) if onto else None
        exact = exact + base.double() if base is not None else exact
        exact = exact.relu() if relu else exact
        out = fused.quickest(dtype)(x, Kernel(weight, bias, stride, padding), base, relu=relu)
    bits = 2e-5 if dtype == torch.float32 else 2**-7
    assert (out.double() - exact).abs().max() <= bits * max(exact.abs().max().item(), 1)


@needs_fusion
@pytest.mark.parametrize("dtype", TYPES)
def test_it_is_taken_where_it_works(dtype: torch.dtype) -> None:
    try:
        with torch.inference_mode():
            fused.fused(pictures(16, 8, 8, dtype), Kernel(pictures(256, 3, 3, dtype).reshape(16, 16, 3, 3)))
    except RuntimeError as error:
        pytest.skip(f"not on this CPU: {error}")
    assert fused.quickest(dtype) is fused.fused


def test_where_torch_has_no_such_name_a_plain_one_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless(*_: Any, **__: Any) -> Tensor:
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_convolution_pointwise'")

    monkeypatch.setattr(fused, "fused", nameless)
    assert fused.quickest(torch.float32) is convolve


def test_where_it_comes_to_something_else_a_plain_one_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgets(*given: Any, relu: bool = False, **asked: Any) -> Tensor:
        return convolve(*given, **asked)

    monkeypatch.setattr(fused, "fused", forgets)
    assert fused.quickest(torch.float32) is convolve


# --- memory --------------------------------------------------------------------------------------------------------

needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="for glibc's malloc")

FAULTS = """
import resource, sys, threading
import numpy as np
from vidfx.heap import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def layers():
    kept = [np.ones(2**20) for _ in range(12)]  # 8 MiB each, more than one heap of a thread holds
    del kept

def look():
    for _ in range(3):
        layers()
    before = faults()
    for _ in range(5):
        layers()
    print(faults() - before)

if sys.argv[1] == "keep":
    keep_freed_memory()
thread = threading.Thread(target=look)
thread.start()
thread.join()
"""


@needs_glibc
@pytest.mark.parametrize(("what", "setting", "few"), [("keep", {}, True), ("", {}, False)])
def test_memory_is_had_from_the_system_once(what: str, setting: dict[str, str], few: bool) -> None:
    command = [sys.executable, "-c", FAULTS, what]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_", "LD_"))}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=own | setting)
    assert (int(done.stdout) < 2000) == few, done.stdout  # of 123,000 pages


@needs_glibc
def test_who_has_set_malloc_up_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(_: None) -> None:
        raise AssertionError

    monkeypatch.setattr(ctypes, "CDLL", touched)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000000")
    keep_freed_memory()


@needs_fusion
def test_a_style_on_a_cpu_gets_both(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, count, kept = fused.fused, Counter[str](), []

    def counted(*given: Any, **asked: Any) -> Tensor:
        count["convolutions"] += 1
        return real(*given, **asked)

    monkeypatch.setattr(fused, "fused", counted)
    monkeypatch.setattr("vidfx.styles.runtimes.keep_freed_memory", lambda: kept.append(True))
    stylizer = load_style(style, machine=replace(TORCH, precision="fp32"))
    before = count["convolutions"]
    stylizer.stylize(np.zeros((1, 48, 64, 3), np.uint8))
    assert count["convolutions"] - before >= 9 and kept


def test_a_command_begins_with_it_and_a_help_page_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An encoder is tried before a style is loaded, and what its threads have for themselves stays."""
    called: list[str] = []
    monkeypatch.setattr("vidfx.heap.keep_freed_memory", lambda: called.append("kept"))
    assert main(["render", "--help"]) == 0
    assert not called
    assert main(["styles", "list"]) == 0
    assert called
    assert "ink" in capsys.readouterr().out
