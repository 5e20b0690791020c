"""What several teachers draw with: soft steps, coherent lines, evened tones."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def smoothstep(low: float, high: float, x: Plane) -> Plane:
    """0 below `low`, 1 above `high`, a cubic ramp between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def edge_tangents(grey: Plane, sigma: float = 2.5) -> tuple[Plane, Plane]:
    """Unit vectors along the edges, as `structure` finds them."""
    tx, ty, _ = structure(grey, sigma)
    return tx, ty


def structure(grey: Plane, sigma: float) -> tuple[Plane, Plane, Plane]:
    """Unit vectors along the edges, and how much of one direction they are: 0 is noise, 1 a line or an edge.

    The minor eigenvector of the smoothed structure tensor, and the tensor's coherence.
    Kyprianidis and Kang 2011, "Image and video abstraction by coherence-enhancing filtering".
    """
    gx = cv2.Scharr(grey, cv2.CV_32F, 1, 0) / 16
    gy = cv2.Scharr(grey, cv2.CV_32F, 0, 1) / 16
    xx, yy, xy = (cv2.GaussianBlur(p, (0, 0), sigma) for p in (gx * gx, gy * gy, gx * gy))
    angle = 0.5 * np.arctan2(2.0 * xy, xx - yy)  # of the gradient; the tangent stands across it
    one_way = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / (xx + yy + np.float32(2e-7))
    return (-np.sin(angle)).astype(np.float32), np.cos(angle).astype(np.float32), np.asarray(one_way, np.float32)


def along(plane: Plane, tx: Plane, ty: Plane, reach: float, steps: int = 5) -> Plane:
    """Averages `plane` along the edge tangents, `reach` pixels both ways (line integral convolution, Euler steps)."""
    height, width = plane.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    total, weight = plane.copy(), 1.0
    for sign in (1.0, -1.0):
        px, py, dx, dy = xs.copy(), ys.copy(), tx * sign, ty * sign
        for step in range(1, steps + 1):
            px += dx * (reach / steps)
            py += dy * (reach / steps)
            gauss = float(np.exp(-2.0 * (step / steps) ** 2))
            total += gauss * cv2.remap(plane, px, py, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
            weight += gauss
            nx = cv2.remap(tx, px, py, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
            ny = cv2.remap(ty, px, py, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
            turn = np.where(nx * dx + ny * dy < 0, -1.0, 1.0).astype(np.float32)  # tangents have no sign
            dx, dy = nx * turn, ny * turn
    return np.asarray(total / weight, np.float32)


def coherent_lines(grey: Plane, sigma: float, reach: float, threshold: float) -> Plane:
    """1 on a dark line or edge, 0 elsewhere: difference of Gaussians, gathered along the edge.

    After Kang, Lee and Chui 2007, "Coherent line drawing".
    """
    tx, ty = edge_tangents(grey, sigma * 2.0)
    difference = cv2.GaussianBlur(grey, (0, 0), sigma) - cv2.GaussianBlur(grey, (0, 0), sigma * 1.6)
    gathered = along(difference, tx, ty, reach)
    return smoothstep(threshold, threshold * 3.2, -gathered)


def long_ones(lines: Plane, shortest: float, full: float) -> Plane:
    """The lines (0..1) without the short ones: under `shortest` px from end to end they go, from `full` on they stay.

    Dashes in grass and on water come and go from frame to frame, a form's outline does not.
    """
    _, pieces, stats, _ = cv2.connectedComponentsWithStats((lines > 0.1).astype(np.uint8), connectivity=8)
    reach = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]).astype(np.float32)
    kept = smoothstep(shortest, full, reach)
    kept[0] = 0  # no line at all
    return np.asarray(lines * cv2.dilate(kept[pieces], np.ones((3, 3), np.uint8)), np.float32)  # with its soft rim


def even_out(grey: Plane, sigma: float, amount: float) -> Plane:
    """Moves local mean and spread of tone part of the way to fixed ones, so night and noon both get washes."""
    mean = cv2.GaussianBlur(grey, (0, 0), sigma)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur((grey - mean) ** 2, (0, 0), sigma), 0)) + 0.06
    level = mean + amount * (0.62 - mean)
    return np.asarray(level + (grey - mean) * (1.0 + amount * (0.16 / spread - 1.0)), np.float32)


def ramp(tone: Plane, stops: tuple[float, ...], colours: tuple[tuple[int, int, int], ...]) -> Plane:
    """Colours (H × W × 3, 0..255) that stand for a tone of 0..1, linear between the stops."""
    table = np.array(colours, np.float32)
    return np.stack([np.interp(tone, stops, table[:, channel]) for channel in range(3)], -1).astype(np.float32)


def kuwahara(picture: Plane, sigma: float) -> Plane:
    """Each pixel takes the colour of the calmest of eight sectors around it: paint laid in patches.

    `picture` is H × W × 3, float. After Papari, Petkov and Campisi 2007, "Artistic edge and corner enhancing
    smoothing"; the sectors are Gaussian blobs set off from the centre.
    """
    offset = 1.1 * sigma
    blurred = cv2.GaussianBlur(picture, (0, 0), sigma * 0.75)
    squares = cv2.GaussianBlur(picture * picture, (0, 0), sigma * 0.75)
    spread = np.maximum(squares - blurred * blurred, 0).sum(-1)
    height, width = spread.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    total, weights = np.zeros_like(picture), np.zeros_like(spread)
    for sector in range(8):
        angle = np.pi / 4 * sector
        px, py = (xs + np.float32(offset * np.cos(angle))), (ys + np.float32(offset * np.sin(angle)))
        colour = cv2.remap(blurred, px, py, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        calm = cv2.remap(spread, px, py, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        weight = 1 / (1e-6 + calm) ** 4.0  # the 8th power of a deviation
        weight = np.minimum(weight, np.float32(1e30))
        total += weight[..., None] * colour
        weights += weight
    return np.asarray(total / weights[..., None], np.float32)
