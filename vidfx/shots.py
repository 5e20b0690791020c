"""Finds the cuts of a clip while it streams by: frames in, the same frames out, the first of each shot marked.

The judge is PySceneDetect's AdaptiveDetector on a thumbnail: the mean change of hue, saturation and brightness from
one frame to the next (ContentDetector's score) must be high, and high against its neighbours, so a fast pan is no
cut. A single flash changes the picture twice and ends where it began; both changes are dropped, and so is the last
step of a fade, where hue and saturation leap but the picture does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scenedetect import FrameTimecode
from scenedetect.detectors import AdaptiveDetector, ContentDetector

from vidfx.frames import Frame, Picture, shallowed

LOOK_AHEAD = 2
"""Frames that must follow before a frame is judged; that many wait in memory. A part of a clip that is to be cut
exactly as the whole needs this many frames after its last one, and twice as many before its first."""

_THUMBNAIL = 112  # px on the long side
_RATIO = 2.5  # times the mean score of the four neighbours
_LEAST = 12.0  # score out of 255
_WEIGHTS = ContentDetector.Components(delta_hue=0.25, delta_sat=0.25, delta_lum=1.0)  # hue is noise in dark pictures
_SAME = 0.5  # a flash ends where it began: the pictures around it differ by less than this part of the flash itself
_STEP = 1.5  # times the changes just before and after; a fade's last step into black is no larger, though its hue leaps


@dataclass(slots=True)
class _Waiting:
    frame: Frame
    thumbnail: Picture


class _Judge:
    """PySceneDetect's detector, fed one thumbnail after the other."""

    def __init__(self) -> None:
        self.seen = 0
        self._detector = AdaptiveDetector(
            adaptive_threshold=_RATIO,
            min_scene_len=0,
            window_width=LOOK_AHEAD,
            min_content_val=_LEAST,
            weights=_WEIGHTS,
        )

    def __call__(self, thumbnail: Picture) -> bool:
        """Whether the frame LOOK_AHEAD before this one is a candidate."""
        found = self._detector.process_frame(FrameTimecode(self.seen, 25.0), thumbnail)
        self.seen += 1
        return bool(found)


def mark_shots(frames: Iterator[Frame], *, on_shot: Callable[[Frame], None] | None = None) -> Iterator[Frame]:
    """Passes frames on with `starts_shot` set on the first frame and on the first frame after each hard cut.

    A mark that is already there stays. Frames come out LOOK_AHEAD frames late, in order, none lost; `on_shot` is
    called with each marked frame just before it is handed on. Judges `source`, so it may run before or after styling.
    """
    judge = _Judge()
    # The two frames before the one that is judged, that one, and those ahead: what the flash test must see.
    window: deque[_Waiting] = deque(maxlen=2 + 1 + LOOK_AHEAD)
    started = False

    def settle(position: int, candidate: bool) -> Frame:
        waiting = window[position]
        is_cut = candidate and not _is_false([one.thumbnail for one in window], position)
        marked = waiting.frame.starts_shot or is_cut or not started
        frame = replace(waiting.frame, starts_shot=True) if marked else waiting.frame
        if marked and on_shot is not None:
            on_shot(frame)
        return frame

    for frame in frames:
        size = window[0].thumbnail.shape[1::-1] if window else _thumbnail_size(frame.source)
        thumbnail = _thumbnail(frame.source, size)
        window.append(_Waiting(frame, thumbnail))
        candidate = judge(thumbnail)
        if judge.seen > LOOK_AHEAD:
            yield settle(len(window) - 1 - LOOK_AHEAD, candidate)
            started = True
    # The detector must see LOOK_AHEAD more frames to judge the last ones: let the last picture stand still.
    left = min(LOOK_AHEAD, len(window))
    if left:
        last = window[-1].thumbnail
        for _ in range(LOOK_AHEAD - left):
            judge(last)
        for back in range(left, 0, -1):
            candidate = judge(last)
            yield settle(len(window) - back, candidate)
            started = True


def _thumbnail_size(picture: Picture) -> tuple[int, int]:
    height, width = picture.shape[:2]
    scale = min(1.0, _THUMBNAIL / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _thumbnail(picture: Picture, size: tuple[int, ...]) -> Picture:
    # Drop pixels first: averaging all of a large frame would cost more than the detector itself.
    coarse = (4 * size[0], 4 * size[1])
    if picture.shape[1] > coarse[0] and picture.shape[0] > coarse[1]:
        picture = np.asarray(cv2.resize(picture, coarse, interpolation=cv2.INTER_NEAREST), dtype=picture.dtype)
    small = cv2.resize(picture, (size[0], size[1]), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(shallowed(small), cv2.COLOR_RGB2BGR), dtype=np.uint8)


def _is_false(thumbnails: list[Picture], position: int) -> bool:
    """True where the change into `position` is an edge of a one-frame flash, or one step of many: a fade."""

    def change(a: int, b: int) -> float:
        return float(cv2.norm(thumbnails[a], thumbnails[b], cv2.NORM_L1)) if a >= 0 and b < len(thumbnails) else 0.0

    jump = change(position - 1, position)
    is_on = 0 < position < len(thumbnails) - 1 and change(position - 1, position + 1) < _SAME * jump
    is_off = position >= 2 and change(position - 2, position) < _SAME * jump
    steps = max(change(position - 2, position - 1), change(position, position + 1))
    return is_on or is_off or jump < _STEP * steps
