"""The maker of odd clips: tiny films with exactly the oddity a test is about."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

MEDIA = Path(__file__).resolve().parents[2] / "shared" / "media"
"""Real clips beside the repository, where there are any."""


def picture(index: int, size: tuple[int, int] = (96, 64), *, cuts: Sequence[int] = ()) -> NDArray[np.uint8]:
    """A smooth gradient with a bright disc that walks to the right; each cut changes the colours altogether.

    `size` is (width, height). RGB, height × width × 3, uint8.
    """
    width, height = size
    shot = sum(index >= cut for cut in cuts)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    across, down = x / max(width - 1, 1), y / max(height - 1, 1)
    ramps = [40 + 150 * across, 40 + 150 * down, 200 - 120 * across * down]
    image = np.stack([ramps[(channel + shot) % 3] for channel in range(3)], axis=-1)
    if shot % 2:
        image = 255 - image
    radius = min(width, height) / 5
    centre_x, centre_y = (width * 0.2 + index * width / 48) % width, height * (0.35 + 0.3 * (shot % 2))
    disc = np.clip(radius - np.hypot(x - centre_x, y - centre_y), 0, 1)[..., None]
    colour = np.array([(250, 220, 60), (60, 90, 240), (30, 200, 120)][shot % 3], dtype=np.float32)
    return np.rint(image * (1 - disc) + colour * disc).astype(np.uint8)


def u8(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A picture computed in floats, rounded to the nearest step."""
    return np.ascontiguousarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8))


def make_clip(
    path: Path | str,
    *,
    size: tuple[int, int] = (96, 64),
    frames: int = 24,
    rate: Fraction | int = 24,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    start: int = 0,
    last_duration: int | None = None,
    audio: str | None = None,
    audio_start: Fraction | int = 0,
    cuts: Sequence[int] = (),
    rotation: int = 0,
    hflip: bool = False,
    b_frames: int = 2,
    gop: int = 250,
    colour: tuple[int, int, int, int] | None = None,
    aspect: Fraction = Fraction(1),
    subtitles: Sequence[tuple[float, float, str]] = (),
    chapters: Sequence[tuple[float, float, str]] = (),
    attachment: bytes | None = None,
    cover: bool = False,
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    pictures: Sequence[NDArray[np.uint8]] | None = None,
) -> Path:
    """Writes a tiny film and returns its path; the suffix chooses the container.

    pts          presentation times in `time_base` (VFR); without it, frame i is at start + i / rate
    time_base    1/12800 at 25 frames/s, 1/(512 · rate) in general
    start        added to every pts, in units of `time_base`
    audio        an encoder name (aac, libopus, pcm_s16le ...): a stereo sweep as long as the film
    rotation     degrees counter-clockwise a player must turn the stored picture
    colour       (matrix, range, primaries, transfer) as FFmpeg numbers them
    subtitles    (begin, end, words) in seconds; mov_text in mp4 and mov, subrip elsewhere
    cover        adds a cover picture as attached_pic (mp4 only)
    pictures     RGB arrays in place of `picture(index)`
    """
    path, rate = Path(path), Fraction(rate)
    is_mp4 = path.suffix in (".mp4", ".mov")
    if pictures is not None:
        frames, size = len(pictures), (pictures[0].shape[1], pictures[0].shape[0])
    base = time_base or 1 / (rate * 512)
    step = 1 / rate / base
    times = [int(t) + start for t in pts] if pts is not None else [start + round(i * step) for i in range(frames)]
    with av.open(
        str(path), "w", container_options={"movie_timescale": str(base.denominator)} if is_mp4 else {}
    ) as container:
        container.metadata.update(metadata or {})
        container.set_chapters(_chapters(chapters))
        packets = _encoded_cover(container) if cover else []
        video = container.add_stream(codec, rate=rate, width=size[0], height=size[1])
        video.pix_fmt = pix_fmt
        video.time_base = video.codec_context.time_base = base
        video.codec_context.sample_aspect_ratio = aspect
        video.codec_context.options = _encoder_options(codec, b_frames, gop) | (options or {})
        if colour is not None:
            context = video.codec_context
            context.colorspace, context.color_range, context.color_primaries, context.color_trc = colour
        if rotation or hflip:
            video.set_display_rotation(rotation, hflip=hflip)
        sound = _sound_stream(container, audio) if audio else None
        text = _text_stream(container, "mov_text" if is_mp4 else "subrip") if subtitles else None
        if attachment is not None:
            container.add_attachment("font.ttf", "application/x-truetype-font", attachment)
        last = last_duration or round(step)
        packets += _encoded_film(video, times, base, size, cuts, pix_fmt, colour, last, pictures)
        if sound is not None:
            packets += _encoded_sound(sound, float((times[-1] - times[0] + step) * base), Fraction(audio_start))
        packets += [_words(text, begin, end, words, prefixed=is_mp4) for begin, end, words in subtitles]
        for packet in sorted(packets, key=lambda p: (p.dts if p.dts is not None else p.pts or 0) * p.time_base):
            container.mux_one(packet)
    return path


