"""What one container holds and another does not: carried where there is a way, said where there is none."""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import witness
from clips import make_clip, picture
from fftools import ffmpeg, needs_ffmpeg
from field_pictures import write_field_pictures
from films import render
from numpy.typing import NDArray
from odd_clips import ODD

from vidfx import Range, UsageError
from vidfx.parts.plan import plan
from vidfx.settings import Job
from vidfx.source import open_clip, read_frames

pytestmark = needs_ffmpeg


def words(path: Path) -> str:
    """The first track of subtitles, as FFmpeg reads it."""
    return ffmpeg("-i", path, "-map", "0:s:0", "-f", "srt", "-").decode()


def samples(path: Path) -> NDArray[np.int16]:
    """The sound in one channel at 8 kHz, from time 0 on."""
    said = ("-af", "aresample=async=1:first_pts=0", "-ac", "1", "-ar", "8000", "-f", "s16le")
    return np.frombuffer(ffmpeg("-i", path, *said, "-"), np.int16)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm"])
def test_the_shortest_line_is_a_line(tmp_path: Path, style: str, suffix: str) -> None:
    said = [(0.1, 0.4, "No"), (0.5, 0.9, "OK")]
    source = make_clip(tmp_path / "in.mkv", subtitles=said)
    text = words(render(source, tmp_path / f"out{suffix}", style).path)
    assert "No" in text and "OK" in text


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [("srt", ".webm", "a &lt; b &amp; c"), ("srt", ".mp4", "a < b & c"), ("vtt", ".mkv", "a < b & c")],
)
def test_marks_and_entities_mean_the_same_in_the_other_format(
    tmp_path: Path, style: str, source: str, target: str, expected: str
) -> None:
    film = make_clip(tmp_path / "film.mkv")
    (tmp_path / "a.srt").write_text("1\n00:00:00,100 --> 00:00:00,800\n{\\an8}a < b & c\n\n")
    (tmp_path / "a.vtt").write_text("WEBVTT\n\n00:00.100 --> 00:00.800\na &lt; b &amp; c\n\n")
    webm = ("in.webm", "-c:v", "libvpx-vp9", "-c:s", "webvtt")
    name, *codecs = webm if source == "vtt" else ("in.mkv", "-c:v", "copy", "-c:s", "subrip")
    ffmpeg("-i", film, "-i", tmp_path / f"a.{source}", *codecs, tmp_path / name)
    with av.open(str(render(tmp_path / name, tmp_path / f"out{target}", style).path)) as container:
        said = b"".join(bytes(packet) for packet in container.demux(subtitles=0)).decode("utf-8", "replace")
    assert expected in said and "an8" not in said


def test_drawings_of_ass_are_no_words(tmp_path: Path, style: str) -> None:
    film = make_clip(tmp_path / "film.mkv")
    lines = ["{\\p1}m 0 0 l 10 0 10 10{\\p0}", "one\\htwo"]
    head = (
        "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,Arial\n\n[Events]\n"
    )
    head += "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    events = [f"Dialogue: 0,0:00:00.{n}0,0:00:00.{n + 3}0,Default,,0,0,0,,{text}\n" for n, text in enumerate(lines, 1)]
    (tmp_path / "a.ass").write_text(head + "".join(events))
    ffmpeg("-i", film, "-i", tmp_path / "a.ass", "-c:v", "copy", "-c:s", "ass", tmp_path / "in.mkv")
    text = words(render(tmp_path / "in.mkv", tmp_path / "out.mp4", style).path)
    assert "one\u00a0two" in text and "10 10" not in text


def test_pcm_whose_channels_have_no_places_fits_into_mp4(tmp_path: Path, style: str) -> None:
    film = make_clip(tmp_path / "film.mkv")
    sound = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=1")
    ffmpeg("-i", film, *sound, "-c:v", "copy", "-c:a", "pcm_s16le", "-ac", "2", tmp_path / "in.mkv")
    done = render(tmp_path / "in.mkv", tmp_path / "out.mp4", style)
    assert done.notices == ()
    assert np.array_equal(samples(tmp_path / "in.mkv"), samples(done.path))


