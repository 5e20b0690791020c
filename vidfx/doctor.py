"""What this machine can do for vidfx, each thing proven by a tiny run, and what would be missing in a render."""

from __future__ import annotations

import importlib.metadata
import io
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import groupby
from typing import Any, Literal, get_args

import av
import numpy as np
from av.codec.hwaccel import HWAccel, hwdevices_available

from vidfx import __version__, native
from vidfx.errors import Terminated
from vidfx.frames import Picture
from vidfx.machine import (
    BF16_FLAGS,
    INT8_FLAGS,
    available_cores,
    cpu_flags,
    cuda_devices,
    has_openvino,
    resolve,
)
from vidfx.native.build import HERE, NAME
from vidfx.scheduling import as_urgent_as_before
from vidfx.settings import Machine, Precision
from vidfx.styles.library import StyleFile, styles_and_faults
from vidfx.styles.stylizer import Stylizer

ENCODERS = ("libx264", "libx265", "libvpx-vp9", "libsvtav1", "ffv1", "prores_ks", "mpeg4")
"""Software encoders that a render knows how to set; the first must work."""
HARDWARE_ENCODERS = tuple(
    f"{codec}_{maker}"
    for maker in ("nvenc", "qsv", "vaapi", "amf", "videotoolbox")
    for codec in ("h264", "hevc", "av1")
    if (maker, codec) != ("videotoolbox", "av1")
)
NEAR_ENOUGH = 1.5
"""Steps of 255 by which a precision may differ from fp32 on average."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried."""

    kind: str
    name: str
    works: bool
    said: str
    """What was seen, or why it does not work."""
    hint: str = ""
    """The one line that would mend or add it."""
    needed: bool = False
    """A render with everything left at auto cannot do without it."""


def examine() -> Iterator[Finding]:
    """Tries everything, one after the other; takes some seconds. Never raises for what is broken on the machine."""
    yield Finding("machine", "vidfx", True, f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    flags = sorted(cpu_flags() & (BF16_FLAGS | INT8_FLAGS))
    yield Finding(
        "machine", "cpu", True, f"{available_cores()} cores; {', '.join(flags) or 'no bf16 or int8 of its own'}"
    )
    styles, findings = _styles()
    yield from findings
    yield _cuda()
    if styles:
        yield from _painting(styles[0])
    yield _smoothing()
    yield from _encoding()
    yield from _decoding()
    yield from _extras()


def would_use() -> str:
    """Device, runtime and precision of a render with everything left at auto. Raises Unavailable."""
    chosen = resolve(Machine())
    return f"{chosen.device}, {chosen.name}, {chosen.precision}, {chosen.threads} threads"


def _styles() -> tuple[list[StyleFile], list[Finding]]:
    found, faults = styles_and_faults()
    names = ", ".join(style.name for style in found)
    hint = "" if found else "vidfx train RECIPE.toml makes one"
    listed = Finding("styles", "styles", bool(found), names or "none", hint, needed=True)
    return found, [listed, *(Finding("styles", "model file", False, str(fault), fault.hint) for fault in faults)]


def _cuda() -> Finding:
    count = cuda_devices()
    if not count:
        return Finding("device", "cuda", False, "no NVIDIA driver, or a torch that was built without CUDA")
    import torch

    return Finding("device", "cuda", True, ", ".join(torch.cuda.get_device_name(number) for number in range(count)))


def _painting(style: StyleFile) -> Iterator[Finding]:
    """Every device, runtime and precision paints one small picture, which must look as plain fp32 does."""
    picture = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8).repeat(6, 1).repeat(6, 2)
    chosen = None
    try:
        chosen = resolve(Machine())
    except Terminated:
        raise
    except Exception as error:  # a driver may raise anything
        yield _failed("painting", "auto", error, needed=True)

    @cache
    def plain() -> Picture:
        return Stylizer(style, Machine(device="cpu", runtime="torch", precision="fp32")).stylize(picture)

    devices = ["cpu"] + [f"cuda:{number}" for number in range(cuda_devices())]
    for device in devices:
        for runtime in ("torch", "openvino"):
            for precision in get_args(Precision):
                machine = Machine(device=device, runtime=runtime, precision=precision)
                name = f"{device} {runtime} {precision}"
                needed = chosen is not None and (device, runtime, precision) == (
                    chosen.device,
                    chosen.name,
                    chosen.precision,
                )
                slow = device == "cpu" and precision == "bf16" and not cpu_flags() & BF16_FLAGS
                if (device, precision) == ("cpu", "fp16") or (runtime == "torch" and precision == "int8"):
                    continue  # nothing that anyone would want
                if runtime == "openvino" and (device != "cpu" or not has_openvino()):
                    continue  # said once, among what could be added

                def paint(machine: Machine = machine, slow: bool = slow) -> str:
                    painted = Stylizer(style, machine).stylize(picture)
                    off = np.abs(painted.astype(float) - plain()).mean()
                    if off > NEAR_ENOUGH:
                        raise ValueError(f"paints something else, {off:.1f} steps of 255 off")
                    return f"{off:.2f} steps of 255 from fp32" + (", emulated and slow here" if slow else "")

                yield _tried("painting", name, paint, needed=needed)


