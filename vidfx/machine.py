"""What a render runs on: device, runtime, precision, threads, decided once and said once.

torch is asked only where there may be a GPU: to load it takes longer than anything else at the start.
"""

from __future__ import annotations

import ctypes
import importlib.util
import math
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vidfx.cgroup import cpu_quota, memory_left
from vidfx.errors import Unavailable, UsageError
from vidfx.settings import Machine, Precision, RuntimeName

BYTES_PER_PIXEL = {
    "gpu": {"fp32": 420, "bf16": 260, "fp16": 260},
    "torch": {"fp32": 240, "bf16": 160},
    "openvino": {"fp32": 90, "bf16": 60, "int8": 60},
}
"""Peak memory of the generator for a pixel of the batch (on CPU measured at 720 and 1440 lines, with room to spare)."""
SMALLEST_TILE = 128
_MOST_AT_ONCE = 8  # pictures; each takes memory of its own
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})


@dataclass(frozen=True, slots=True)
class Runtime:
    """A machine's choices with every `auto` resolved."""

    device: str
    """`cpu` or `cuda:N`."""
    name: RuntimeName
    precision: Precision
    threads: int
    memory: int
    """Bytes that the generator may take."""

    @property
    def gpu(self) -> bool:
        return self.device != "cpu"

    @property
    def float_precision(self) -> Precision:
        """What is multiplied as floating point: all of it, or with int8 the few layers that are not quantised."""
        return best_float() if self.precision == "int8" else self.precision

    @property
    def pictures_at_once(self) -> int:
        """How many pictures a CPU paints side by side: one a thread."""
        return min(self.threads, _MOST_AT_ONCE)

    @property
    def bytes_per_pixel(self) -> int:
        """Peak memory of the generator for a pixel of the batch."""
        return BYTES_PER_PIXEL["gpu" if self.gpu else self.name][self.precision]


def resolve(machine: Machine) -> Runtime:
    """Decides what to run on.

    Raises Unavailable for a device or runtime that is not here, UsageError for choices that do not go together.
    """
    device = _device(machine.device if may_use_gpu(machine) or machine.device != "auto" else "cpu")
    name = _runtime(machine, device)
    precision = machine.precision if machine.precision != "auto" else _precision(device, name)
    if precision == "fp16" and device == "cpu":
        raise UsageError("fp16 is slower than fp32 on a CPU", hint="use --precision bf16, fp32 or auto")
    if precision == "int8" and not cpu_flags() & INT8_FLAGS:
        raise Unavailable("this CPU does not multiply int8 exactly (it lacks VNNI)", hint="use --precision auto")
    threads = machine.threads or available_cores()
    if threads < 1:
        raise UsageError(f"--threads must be at least 1, not {threads}", hint="leave it away to use all there are")
    return Runtime(device, name, precision, threads, machine.memory or _memory(device))


def may_use_gpu(machine: Machine) -> bool:
    """Whether it runs on a GPU where there is one: OpenVINO and int8 are for a CPU."""
    return machine.device != "cpu" and machine.runtime != "openvino" and machine.precision != "int8"


def _device(wanted: str) -> str:
    kind, _, index = wanted.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (index and (kind != "cuda" or not index.isdigit())):
        raise UsageError(f"'{wanted}' is not a device that vidfx runs on", hint="auto, cpu, cuda or cuda:1")
    if kind == "cpu":
        return "cpu"
    count = cuda_devices()
    if not count and kind == "cuda":
        raise Unavailable("CUDA was asked for, but there is none here", hint="leave --device away to use the CPU")
    if not count:
        return "cpu"
    if int(index or 0) >= count:
        raise Unavailable(f"there is no {wanted}", hint=f"this machine has {count} CUDA device(s)")
    return f"cuda:{int(index or 0)}"


@cache
def cuda_devices() -> int:
    """How many GPUs torch can use; without a driver on the machine torch is not loaded to say so."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _runtime(machine: Machine, device: str) -> RuntimeName:
    """OpenVINO on a CPU where it is installed: the quicker one in every precision (docs/performance.md)."""
    needs_openvino = machine.runtime == "openvino" or machine.precision == "int8"
    if needs_openvino and (device != "cpu" or machine.runtime == "torch"):
        what = "int8" if machine.precision == "int8" else "OpenVINO"
        raise UsageError(f"{what} is for --device cpu and --runtime openvino", hint="leave the others at auto")
    if needs_openvino and not has_openvino():
        raise Unavailable("OpenVINO is not installed", hint="pip install openvino")
    if device != "cpu" or machine.runtime == "torch" or machine.precision == "fp16" or not has_openvino():
        return "torch"
    return "openvino"


def has_openvino() -> bool:
    """Whether OpenVINO is installed; does not load it."""
    return importlib.util.find_spec("openvino") is not None


def _precision(device: str, runtime: str) -> Precision:
    if device != "cpu":
        import torch

        with torch.cuda.device(device):
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return "int8" if runtime == "openvino" and cpu_flags() & INT8_FLAGS else best_float()


def best_float() -> Precision:
    """bf16 where the CPU multiplies it natively: emulated, it is several times slower than fp32."""
    return "bf16" if cpu_flags() & BF16_FLAGS else "fp32"


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
    """Cores that this process may use: in a container, no more than the time it is given fills."""
    quota = cpu_quota()
    return _cores() if quota is None else max(1, min(_cores(), math.ceil(quota)))


def encoder_threads() -> int:
    """0, which is an encoder's own choice, unless a container has less time than the cores that an encoder counts."""
    return cores if (cores := available_cores()) < _cores() else 0


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory(device: str) -> int:
    """Half of what is free on a GPU; on a CPU a gigabyte, less where even that is not free: others live there too."""
    if device != "cpu":
        import torch

        return torch.cuda.mem_get_info(device)[0] // 2
    return int(min(2**30, max(_free_memory() // 2, 2**27)))


def _free_memory() -> int:
    """Bytes that can be had without swapping, the page cache among them; two gigabytes where nobody says."""
    with suppress(OSError):
        said = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text("ascii"), re.M)
        if said:
            free, granted = int(said[1]) * 1024, memory_left()
            return free if granted is None else min(free, granted)
    with suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 2**31