def test_a_damaged_packet_of_sound_costs_no_film(tmp_path: Path, style: str) -> None:
    source = make_clip(tmp_path / "in.mkv", frames=48, audio="ac3")
    with av.open(str(source)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    broken = packets[len(packets) // 2]
    source.write_bytes(source.read_bytes().replace(broken, b"\xff" * len(broken)))
    done = render(source, tmp_path / "out.mp4", style)
    assert done.frames == 48 == len(witness.see(done.path).frames)
    assert any("1 damaged packet of stream 1 (audio) left out" in notice for notice in done.notices)


def test_sound_that_begins_late_begins_late_in_avi_too(tmp_path: Path, style: str) -> None:
    source = make_clip(tmp_path / "in.mov", frames=36, audio="aac", audio_start=Fraction(1, 2))
    done = render(source, tmp_path / "out.avi", style)
    starts = [np.flatnonzero(np.abs(samples(path)) > 500)[0] / 8000 for path in (source, done.path)]
    assert starts[0] > 0.4 and abs(starts[0] - starts[1]) < 0.06


def test_a_cover_that_mp4_does_not_know_is_dropped_and_said(tmp_path: Path, style: str) -> None:
    film = make_clip(tmp_path / "film.mkv")
    cv2.imwrite(str(tmp_path / "cover.png"), picture(0))
    ffmpeg("-i", tmp_path / "cover.png", tmp_path / "cover.gif")
    mime = ("-metadata:s:t", "mimetype=image/gif")
    ffmpeg("-i", film, "-c", "copy", "-attach", tmp_path / "cover.gif", *mime, tmp_path / "in.mkv")
    done = render(tmp_path / "in.mkv", tmp_path / "out.mp4", style)
    assert any("cover picture) does not fit into .mp4: dropped" in notice for notice in done.notices)


def test_a_second_film_that_avi_refuses_is_dropped_and_said(folder: Path, tmp_path: Path, style: str) -> None:
    done = render(ODD["two_films.mkv"](folder), tmp_path / "out.avi", style)
    assert any("(h264 video) does not fit into .avi: dropped" in notice for notice in done.notices)


def test_chapters_are_said_to_be_lost_in_avi_and_leave_no_nameless_stream(tmp_path: Path, style: str) -> None:
    source = make_clip(tmp_path / "in.mp4", chapters=[(0, 0.5, "one"), (0.5, 1, "two")])
    done = render(source, tmp_path / "out.avi", style)
    assert any("chapters do not fit into .avi" in notice for notice in done.notices)
    with av.open(str(done.path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    with pytest.raises(UsageError, match="chapters"):
        render(source, tmp_path / "strict.avi", style, strict=True)


@needs_ffmpeg
def test_a_time_code_is_said_to_be_lost_in_avi(tmp_path: Path, style: str) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=4)
    ffmpeg("-i", source, "-c", "copy", "-timecode", "01:00:00:00", tmp_path / "coded.mov")
    for suffix, lost in ((".avi", True), (".mov", False), (".mkv", False)):
        done = render(tmp_path / "coded.mov", tmp_path / f"out{suffix}", style)
        assert any("time code" in notice for notice in done.notices) == lost, suffix


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_may_be_no_text_at_all(tmp_path: Path, style: str) -> None:
    source = make_clip(tmp_path / "film.mp4").rename(os.fsdecode(bytes(tmp_path / "bad") + b"\xff.mp4"))
    done = render(source, source.with_name(source.stem + ".ink.mp4"), style)
    assert done.path.exists() and done.frames == 24


def test_a_bare_dv_file_has_the_rate_of_its_pictures(tmp_path: Path) -> None:
    film = ("-f", "lavfi", "-i", "testsrc2=size=720x576:rate=25:duration=0.2")
    ffmpeg(*film, "-c:v", "dvvideo", "-pix_fmt", "yuv420p", tmp_path / "in.dv")
    assert open_clip(tmp_path / "in.dv").rate == 25


def test_times_finer_than_an_encoder_keeps_go_through_it(tmp_path: Path, style: str) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=12, rate=Fraction(24000, 1001))
    done = render(source, tmp_path / "out.webm", style)
    assert len(witness.see(done.path).frames) == 12


def test_a_packet_may_hold_one_field_of_a_picture(tmp_path: Path, style: str) -> None:
    raw, source = write_field_pictures(tmp_path / "fields.h264", 48), tmp_path / "in.mkv"
    ffmpeg("-r", "25", "-i", raw, "-c", "copy", tmp_path / "fields.ts")
    ffmpeg("-i", tmp_path / "fields.ts", "-c", "copy", source)
    clip = open_clip(source)
    whole = list(read_frames(clip))
    cut = list(read_frames(clip, wanted=Range(first=40, last=44)))
    assert len(whole) == 48
    assert [f.index for f in cut] == [40, 41, 42, 43, 44]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(whole[40:45], cut, strict=True))
    assert (
        sum(
            part.last - part.first + 1
            for part in plan(Job(source=source, output=tmp_path / "x.mkv", style=style)).parts
        )
        == 48
    )
    done = render(source, tmp_path / "out.mkv", style, strict=True)
    assert not any("decoded" in notice for notice in done.notices)


def test_a_range_that_ends_after_the_picture_cuts_no_sound(tmp_path: Path, style: str) -> None:
    film = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")
    ffmpeg(*film, "-f", "lavfi", "-i", "sine=duration=2", "-c:v", "libx264", "-c:a", "aac", tmp_path / "in.mp4")
    (whole,) = witness.see(tmp_path / "in.mp4").others
    for name, wanted in {"to": Range(end=Fraction(100)), "frames": Range(first=0, last=999)}.items():
        done = render(tmp_path / "in.mp4", tmp_path / f"{name}.mp4", style, wanted=wanted)
        (sound,) = witness.see(done.path).others
        assert [data for _, data in sound.packets][-40:] == [data for _, data in whole.packets][-40:]
    done = render(tmp_path / "in.mp4", tmp_path / "cut.mp4", style, wanted=Range(end=Fraction(3, 2)))
    (sound,) = witness.see(done.path).others
    assert 1.4 < float(sound.says["duration"]) < 1.6


def test_a_cut_ends_where_it_is_asked_to_whatever_the_rate(tmp_path: Path, style: str) -> None:
    """Pictures at 0 and from 5 s on: the first that is wanted comes long after the asked start."""
    pts = [0, *range(5, 20)]
    make_clip(tmp_path / "v.mp4", size=(64, 48), pts=pts, frames=16, time_base=Fraction(1), b_frames=0)
    ffmpeg(
        "-i", tmp_path / "v.mp4", "-f", "lavfi", "-i", "sine=d=20", "-c:v", "copy", "-c:a", "aac", tmp_path / "in.mp4"
    )
    done = render(tmp_path / "in.mp4", tmp_path / "out.mp4", style, wanted=Range(start=Fraction(1), end=Fraction(10)))
    (sound,) = witness.see(done.path).others
    assert 4.9 < float(sound.says["duration"]) < 5.1
