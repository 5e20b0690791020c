"""What a render runs on: device, precision, threads, batch and tiles, decided once and said once."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from vidfx.errors import Unavailable, UsageError
from vidfx.settings import Machine

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
BYTES_PER_PIXEL = {"fp32": 420, "bf16": 260, "fp16": 260}
"""Peak memory of the generator for a pixel of the batch (measured on CPU at 1280 × 720, with room to spare)."""
SMALLEST_TILE = 128


@dataclass(frozen=True, slots=True)
class Runtime:
    """A machine's choices with every `auto` resolved."""

    device: torch.device
    precision: str
    threads: int
    memory: int
    """Bytes that the generator may take."""

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.precision]


def resolve(machine: Machine) -> Runtime:
    """Decides what to run on. Raises Unavailable for a device that is not here, UsageError for nonsense."""
    device = _device(machine.device)
    precision = machine.precision if machine.precision != "auto" else best_precision(device)
    if precision == "fp16" and device.type == "cpu":
        raise UsageError("fp16 is slower than fp32 on a CPU", hint="use --precision bf16, fp32 or auto")
    threads = machine.threads or available_cores()
    if threads < 1:
        raise UsageError(f"--threads must be at least 1, not {threads}")
    return Runtime(device, precision, threads, _memory(device))


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise UsageError(f"'{wanted}' is not a device", hint="auto, cpu, cuda or cuda:1") from None
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"'{wanted}' is not a device that vidfx runs on", hint="auto, cpu, cuda or cuda:1")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise Unavailable("CUDA was asked for, but there is none here", hint="leave --device away to use the CPU")
        if (device.index or 0) >= torch.cuda.device_count():
            raise Unavailable(
                f"there is no {device}", hint=f"this machine has {torch.cuda.device_count()} CUDA device(s)"
            )
    return device


def best_precision(device: torch.device) -> str:
    """bf16 where the hardware multiplies it natively: emulated, it is several times slower than fp32."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return "bf16" if cpu_flags() & {"avx512_bf16", "amx_bf16"} else "fp32"


@cache
def cpu_flags() -> frozenset[str]:
    """The CPU's feature flags as Linux names them; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return frozenset()
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return frozenset(line.partition(":")[2].split())


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory(device: torch.device) -> int:
    """Half of what is free on a GPU; on a CPU a gigabyte, less where even that is not free: others live there too."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 2
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        free = 2**31
    return int(min(2**30, max(free // 2, 2**27)))


def device_name(device: torch.device) -> str:
    """The device as a person knows it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.machine() or "cpu"
