"""What `sink.write` promises: time, everything that is not the picture, colour, and nothing half-done.

Long, because one suite over all containers.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from clips import MEDIA, make_clip, make_sequence, picture
from fftools import ffmpeg, frame_times, needs_ffmpeg, needs_ffprobe, packets, probe

from vidfx import sink, source
from vidfx.choice import Target
from vidfx.doctor import examine
from vidfx.errors import CannotWrite, MissingInput, TryAgain, Unavailable, UsageError, VidfxError
from vidfx.frames import Clip, Frame
from vidfx.settings import Encode, Range

WHOLE = Range()
FAST = Encode(preset="ultrafast", crf=10)
VFR = [0, 400, 1100, 1500, 2300, 2400, 3333, 3777, 5000, 5512]
FINE = Fraction(1, 15360)


def restyle(
    path: Path, output: Path, *, encode: Encode = FAST, wanted: Range = WHOLE, **settings: object
) -> tuple[sink.Written, list[Frame], list[str]]:
    """Reads a clip and writes it untouched; returns what was written, the frames read, and the notices."""
    clip = source.open_clip(path)
    seen: list[Frame] = []
    notices: list[str] = []

    def frames() -> Iterator[Frame]:
        for frame in source.read_frames(clip, wanted=wanted, threads=1):
            seen.append(frame)
            yield frame

    options = {"metadata": {}, "notify": notices.append} | settings
    written = sink.write(frames(), clip, output, encode=encode, wanted=wanted, **options)
    assert not list(output.parent.glob(".*vidfx*")), "a temporary file was left behind"
    return written, seen, notices


@needs_ffprobe
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".nut", ".mkv", ".webm"])
@pytest.mark.parametrize("start", [0, 777, 127995])
def test_every_time_survives(tmp_path: Path, suffix: str, start: int) -> None:
    path = make_clip(tmp_path / "in.mp4", pts=VFR, time_base=FINE, start=start, last_duration=300)
    quick = Encode(options={"cpu-used": "8"}) if suffix == ".webm" else Encode() if suffix == ".nut" else FAST
    written, seen, _ = restyle(path, tmp_path / f"out{suffix}", encode=quick)
    expected = [(pts + start) * FINE for pts in VFR]
    assert [frame.time for frame in seen] == expected
    times = frame_times(written.path)
    assert len(times) == written.frames == len(VFR)
    if suffix in (".mkv", ".webm"):
        assert all(abs(a - b) <= Fraction(1, 1000) for a, b in zip(times, expected, strict=True))
    else:
        assert times == expected


@needs_ffprobe
def test_nut_keeps_times_with_b_frames_too(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", pts=VFR, time_base=FINE, audio="aac")
    written, seen, _ = restyle(path, tmp_path / "out.nut", encode=Encode(codec="libx264"))
    assert frame_times(written.path) == [frame.time for frame in seen]


@needs_ffprobe
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_last_frame_is_shown_as_long_as_before(tmp_path: Path, suffix: str) -> None:
    path = make_clip(tmp_path / f"in{suffix}", pts=VFR, time_base=FINE, last_duration=900, b_frames=0)
    written, _, _ = restyle(path, tmp_path / f"out{suffix}")
    before, after = (float(probe(p, "format=duration")["format"]["duration"]) for p in (path, written.path))
    assert after == pytest.approx(before, abs=0.0011)
    assert after == pytest.approx((5512 + 900) / 15360, abs=0.0011)


@needs_ffprobe
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_sound_subtitles_chapters_and_tags_are_carried_over(tmp_path: Path, suffix: str) -> None:
    path = make_clip(
        tmp_path / f"in{suffix}",
        audio="aac",
        subtitles=[(0.1, 0.4, "Guten Tag"), (0.5, 0.9, "Licht")],
        chapters=[(0, 0.5, "one"), (0.5, 1, "two")],
        attachment=b"not really a font" * 9 if suffix == ".mkv" else None,
        metadata={"title": "Three discs", "comment": "a test"},
    )
    written, _, notices = restyle(path, tmp_path / f"out{suffix}", metadata={"vidfx_style": "ink 1a2b3c"})
    assert notices == []
    for stream in ("a:0", "s:0"):
        assert packets(written.path, stream) == packets(path, stream) != []
    entries = (
        "stream=codec_type:stream_tags=language,filename:stream_disposition=default",
        "chapter=start_time,end_time",
    )
    ours, theirs = (probe(p, *entries, "chapter_tags=title", "format_tags=title,comment") for p in (written.path, path))
    assert ours["chapters"] == theirs["chapters"]
    assert len(ours["chapters"]) == 2
    assert [s["codec_type"] for s in ours["streams"]] == [s["codec_type"] for s in theirs["streams"]]
    assert [s.get("tags") for s in ours["streams"] if s["codec_type"] != "video"] == [
        s.get("tags") for s in theirs["streams"] if s["codec_type"] != "video"
    ]
    assert [s["disposition"] for s in ours["streams"]] == [s["disposition"] for s in theirs["streams"]]
    assert ours["format"]["tags"] == theirs["format"]["tags"]
    tags = {k.lower(): v for k, v in probe(written.path, "format_tags")["format"]["tags"].items()}
    assert tags["vidfx_style"] == "ink 1a2b3c"


@needs_ffprobe
def test_an_attachment_is_the_same_to_the_byte(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mkv", attachment=bytes(range(256)))
    written, _, _ = restyle(path, tmp_path / "out.mkv")
    with av.open(str(written.path)) as container:
        assert [stream.data for stream in container.streams.attachments] == [bytes(range(256))]


@needs_ffprobe
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_stays_in_step_when_the_picture_starts_late(tmp_path: Path, suffix: str) -> None:
    path = make_clip(tmp_path / "in.mp4", start=777, time_base=FINE, rate=30, audio="aac", audio_start=Fraction(1, 10))
    written, seen, _ = restyle(path, tmp_path / f"out{suffix}")
    tick = 0 if suffix == ".mp4" else Fraction(1, 1000)
    before, after = packets(path, "a:0"), packets(written.path, "a:0")
    assert [data for _, data in before] == [data for _, data in after]
    assert all(abs(a - b) <= tick for (a, _), (b, _) in zip(before, after, strict=True))
    assert all(abs(a - b.time) <= tick for a, b in zip(frame_times(written.path), seen, strict=True))


@needs_ffprobe
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".nut"])
def test_a_range_is_cut_in_step_and_begins_at_zero(tmp_path: Path, suffix: str) -> None:
    path = make_clip(
        tmp_path / "in.mp4",
        frames=48,
        start=777,
        gop=12,
        audio="aac",
        subtitles=[(0.2, 1.4, "long"), (1.5, 1.9, "late")],
        chapters=[(0, 1, "one"), (1, 2, "two")],
    )
    cut = Range(first=20, last=31)
    written, seen, _ = restyle(
        path, tmp_path / f"out{suffix}", encode=Encode() if suffix == ".nut" else FAST, wanted=cut
    )
    assert [frame.index for frame in seen] == list(range(20, 32))
    begin = seen[0].time
    tick = Fraction(1, 1000)
    times = frame_times(written.path)
    assert times[0] == 0
    assert all(abs(a - (b.time - begin)) <= tick for a, b in zip(times, seen, strict=True))
    whole = {data: time for time, data in packets(path, "a:0")}
    sound = packets(written.path, "a:0")
    assert len(sound) in (23, 24, 25)  # half a second of 1024-sample packets
    assert all(abs(time - (whole[data] - begin)) <= tick for time, data in sound)
    assert -0.022 < sound[0][0] < 0.022
    assert 0.5 - 0.045 < sound[-1][0] < 0.5
    if suffix != ".nut":
        chapters = probe(written.path, "chapter=start_time,end_time")["chapters"]
        assert [round(float(c["start_time"]), 2) for c in chapters] == [0, round(float(1 - begin), 2)]
        assert float(chapters[-1]["end_time"]) == pytest.approx(0.5, abs=0.002)


@needs_ffprobe
def test_a_step_keeps_the_kept_frames_own_times(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=24)
    written, seen, _ = restyle(path, tmp_path / "out.mp4", wanted=Range(first=3, last=15, step=4))
    assert [frame.index for frame in seen] == [3, 7, 11, 15]
    assert frame_times(written.path) == [Fraction(n, 24) for n in (0, 4, 8, 12)]


def test_no_audio_drops_the_sound_alone(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", audio="aac", subtitles=[(0, 1, "words")])
    written, _, notices = restyle(path, tmp_path / "out.mp4", encode=replace(FAST, audio=False))
    with av.open(str(written.path)) as container:
        assert (len(container.streams.audio), len(container.streams.subtitles)) == (0, 1)
    assert notices == []


@needs_ffprobe
def test_what_does_not_fit_is_converted_with_a_notice_and_refused_when_strict(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", audio="aac", subtitles=[(0.1, 0.4, "Guten Tag")])
    quick = Encode(options={"cpu-used": "8"})
    written, _, notices = restyle(path, tmp_path / "out.webm", encode=quick)
    assert [("libopus" in n, "webvtt" in n) for n in notices] == [(True, False), (False, True)]
    streams = probe(written.path, "stream=codec_name,codec_type:stream_tags=language")["streams"]
    assert [s["codec_name"] for s in streams] == ["vp9", "opus", "webvtt"]
    assert [s["tags"].get("language") for s in streams[1:]] == ["deu", "fra"]
    (begin, _), *_ = packets(written.path, "s:0")
    assert begin == Fraction(1, 10)
    with av.open(str(written.path)) as container:
        seconds = sum(f.samples for f in container.decode(audio=0)) / 48000
    assert seconds == pytest.approx(1.0, abs=0.05)
    with pytest.raises(VidfxError, match="does not fit"):
        restyle(path, tmp_path / "strict.webm", encode=quick, strict=True)
    assert not (tmp_path / "strict.webm").exists()


def test_strict_refuses_before_anything_is_painted(tmp_path: Path) -> None:
    clip = source.open_clip(make_clip(tmp_path / "in.mkv", audio="aac", subtitles=[(0.1, 0.4, "Guten Tag")]))
    with pytest.raises(UsageError, match=r"does not fit into \.mp4"):
        sink.check_streams(Target.of(clip, tmp_path / "out.mp4", FAST, WHOLE))
    sink.check_streams(Target.of(clip, tmp_path / "out.mkv", FAST, WHOLE))
    quiet = Encode(audio=False)
    chapters = source.open_clip(make_clip(tmp_path / "in.mp4", audio="aac", chapters=[(0, 1, "one")]))
    with pytest.raises(UsageError, match="chapters"):
        sink.check_streams(Target.of(chapters, tmp_path / "out.avi", quiet, WHOLE))
    sink.check_streams(Target.of(chapters, tmp_path / "out.mov", quiet, WHOLE))


def test_pixels_that_are_not_square_are_said_or_written(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=3, aspect=Fraction(64, 45))
    for name, encode in (("x.mp4", FAST), ("x.mkv", FAST), ("y.mkv", Encode(codec="ffv1")), ("x.webm", Encode())):
        written, _, notices = restyle(path, tmp_path / name, encode=encode)
        kept = source.open_clip(written.path).sample_aspect_ratio == Fraction(64, 45)
        assert kept != any("not square" in notice for notice in notices), name


@needs_ffprobe
def test_subtitles_keep_their_words_between_mov_text_and_subrip(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", subtitles=[(0.1, 0.4, "Grüße"), (0.5, 0.9, "two\nlines")])
    there, _, notices = restyle(path, tmp_path / "there.mkv")
    back, _, _ = restyle(there.path, tmp_path / "back.mp4")
    assert len(notices) == 1
    words = [bytes(p)[2:].decode() for p in _raw(back.path) if p.size > 2]
    assert words == ["Grüße", "two\nlines"]


def _raw(path: Path) -> list[av.Packet]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(subtitles=0) if packet.size]


def test_a_cover_picture_is_copied_and_never_styled(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", cover=True, audio="aac")
    clip = source.open_clip(path)
    assert (clip.width, clip.height) == (96, 64)
    written, _, _ = restyle(path, tmp_path / "out.mp4")
    covers = []
    for file in (path, written.path):
        with av.open(str(file)) as container:
            cover = next(s for s in container.streams.video if s.disposition & av.stream.Disposition.attached_pic)
            covers.append([bytes(p) for p in container.demux(cover) if p.size])
    assert covers[0] == covers[1] != []


@needs_ffprobe
@pytest.mark.parametrize(
    ("tags", "names"),
    [
        ((1, 1, 1, 1), ("bt709", "tv", "bt709", "bt709")),
        ((6, 1, 6, 6), ("smpte170m", "tv", "smpte170m", "smpte170m")),
        ((5, 2, 5, 6), ("bt470bg", "pc", "bt470bg", "smpte170m")),
        ((9, 1, 9, 14), ("bt2020nc", "tv", "bt2020", "bt2020-10")),
        (None, (None, None, None, None)),
    ],
)
def test_colour_tags_and_colours_survive(
    tmp_path: Path, tags: tuple[int, int, int, int] | None, names: tuple[str | None, ...]
) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=3, colour=tags, options={"crf": "1"})
    written, seen, _ = restyle(path, tmp_path / "out.mp4", encode=Encode(crf=1, preset="ultrafast"))
    keys = ("color_space", "color_range", "color_primaries", "color_transfer")
    stream = probe(written.path, "stream=" + ",".join(keys))["streams"][0]
    assert tuple(stream.get(key) for key in keys) == names
    again = [frame.image for frame in source.read_frames(source.open_clip(written.path))]
    inner = np.s_[4:-4, 4:-4]
    for before, after in zip(seen, again, strict=True):
        difference = np.abs(before.image[inner].astype(int) - after[inner])
        assert difference.mean() < 2
        assert np.abs((before.image[inner].astype(float) - after[inner]).mean(axis=(0, 1))).max() < 0.8


@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (6, 1, 6, 6), (5, 2, 5, 6), (9, 1, 9, 14), None])
def test_smooth_pictures_come_back_within_two_steps(tmp_path: Path, tags: tuple[int, int, int, int] | None) -> None:
    y, x = np.mgrid[:64, :96].astype(np.float32)
    smooth = np.stack([60 + x / 2, 80 + y, 190 - x / 2], axis=-1).round().astype(np.uint8)
    path = make_clip(tmp_path / "in.mp4", pictures=[smooth] * 2, colour=tags)
    clip = source.open_clip(path)
    frames = [replace(frame, image=smooth) for frame in source.read_frames(clip)]
    lossless = Encode(codec="ffv1")
    written = sink.write(
        iter(frames), clip, tmp_path / "out.mkv", encode=lossless, wanted=Range(), metadata={}, notify=lambda _: None
    )
    back = next(source.read_frames(source.open_clip(written.path))).image
    difference = back.astype(int) - smooth
    assert np.abs(difference).max() <= 2
    assert np.abs(difference.mean(axis=(0, 1))).max() < 0.3


def test_a_container_without_colour_tags_gets_what_players_guess(tmp_path: Path) -> None:
    smooth = np.full((64, 96, 3), (200, 90, 40), np.uint8)
    path = make_clip(tmp_path / "in.mp4", pictures=[smooth] * 2, colour=(9, 2, 9, 14))
    written, seen, notices = restyle(path, tmp_path / "out.nut", encode=Encode())
    assert len(notices) == 1
    back = next(source.read_frames(source.open_clip(written.path))).image
    assert np.abs(back.astype(int) - seen[0].image).max() <= 2


@needs_ffprobe
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_turned_clip_comes_out_upright_without_a_turn(tmp_path: Path, rotation: int) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=4, rotation=rotation, aspect=Fraction(4, 3))
    written, seen, _ = restyle(path, tmp_path / "out.mp4")
    stream = probe(written.path, "stream=width,height,sample_aspect_ratio:stream_side_data=rotation")["streams"][0]
    turned = rotation in (90, 270)
    assert (stream["width"], stream["height"]) == ((64, 96) if turned else (96, 64))
    assert stream["sample_aspect_ratio"] == ("3:4" if turned else "4:3")
    assert not stream.get("side_data_list")
    expected = np.rot90(picture(0), rotation // 90).astype(int)
    assert np.abs(seen[0].image - expected).mean() < 6


@pytest.mark.parametrize("size", [(97, 64), (96, 65), (97, 65), (1, 1)])
@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".nut"])
def test_odd_sizes_stay_as_they_are(tmp_path: Path, size: tuple[int, int], suffix: str) -> None:
    path = make_clip(tmp_path / "in.mp4", size=size, frames=3, pix_fmt="yuv444p")
    clip = replace(source.open_clip(path), pix_fmt="yuv420p")
    notices: list[str] = []
    quick = FAST if suffix == ".mp4" else Encode()
    written = sink.write(
        source.read_frames(clip),
        clip,
        tmp_path / f"out{suffix}",
        encode=quick,
        wanted=Range(),
        metadata={},
        notify=notices.append,
    )
    out = source.open_clip(written.path)
    assert (out.width, out.height) == size
    assert len(notices) == (suffix == ".mp4")


def test_a_444_source_keeps_its_chroma(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=2, pix_fmt="yuv444p")
    written, _, _ = restyle(path, tmp_path / "out.mp4")
    assert written.pix_fmt == "yuv444p"


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        (Encode(codec="libx246"), Unavailable, "libx264"),
        (Encode(codec="aac"), UsageError, "audio"),
        (Encode(codec="libvpx"), UsageError, "cannot hold"),
        (Encode(options={"presett": "fast"}), UsageError, "presett"),
        (Encode(preset="snail"), UsageError, "refuses"),
        (Encode(pix_fmt="rgb47"), UsageError, "yuv420p"),
        (Encode(codec="prores_ks", crf=20), UsageError, "crf"),
        (Encode(codec="libx264", crf=180), UsageError, "0 is without loss, 51 the worst"),
        (Encode(codec="libx264", crf=-1, pix_fmt="yuv420p"), UsageError, "crf -1 for yuv420p"),
    ],
)
def test_settings_that_make_no_sense_are_named(
    tmp_path: Path, settings: Encode, error: type[VidfxError], words: str
) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=2)
    with pytest.raises(error) as caught:
        restyle(path, tmp_path / "out.mov", encode=settings)
    assert words in f"{caught.value} {caught.value.hint}"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4"]


@needs_ffprobe
def test_encoder_settings_are_honoured(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=12)
    settings = Encode(codec="libx265", crf=33, preset="ultrafast", pix_fmt="yuv420p10le", options={"g": "5"})
    written, _, _ = restyle(path, tmp_path / "out.mkv", encode=settings)
    stream = probe(written.path, "stream=codec_name,pix_fmt")["streams"][0]
    assert (stream["codec_name"], stream["pix_fmt"]) == ("hevc", "yuv420p10le")
    keys = [p["flags"][0] == "K" for p in probe(written.path, "packet=flags")["packets"]]
    assert [i for i, key in enumerate(keys) if key][:2] == [0, 5]


@needs_ffprobe
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_hevc_has_the_tag_that_apple_plays(tmp_path: Path, suffix: str) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=4)
    written, _, _ = restyle(path, tmp_path / f"out{suffix}", encode=Encode(codec="libx265", preset="ultrafast"))
    stream = probe(written.path, "stream=codec_tag_string", "packet=pts")
    assert (stream["streams"][0]["codec_tag_string"], len(stream["packets"])) == ("hvc1", 4)


def test_frames_counted_out_must_be_frames_counted_in(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=9, rate=25)
    for suffix in (".mp4", ".avi"):
        written, seen, _ = restyle(path, tmp_path / f"out{suffix}")
        assert written.frames == len(seen) == 9
        assert len(list(source.read_frames(source.open_clip(written.path)))) == 9


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit, RuntimeError])
def test_nothing_is_left_behind_when_the_frames_fail(tmp_path: Path, error: type[BaseException]) -> None:
    path = make_clip(tmp_path / "in.mp4")
    clip = source.open_clip(path)

    def frames() -> Iterator[Frame]:
        yield from islice(source.read_frames(clip), 5)
        raise error

    output = tmp_path / "out.mp4"
    output.write_bytes(b"the old one")
    with pytest.raises(error):
        sink.write(
            frames(), clip, output, encode=FAST, wanted=Range(), metadata={}, overwrite=True, notify=lambda _: None
        )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]
    assert output.read_bytes() == b"the old one"


def test_the_name_appears_only_when_the_file_is_whole(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4")
    output = tmp_path / "out.mp4"
    there: list[bool] = []
    restyle(path, output, on_frame=lambda _: there.append(output.exists()))
    assert there == [False] * 24
    assert output.exists()


def test_a_full_disk_asks_to_try_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "in.mp4")

    def is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("vidfx.parts.packets.PartWriter._write", is_full)
    with pytest.raises(TryAgain, match="disk is full"):
        restyle(path, tmp_path / "out.mkv")
    assert [left.name for left in tmp_path.iterdir()] == ["in.mp4"]


def test_check_output_refuses_early(tmp_path: Path) -> None:
    clip = source.open_clip(make_clip(tmp_path / "in.mp4", frames=2))
    still = replace(clip, kind="still")

    def refusal(output: Path, of: Clip = clip) -> VidfxError:
        with pytest.raises(VidfxError) as caught:
            sink.check_output(output, of)
            sink.check_free(output, numbered="%" in output.name)
        return caught.value

    (tmp_path / "there.mp4").touch()
    (tmp_path / "s.0007.png").touch()
    for name, kind, words in [
        ("there.mp4", CannotWrite, "-y"),
        ("s.%04d.png", CannotWrite, "-y"),
        ("nowhere/out.mp4", CannotWrite, "folder"),
        ("in.mp4", UsageError, "the clip itself"),
        ("out.xyz", UsageError, ".mp4"),
        ("out", UsageError, ".mp4"),
        ("one.png", UsageError, "one.%04d.png"),
    ]:
        error = refusal(tmp_path / name)
        assert type(error) is kind, name
        assert words in f"{error} {error.hint}"
    assert type(refusal(tmp_path / "out.mp4", still)) is UsageError
    sink.check_output(tmp_path / "there.mp4", clip)
    with pytest.raises(UsageError):
        sink.check_output(tmp_path / "in.mp4", clip)


def test_no_picture_of_the_source_is_written_over(tmp_path: Path) -> None:
    """Neither by one picture nor by a sequence in which the source would be one, whatever -y says."""
    sequence = source.open_clip(make_sequence(tmp_path, frames=3))
    still = source.open_clip(tmp_path / "shot.1001.png")
    for clip, output, one_picture in [
        (sequence, "shot.1001.png", True),
        (sequence, "shot.####.png", False),
        (still, "shot.1001.png", False),
    ]:
        with pytest.raises(UsageError, match="the clip itself"):
            sink.check_output(tmp_path / output, clip, one_picture=one_picture)
    sink.check_output(tmp_path / "frame.0001.png", sequence, one_picture=True)


@needs_ffprobe
def test_a_films_name_may_hold_a_number_sign(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "shot #1 take #2.mp4", frames=3)
    (tmp_path / "Clip 13.mp4").touch()
    for name in ("shot #1 take #2.ink.mp4", "Clip #3.mp4", "100%d.mkv"):
        written, _, _ = restyle(path, tmp_path / name)
        assert written.path.name == name
        assert len(frame_times(written.path)) == 3
    with pytest.raises(MissingInput, match="Take #2"):
        source.open_clip(tmp_path / "Take #2.mp4")


@needs_ffmpeg
def test_counts_in_the_tags_of_a_copied_stream_go_when_it_is_cut(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mkv"
    counted = ["BPS=128000", "NUMBER_OF_FRAMES=999", "_STATISTICS_TAGS=BPS NUMBER_OF_FRAMES", "title=speech"]
    tags = [word for tag in counted for word in ("-metadata:s:a", tag)]
    made = make_clip(tmp_path / "in.mkv", frames=48, audio="aac")
    ffmpeg("-i", made, "-c", "copy", *tags, whole)
    for name, wanted, kept in (("all.mkv", WHOLE, True), ("cut.mkv", Range(first=24), False)):
        restyle(whole, tmp_path / name, wanted=wanted)
        found = probe(tmp_path / name, "stream_tags")["streams"][1]["tags"]
        assert found["title"] == "speech"
        assert ("NUMBER_OF_FRAMES" in found, "BPS" in found) == (kept, kept)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_check_output_sees_a_closed_folder(tmp_path: Path) -> None:
    clip = source.open_clip(make_clip(tmp_path / "in.mp4", frames=2))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(CannotWrite, match="may not be written"):
        sink.check_output(closed / "out.mp4", clip)


@needs_ffprobe
def test_two_frames_at_one_time_are_set_apart_with_a_notice(tmp_path: Path) -> None:
    clip = source.open_clip(make_clip(tmp_path / "in.mp4", frames=4))
    frames = list(source.read_frames(clip))
    frames[2] = replace(frames[2], pts=frames[1].pts)
    notices: list[str] = []
    written = sink.write(
        iter(frames), clip, tmp_path / "out.mp4", encode=FAST, wanted=Range(), metadata={}, notify=notices.append
    )
    times = frame_times(written.path)
    assert len(times) == 4
    assert times == sorted(set(times))
    assert len(notices) == 1


@needs_ffprobe
@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_tone_mapped_and_says_so(tmp_path: Path, transfer: int) -> None:
    """PQ code 0.58 and HLG code 0.75 are both diffuse white, 203 cd/m²: neither black, nor clipped, and neutral."""
    code = round({16: 0.5807, 18: 0.75}[transfer] * 255)
    grey = np.full((64, 96, 3), code, np.uint8)
    path = make_clip(tmp_path / "in.mp4", pictures=[grey] * 2, colour=(9, 1, 9, transfer), pix_fmt="yuv420p10le")
    written, seen, notices = restyle(path, tmp_path / "out.mp4")
    assert notices == [f"HDR ({'PQ' if transfer == 16 else 'HLG'}) source: tone-mapped to BT.709"]
    stream = probe(written.path, "stream=color_space,color_primaries,color_transfer")["streams"][0]
    assert set(stream.values()) == {"bt709"}
    white = seen[0].image.reshape(-1, 3).mean(axis=0)
    assert 180 < white.mean() < 250
    assert np.ptp(white) < 4


@needs_ffprobe
@pytest.mark.skipif(not MEDIA.is_dir(), reason="no real clips beside the repository")
@pytest.mark.parametrize("path", sorted([*MEDIA.glob("clips/*.*"), *MEDIA.glob("odd/*.*")]), ids=lambda p: p.name)
def test_real_clips(tmp_path: Path, path: Path) -> None:
    clip = source.open_clip(path)
    frames = list(islice(source.read_frames(clip, threads=1), 12))
    assert frames
    written = sink.write(
        iter(frames),
        clip,
        tmp_path / "out.mp4",
        encode=Encode(preset="ultrafast"),
        wanted=Range(),
        metadata={},
        notify=lambda _: None,
    )
    assert frame_times(written.path) == [frame.time for frame in frames]
    witness = frame_times(path, str(clip.stream_index))[:12] if path.stat().st_size < 1_500_000 else None
    assert witness in (None, [frame.time for frame in frames])


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only on Linux, and only root, may be urgent")
def test_an_encoder_takes_the_machine_from_nobody(tmp_path: Path) -> None:
    """SVT-AV1, started by root, makes real-time threads, one of them the caller's, whose processes inherit it."""

    def ordinary() -> bool:
        return {os.sched_getscheduler(int(task.name)) for task in Path("/proc/self/task").iterdir()} == {os.SCHED_OTHER}

    clip = source.open_clip(make_clip(tmp_path / "in.mp4", frames=12))

    def frames() -> Iterator[Frame]:
        for frame in source.read_frames(clip, wanted=WHOLE, threads=1):
            yield frame
            assert ordinary()

    encode = Encode(codec="libsvtav1", preset="12")
    sink.write(frames(), clip, tmp_path / "out.mkv", encode=encode, wanted=WHOLE, metadata={}, notify=print)
    assert [finding.works for finding in examine() if finding.name == "libsvtav1"] in ([True], [])
    assert ordinary()
