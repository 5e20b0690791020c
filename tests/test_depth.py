"""Depth, fields and stills: what a pixel carries in, it carries out.

Long, because one table of formats, read and written back in every depth.
"""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import make_clip, make_sequence, picture
from fftools import ffmpeg, needs_ffmpeg, probe
from odd_clips import exif, of_photos

from vidfx import images, sink, source, stills
from vidfx.choice import choose
from vidfx.composite import composite
from vidfx.errors import Unavailable, UsageError, VidfxError
from vidfx.frames import Clip, Frame, Pixels
from vidfx.parts.plan import plan
from vidfx.settings import Encode, Job, Look, Range
from vidfx.steady import steady

WIDE = 1024


def ramp(folder: Path) -> Path:
    """A grey ramp of 10 bits, every code from 64 to 940 in order, as FFV1."""
    codes = np.rint(np.linspace(64, 940, WIDE)).astype(np.uint16)
    path = folder / "ramp.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24, width=WIDE, height=16)
        stream.pix_fmt = "yuv420p10le"
        stream.codec_context.color_range, stream.codec_context.colorspace = 1, 1
        for index in range(2):
            frame = av.VideoFrame(WIDE, 16, "yuv420p10le")
            frame.colorspace, frame.color_range = 1, 1
            for plane, value in zip(frame.planes, (codes, 512, 512), strict=True):
                view = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)
                view[:, : plane.width] = value
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def carry(path: Path, output: Path, encode: Encode, look: Look | None = None) -> tuple[sink.Written, list[str]]:
    """Reads and writes a clip as a render does; with `look` what is painted is a mirror image, smoothed and blended."""
    clip = source.open_clip(path)
    notices: list[str] = []
    choice = choose(output, clip, encode)
    frames = source.read_frames(clip, pixels=choice.pixels, threads=1, notify=notices.append)
    if look:
        mirrored = (_mirrored(frame) for frame in frames)
        frames = composite(steady(mirrored), look=look)
    written = sink.write(frames, clip, output, encode=encode, wanted=Range(), metadata={}, notify=notices.append)
    return written, notices


def _mirrored(frame: Frame) -> Frame:
    from dataclasses import replace

    return replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]))


def luma16(path: Path) -> np.ndarray:
    """The first picture's middle row of luma in 16 bits, as ffmpeg decodes it."""
    raw = ffmpeg("-i", path, "-frames:v", "1", "-vf", "extractplanes=y", "-pix_fmt", "gray16le", "-f", "rawvideo", "-")
    return np.frombuffer(raw, np.uint16).reshape(16, -1)[8].astype(int)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "encode", "pix_fmt"),
    [
        ("x265.mp4", Encode(preset="ultrafast", crf=1), "yuv420p10le"),  # what 10 bits get where nobody says
        ("prores.mov", Encode(codec="prores_ks"), "yuv422p10le"),
        ("ffv1.mkv", Encode(codec="ffv1", pix_fmt="yuv444p16le"), "yuv444p16le"),
        ("x264.mkv", Encode(codec="libx264", preset="ultrafast", crf=1, pix_fmt="yuv420p10le"), "yuv420p10le"),
    ],
)
def test_a_ramp_shows_no_bands(tmp_path: Path, name: str, encode: Encode, pix_fmt: str) -> None:
    written, _ = carry(ramp(tmp_path), tmp_path / name, encode)
    assert probe(written.path, "stream=pix_fmt")["streams"][0]["pix_fmt"] == written.pix_fmt == pix_fmt
    before, after = luma16(tmp_path / "ramp.mkv"), luma16(written.path)
    assert np.abs(after - before).max() <= 4 * 64  # in steps of ten bits; a step of 8 bits is 256
    assert len(np.unique(after >> 6)) > 600


@needs_ffmpeg
def test_painting_smoothing_and_blending_keep_the_depth(tmp_path: Path) -> None:
    """A ramp under a third of its mirror image is a flatter ramp: of 292 codes, where 8 bits would show 73."""
    written, _ = carry(ramp(tmp_path), tmp_path / "out.mkv", Encode(codec="ffv1"), Look(strength=1 / 3))
    assert written.pix_fmt == "yuv420p10le"
    codes = luma16(written.path) >> 6
    assert 285 <= len(np.unique(codes)) <= 300
    assert np.abs(np.diff(codes)).max() <= 1


