"""Decoded frames to RGB pictures and back, by the numbers a clip names.

The matrix is applied to whole pictures by OpenCV. swscale, which could do all of this in one call, is slower by half,
rounds full-range chroma down, and counts 65280 of 65535 as white (measured); it serves for formats that are not planar.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from vidfx import colour, hdr
from vidfx.frames import Colour, Opacity, Picture, Pixels, top_of
from vidfx.upright import UPRIGHT, Turn, turn_of, upright

Plane = NDArray[Any]

_SCALE = int(Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND)
_GBR = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float64)


@dataclass(frozen=True, slots=True)
class Layout:
    """A planar pixel format: what each plane holds."""

    name: str
    kind: str
    """yuv, gbr or grey."""
    bits: int
    across: int
    """Luma columns to one of chroma."""
    down: int
    alpha: bool

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        return np.uint8 if self.bits == 8 else np.uint16

    @classmethod
    @cache
    def of(cls, name: str) -> Layout | None:
        """None for a format that is not planar, not of 8 to 16 bits, or not of this machine's byte order."""
        parts = av.VideoFormat(name, 64, 64).components
        planes = [part.plane for part in parts]
        bits = parts[0].bits
        whole = name.endswith("le") if bits > 8 else True
        kinds = {"yuv": "yuv", "gbr": "gbr", "gra": "grey"}
        kind = kinds.get(name[:3])
        if kind is None or not whole or not 8 <= bits <= 16 or "msb" in name or "f16" in name:
            return None
        if len(set(planes)) != len(planes):
            return None
        chroma = parts[1] if kind == "yuv" else parts[0]
        return cls(name, kind, bits, 64 // chroma.width, 64 // chroma.height, parts[-1].is_alpha)

    def to_codes(self, matrix: int, *, full: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """3 × 3 and 3: how RGB in 0..1 becomes this layout's codes."""
        if self.kind != "yuv":
            factor, offset = colour.scales(self.bits, full=full)
            mix = _GBR if self.kind == "gbr" else np.tile(colour.rgb_to_yuv(6)[0], (3, 1))
            return mix * factor[0], np.repeat(offset[0], 3)
        factor, offset = colour.scales(self.bits, full=full)
        return colour.rgb_to_yuv(matrix) * factor[:, None], offset


class _Scratch:
    """Arrays that are used again for every frame: fresh ones of this size cost more than the arithmetic on them."""

    def __init__(self) -> None:
        self._arrays: dict[str, Plane] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any) -> Plane:
        array = self._arrays.get(name)
        if array is None or array.shape != shape or array.dtype != dtype:
            array = self._arrays[name] = np.empty(shape, dtype)
        return array


class ToRgb:
    """Decoded frames of one clip to upright RGB pictures."""

    def __init__(
        self,
        tags: Colour,
        *,
        width: int,
        height: int,
        turned: bool = False,
        pixels: Pixels = Pixels(),  # noqa: B008 - frozen
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
        self._scratch = _Scratch()
        self._told: set[str] = set()
        self._cached: dict[tuple[str, bool], NDArray[np.float64]] = {}
        if not colour.is_known(tags):
            self._tell(f"its colour matrix (number {tags.matrix}) is not known here: read as players guess", "matrix")

    def __call__(self, frame: VideoFrame) -> tuple[Picture, Opacity | None]:
        """The picture, and its alpha where that is kept: of the asked depth, upright and C-contiguous."""
        if self._turn is None or frame.rotation != self._rotation:
            # asked as rarely as may be: a frame whose side data was looked at waits for the garbage collector
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
        planes = _planes(frame, layout)
        alpha = planes.pop() if layout.alpha else None
        stretch = layout.across, layout.down
        top = 65535 if self._pixels.deep or self._tone else 255
        # OpenCV's 8-bit matrix is off by more than its rounding, and chroma would be rounded twice
        widened = layout.bits == 8 and (top > 255 or layout.kind != "gbr")
        if widened:
            wide = [self._scratch(f"wide {i}", plane.shape, np.uint16) for i, plane in enumerate(planes)]
            planes = [
                np.left_shift(plane, 8, out=out, dtype=np.uint16) for plane, out in zip(planes, wide, strict=True)
            ]
        if layout.kind == "grey":
            planes *= 3
        if stretch != (1, 1):
            planes[1:] = [self._enlarged(plane, f"large {i}", stretch) for i, plane in enumerate(planes[1:])]
        codes = cv2.merge(planes, dst=self._scratch("codes", (height, width, 3), planes[0].dtype))
        matrix = self._matrix_of(layout, widened, top)
        if codes.dtype == np.uint16 and top == 255:
            picture = cv2.convertScaleAbs(
                cv2.transform(codes, matrix, dst=self._scratch("rgb", codes.shape, np.uint16))
            )
        else:
            picture = cv2.transform(codes, matrix)
        if alpha is not None and layout.bits > 8:
            alpha = _scaled(alpha, 65535 / (2**layout.bits - 1))
        return np.asarray(picture), alpha

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
        """A chroma plane at the size of luma, interpolated between its centres so that `_reduced` gives it back.

        Cubic keeps the chroma of film that nobody painted on three times as well as linear interpolation (measured);
        what its means still lack is added beforehand, which leaves half of that again, for 1.3 ms at 720p.
        """
        size = plane.shape[1] * stretch[0], plane.shape[0] * stretch[1]
        large = self._scratch(name, size[::-1], plane.dtype)
        cv2.resize(plane, size, dst=large, interpolation=cv2.INTER_CUBIC)
        more = np.asarray(cv2.addWeighted(plane, 2, _reduced(large, stretch), -1, 0))
        cv2.resize(more, size, dst=large, interpolation=cv2.INTER_CUBIC)
        return large[: self._size[1], : self._size[0]]

    def _packed(self, frame: VideoFrame) -> str:
        """The format with all that this frame holds, among those that are read directly."""
        parts = frame.format.components
        deep = max(part.bits for part in parts) > 8
        alpha = any(part.is_alpha for part in parts) or frame.format.has_palette
        if frame.format.is_rgb or frame.format.has_palette or len(parts) - alpha < 3:
            return ("rgba64le" if deep else "rgba") if alpha else "rgb48le" if deep else "rgb24"
        return f"yuv{'a' * alpha}444p{'16le' * deep}"

    def _same(self, frame: VideoFrame, format_name: str) -> VideoFrame:
        """The frame in another format and of the clip's size, its colours as they are."""
        full = frame.format.is_rgb or frame.format.has_palette or self._tags.range == 2
        return self._resize.reformat(
            frame,
            width=self._size[0],
            height=self._size[1],
            format=format_name,
            interpolation=_SCALE,
            src_color_range=2 if full else 1,
            dst_color_range=2 if full else 1,
        )

    def _tell(self, message: str, topic: str) -> None:
        if topic not in self._told:
            self._told.add(topic)
            self._notify(message)


class FromRgb:
    """RGB pictures to frames of an encoder's pixel format."""

    def __init__(self, tags: Colour, *, width: int, height: int, pix_fmt: str) -> None:
        self._tags, self._pix_fmt, self._size = tags, pix_fmt, (width, height)
        self._rgb = av.VideoFormat(pix_fmt).is_rgb
        self._full = self._rgb or tags.range == 2 or pix_fmt.startswith("yuvj")
        self._layout = Layout.of(pix_fmt) or Layout.of(_nearest_planar(pix_fmt))
        assert self._layout is not None
        codes, offset = self._layout.to_codes(colour.matrix_used(tags, width, height), full=self._full)
        self._matrices = {top: np.column_stack([codes / top, offset]) for top in (255, 65535)}
        self._reformatter = VideoReformatter()
        self._scratch = _Scratch()

    def __call__(self, picture: Picture, alpha: Opacity | None = None) -> VideoFrame:
        """A new frame that owns its pixels; times are the caller's to set. Without `alpha` it is opaque."""
        layout = cast(Layout, self._layout)
        frame = VideoFrame(*self._size, layout.name)
        top = 2**layout.bits - 1
        planes = self._codes(picture, layout)
        if layout.alpha:
            if alpha is None:
                planes.append(np.full(picture.shape[:2], top, layout.dtype))
            else:
                planes.append(_scaled(alpha, top / top_of(alpha)))
        for plane, target in zip(planes, _planes(frame, layout), strict=True):
            np.minimum(plane, top, out=target, casting="unsafe")  # full-range chroma rounds to one more than there is
        if layout.name != self._pix_fmt:
            range_ = 2 if self._full else 1
            frame = self._reformatter.reformat(
                frame, format=self._pix_fmt, interpolation=_SCALE, src_color_range=range_, dst_color_range=range_
            )
        return self._tagged(frame)

    def _codes(self, picture: Picture, layout: Layout) -> list[Plane]:
        if picture.dtype == np.uint8 and (layout.kind != "gbr" or layout.bits > 8):  # as in ToRgb
            deep = self._scratch("deep", picture.shape, np.uint16)
            picture = np.multiply(picture, 257, out=deep, dtype=np.uint16)
        kept = self._scratch("codes", picture.shape, picture.dtype)
        codes = np.asarray(cv2.transform(picture, self._matrices[top_of(picture)], dst=kept))
        if layout.kind == "grey":
            return [self._channel(codes, 0)]
        shrink = layout.across, layout.down
        chroma = codes
        if shrink != (1, 1):
            chroma = np.asarray(cv2.transform(_reduced(picture, shrink), self._matrices[65535]))
        return [self._channel(codes, 0), self._channel(chroma, 1), self._channel(chroma, 2)]

    def _channel(self, codes: Plane, number: int) -> Plane:
        out = self._scratch(f"channel {number}", codes.shape[:2], codes.dtype)
        return np.asarray(cv2.extractChannel(codes, number, dst=out))

    def _tagged(self, frame: VideoFrame) -> VideoFrame:
        if not self._rgb:  # frames overrule the context in several encoders, so both say the same
            frame.colorspace, frame.color_range = self._tags.matrix, self._tags.range
            frame.color_primaries, frame.color_trc = self._tags.primaries, self._tags.transfer
        return frame


def over_black(picture: Picture, alpha: Opacity) -> Picture:
    """The picture with what is clear turned black."""
    weight = cv2.merge([alpha] * 3)
    return cast(Picture, cv2.multiply(picture, weight, scale=1 / top_of(alpha)))


def deepened(picture: Plane) -> Plane:
    """As uint16."""
    return np.multiply(picture, 257, dtype=np.uint16) if picture.dtype == np.uint8 else picture


def shallowed(picture: Plane) -> Plane:
    """As uint8, rounded."""
    return picture if picture.dtype == np.uint8 else np.asarray(cv2.convertScaleAbs(picture, alpha=1 / 257))


def _scaled(plane: Plane, factor: float) -> Plane:
    return np.asarray(cv2.addWeighted(plane, factor, plane, 0, 0)) if factor != 1 else plane


def _planes(frame: VideoFrame, layout: Layout) -> list[Plane]:
    """Views of the planes' visible parts."""
    size = np.dtype(layout.dtype).itemsize
    return [
        np.frombuffer(cast(Any, plane), layout.dtype).reshape(-1, plane.line_size // size)[
            : plane.height, : plane.width
        ]
        for plane in frame.planes
    ]


def _reduced(plane: Any, shrink: tuple[int, int]) -> Plane:
    """A picture of luma's size at that of chroma: means of blocks."""
    height, width = plane.shape[:2]
    across, down = -(-width // shrink[0]), -(-height // shrink[1])
    below, right = down * shrink[1] - height, across * shrink[0] - width
    if below or right:
        plane = cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(plane, (across, down), interpolation=cv2.INTER_AREA))


def _from_packed(frame: VideoFrame) -> tuple[Picture, Opacity | None]:
    pixels = frame.to_ndarray()
    if pixels.shape[2] == 3:
        return np.ascontiguousarray(pixels), None
    colours = cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB)
    return cast(Picture, colours), cast(Opacity, np.ascontiguousarray(pixels[..., 3]))


@cache
def _nearest_planar(pix_fmt: str) -> str:
    """The planar format that loses nothing on the way to one that is not planar."""
    form = av.VideoFormat(pix_fmt, 64, 64)
    parts = form.components
    deep = max(part.bits for part in parts) > 8
    alpha = any(part.is_alpha for part in parts)
    if form.is_rgb:
        return f"gbr{'a' * alpha}p{'16le' * deep}"
    if len(parts) - alpha < 3:
        return "gray16le" if deep else "gray"
    chroma = {(32, 32): "420", (32, 64): "422"}.get((parts[1].width, parts[1].height), "444")
    bits = "10le" if deep and pix_fmt.startswith(("p010", "p210", "nv20")) else "16le" if deep else ""
    return f"yuv{'a' * alpha}{chroma}p{bits}"
