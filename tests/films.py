"""Films that tests have vidfx make, as quickly as it can, and how two of them are compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from fftools import frame_times, packets
from numpy.typing import NDArray

import vidfx
from vidfx import Encode, Look, Machine, Rendered, images

CPU = Machine(device="cpu", precision="fp32", threads=1)
"""Paints the same on every host, but for the rounding in which runtimes differ."""
TORCH = replace(CPU, runtime="torch")
"""The runtime that every host has."""
LOSSLESS = Encode(codec="ffv1", pix_fmt="bgr0")
"""What was painted, to the bit."""
FAST = Encode(preset="ultrafast")
UNPAINTED = Look(strength=0, smooth=0)
"""The source itself: for tests of what is around the picture."""


def quick_encode(suffix: str) -> Encode:
    """A container's usual encoder at its quickest; NUT's knows no speeds, and AVI's keeps the B-frames it is about."""
    if suffix == ".webm":
        return Encode(options={"cpu-used": "8"})
    return Encode() if suffix in (".avi", ".nut") or suffix in images.SUFFIXES else FAST


def render(source: Path, output: Path, style: str, **settings: Any) -> Rendered:
    """`vidfx.render` of an unpainted film, quickly; settings are added or win."""
    usual = {"look": UNPAINTED, "machine": CPU, "encode": quick_encode(output.suffix)}
    return vidfx.render(source, output, style=style, **usual | settings)


def pictures(path: Path | str) -> list[NDArray[np.uint8]]:
    """Every picture of a film or of numbered files (`%04d`) in RGB; there is one at least, lest nothing be compared."""
    path = Path(path)
    if "%" in path.name:
        names = sorted(path.parent.glob(path.name.replace("%04d", "*")))
        found = [np.asarray(cv2.imread(str(name))[..., ::-1], np.uint8) for name in names]
    else:
        with av.open(str(path)) as container:
            found = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert found, path
    return found


def largest_step(ours: Path | str, theirs: Path | str) -> int:
    """By how many steps of 255 two films of the same length differ where they differ most."""
    pairs = zip(pictures(ours), pictures(theirs), strict=True)
    return max(int(np.abs(a.astype(int) - b).max()) for a, b in pairs)


def assert_same_film(ours: Path | str, theirs: Path | str) -> None:
    """Same pictures to within a step of 255, same times, same sound."""
    assert largest_step(ours, theirs) <= 1
    assert frame_times(ours) == frame_times(theirs)
    assert packets(ours, "a:0") == packets(theirs, "a:0") != []
