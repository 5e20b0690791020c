"""Decoded frames to RGB pictures, by the numbers a clip names; `vidfx.fromrgb` is the way back.

OpenCV applies the matrix to whole pictures; `vidfx.native` does the same in one pass, for chroma that is whole or
halved. swscale, which could do all of this in one call, is slower than either, rounds full-range chroma down, and
counts 65280 of 65535 as white (measured); it serves for formats that are not planar.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from vidfx import colour, hdr, native
from vidfx.frames import Colour, Opacity, Picture, Pixels, deepened, shallowed, top_of
from vidfx.layout import SCALE, Layout, Plane, Scratch, planes_of, reduced, scaled
from vidfx.upright import UPRIGHT, Turn, turn_of, upright


class ToRgb:
    """Decoded frames of one clip to upright RGB pictures."""

    def __init__(
        self,
        tags: Colour,
        *,
        width: int,
        height: int,
        turned: bool = False,
        pixels: Pixels = Pixels(),
        peak: int | None = None,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`width` and `height` are the stored ones; a frame of another size is scaled to them. `peak` as in Clip.

        `turned` says that upright they change places: all pictures have that size, whatever later frames say of theirs.
        """
        self._tags, self._size, self._pixels, self._notify = tags, (width, height), pixels, notify
        self._matrix = colour.matrix_used(tags, width, height)
        self._turn: Turn | None = None
        self._rotation = 0
        self._upright = (height, width) if turned else (width, height)
        self._tone = hdr.ToneMap(tags, peak) if hdr.is_hdr(tags) else None
        self._resize = VideoReformatter()
        self._scratch = Scratch()
        self._told: set[str] = set()
        self._cached: dict[tuple[str, bool], NDArray[np.float64]] = {}
        if not colour.is_known(tags):
            self._tell(f"its colour matrix (number {tags.matrix}) is not known here: read as players guess", "matrix")

    def __call__(self, frame: VideoFrame) -> tuple[Picture, Opacity | None]:
        """The picture, C-contiguous, and its alpha where that is kept; upright and of the asked depth."""
        if self._turn is None or frame.rotation != self._rotation:
            self._turn, self._rotation = turn_of(frame), frame.rotation
        layout = Layout.of(frame.format.name)
        if (frame.width, frame.height) != self._size:
            self._tell(
                f"frames of {frame.width}×{frame.height} among those of {self._size[0]}×{self._size[1]}: scaled", "size"
            )
            frame = self._same(frame, layout.name if layout else self._packed(frame))
        if layout is None:
            if frame.format.name not in ("rgb24", "rgba", "rgb48le", "rgba64le"):
                frame = self._same(frame, self._packed(frame))
            layout = Layout.of(frame.format.name)
        picture, alpha = self._planar(frame, layout) if layout else _from_packed(frame)
        return self._finished(picture, alpha)

    def _finished(self, picture: Picture, alpha: Opacity | None) -> tuple[Picture, Opacity | None]:
        if self._tone:
            picture = self._tone(deepened(picture))
        fit = deepened if self._pixels.deep else shallowed
        picture, alpha = fit(picture), None if alpha is None else fit(alpha)
        if alpha is not None and not self._pixels.alpha:
            if int(alpha.min()) < top_of(alpha):
                self._tell("its alpha channel has no place in the output: laid over black", "alpha")
                picture = over_black(picture, alpha)
            alpha = None
        turn = self._turn or UPRIGHT
        picture, alpha = upright(picture, turn), None if alpha is None else upright(alpha, turn)
        if picture.shape[1::-1] != self._upright:
            self._tell("frames turned by a quarter among others: scaled", "turn")
            picture, alpha = self._fitted(picture), None if alpha is None else self._fitted(alpha)
        return picture, alpha

    def _fitted(self, picture: Plane) -> Plane:
        return np.asarray(cv2.resize(picture, self._upright, interpolation=cv2.INTER_AREA))

    def _planar(self, frame: VideoFrame, layout: Layout) -> tuple[Picture, Opacity | None]:
        width, height = self._size
        planes = planes_of(frame, layout)
        alpha = planes.pop() if layout.alpha else None
        top = 65535 if self._pixels.deep or self._tone else 255
        if alpha is not None and layout.bits > 8:
            alpha = scaled(alpha, 65535 / (2**layout.bits - 1))
        if layout.in_one_pass:  # what follows, in one pass
            picture = np.empty((height, width, 3), np.uint8 if top == 255 else np.uint16)
            native.to_picture(planes, picture, self._matrix_of(layout, False, top), layout.ratio, self._room)
            return picture, alpha
        # OpenCV's 8-bit matrix is off by more than its rounding, and chroma would be rounded twice
        widened = layout.bits == 8 and (top > 255 or layout.kind != "gbr")
        if widened:
            wide = [self._scratch(f"wide {i}", plane.shape, np.uint16) for i, plane in enumerate(planes)]
            planes = [
                np.left_shift(plane, 8, out=out, dtype=np.uint16) for plane, out in zip(planes, wide, strict=True)
            ]
        if layout.kind == "grey":
            planes *= 3
        if layout.ratio != (1, 1):
            planes[1:] = [self._enlarged(plane, f"large {i}", layout.ratio) for i, plane in enumerate(planes[1:])]
        codes = cv2.merge(planes, dst=self._scratch("codes", (height, width, 3), planes[0].dtype))
        matrix = self._matrix_of(layout, widened, top)
        if codes.dtype == np.uint16 and top == 255:
            picture = cv2.convertScaleAbs(
                cv2.transform(codes, matrix, dst=self._scratch("rgb", codes.shape, np.uint16))
            )
        else:
            picture = cv2.transform(codes, matrix)
        return np.asarray(picture), alpha

    def _room(self, floats: int) -> NDArray[np.float32]:
        return self._scratch("floats", (floats,), np.float32)

    def _matrix_of(self, layout: Layout, widened: bool, top: int) -> NDArray[np.float64]:
        """3 × 4: this layout's codes, 256 times as large if widened, to RGB in 0..top."""
        key = layout.name, widened
        if key not in self._cached:
            full = layout.kind == "gbr" or self._tags.range == 2
            forward, offset = layout.to_codes(self._matrix, full=full)
            if layout.kind == "grey":
                forward = np.eye(3) * colour.scales(layout.bits, full=full)[0][0]
            inverse = np.linalg.inv(forward) * top
            self._cached[key] = np.column_stack([inverse / (256 if widened else 1), -inverse @ offset])
        return self._cached[key]

    def _enlarged(self, plane: Plane, name: str, stretch: tuple[int, int]) -> Plane:
        """A chroma plane at the size of luma, interpolated between its centres so that `reduced` gives it back.

        Cubic keeps the chroma of film that nobody painted on three times as well as linear interpolation (measured);
        what its means still lack is added beforehand, which leaves half of that again, for 1.3 ms at 720p.
        """
        size = plane.shape[1] * stretch[0], plane.shape[0] * stretch[1]
        large = self._scratch(name, size[::-1], plane.dtype)
        cv2.resize(plane, size, dst=large, interpolation=cv2.INTER_CUBIC)
        more = np.asarray(cv2.addWeighted(plane, 2, reduced(large, stretch), -1, 0))
        cv2.resize(more, size, dst=large, interpolation=cv2.INTER_CUBIC)
        return large[: self._size[1], : self._size[0]]

    def _packed(self, frame: VideoFrame) -> str:
        """The format with all that this frame holds, among those that are read directly."""
        parts = frame.format.components
        deep = max(part.bits for part in parts) > 8
        alpha = any(part.is_alpha for part in parts) or frame.format.has_palette
        if frame.format.is_rgb or frame.format.has_palette or len(parts) - alpha < 3:
            return ("rgba64le" if deep else "rgba") if alpha else "rgb48le" if deep else "rgb24"
        across, down = (16 // size(16) for size in (frame.format.chroma_width, frame.format.chroma_height))
        sampled = {(1, 1): "444", (2, 1): "422", (2, 2): "420"}.get((across, down), "444")
        bits = max(part.bits for part in parts)
        planar = f"yuv{'a' * alpha}{sampled}p{f'{bits}le' * deep}"  # its planes laid out anew, and nothing else
        return planar if Layout.of(planar) else f"yuv{'a' * alpha}444p{'16le' * deep}"

    def _same(self, frame: VideoFrame, format_name: str) -> VideoFrame:
        """The frame in another format and of the clip's size, its colours as they are."""
        full = frame.format.is_rgb or frame.format.has_palette or self._tags.range == 2
        return self._resize.reformat(
            frame,
            width=self._size[0],
            height=self._size[1],
            format=format_name,
            interpolation=SCALE,
            src_color_range=2 if full else 1,
            dst_color_range=2 if full else 1,
        )

    def _tell(self, message: str, topic: str) -> None:
        if topic not in self._told:
            self._told.add(topic)
            self._notify(message)


def over_black(picture: Picture, alpha: Opacity) -> Picture:
    """The picture with what is clear turned black."""
    weight = cv2.merge([alpha] * 3)
    return cast(Picture, cv2.multiply(picture, weight, scale=1 / top_of(alpha)))


def _from_packed(frame: VideoFrame) -> tuple[Picture, Opacity | None]:
    pixels = frame.to_ndarray()
    if pixels.shape[2] == 3:
        return np.ascontiguousarray(pixels), None
    colours = cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB)
    return cast(Picture, colours), cast(Opacity, np.ascontiguousarray(pixels[..., 3]))
