"""Shot marks and the filmstrip's pictures: one pass over the clip in a thread of its own that gives way to painting."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import cv2

from vidfx.errors import VidfxError
from vidfx.frames import Clip, Frame
from vidfx.shots import mark_shots
from vidfx.source import read_frames

MOST_PICTURES = 96
HEIGHT = 90
"""Pixels; of a picture of the strip."""
_WIDEST = 16 * HEIGHT  # JPEG ends at 65,535


class Scan(Thread):
    """Reads the clip once. `shots`, `pictures`, `done` and `finished` may be read at any time."""

    def __init__(self, clip: Clip, frames: int, *, busy: Callable[[], bool]) -> None:
        super().__init__(name="vidfx-tune-scan", daemon=True)
        self._clip, self._busy = clip, busy
        self._stop_asked = Event()
        count = min(frames, MOST_PICTURES)
        self.wanted = [(2 * place + 1) * frames // (2 * count) for place in range(count)]
        """Numbers of the frames in the strip, evenly spread."""
        self.shots: list[int] = []
        self.pictures: dict[int, bytes] = {}
        self.done = 0
        self.finished = False
        self.error = ""

    def run(self) -> None:
        wanted = set(self.wanted)
        frames = read_frames(self._clip, threads=1, notify=lambda _: None)
        try:
            for frame in mark_shots(frames, on_shot=lambda frame: self.shots.append(frame.index)):
                if frame.index in wanted:
                    self.pictures[frame.index] = small_jpeg(frame, HEIGHT)
                self.done = frame.index + 1
                while self._busy() and not self._stop_asked.is_set():
                    time.sleep(0.02)
                if self._stop_asked.is_set():
                    return
        except VidfxError as error:
            self.error = str(error)
        except Exception as error:  # what stops the strip is said on the page, not in the terminal
            self.error = f"the filmstrip cannot be drawn ({type(error).__name__})"
        finally:
            frames.close()  # type: ignore[attr-defined]  # a generator
            self.finished = True

    def stop(self) -> None:
        self._stop_asked.set()
        if self.is_alive():
            self.join(timeout=5)


def small_jpeg(frame: Frame, height: int) -> bytes:
    """The source's picture at a height, as JPEG."""
    tall, wide = frame.source.shape[:2]
    size = (min(max(2, round(wide * height / tall)), _WIDEST), height)
    small: Any = cv2.resize(frame.source, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    assert done
    return data.tobytes()
