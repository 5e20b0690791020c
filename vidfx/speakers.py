"""Where the channels of sound stand, which layout an encoder is to have for them, and frames that keep theirs."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout

_LADDER = ("mono", "stereo", "2.1", "3.0", "quad", "4.0", "5.0", "5.1", "6.1", "7.1")
"""What players know, the smallest first."""
_MISPLACED = {("libopus", "5.0"), ("libopus", "6.1"), ("aac", "6.1")}
"""FFmpeg's encoders give these channels to other speakers, or to none; seen in 5.1.9 and 8.1.2."""
_USUAL = {"mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1"}
"""Of so many channels, where a file does not say which they are."""


def layout_of(sound: av.AudioCodecContext | AudioFrame) -> AudioLayout:
    """The layout of a decoder, an encoder or a frame; nothing else may ask for one.

    PyAV hands out a copy that shares its memory with the original, and frees it with the copy (since
    https://github.com/PyAV-Org/PyAV/pull/2284), where the order of the channels is not FFmpeg's own: PCM of 7.1 in
    QuickTime, say. A process that frees twice dies. So a copy of such a layout is never freed.
    """
    layout = sound.layout
    if " " in layout.name:  # "8 channels (FL+FR+...)"; FFmpeg's own orders have names of one word
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
    return layout


def is_unknown(layout: AudioLayout) -> bool:
    """Whether only the number of channels is known: "6 channels"."""
    return layout.name.endswith(" channels")


def layout_for(codec: str, rate: int, source: AudioLayout) -> tuple[str, str]:
    """The layout for which an encoder takes sound of another, and what that loses in words, or "".

    The smallest of those that have most of `source`'s speakers; where nobody knows them, that of as many channels.
    """
    names = [name for name in _LADDER if (codec, name) not in _MISPLACED and _opens(codec, rate, name)]
    held = [AudioLayout(name) for name in names or ["stereo"]]
    count, wanted = source.nb_channels, _speakers(source)
    if is_unknown(source):
        usual = [one for one in held if one.name in _USUAL]
        taken = next((one for one in usual if one.nb_channels >= count), held[-1])
    else:
        # of those alike the first, which is the smallest
        taken = max(held, key=lambda one: (len(wanted & _speakers(one)), one.nb_channels >= count))
    if count > taken.nb_channels:
        return taken.name, f", {count} channels mixed down to {taken.nb_channels}"
    is_whole = is_unknown(source) or wanted <= _speakers(taken)
    return taken.name, "" if is_whole else f", {source.name} mixed into {taken.name}"


def without(frame: AudioFrame, count: int) -> AudioFrame:
    """The frame without its first samples."""
    samples = frame.to_ndarray()
    width = 1 if frame.format.is_planar else layout_of(frame).nb_channels
    return framed(np.ascontiguousarray(samples[:, count * width :]), frame)


def framed(samples: Any, like: AudioFrame) -> AudioFrame:
    """Samples as a frame of another's kind."""
    frame = AudioFrame.from_ndarray(samples, format=like.format.name, layout=layout_of(like))
    layout_of(frame)
    frame.sample_rate = like.sample_rate
    return frame


def _speakers(layout: AudioLayout) -> frozenset[str]:
    """Names of the speakers; those at the sides count as those behind where there are no others behind."""
    names = {channel.name for channel in layout.channels}
    if not names & {"BL", "BR"}:
        names = {{"SL": "BL", "SR": "BR"}.get(name, name) for name in names}
    return frozenset(names)


@cache
def _opens(codec: str, rate: int, layout: str) -> bool:
    """Asks the encoder itself."""
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.AudioCodecContext)
    formats = context.codec.audio_formats
    assert formats
    context.sample_rate, context.layout, context.format = rate, layout, formats[0]
    try:
        context.open()
    except (av.FFmpegError, ValueError):
        return False
    return True