def _smoothing() -> Finding:
    """Whether the compiled loops are there, and average two pictures as they should."""
    if not native.AVAILABLE:
        hint = "with a C compiler (apt-get install gcc libc6-dev): python -m vidfx.native"
        why = "its library is not of this version or machine" if (HERE / NAME).exists() else "not compiled here"
        return Finding("smoothing", "compiled", False, f"{why}; OpenCV takes 1.7 times as long", hint)

    def average() -> str:
        past, out = np.full((16, 16, 3), 100, np.float32), np.empty((16, 16, 3), np.float32)
        flow, share = np.full((4, 4, 2), 1.5, np.float32), np.full((4, 4), 0.5, np.float32)
        painted, weight = np.full((16, 16, 3), 50, np.uint8), np.empty((16, 16), np.float32)
        native.Blend(past, painted, out, weight, flow=flow, share=share)(0, slice(0, 16))
        if not np.allclose(out, 75, atol=0.01):
            raise ValueError(f"makes {out.mean():.1f} of 75")
        return f"by {native.vectors()}"

    return _tried("smoothing", "compiled", average)


def _encoding() -> Iterator[Finding]:
    for name in (*ENCODERS, *HARDWARE_ENCODERS):
        if name in HARDWARE_ENCODERS and name not in av.codecs_available:
            continue
        yield _tried("encoder", name, lambda name=name: f"{len(_film(name)) / 1000:.1f} kB", needed=name == ENCODERS[0])  # type: ignore[misc]  # a lambda with a default


def _decoding() -> Iterator[Finding]:
    """Hardware decoders, which vidfx does not use so far: they are named so that one knows."""
    for kind in sorted(hwdevices_available()):

        def decode(kind: str = kind) -> str:
            accelerator = HWAccel(device_type=kind, allow_software_fallback=False)
            with av.open(io.BytesIO(_film("libx264")), "r", hwaccel=accelerator) as container:
                frames = sum(1 for _ in container.decode(video=0))
            if not frames:
                raise ValueError("decodes nothing")
            return "decodes H.264; not used by vidfx so far"

        yield _tried("hardware decoder", kind, decode)


def _film(encoder: str) -> bytes:
    """Four small pictures through an encoder, as a Matroska file."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream: Any = container.add_stream(encoder, rate=Fraction(25), width=256, height=144)
        formats = [form.name for form in stream.codec.video_formats or ()]
        stream.pix_fmt = next((f for f in ("yuv420p", "nv12", "yuv422p10le", "yuv422p") if f in formats), "yuv420p")
        if encoder == "libx265":
            stream.options = {"x265-params": "log-level=none"}
        with as_urgent_as_before():
            stream.codec_context.open()
        for number in range(4):
            frame = av.VideoFrame.from_ndarray(np.full((144, 256, 3), 60 * number, np.uint8), format="rgb24")
            container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))
    return file.getvalue()


def _extras() -> Iterator[Finding]:
    """What vidfx can use beyond what it needs, by its own list of extras."""
    try:
        wanted = importlib.metadata.requires("vidfx") or []
    except importlib.metadata.PackageNotFoundError:
        wanted = []
    pairs = [
        (extra[1], name[0])
        for line in wanted
        if (extra := re.search(r"extra == ['\"](\w+)['\"]", line)) and (name := re.match(r"[\w.-]+", line))
    ]
    for extra, members in groupby(sorted(pairs), key=lambda pair: pair[0]):
        if extra == "dev":
            continue
        packages = [name for _, name in members]
        missing = [name for name in packages if not _installed(name)]
        hint = f"pip install {' '.join(missing)}" if missing else ""
        yield Finding("extra", extra, not missing, ", ".join(missing or packages), hint)


def _installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _tried(kind: str, name: str, run: Callable[[], str], *, needed: bool = False) -> Finding:
    """What became of a tiny run; whatever it raises is a finding, not a fault. Raises Terminated alone."""
    try:
        return Finding(kind, name, True, run(), needed=needed)
    except Terminated:
        raise
    except Exception as error:
        return _failed(kind, name, error, needed=needed)


def _failed(kind: str, name: str, error: Exception, *, needed: bool) -> Finding:
    said = str(getattr(error, "strerror", None) or error).strip().splitlines() or [type(error).__name__]
    return Finding(kind, name, False, said[0], getattr(error, "hint", ""), needed=needed)


Verdict = Literal["ready", "not ready"]


def verdict(findings: list[Finding]) -> Verdict:
    """Whether a render with everything left at auto can run."""
    return "ready" if all(finding.works for finding in findings if finding.needed) else "not ready"
