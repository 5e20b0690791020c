"""One maker for each oddity that real files have, by name: the tests, the fuzz run and docs/files.md all use them.

Makers that need FFmpeg's command-line tool say so by using `ffmpeg`; the others use PyAV through `make_clip`.

Long, because a list of makers, one for each oddity.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from clips import make_clip, picture
from fftools import ffmpeg
from hevc_layers import two_layers

Maker = Callable[[Path], Path]
ODD: dict[str, Maker] = {}
"""File name -> the function that makes it in a folder, in the order of the table."""

FINE = Fraction(1, 15360)
VFR = [0, 400, 1100, 1500, 2300, 2400, 3333, 3777, 5000, 5512]
_FILM = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=2")
_SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2")
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "12", "-pix_fmt", "yuv420p")


def odd(name: str) -> Callable[[Maker], Maker]:
    """Registers a maker under its file's name; what is made once in a folder is kept."""

    def register(maker: Maker) -> Maker:
        def make(folder: Path) -> Path:
            path = folder / name
            if not path.exists():
                made = maker(path)
                assert made == path
            return path

        make.__doc__ = maker.__doc__
        ODD[name] = make
        return make

    return register


# --- time ------------------------------------------------------------------------------------------------------


@odd("vfr.mp4")
def _(path: Path) -> Path:
    """Variable frame rate."""
    return make_clip(path, pts=VFR, time_base=FINE, last_duration=300, audio="aac")


@odd("vfr.mkv")
def _(path: Path) -> Path:
    """Variable frame rate, in milliseconds."""
    return make_clip(path, pts=[0, 33, 71, 100, 180, 190, 400, 1000], time_base=Fraction(1, 1000), b_frames=0)


@odd("23.976.mp4")
def _(path: Path) -> Path:
    """24000/1001 frames a second."""
    return make_clip(path, rate=Fraction(24000, 1001), frames=48, audio="aac")


@odd("59.94.mkv")
def _(path: Path) -> Path:
    """60000/1001 frames a second, which Matroska rounds to milliseconds."""
    return make_clip(path, rate=Fraction(60000, 1001), frames=60, audio="aac")


@odd("29.97.avi")
def _(path: Path) -> Path:
    """30000/1001 frames a second in AVI, MJPEG and PCM."""
    rate = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=30000/1001:duration=1")
    ffmpeg(*rate, *_SOUND, "-t", "1", "-c:v", "mjpeg", "-q:v", "3", "-c:a", "pcm_s16le", path)
    return path


@odd("late_start.mp4")
def _(path: Path) -> Path:
    """The picture starts at 8.3 s, the sound at 8.1 s."""
    return make_clip(path, start=127995, time_base=FINE, rate=30, audio="aac", audio_start=Fraction(81, 10))


@odd("negative_start.mp4")
def _(path: Path) -> Path:
    """All times moved 0.3 s before 0: the edit list hides the frames before 0."""
    whole = make_clip(path.with_suffix(".whole.mp4"), frames=48, gop=12, audio="aac")
    ffmpeg("-itsoffset", "-0.3", "-i", whole, "-c", "copy", "-avoid_negative_ts", "disabled", path)
    whole.unlink()
    return path


@odd("cut_between_keyframes.mp4")
def _(path: Path) -> Path:
    """Cut by copying at 0.9 s: the frames from the keyframe to there are marked discard."""
    whole = make_clip(path.with_suffix(".whole.mp4"), frames=48, gop=24, audio="aac")
    ffmpeg("-ss", "0.9", "-i", whole, "-c", "copy", path)
    whole.unlink()
    return path