def _chapters(chapters: Sequence[tuple[float, float, str]]) -> list[Any]:
    return [
        {
            "id": i,
            "start": round(begin * 1000),
            "end": round(end * 1000),
            "time_base": Fraction(1, 1000),
            "metadata": {"title": title},
        }
        for i, (begin, end, title) in enumerate(chapters)
    ]


def _encoder_options(codec: str, b_frames: int, gop: int) -> dict[str, str]:
    if codec not in ("libx264", "libx265"):
        return {}
    quiet = {"x265-params": "log-level=error"} if codec == "libx265" else {}
    return {"preset": "ultrafast", "crf": "10", "bf": str(b_frames), "g": str(gop)} | quiet


def _encoded_cover(container: av.container.OutputContainer) -> list[Any]:
    art = container.add_stream("mjpeg", width=32, height=32)
    art.pix_fmt = "yuvj420p"
    art.disposition = av.stream.Disposition.attached_pic
    frame = av.VideoFrame.from_ndarray(picture(0, (32, 32))).reformat(format="yuvj420p")
    return [*art.encode(frame), *art.encode(None)]


def _sound_stream(container: av.container.OutputContainer, encoder: str) -> Any:
    sound = container.add_stream(encoder, rate=48000)
    sound.codec_context.layout = "stereo"
    sound.metadata["language"] = "deu"
    return sound


def _text_stream(container: av.container.OutputContainer, codec: str) -> Any:
    text = container.add_mux_stream(codec)
    text.time_base = Fraction(1, 1000)
    text.metadata["language"] = "fra"
    return text


def _encoded_film(
    video: Any,
    times: Sequence[int],
    base: Fraction,
    size: tuple[int, int],
    cuts: Sequence[int],
    pix_fmt: str,
    colour: tuple[int, int, int, int] | None,
    last: int,
    pictures: Sequence[NDArray[np.uint8]] | None,
) -> list[Any]:
    matrix = {1: 1, 5: 5, 6: 5, 9: 9}.get(colour[0], 5) if colour else 5
    full = 2 if (colour and colour[1] == 2) or pix_fmt.startswith("yuvj") else 1
    durations, packets = {}, []
    for index, time in enumerate(times):
        image = pictures[index] if pictures is not None else picture(index, size, cuts=cuts)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame = frame.reformat(
            format=pix_fmt,
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=2,
            dst_color_range=full,
            interpolation="BILINEAR",
        )
        if colour:
            frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = colour
        else:
            frame.colorspace, frame.color_range = 2, 0
        frame.pts, frame.time_base = time, base
        durations[time] = times[index + 1] - time if index + 1 < len(times) else last
        packets += video.encode(frame)
    packets += video.encode(None)
    for packet in packets:
        packet.duration = durations.get(packet.pts, 0)
    return packets


def _encoded_sound(sound: Any, seconds: float, start: Fraction) -> list[Any]:
    packets = []
    context = sound.codec_context
    context.open()
    samples = round(seconds * 48000)
    size = context.frame_size or 1024
    for begin in range(0, samples, size):
        count = min(size, samples - begin)
        t = (begin + np.arange(count)) / 48000
        wave = np.stack([np.sin(2 * np.pi * (300 + 200 * t) * t), np.sin(2 * np.pi * 440 * t)]) * 0.4
        data = (wave.T.reshape(1, -1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout="stereo")
        frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
        frame.pts = begin + round(start * 48000)
        packets += sound.encode(frame)
    return packets + sound.encode(None)


def _words(stream: Any, begin: float, end: float, words: str, *, prefixed: bool) -> av.Packet:
    data = words.encode()
    packet = av.Packet(struct.pack(">H", len(data)) + data if prefixed else data)
    packet.pts = packet.dts = round(begin * 1000)
    packet.duration, packet.time_base = round((end - begin) * 1000), Fraction(1, 1000)
    packet.is_keyframe = True
    packet.stream = stream
    return packet


def make_sequence(
    folder: Path,
    *,
    pattern: str = "shot.%04d.png",
    first: int = 1001,
    frames: int = 5,
    size: tuple[int, int] = (48, 32),
) -> Path:
    """Writes numbered pictures and returns the path of the pattern."""
    import cv2

    for index in range(frames):
        name = folder / (pattern % (first + index))
        assert cv2.imwrite(str(name), picture(index, size)[..., ::-1])
    return folder / pattern