def test_eight_bits_stay_eight_and_deep_ones_are_chosen_where_they_play(tmp_path: Path) -> None:
    clip = source.open_clip(make_clip(tmp_path / "in.mp4", frames=1))
    deep = source.open_clip(ramp(tmp_path))

    def chosen(clip: Clip, name: str, **settings: str) -> tuple[str, str, bool, int]:
        choice = choose(tmp_path / name, clip, Encode(**settings))
        return choice.codec, choice.pix_fmt, choice.pixels.deep, len(choice.notices)

    assert chosen(clip, "a.mp4") == ("libx264", "yuv420p", False, 0)
    assert chosen(deep, "a.mp4") == ("libx265", "yuv420p10le", True, 0)
    assert chosen(deep, "a.webm") == ("libvpx-vp9", "yuv420p", False, 1)  # its encoder here knows 8 bits alone
    assert chosen(deep, "a.mp4", codec="libx264") == ("libx264", "yuv420p", False, 1)
    assert chosen(clip, "a.mp4", pix_fmt="yuv420p10le") == ("libx264", "yuv420p10le", True, 0)
    assert chosen(clip, "a.mkv", codec="ffv1") == ("ffv1", "yuv420p", False, 0)
    assert chosen(deep, "a.%d.png") == ("png", "rgb48le", True, 0)
    assert chosen(clip, "a.%d.exr") == ("exr", "rgb48le", True, 0)


@pytest.mark.parametrize(
    ("name", "encode", "error", "words"),
    [
        ("a.mp4", Encode(codec="libx265", pix_fmt="yuv420p9le"), UsageError, "yuv420p10le"),
        ("a.mp4", Encode(preset="snail"), UsageError, "veryslow"),
        ("a.webm", Encode(codec="libx264"), UsageError, "libvpx-vp9"),
        ("a.mp4", Encode(codec="qtrle"), UsageError, "libx264"),
        ("a.mkv", Encode(codec="h264_nvenc", preset="p4"), Unavailable, "libx264"),
        ("a.mkv", Encode(options={"tun": "film"}), UsageError, "tune"),
        ("a.%d.jpg", Encode(pix_fmt="rgb48le"), UsageError, "rgb24"),
    ],
)
def test_what_does_not_go_together_is_refused_before_work(
    tmp_path: Path, name: str, encode: Encode, error: type[VidfxError], words: str
) -> None:
    clip = source.open_clip(make_clip(tmp_path / "in.mp4", frames=1))
    with pytest.raises(error) as caught:
        plan(Job(source=clip.path, output=tmp_path / name, style="ink", encode=encode))
    assert words in f"{caught.value} {caught.value.hint}"


# --- fields and sizes -------------------------------------------------------------------------------------------


@needs_ffmpeg
def test_fields_become_whole_frames_one_for_one(tmp_path: Path) -> None:
    """A fast pan, its lines taken from two times: combed before, and no longer."""
    drawn = "testsrc2=s=400x96:r=50:d=0.4,crop=160:96:n*9:0"
    tags = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "4", "-x264opts", "tff=1", "-flags", "+ildct+ilme"]
    ffmpeg("-f", "lavfi", "-i", drawn, "-vf", "tinterlace=interleave_top,setfield=tff", *tags, tmp_path / "in.mkv")
    clip = source.open_clip(tmp_path / "in.mkv")
    assert clip.interlaced
    notices: list[str] = []
    frames = list(source.read_frames(clip, notify=notices.append))
    assert [frame.index for frame in frames] == list(range(10))
    with av.open(str(tmp_path / "in.mkv")) as container:
        raw = list(container.decode(video=0))
    assert [frame.pts for frame in frames] == [frame.pts for frame in raw]
    assert ["bwdif" in notice for notice in notices] == [True]

    def comb(image: np.ndarray) -> float:
        """How much more each line differs from its neighbours than these from each other."""
        grey = image[24:76].astype(int).mean(axis=2)
        return float(np.abs(2 * grey[1:-1] - grey[:-2] - grey[2:]).mean())

    before = np.mean([comb(frame.to_ndarray(format="rgb24")) for frame in raw[2:8]])
    assert np.mean([comb(frame.image) for frame in frames[2:8]]) < before / 2


def test_progressive_film_passes_untouched(tmp_path: Path) -> None:
    clip = source.open_clip(make_clip(tmp_path / "in.mp4", frames=3))
    notices: list[str] = []
    assert not clip.interlaced
    assert len(list(source.read_frames(clip, notify=notices.append))) == 3
    assert notices == []


def test_a_change_of_size_in_mid_stream_is_scaled_and_said(tmp_path: Path) -> None:
    """Two sizes of MPEG-TS, one after the other, as a broadcast does it."""
    parts = [make_clip(tmp_path / f"{n}.ts", frames=4, size=s, b_frames=0) for n, s in enumerate([(96, 64), (48, 32)])]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    notices: list[str] = []
    frames = list(source.read_frames(source.open_clip(path), threads=1, notify=notices.append))
    assert {frame.image.shape for frame in frames} == {(64, 96, 3)}
    assert len(frames) == 8
    assert any("48×32" in notice and "scaled" in notice for notice in notices)


# --- stills -----------------------------------------------------------------------------------------------------