@odd("two_edits.mov")
def _(path: Path) -> Path:
    """An edit list that leaves out the middle half second of the picture."""
    make_clip(path, frames=48, gop=1, b_frames=0, rate=24, time_base=Fraction(1, 12288))
    return write_edits(path, [(12288 // 2, 0), (12288, 12288)])


@odd("empty_edit.mov")
def _(path: Path) -> Path:
    """An empty edit of a quarter second before the picture."""
    make_clip(path, frames=24, b_frames=0, rate=24, time_base=Fraction(1, 12288))
    return write_edits(path, [(12288 // 4, -1), (12288, 0)])


@odd("fragmented.mp4")
def _(path: Path) -> Path:
    """Fragmented: the index comes in pieces."""
    flags = ("-movflags", "frag_keyframe+empty_moov+default_base_moof")
    ffmpeg(*_FILM, *_SOUND, *_X264, "-c:a", "aac", *flags, path)
    return path


@odd("open_gop.mkv")
def _(path: Path) -> Path:
    """Open GOP, cut at its second keyframe: the leading pictures cannot be decoded."""
    whole = path.with_suffix(".whole.ts")
    ffmpeg(*_FILM, *_X264[:-6], "-x264-params", "open-gop=1:keyint=12:bframes=3:b-adapt=0:scenecut=0", whole)
    ffmpeg("-ss", "0.5", "-i", whole, "-c", "copy", path)
    whole.unlink()
    return path


@odd("open_gop_hevc.mp4")
def _(path: Path) -> Path:
    """HEVC that starts with leading pictures (RASL)."""
    whole = path.with_suffix(".whole.mkv")
    x265 = "open-gop=1:keyint=12:min-keyint=12:bframes=3:b-adapt=0:scenecut=0:log-level=error"
    ffmpeg(*_FILM, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", x265, "-pix_fmt", "yuv420p", whole)
    ffmpeg("-ss", "0.5", "-i", whole, "-c", "copy", path)
    whole.unlink()
    return path


@odd("jump_ahead.mkv")
def _(path: Path) -> Path:
    """The recorder paused: times jump a minute ahead."""
    pts = [*range(0, 480, 40), *range(60_000, 60_480, 40)]
    return make_clip(path, pts=pts, time_base=Fraction(1, 1000), b_frames=0)


@odd("jump_back.ts")
def _(path: Path) -> Path:
    """Two recordings in one transport stream: times start anew in the middle."""
    parts = [path.with_name(f"{path.stem}.{n}.ts") for n in range(2)]
    for part, start in zip(parts, ("80", "3"), strict=True):
        ffmpeg(*_FILM, *_SOUND, "-t", "1", *_X264, "-c:a", "mp2", "-output_ts_offset", start, part)
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return path


@odd("wrap.ts")
def _(path: Path) -> Path:
    """The transport stream's 33-bit clock runs over in the middle."""
    ffmpeg(*_FILM, *_SOUND, *_X264, "-c:a", "mp2", "-output_ts_offset", str(2**33 / 90000 - 2.0), path)
    return path


@odd("repeated_times.mkv")
def _(path: Path) -> Path:
    """Every third picture has the time of the one before it."""
    pts = [40 * (n - (n % 3 == 2)) for n in range(24)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25, width=96, height=64)
        stream.pix_fmt = "yuvj420p"
        for index, time in enumerate(pts):
            frame = av.VideoFrame.from_ndarray(picture(index)).reformat(format="yuvj420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            for packet in stream.encode(frame):
                packet.pts = packet.dts = time
                packet.time_base = Fraction(1, 1000)
                container.mux_one(packet)
    return path


@odd("b_frames.avi")
def _(path: Path) -> Path:
    """MPEG-4 with B-frames in AVI, which has no presentation times."""
    ffmpeg(*_FILM, *_SOUND, "-c:v", "mpeg4", "-bf", "2", "-q:v", "3", "-c:a", "libmp3lame", path)
    return path


@odd("h264_b_frames.avi")
def _(path: Path) -> Path:
    """H.264 with B-frames in AVI."""
    ffmpeg(*_FILM, *_X264[:-2], "-pix_fmt", "yuv420p", path)
    return path


@odd("bare.h264")
def _(path: Path) -> Path:
    """A bare H.264 stream: no container, no times at all."""
    ffmpeg(*_FILM, *_X264, path)
    return path


@odd("one_frame.mp4")
def _(path: Path) -> Path:
    """A film of a single frame."""
    return make_clip(path, frames=1)


# --- streams -----------------------------------------------------------------------------------------------------


@odd("many_sounds.mkv")
def _(path: Path) -> Path:
    """AAC, AC-3 5.1, Opus, MP3, PCM, FLAC, Vorbis: languages, titles, dispositions."""
    codecs = ("aac", "ac3", "libopus", "libmp3lame", "pcm_s16le", "flac", "libvorbis")
    languages = ("deu", "eng", "fra", "spa", "jpn", "ita", "por")
    args: list[str | Path] = [*_FILM, *_SOUND]
    for n, (codec, language) in enumerate(zip(codecs, languages, strict=True)):
        args += ["-map", "1:a", f"-c:a:{n}", codec, f"-metadata:s:a:{n}", f"language={language}"]
        args += [f"-metadata:s:a:{n}", f"title=track {n}"]
    args += ["-map", "0:v", "-ac:a:1", "6", *_X264, "-disposition:a:0", "0", "-disposition:a:1", "default"]
    ffmpeg(*args, "-disposition:a:2", "comment", "-disposition:a:3", "visual_impaired", path)
    return path


@odd("many_sounds.mp4")
def _(path: Path) -> Path:
    """AAC, AC-3 5.1, MP3, Opus, FLAC, ALAC in MP4."""
    codecs = ("aac", "ac3", "libmp3lame", "libopus", "flac", "alac")
    args: list[str | Path] = [*_FILM, *_SOUND, "-map", "0:v", *_X264]
    for n, codec in enumerate(codecs):
        args += ["-map", "1:a", f"-c:a:{n}", codec]
    ffmpeg(*args, "-ac:a:1", "6", "-metadata:s:a:1", "language=eng", "-strict", "-2", path)
    return path


@odd("pcm_timecode.mov")
def _(path: Path) -> Path:
    """QuickTime: PCM sound and a time code track that begins at 01:00:00:00."""
    ffmpeg(*_FILM, *_SOUND, *_X264, "-c:a", "pcm_s16le", "-timecode", "01:00:00:00", path)
    return path


@odd("subtitles.mp4")
def _(path: Path) -> Path:
    """Two mov_text tracks, the second forced."""
    words = _srt(path)
    args = (*_FILM, "-i", words, "-map", "0", "-map", "1", "-map", "1", *_X264, "-c:s", "mov_text")
    ffmpeg(*args, "-metadata:s:s:0", "language=deu", "-disposition:s:1", "forced", path)
    words.unlink()
    return path


@odd("subtitles.mkv")
def _(path: Path) -> Path:
    """SRT, ASS, PGS pictures of text, and a font attached."""
    words, pictures, font = _srt(path), path.with_suffix(".sup"), path.with_suffix(".ttf")
    pictures.write_bytes(pgs([(0.2, 0.8), (1.2, 1.6)]))
    font.write_bytes(bytes(range(256)) * 4)
    maps = ("-map", "0", "-map", "1", "-map", "1", "-map", "2")
    kinds = ("-c:s:0", "srt", "-c:s:1", "ass", "-c:s:2", "copy")
    attached = ("-attach", font, "-metadata:s:t", "mimetype=application/x-truetype-font")
    ffmpeg(*_FILM, "-i", words, "-i", pictures, *maps, *_X264, *kinds, *attached, path)
    for file in (words, pictures, font):
        file.unlink()
    return path


@odd("subtitles_dvd.mkv")
def _(path: Path) -> Path:
    """Pictures of text as on DVDs, without a length."""
    pictures = path.with_suffix(".sup")
    pictures.write_bytes(pgs([(0.2, 0.8), (1.2, 1.6)]))
    ffmpeg(*_FILM, "-i", pictures, "-map", "0", "-map", "1", *_X264, "-c:s", "dvdsub", path)
    pictures.unlink()
    return path


@odd("subtitles.webm")
def _(path: Path) -> Path:
    """VP9 with WebVTT."""
    words = _srt(path)
    ffmpeg(*_FILM, "-i", words, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-c:s", "webvtt", path)
    words.unlink()
    return path


@odd("chapters.mp4")
def _(path: Path) -> Path:
    """Chapters, title and comment; sound in AAC."""
    chapters = [(0, 0.5, "one"), (0.5, 1.2, "two"), (1.2, 2, "three")]
    tags = {"title": "Three discs", "comment": "a test", "artist": "vidfx"}
    return make_clip(path, frames=48, audio="aac", chapters=chapters, metadata=tags)


@odd("chapters.mkv")
def _(path: Path) -> Path:
    """Chapters, tags of any name, an attached font."""
    chapters = [(0, 0.5, "one"), (0.5, 1.2, "two"), (1.2, 2, "three")]
    tags = {"title": "Three discs", "DIRECTOR": "nobody"}
    return make_clip(path, frames=48, audio="libopus", chapters=chapters, metadata=tags, attachment=b"font" * 99)


@odd("cover.mp4")
def _(path: Path) -> Path:
    """A cover picture before the film."""
    return make_clip(path, cover=True, audio="aac")


@odd("cover.mkv")
def _(path: Path) -> Path:
    """A cover picture as an attachment, which readers show as a video stream."""
    art = path.with_suffix(".jpg")
    ffmpeg("-f", "lavfi", "-i", "color=red:size=320x240", "-frames:v", "1", art)
    ffmpeg(*_FILM, *_X264, "-attach", art, "-metadata:s:t", "mimetype=image/jpeg", path)
    art.unlink()
    return path


@odd("two_films.mkv")
def _(path: Path) -> Path:
    """Two video streams; the second is the default one."""
    second = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2")
    maps = ("-map", "0:v", "-map", "1:v", "-disposition:v:0", "0", "-disposition:v:1", "default")
    ffmpeg(*_FILM, *second, *maps, *_X264, path)
    return path


@odd("two_films.mp4")
def _(path: Path) -> Path:
    """Two video streams with B-frames in MP4, and sound."""
    second = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2")
    ffmpeg(*_FILM, *second, *_SOUND, "-map", "0:v", "-map", "1:v", "-map", "2:a", *_X264, "-c:a", "aac", path)
    return path


@odd("data.ts")
def _(path: Path) -> Path:
    """Transport stream: H.264, AAC (ADTS) and a private data stream."""
    blob = path.with_suffix(".bin")
    blob.write_bytes(bytes(range(256)) * 8)
    maps = ("-map", "0", "-map", "1", "-map", "2")
    ffmpeg(*_FILM, *_SOUND, "-f", "data", "-i", blob, *maps, *_X264, "-c:a", "aac", "-c:d", "copy", path)
    blob.unlink()
    return path


@odd("sound_late_and_short.mp4")
def _(path: Path) -> Path:
    """The sound starts 0.4 s after the picture and ends half a second before it."""
    late = ("-itsoffset", "0.4", "-f", "lavfi", "-i", "sine=duration=1.1:sample_rate=48000")
    ffmpeg(*_FILM, *late, *_X264, "-c:a", "aac", path)
    return path


@odd("sound_longer.mkv")
def _(path: Path) -> Path:
    """The sound goes on for a second and a half after the picture."""
    longer = ("-f", "lavfi", "-i", "sine=duration=3.5:sample_rate=44100")
    ffmpeg(*_FILM, *longer, *_X264, "-c:a", "libvorbis", path)
    return path


@odd("captions.ts")
def _(path: Path) -> Path:
    """Closed captions in the pictures, as American broadcasts have them."""
    captions = b"\xb5\0\x31GA94\x03\x42\xff" + b"\xfc\x94\x2c" * 2 + b"\xff"
    unit = b"\0\0\0\1\x06\x04" + bytes([len(captions)]) + captions + b"\x80"
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 96, 64, "yuv420p"
    context.time_base, context.options = Fraction(1, 25), {"preset": "ultrafast", "bf": "0"}
    with av.open(str(path), "w") as container:
        stream = container.add_mux_stream("h264", rate=25, width=96, height=64)
        for index in range(12):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24").reformat(format="yuv420p")
            frame.pts = index
            for packet in context.encode(frame):
                data = bytes(packet)
                slices = max(data.rfind(b"\0\0\1\x65"), data.rfind(b"\0\0\1\x41"))
                new = av.Packet(data[:slices] + unit + data[slices:])
                new.pts, new.dts, new.time_base = packet.pts, packet.dts, Fraction(1, 25)
                new.is_keyframe, new.stream = packet.is_keyframe, stream
                container.mux_one(new)
    return path


@odd("mpeg2.ts")
def _(path: Path) -> Path:
    """Transport stream as broadcast: MPEG-2, AC-3, B-frames."""
    ffmpeg(*_FILM, *_SOUND, "-c:v", "mpeg2video", "-bf", "2", "-q:v", "3", "-c:a", "ac3", path)
    return path


@odd("vp8.webm")
def _(path: Path) -> Path:
    """VP8 and Vorbis."""
    ffmpeg(*_FILM, *_SOUND, "-c:v", "libvpx", "-cpu-used", "8", "-b:v", "500k", "-c:a", "libvorbis", path)
    return path


@odd("av1.webm")
def _(path: Path) -> Path:
    """AV1 and Opus."""
    ffmpeg(*_FILM, *_SOUND, "-c:v", "libsvtav1", "-preset", "12", "-c:a", "libopus", path)
    return path


@odd("ffv1.nut")
def _(path: Path) -> Path:
    """FFV1 and PCM in NUT."""
    ffmpeg(*_FILM, *_SOUND, "-c:v", "ffv1", "-c:a", "pcm_s16le", path)
    return path


@odd("prores.mov")
def _(path: Path) -> Path:
    """ProRes 4:2:2 10 bit with 24-bit PCM."""
    ffmpeg(*_FILM, *_SOUND, "-c:v", "prores_ks", "-pix_fmt", "yuv422p10le", "-c:a", "pcm_s24le", path)
    return path


# --- picture -----------------------------------------------------------------------------------------------------

for _turn in (0, 90, 180, 270):
    for _mirrored in (False, True):

        @odd(f"turned_{_turn}{'_mirrored' * _mirrored}.mp4")
        def _(path: Path, turn: int = _turn, mirrored: bool = _mirrored) -> Path:
            """A display matrix asks for a quarter turn, a mirror image, or both."""
            return make_clip(path, frames=6, rotation=turn, hflip=mirrored, aspect=Fraction(4, 3))


for _name, _tags in {
    "bt601.mp4": (6, 1, 6, 6),
    "bt601_full.mp4": (5, 2, 5, 6),
    "bt709.mp4": (1, 1, 1, 1),
    "bt709_full.mkv": (1, 2, 1, 1),
    "bt2020.mp4": (9, 1, 9, 14),
}.items():

    @odd(_name)
    def _(path: Path, tags: tuple[int, int, int, int] = _tags) -> Path:
        """Colours by other matrices and ranges, and tagged so."""
        return make_clip(path, frames=6, colour=tags)


@odd("pq.mp4")
def _(path: Path) -> Path:
    """HDR: PQ in BT.2020, 10 bit."""
    return make_clip(path, frames=6, colour=(9, 1, 9, 16), codec="libx265", pix_fmt="yuv420p10le")


@odd("hlg.mkv")
def _(path: Path) -> Path:
    """HDR: HLG in BT.2020, 10 bit."""
    return make_clip(path, frames=6, colour=(9, 1, 9, 18), codec="libx265", pix_fmt="yuv420p10le")


@odd("odd_size.mkv")
def _(path: Path) -> Path:
    """97 by 65 pixels in 4:2:0."""
    return make_clip(path, frames=6, size=(97, 65), codec="ffv1")


@odd("grey.mkv")
def _(path: Path) -> Path:
    """No colour at all."""
    return make_clip(path, frames=6, codec="ffv1", pix_fmt="gray")


@odd("interlaced.mkv")
def _(path: Path) -> Path:
    """Two fields a frame, upper first."""
    fields = ("-vf", "tinterlace=interleave_top,fieldorder=tff", "-flags", "+ilme+ildct", "-top", "1")
    ffmpeg(*_FILM, *fields, "-c:v", "mpeg2video", "-q:v", "3", path)
    return path


@odd("alpha.mov")
def _(path: Path) -> Path:
    """ProRes 4444 with an alpha channel."""
    ffmpeg(*_FILM, "-vf", "format=yuva444p10le", "-frames:v", "6", "-c:v", "prores_ks", "-profile:v", "4", path)
    return path


_CLEAR = "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='mod(X*255/95+N*4,256)',format=yuva420p"


@odd("alpha.webm")
def _(path: Path) -> Path:
    """VP9 with alpha, which is a picture of its own beside each packet, and hidden pictures."""
    ffmpeg(*_FILM, "-vf", _CLEAR, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-auto-alt-ref", "1", path)
    return path


@odd("alpha_vp8.webm")
def _(path: Path) -> Path:
    """VP8 with alpha."""
    ffmpeg(*_FILM, "-vf", _CLEAR, "-c:v", "libvpx", "-cpu-used", "8", "-b:v", "500k", "-auto-alt-ref", "0", path)
    return path


@odd("alpha_hevc.mov")
def _(path: Path) -> Path:
    """HEVC with alpha as Apple's encoder writes it: a second layer, whose description FFmpeg 8 refuses."""
    return two_layers(path, broken=True)


@odd("two_views.mov")
def _(path: Path) -> Path:
    """HEVC of two views, as phones film for headsets."""
    return two_layers(path, second="view")


@odd("photos.mkv")
def _(path: Path) -> Path:
    """Motion JPEG of a camera that was held upright, which only each picture's EXIF says."""
    return of_photos(path, orientation=6)


@odd("sphere.mp4")
def _(path: Path) -> Path:
    """A film to look around in: projected on a sphere."""
    make_clip(path, frames=6)
    words = "<rdf:SphericalVideo><GSpherical:Spherical>true</GSpherical:Spherical>"
    words += "<GSpherical:StitchingSoftware>none</GSpherical:StitchingSoftware>"
    words += "<GSpherical:Stitched>true</GSpherical:Stitched>"
    words += "<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType></rdf:SphericalVideo>"
    body = bytes.fromhex("ffcc8263f8554a938814587a02521fdd") + words.encode()
    return _into_track(path, struct.pack(">I4s", 8 + len(body), b"uuid") + body)


@odd("two_eyes.mkv")
def _(path: Path) -> Path:
    """The views of two eyes side by side, and marked so."""
    ffmpeg(*_FILM, *_X264, "-metadata:s:v", "stereo_mode=left_right", path)
    return path


@odd("palette.gif")
def _(path: Path) -> Path:
    """An animated GIF."""
    ffmpeg(*_FILM, "-frames:v", "12", path)
    return path


@odd("size_changes.ts")
def _(path: Path) -> Path:
    """The size changes in mid-stream."""
    parts = [path.with_name(f"{path.stem}.{size}.ts") for size in ("96x64", "64x96")]
    for number, part in enumerate(parts):
        film = f"testsrc2=size={part.stem.split('.')[-1]}:rate=25:duration=0.4"
        ffmpeg("-f", "lavfi", "-i", film, *_X264, "-output_ts_offset", str(1 + 0.4 * number), part)
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return path


# --- damage ------------------------------------------------------------------------------------------------------


def _h264(path: Path) -> Path:
    ffmpeg(*_FILM, *_SOUND, *_X264, "-c:a", "aac", path)
    return path


@odd("cut_short.mkv")
def _(path: Path) -> Path:
    """The last third of the file is missing: it ends inside a GOP."""
    data = _h264(path).read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    return path


@odd("cut_short.mp4")
def _(path: Path) -> Path:
    """The index is whole, the last third of the pictures is missing."""
    make_clip(path, frames=48, gop=12, audio="aac")
    ffmpeg("-i", path, "-c", "copy", "-movflags", "+faststart", path.with_suffix(".fast.mp4"))
    data = path.with_suffix(".fast.mp4").read_bytes()
    path.with_suffix(".fast.mp4").unlink()
    path.write_bytes(data[: len(data) * 2 // 3])
    return path


@odd("no_moov.mp4")
def _(path: Path) -> Path:
    """The recording was never finished: no index."""
    data = _h264(path).read_bytes()
    path.write_bytes(data[: data.rindex(b"moov") - 4])
    return path


@odd("flipped_bits.ts")
def _(path: Path) -> Path:
    """One bit in 4,000 flipped."""
    data = np.frombuffer(_h264(path).read_bytes(), np.uint8).copy()
    random = np.random.default_rng(7)
    for place in random.integers(2000, len(data), len(data) * 8 // 4000):
        data[place] ^= 1 << int(random.integers(8))
    path.write_bytes(data.tobytes())
    return path


@odd("garbage_between.ts")
def _(path: Path) -> Path:
    """Noise between the packets, as after a bad cable."""
    data = _h264(path).read_bytes()
    noise = np.random.default_rng(3).integers(0, 256, 997, np.uint8).tobytes()
    third = len(data) // 3 // 188 * 188
    path.write_bytes(data[:third] + noise + data[third : 2 * third] + noise + data[2 * third :])
    return path


@odd("sound_fails.mkv")
def _(path: Path) -> Path:
    """The sound is noise from its middle on."""
    ffmpeg(*_FILM, *_SOUND, *_X264, "-c:a", "aac", path)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    data = bytearray(path.read_bytes())
    random = np.random.default_rng(5)
    for place, size in places[len(places) // 2 :]:
        data[place + 12 : place + size] = random.integers(0, 256, max(0, size - 12), np.uint8).tobytes()
    path.write_bytes(data)
    return path


@odd("nothing_decodes.mkv")
def _(path: Path) -> Path:
    """Every picture is zeros."""
    _h264(path)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for place, size in places:
        data[place + 8 : place + size] = bytes(max(0, size - 8))
    path.write_bytes(data)
    return path


# --- by hand: what no tool at hand writes ------------------------------------------------------------------------


def _srt(path: Path) -> Path:
    words = path.with_suffix(".srt")
    words.write_text(
        "1\n00:00:00,200 --> 00:00:00,900\nGrüße\n\n2\n00:00:01,100 --> 00:00:01,800\n<i>two</i>\nlines\n\n",
        encoding="utf-8",
    )
    return words


def write_edits(path: Path, edits: list[tuple[int, int]]) -> Path:
    """Gives the only track of an MP4 or MOV whose index comes last these edits: (length, first media time or -1).

    Lengths are in the movie's time scale, media times in the track's (ISO 14496-12, 8.6.6).
    """
    data = path.read_bytes()
    moov = data.rindex(b"moov") - 4
    entries = b"".join(struct.pack(">iihh", length, begin, 1, 0) for length, begin in edits)
    elst = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(edits)) + entries
    edts = struct.pack(">I4s", 8 + len(elst), b"edts") + elst
    index = data[moov:]
    if b"edts" in index:
        old = index.index(b"edts") - 4
        size = int.from_bytes(index[old : old + 4], "big")
        index = index[:old] + index[old + size :]
        path.write_bytes(data[:moov] + _grown(index, -size))
    return _into_track(path, edts)


def _into_track(path: Path, box: bytes) -> Path:
    """Puts a box before the media of the only track of an MP4 or MOV whose index comes last."""
    data = path.read_bytes()
    moov = data.rindex(b"moov") - 4
    index = data[moov:]
    place = index.index(b"mdia") - 4
    path.write_bytes(data[:moov] + _grown(index[:place] + box + index[place:], len(box)))
    return path


def _grown(index: bytes, by: int) -> bytes:
    """An index with the sizes of its own box and its track's set right."""
    out = bytearray(index)
    for place in (0, out.index(b"trak") - 4):
        before = int.from_bytes(out[place : place + 4], "big")
        out[place : place + 4] = (before + by).to_bytes(4, "big")
    return bytes(out)


def exif(orientation: int) -> bytes:
    """A TIFF header with nothing but the Orientation tag."""
    return b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([orientation]) + bytes(7)


def of_photos(path: Path, *, orientation: int, frames: int = 6) -> Path:
    """Motion JPEG whose pictures have EXIF."""
    header = b"Exif\0\0" + exif(orientation)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=24, width=96, height=64)
        stream.pix_fmt = "yuvj420p"
        stream.codec_context.open()
        for index in range(frames):
            jpeg = bytes(cv2.imencode(".jpg", picture(index)[..., ::-1])[1])
            packet = av.Packet(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(header) + 2) + header + jpeg[2:])
            packet.pts = packet.dts = index
            packet.time_base, packet.is_keyframe, packet.stream = Fraction(1, 24), True, stream
            container.mux_one(packet)
    return path


def pgs(shown: list[tuple[float, float]]) -> bytes:
    """A .sup file: a white 16 × 4 box shown from and to these seconds (presentation graphics, as on Blu-ray)."""
    out = b""
    for number, (begin, end) in enumerate(shown):
        for time, visible in ((begin, True), (end, False)):
            out += _pgs_set(round(time * 90000), number * 2 + (not visible), visible)
    return out


def _pgs_set(pts: int, number: int, visible: bool) -> bytes:
    thing = struct.pack(">HBBHH", 0, 0, 0, 8, 8) if visible else b""
    segments = [(0x16, struct.pack(">HHBHBBBB", 96, 64, 0x10, number, 0x80 * visible, 0, 0, int(visible)) + thing)]
    segments += [(0x17, struct.pack(">BBHHHH", 1, 0, 8, 8, 16, 4))]
    if visible:
        row = bytes((0x00, 0x80 | 16, 0x01, 0x00, 0x00))  # sixteen pixels of colour 1, end of line
        picture = struct.pack(">HH", 16, 4) + row * 4
        segments += [(0x14, bytes((0, 0, 1, 235, 128, 128, 255)))]
        segments += [(0x15, struct.pack(">HBB", 0, 0, 0xC0) + len(picture).to_bytes(3, "big") + picture)]
    segments += [(0x80, b"")]
    return b"".join(struct.pack(">2sIIBH", b"PG", pts, 0, kind, len(body)) + body for kind, body in segments)
