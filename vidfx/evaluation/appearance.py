"""What one picture of a render looks like beside its source: how sharp, how like."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.errors import Unavailable
from vidfx.flow import Plane
from vidfx.frames import Picture

_VIEWED = 256  # px of the short side that SSIM is meant for (Wang et al.'s own program reduces to about it)
_LEAST_SSIM, _LEAST_MS_SSIM = 11, 161  # px; the window, and five halvings of it
_SOFT = 1.5  # px; a painted line may lie a little beside the edge it stands for


def sharpness(picture: Picture) -> float:
    """Mean gradient magnitude of luma, in steps of 255 per pixel; 0 for a line of pixels."""
    return steepness(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32))


def steepness(grey: NDArray[np.float32]) -> float:
    """Mean gradient magnitude, per pixel; 0 for a line of pixels."""
    if min(grey.shape) < 2:
        return 0.0
    return float(np.hypot(np.diff(grey, axis=1)[:-1], np.diff(grey, axis=0)[:, :-1]).mean())


def edges(plane: Plane) -> NDArray[np.float32]:
    """Gradient magnitude of a luma after a little softening, H × W."""
    soft = cv2.GaussianBlur(plane.astype(np.float32), (0, 0), _SOFT)
    across, down = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def edge_agreement(render: NDArray[np.float32], source: NDArray[np.float32]) -> float:
    """Correlation of two pictures' `edges`: 1 the same, 0 nothing in common; nan for blanks."""
    first, second = render - render.mean(), source - source.mean()
    scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / scale if scale > 1e-6 * first.size else float("nan")


def likeness() -> Callable[[Plane, Plane], tuple[float, float]]:
    """A function of two lumas, giving SSIM (Wang et al. 2004) and MS-SSIM (Wang et al. 2003); nan where too small.

    Both look at the picture reduced by a whole number to a short side of about 256 pixels, as SSIM's authors advise.
    Raises Unavailable where torchmetrics is not installed.
    """
    try:
        import torch
        from torchmetrics.functional.image import (
            multiscale_structural_similarity_index_measure as multiscale,
        )
        from torchmetrics.functional.image import structural_similarity_index_measure as single
    except ImportError as error:
        raise Unavailable(
            "SSIM needs torchmetrics, which is not installed", hint="pip install 'vidfx[eval]'"
        ) from error

    def compare(render: Plane, source: Plane) -> tuple[float, float]:
        first, second = (torch.from_numpy(_viewed(plane).copy())[None, None].float() for plane in (render, source))
        one = many = float("nan")
        if min(first.shape[-2:]) >= _LEAST_SSIM:
            one = torch.as_tensor(single(first, second, data_range=255.0)).item()
        if min(first.shape[-2:]) >= _LEAST_MS_SSIM:
            many = multiscale(first, second, data_range=255.0).item()
        return one, many

    return compare


def _viewed(plane: Plane) -> Plane:
    height, width = plane.shape
    factor = max(1, round(min(height, width) / _VIEWED))
    if factor == 1:
        return plane
    return np.asarray(cv2.resize(plane, (width // factor, height // factor), interpolation=cv2.INTER_AREA), np.uint8)