TURNS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, 1),
}


@pytest.mark.parametrize("orientation", TURNS)
def test_png_and_webp_stand_as_their_exif_says(tmp_path: Path, orientation: int) -> None:
    drawn = picture(0, (48, 32))
    png = bytes(cv2.imencode(".png", drawn[..., ::-1])[1])
    chunk = b"eXIf" + exif(orientation)
    turned = png[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]
    webp = bytes(cv2.imencode(".webp", drawn[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101])[1])
    block = exif(orientation)
    size = struct.pack("<I", 47)[:3] + struct.pack("<I", 31)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x08\0\0\0" + size + webp[12:]
    body += b"EXIF" + struct.pack("<I", len(block)) + block + b"\0" * (len(block) % 2)
    for name, data in (("in.png", turned), ("in.webp", b"RIFF" + struct.pack("<I", len(body)) + body)):
        (tmp_path / name).write_bytes(data)
        assert np.array_equal(images.read_picture(tmp_path / name), TURNS[orientation](drawn)), name


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_pictures_of_motion_jpeg_stand_as_their_exif_says(tmp_path: Path, orientation: int) -> None:
    path = of_photos(tmp_path / "in.mkv", orientation=orientation)
    frames = list(source.read_frames(source.open_clip(path)))
    expected = TURNS[orientation](picture(3))
    assert frames[3].image.shape == expected.shape
    assert np.abs(frames[3].image.astype(int) - expected).mean() < 3


def test_a_turn_in_mid_stream_is_scaled_and_said(tmp_path: Path) -> None:
    """A camera that was turned while it filmed; the film has one size."""
    parts = [of_photos(tmp_path / f"{turn}.mkv", orientation=turn) for turn in (1, 6)]
    with av.open(str(tmp_path / "in.mkv"), "w") as out:
        stream = None
        for number, part in enumerate(parts):
            with av.open(str(part)) as container:
                stream = stream or out.add_stream_from_template(container.streams.video[0])
                for packet in container.demux(video=0):
                    if packet.size:
                        packet.pts = packet.dts = (packet.pts or 0) + number * 250
                        packet.stream = stream
                        out.mux_one(packet)
    written, notices = carry(tmp_path / "in.mkv", tmp_path / "out.mkv", Encode(codec="ffv1"))
    frames = list(source.read_frames(source.open_clip(written.path)))
    assert {frame.image.shape for frame in frames} == {(64, 96, 3)}
    assert len(frames) == 12
    assert ["turned" in notice for notice in notices] == [True]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".dpx"])
def test_sixteen_bits_of_a_still_come_out_as_they_went_in(tmp_path: Path, suffix: str) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (16, 24, 3), dtype=np.uint16)
    stills.write_picture(tmp_path / f"in{suffix}", deep)
    written, _ = carry(tmp_path / f"in{suffix}", tmp_path / f"out{suffix}", Encode())
    assert written.pix_fmt == "rgb48le"
    assert np.array_equal(stills.load(tmp_path / f"out{suffix}").colours, deep)


def test_float_pictures_keep_more_than_eight_bits_and_say_what_is_clipped(tmp_path: Path) -> None:
    light = np.linspace(0, 1, 3 * 300, dtype=np.float32).reshape(1, 300, 3).repeat(4, axis=0)
    plain = [cv2.IMWRITE_TIFF_COMPRESSION, 1]  # OpenCV 4.12 packs floats as logarithms where nobody says
    cv2.imwrite(str(tmp_path / "in.tif"), light[..., ::-1], plain)
    written, notices = carry(tmp_path / "in.tif", tmp_path / "out.exr", Encode())
    again = stills.load(written.path).colours
    assert np.abs(again - light).max() < 2e-4
    assert notices == []
    cv2.imwrite(str(tmp_path / "bright.tif"), light * 3)
    _, notices = carry(tmp_path / "bright.tif", tmp_path / "bright.png", Encode())
    assert ["above 1.0" in notice for notice in notices] == [True]


