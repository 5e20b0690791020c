"""Measures moments as they stream by: the source once, and each render beside it.

Kept between frames are the last few pictures of the shot, sums, and a handful of numbers for each frame.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.evaluation import ghosting
from vidfx.evaluation.appearance import edge_agreement, edges, steepness
from vidfx.evaluation.flicker import Blocks, block_changes, flicker
from vidfx.evaluation.pairing import Moment
from vidfx.evaluation.temporal import LONG, FlowFollower, FlowName, Pair, change, luma, mean_square
from vidfx.flow import Plane
from vidfx.frames import LUMA, Picture

EVERY = 4
"""Every how many frames of a shot the long-range error and likeness are taken; both are slow, and change slowly."""
LEVELS = 4
"""Of blur at which error and sharpness are taken, each twice the one before, so that renders can be compared alike."""
_FADING = 0.85
SERIES = (
    "warp_short",
    "warp_long",
    "flicker",
    "flicker_colour",
    "sharpness",
    "ghosting",
    "ssim",
    "ms_ssim",
    "edges",
)
"""What is measured for each frame; nan where it cannot be."""

Likeness = Callable[[Plane, Plane], tuple[float, float]]


@dataclass(slots=True)
class Track:
    """One clip's figures."""

    series: dict[str, array[float]] = field(default_factory=lambda: {name: array("f") for name in SERIES})
    ghosts: list[ghosting.Normal] = field(default_factory=list)
    """Normal equations, one sum a shot."""
    ghost_frames: list[int] = field(default_factory=list)
    """How many frames are in each of these."""
    recent: ghosting.Normal = field(default_factory=lambda: np.zeros((7, 7)))
    """The same, fading: one frame alone shows too little."""
    curve: NDArray[np.float64] = field(default_factory=lambda: np.zeros((LEVELS, 2)))
    """Sums of warping error and sharpness at each level of blur."""
    _before: Blocks | None = None

    def begin(self, *, starts_shot: bool) -> None:
        """One more frame, of which nothing is known yet."""
        for values in self.series.values():
            values.append(float("nan"))
        if starts_shot:
            self.ghosts.append(np.zeros((7, 7)))
            self.ghost_frames.append(0)
            self.recent = np.zeros((7, 7))
            self._before = None

    def set(self, name: str, value: float, back: int = 1) -> None:
        """A figure of the last frame, or of the one `back` from the end."""
        self.series[name][-back] = value

    def moved(self, now: Picture, before: Picture | None, pair: Pair) -> NDArray[np.float32] | None:
        """What depends on this picture and the one before; gives the change along the motion, 0 where not seen."""
        if before is None:
            self._before = None
            return None
        changed = change(now, before, pair)
        self.set("warp_short", mean_square(changed, pair))
        changed[~pair.seen] = 0
        blocks = block_changes(changed, pair)
        if self._before is not None:
            for name, value in zip(("flicker", "flicker_colour"), flicker(self._before, blocks), strict=True):
                self.set(name, value)
        self._before = blocks
        return changed


@dataclass(slots=True)
class _Seen:
    """One moment, and what was made of it."""

    moment: Moment
    luma: Plane
    edges: NDArray[np.float32]
    render_edges: list[NDArray[np.float32] | None]
    moving: NDArray[np.bool_] | None = None


