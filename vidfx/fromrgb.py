"""RGB pictures to frames of an encoder's pixel format: the way back of `vidfx.pixels`, by the same means."""

from __future__ import annotations

from functools import cache

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from vidfx import colour, native
from vidfx.frames import Colour, Opacity, Picture, top_of
from vidfx.layout import SCALE, Layout, Plane, Scratch, planes_of, reduced, scaled


class FromRgb:
    """RGB pictures to frames of an encoder's pixel format."""

    def __init__(self, tags: Colour, *, width: int, height: int, pix_fmt: str) -> None:
        self._tags, self._pix_fmt, self._size = tags, pix_fmt, (width, height)
        self._rgb = av.VideoFormat(pix_fmt).is_rgb
        self._full = self._rgb or tags.range == 2 or pix_fmt.startswith("yuvj")
        layout = Layout.of(pix_fmt) or Layout.of(_nearest_planar(pix_fmt))
        assert layout is not None
        self._layout = layout
        codes, offset = layout.to_codes(colour.matrix_used(tags, width, height), full=self._full)
        self._matrices = {top: np.column_stack([codes / top, offset]) for top in (255, 65535)}
        self._reformatter = VideoReformatter()
        self._scratch = Scratch()

    def __call__(self, picture: Picture, alpha: Opacity | None = None) -> VideoFrame:
        """A new frame that owns its pixels; times are the caller's to set. Without `alpha` it is opaque."""
        layout = self._layout
        frame = VideoFrame(*self._size, layout.name)
        top = 2**layout.bits - 1
        targets = planes_of(frame, layout)
        if layout.alpha:
            cover = top if alpha is None else scaled(alpha, top / top_of(alpha))
            np.minimum(cover, top, out=targets.pop(), casting="unsafe")
        if layout.in_one_pass:
            picture = np.ascontiguousarray(picture)
            native.to_planes(picture, targets, self._matrices[top_of(picture)], layout.ratio, top=top)
        else:
            for plane, target in zip(self._codes(picture), targets, strict=True):
                np.minimum(plane, top, out=target, casting="unsafe")  # full-range chroma rounds to one beyond
        if layout.name != self._pix_fmt:
            range_ = 2 if self._full else 1
            frame = self._reformatter.reformat(
                frame, format=self._pix_fmt, interpolation=SCALE, src_color_range=range_, dst_color_range=range_
            )
        return self._tagged(frame)

    def _codes(self, picture: Picture) -> list[Plane]:
        layout = self._layout
        if picture.dtype == np.uint8 and (layout.kind != "gbr" or layout.bits > 8):  # as in ToRgb
            deep = self._scratch("deep", picture.shape, np.uint16)
            picture = np.multiply(picture, 257, out=deep, dtype=np.uint16)
        kept = self._scratch("codes", picture.shape, picture.dtype)
        codes = np.asarray(cv2.transform(picture, self._matrices[top_of(picture)], dst=kept))
        if layout.kind == "grey":
            return [self._channel(codes, 0)]
        chroma = codes
        if layout.ratio != (1, 1):
            chroma = np.asarray(cv2.transform(reduced(picture, layout.ratio), self._matrices[65535]))
        return [self._channel(codes, 0), self._channel(chroma, 1), self._channel(chroma, 2)]

    def _channel(self, codes: Plane, number: int) -> Plane:
        out = self._scratch(f"channel {number}", codes.shape[:2], codes.dtype)
        return np.asarray(cv2.extractChannel(codes, number, dst=out))

    def _tagged(self, frame: VideoFrame) -> VideoFrame:
        # frames overrule the context in several encoders, so both say the same
        frame.colorspace, frame.color_range = self._tags.matrix, self._tags.range
        frame.color_primaries, frame.color_trc = self._tags.primaries, self._tags.transfer
        return frame


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