def test_a_float_tiff_is_not_multiplied_by_its_alpha_and_may_be_of_doubles(tmp_path: Path) -> None:
    pixels = np.full((4, 6, 4), 0.2, np.float32)
    pixels[..., 3] = 0.5
    assert cv2.imwrite(str(tmp_path / "in.tif"), pixels)
    colours, alpha = stills.as_wanted(stills.load(tmp_path / "in.tif"), Pixels(deep=True, alpha=True))
    assert colours[0, 0, 0] / 65535 == pytest.approx(1.055 * 0.2 ** (1 / 2.4) - 0.055, abs=1e-3)
    assert alpha is not None
    assert alpha[0, 0] / 65535 == pytest.approx(0.5, abs=1e-3)
    assert cv2.imwrite(str(tmp_path / "doubles.tif"), pixels[..., :3].astype(np.float64))
    assert stills.load(tmp_path / "doubles.tif").colours.mean() == pytest.approx(0.2, abs=1e-3)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "encode", "tags"),
    [
        ("x264.mkv", Encode(codec="libx264rgb", crf=1), ("gbr", "pc")),
        ("ffv1.mkv", Encode(codec="ffv1", pix_fmt="bgr0"), ("gbr", "pc")),
        ("mjpeg.mov", Encode(codec="mjpeg"), ("bt470bg", "pc")),
    ],
)
def test_encoders_of_full_range_say_so(tmp_path: Path, name: str, encode: Encode, tags: tuple[str, str]) -> None:
    """RGB holds no other range, and a JPEG no other matrix: the colours come back as they were."""
    colour = np.full((64, 96, 3), (30, 200, 60), np.uint8)
    path = make_clip(tmp_path / "in.mp4", pictures=[colour] * 2, colour=(1, 1, 1, 1), options={"crf": "1"})
    written, _ = carry(path, tmp_path / name, encode)
    stream = probe(written.path, "stream=color_space,color_range")["streams"][0]
    assert (stream["color_space"], stream["color_range"]) == tags
    seen = np.frombuffer(ffmpeg("-i", written.path, "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"), "u1")
    assert np.abs(seen.reshape(-1, 3).mean(0) - (30, 200, 60)).max() < 4


def test_an_animated_webp_is_a_film_with_its_own_times(tmp_path: Path) -> None:
    animation = cv2.Animation()
    animation.frames = [cv2.cvtColor(picture(i), cv2.COLOR_RGB2BGRA) for i in range(20)]
    animation.durations = [40 + 10 * (i % 3) for i in range(20)]
    assert cv2.imwriteanimation(str(tmp_path / "in.webp"), animation, [cv2.IMWRITE_WEBP_QUALITY, 100])
    clip = source.open_clip(tmp_path / "in.webp")
    assert (clip.kind, clip.frame_count) == ("animation", 20)
    written, _ = carry(clip.path, tmp_path / "out.mkv", Encode(codec="ffv1"))
    frames = list(source.read_frames(source.open_clip(written.path)))
    times = np.cumsum([0, *animation.durations])
    assert [frame.time for frame in frames] == [Fraction(int(t), 1000) for t in times[:-1]]
    assert all(np.abs(f.image.astype(int) - picture(f.index)).mean() < 3 for f in frames)


@pytest.mark.parametrize("count", [1, 8])
def test_a_png_with_more_than_one_picture_is_a_film(tmp_path: Path, count: int) -> None:
    animation = cv2.Animation()
    animation.frames = [cv2.cvtColor(picture(i), cv2.COLOR_RGB2BGRA) for i in range(count)]
    animation.durations = [40] * count
    assert cv2.imwriteanimation(str(tmp_path / "in.png"), animation)
    clip = source.open_clip(tmp_path / "in.png")
    frames = list(source.read_frames(clip, pixels=Pixels(alpha=True)))
    assert (clip.kind, len(frames)) == ("video" if count > 1 else "still", count)
    assert all(np.array_equal(frame.image, picture(frame.index)) for frame in frames)


def test_an_animated_gif_is_a_film_with_its_own_times(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.gif"), "w") as container:
        stream = container.add_stream("gif", rate=25, width=96, height=64)
        stream.pix_fmt = "rgb8"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 100)
        for index, time in enumerate([0, 5, 20, 30]):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24").reformat(format="rgb8")
            frame.pts, frame.time_base = time, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    written, notices = carry(tmp_path / "in.gif", tmp_path / "out.mp4", Encode(preset="ultrafast"))
    assert notices == []
    frames = list(source.read_frames(source.open_clip(written.path)))
    assert [frame.time * 100 for frame in frames] == [0, 5, 20, 30]


def test_grey_and_palette_sources(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), picture(0)[..., 0].astype(np.uint16) * 257)
    grey = images.read_picture(tmp_path / "grey.png")
    assert np.array_equal(grey, np.repeat(picture(0)[..., :1], 3, axis=2))
    for pix_fmt in ("gray", "gray10le"):
        path = make_clip(tmp_path / f"{pix_fmt}.mkv", frames=1, codec="ffv1", pix_fmt=pix_fmt)
        image = next(source.read_frames(source.open_clip(path))).image
        assert np.abs(image.astype(int) - cv2.cvtColor(picture(0), cv2.COLOR_RGB2GRAY)[..., None]).mean() < 18
        assert np.ptp(image.astype(int), axis=2).max() == 0
    make_sequence(tmp_path, frames=1)


def test_one_pixel(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mkv", size=(1, 1), frames=2, codec="ffv1")
    written, _ = carry(path, tmp_path / "out.mp4", Encode(preset="ultrafast"))
    assert written.frames == 2