class Meter:
    """Feeds on moments in order; the figures are in `source` and `renders`."""

    def __init__(self, renders: int, *, flow: FlowName = "dis", likeness: Likeness | None = None) -> None:
        self.source = Track()
        self.renders = [Track() for _ in range(renders)]
        self.shots: list[int] = []
        """Which frames, counted from 0, start a shot."""
        self.times = array("d")
        """Seconds after the first frame."""
        self._judge = FlowFollower(flow)
        self._likeness = likeness
        self._window: deque[_Seen] = deque(maxlen=LONG)
        self._in_shot = 0

    def see(self, moment: Moment) -> list[NDArray[np.float32] | None]:
        """Measures one moment; gives each render's change along the motion, None where there is none."""
        if moment.starts_shot:
            self._window.clear()
            self._in_shot = 0
            self.shots.append(len(self.times))
        self.times.append(float(moment.time))
        for track in (self.source, *self.renders):
            track.begin(starts_shot=moment.starts_shot)
        grey = luma(moment.source)
        lumas = [None if picture is None else luma(picture) for picture in moment.renders]
        now = _Seen(moment, grey, edges(grey), [None if one is None else edges(one) for one in lumas])
        self._look(now, lumas)
        changes = self._compare(now, lumas)
        self._window.append(now)
        self._in_shot += 1
        return changes

    def _look(self, now: _Seen, lumas: list[Plane | None]) -> None:
        """What one frame shows by itself."""
        self.source.set("sharpness", steepness(now.luma.astype(np.float32)))
        for track, grey, lines in zip(self.renders, lumas, now.render_edges, strict=True):
            if grey is None or lines is None:
                continue
            track.set("sharpness", steepness(grey.astype(np.float32)))
            track.set("edges", edge_agreement(lines, now.edges))
            if self._likeness is not None and self._in_shot % EVERY == 0:
                single, many = self._likeness(grey, now.luma)
                track.set("ssim", single)
                track.set("ms_ssim", many)

    def _compare(self, now: _Seen, lumas: list[Plane | None]) -> list[NDArray[np.float32] | None]:
        """What a frame shows against those before it in its shot."""
        changes: list[NDArray[np.float32] | None] = [None] * len(self.renders)
        if not self._window:
            return changes
        last = self._window[-1]
        pair = self._judge.pair(now.luma, last.luma)
        self.source.moved(now.moment.source, last.moment.source, pair)
        for i, (track, picture, grey) in enumerate(zip(self.renders, now.moment.renders, lumas, strict=True)):
            if picture is not None and grey is not None:
                changes[i] = changed = track.moved(picture, last.moment.renders[i], pair)
                if changed is not None:
                    track.curve += _curve(changed, grey, pair)
        self._ghosts(now)
        now.moving = ghosting.moving(pair)
        if len(self._window) == LONG and self._in_shot % EVERY == 0:
            self._far(now)
        return changes

    def _far(self, now: _Seen) -> None:
        first = self._window[0]
        pair = self._judge.pair(now.luma, first.luma)
        self.source.set("warp_long", mean_square(change(now.moment.source, first.moment.source, pair), pair))
        for track, picture, old in zip(self.renders, now.moment.renders, first.moment.renders, strict=True):
            if picture is not None and old is not None:
                track.set("warp_long", mean_square(change(picture, old, pair), pair))

    def _ghosts(self, after: _Seen) -> None:
        """Ghosting of the last frame, now that the one after it is known."""
        if len(self._window) <= ghosting.PASTS:
            return
        now, *pasts = [self._window[-1 - back] for back in range(ghosting.PASTS + 1)]
        if now.moving is None:
            return
        sources = [one.edges for one in (now, *pasts, after)]
        for track, lines in zip(self.renders, now.render_edges, strict=True):
            normal = None if lines is None else ghosting.normal_equations(lines, sources, now.moving)
            if normal is not None:
                track.ghosts[-1] += normal
                track.ghost_frames[-1] += 1
                track.recent = _FADING * track.recent + normal
                track.set("ghosting", ghosting.ghosting(track.recent), back=2)


def _curve(changed: NDArray[np.float32], grey: Plane, pair: Pair) -> NDArray[np.float64]:
    """Warping error of luma and sharpness, at each level of blur."""
    seen = pair.seen.astype(np.float32)
    weights = np.array(LUMA, np.float32)
    jump, shade = np.asarray((changed @ weights) * seen), grey.astype(np.float32)
    rows = []
    for level in range(LEVELS):
        if level and min(shade.shape) > 2:
            jump, seen, shade = (np.asarray(cv2.pyrDown(one), np.float32) for one in (jump, seen, shade))
        area = float((seen**2).sum())
        rows.append((float((jump**2).sum()) / 255**2 / area if area else 0.0, steepness(shade) / 2**level))
    return np.array(rows)
