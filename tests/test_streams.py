"""What is not the picture: copied, cut in step, converted where it must be, and said where it is lost."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import films
import numpy as np
import pytest
import witness
from fftools import ffmpeg, needs_ffmpeg, probe
from odd_clips import ODD

from vidfx import Encode, Range, UnreadableInput, UsageError
from vidfx.timecode import later

pytestmark = needs_ffmpeg


def rendered(source: Path, output: Path, style: str, **settings: Any) -> tuple[witness.Seen, tuple[str, ...]]:
    """The film as ffprobe sees it, and what was said while it was made."""
    done = films.render(source, output, style, **settings)
    return witness.see(done.path), done.notices


def data_of(stream: witness.Stream) -> list[str]:
    return [data for _, data in stream.packets]


@pytest.mark.parametrize(
    "name", ["many_sounds.mkv", "many_sounds.mp4", "subtitles.mkv", "subtitles.mp4", "two_films.mp4", "two_films.mkv"]
)
def test_every_stream_is_copied_with_its_tags(folder: Path, tmp_path: Path, style: str, name: str) -> None:
    path = ODD[name](folder)
    before = witness.see(path)
    after, notices = rendered(path, tmp_path / f"out{path.suffix}", style)
    assert notices == ()
    assert after.film == before.film
    assert [s.codec for s in after.others] == [s.codec for s in before.others] != []
    for ours, theirs in zip(after.others, before.others, strict=True):
        assert ours.packets == theirs.packets
        assert ours.tags == theirs.tags
        assert ours.says["disposition"] == theirs.says["disposition"]


def test_another_video_stream_can_be_painted_and_the_default_one_is_copied(
    folder: Path, tmp_path: Path, style: str
) -> None:
    path = ODD["two_films.mkv"](folder)
    before = witness.see(path, film=0)
    after, _ = rendered(path, tmp_path / "out.mkv", style, video_stream=0)
    after = witness.see(after.path, film=0)
    assert after.frames == before.frames
    assert len(after.frames) == 50
    assert [data_of(s) for s in after.others] == [data_of(s) for s in before.others]


@pytest.mark.parametrize(("name", "suffix"), [("cover.mkv", ".mkv"), ("cover.mp4", ".mkv"), ("cover.mkv", ".mp4")])
def test_a_cover_stays_a_cover(folder: Path, tmp_path: Path, style: str, name: str, suffix: str) -> None:
    path = ODD[name](folder)
    after, notices = rendered(path, tmp_path / f"out{suffix}", style)
    covers = [[data_of(s) for s in seen.others if s.cover] for seen in (witness.see(path), after)]
    assert covers[0] == covers[1] != []
    assert notices == ()


@pytest.mark.parametrize(
    ("name", "suffix", "lost"),
    [
        ("chapters.mkv", ".mp4", "font.ttf attachment"),
        ("cover.mp4", ".webm", "cover picture"),
        ("two_films.mkv", ".webm", "h264 video"),
        ("data.ts", ".mkv", "bin_data data"),
        ("subtitles.mkv", ".mp4", "pgssub subtitle"),
    ],
)
def test_what_has_no_place_is_dropped_with_one_line_and_refused_when_strict(
    folder: Path, tmp_path: Path, style: str, name: str, suffix: str, lost: str
) -> None:
    path = ODD[name](folder)
    with pytest.raises(UsageError, match="does not fit"):
        rendered(path, tmp_path / f"strict{suffix}", style, strict=True)
    assert not (tmp_path / f"strict{suffix}").exists()
    _, notices = rendered(path, tmp_path / f"out{suffix}", style)
    assert [f"({lost}) does not fit into {suffix}: dropped" in notice for notice in notices].count(True) == 1


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_time_code_moves_on_with_the_cut(folder: Path, tmp_path: Path, style: str, suffix: str) -> None:
    path = ODD["pcm_timecode.mov"](folder)
    for wanted, expected in ((Range(), "01:00:00:00"), (Range(first=30), "01:00:01:05")):
        after, _ = rendered(path, tmp_path / f"out{wanted.first}{suffix}", style, wanted=wanted)
        assert after.picture["tags"]["timecode"] == expected


@pytest.mark.parametrize(
    ("code", "frames", "rate", "expected"),
    [
        ("01:00:00:00", 25, 25, "01:00:01:00"),
        ("00:00:59;29", 1, Fraction(30000, 1001), "00:01:00;02"),
        ("00:09:59;29", 1, Fraction(30000, 1001), "00:10:00;00"),
        ("00:00:00;00", 107892, Fraction(30000, 1001), "01:00:00;00"),
        ("00:00:59;59", 1, Fraction(60000, 1001), "00:01:00;04"),
        ("23:59:59:23", 1, 24, "00:00:00:00"),
        ("no time code", 9, 24, "no time code"),
    ],
)
def test_time_codes_count_as_smpte_does(code: str, frames: int, rate: Fraction, expected: str) -> None:
    assert later(code, frames, Fraction(rate)) == expected


def test_subtitles_and_chapters_are_cut_to_the_range(folder: Path, tmp_path: Path, style: str) -> None:
    """Words from 0.2 to 0.9 and 1.1 to 1.8, pictures of text from 0 to 0.6 and 1 to 1.4; cut from 0.4 to 1.2."""
    path = ODD["subtitles.mkv"](folder)
    wanted = Range(start=Fraction(4, 10), end=Fraction(12, 10))
    after, _ = rendered(path, tmp_path / "out.mkv", style, wanted=wanted)
    assert len(after.frames) == 20
    answer = probe(after.path, "packet=stream_index,pts_time,duration_time", streams="s")
    shown: dict[int, list[tuple[float, float]]] = {}
    for packet in answer["packets"]:
        times = float(packet["pts_time"]), float(packet.get("duration_time", 0))
        shown.setdefault(packet["stream_index"], []).append((round(times[0], 3), round(times[1], 3)))
    assert shown[1] == shown[2] == [(0, 0.5), (0.7, 0.1)]
    assert [begin for begin, _ in shown[3]] == [0, 0.2, 0.6]


@pytest.mark.parametrize("suffix", [".webm", ".mp4", ".avi"])
def test_sound_that_is_converted_stays_in_step(tmp_path: Path, style: str, suffix: str) -> None:
    """A click at 1.2 s is at 1.2 s afterwards, to within 15 ms."""
    path = tmp_path / "in.mkv"
    click = "aevalsrc='if(between(t,1.2,1.21),0.9*sin(6283*t),0)':sample_rate=44100:duration=2"
    film = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=2")
    codec = {".webm": "pcm_s24le", ".mp4": "wmav2", ".avi": "libopus"}[suffix]
    ffmpeg(*film, "-f", "lavfi", "-i", click, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", codec, path)
    after, notices = rendered(path, tmp_path / f"out{suffix}", style)
    assert any("converted to" in notice for notice in notices)
    assert abs(_click(after.path) - _click(path)) < 0.015
    assert _click(path) == pytest.approx(1.2, abs=0.015)


def _click(path: Path) -> float:
    """When the loudest moment comes, by ffmpeg, in seconds from the first picture."""
    video = witness.see(path)
    form = ("-ac", "1", "-ar", "48000", "-af", "aresample=async=1:first_pts=0", "-f", "s16le")
    sound = np.frombuffer(ffmpeg("-copyts", "-i", path, "-map", "0:a", *form, "-"), np.int16)
    return float(np.argmax(np.abs(sound.astype(int)) > 8000)) / 48000 - float(video.start)


def test_sound_that_fails_half_way_is_silence_from_there_on_and_said(folder: Path, tmp_path: Path, style: str) -> None:
    path = ODD["sound_fails.mkv"](folder)
    after, notices = rendered(path, tmp_path / "out.webm", style)
    assert len(after.frames) == 50
    assert "48 damaged packets of stream 1 (audio) left out" in notices


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".nut"])
def test_a_film_before_time_0_moves_to_0_with_its_sound(folder: Path, tmp_path: Path, style: str, suffix: str) -> None:
    path = ODD["wrap.ts"](folder)
    before = witness.see(path)
    encode = Encode(codec="libx264", preset="ultrafast")
    after, notices = rendered(path, tmp_path / f"out{suffix}", style, encode=encode)
    assert "begins 0.600 s before time 0" in notices[0]
    difference = witness.worst(before, after, shift=before.start)
    assert difference is not None
    assert difference <= witness.TICK
    (theirs,), (ours,) = ([s.packets for s in seen.others] for seen in (before, after))
    last = theirs[-1][0], ours[-1][0]
    assert last[0] is not None
    assert last[1] is not None
    assert abs(last[1] - (last[0] - before.start)) <= witness.TICK


def test_a_clock_that_restarts_restarts_for_sound_and_picture_alike(folder: Path, tmp_path: Path, style: str) -> None:
    after, _ = rendered(ODD["jump_back.ts"](folder), tmp_path / "out.mp4", style)
    (sound,) = after.others
    assert len(after.frames) == 50
    times = [float(time) for time, _ in sound.packets if time is not None]
    assert max(np.diff(times)) < 0.1
    assert abs(times[-1] - float(after.frames[-1])) < 0.1


@pytest.mark.parametrize("source", ["vfr.mp4", "chapters.mkv", "vp8.webm", "mpeg2.ts", "29.97.avi", "ffv1.nut"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_every_container_goes_into_every_other(
    folder: Path, tmp_path: Path, style: str, source: str, suffix: str
) -> None:
    path = ODD[source](folder)
    before = witness.see(path)
    after, notices = rendered(path, tmp_path / f"out{suffix}", style, wanted=Range(last=7))
    assert len(after.frames) == 8
    differences = [abs(a - (b - before.start)) for a, b in zip(after.frames, before.frames, strict=False)]
    assert max(differences) <= (witness.TICK if suffix in (".mkv", ".webm") else 0)
    kinds = [stream.kind for stream in after.others]
    assert kinds.count("audio") == [stream.kind for stream in before.others].count("audio")
    copied = [s.codec for s in after.others if s.codec in {t.codec for t in before.others}]
    assert copied or "audio" not in kinds or any("converted" in notice for notice in notices)


@pytest.mark.parametrize("name", ["b_frames.avi", "29.97.avi"])
def test_avi_keeps_its_frames_in_step_with_its_sound(folder: Path, tmp_path: Path, style: str, name: str) -> None:
    path = ODD[name](folder)
    before = witness.see(path)
    after, notices = rendered(path, tmp_path / "out.avi", style)
    assert notices == ()
    assert after.frames[1:] == before.frames[1:]
    assert after.frames[0] == 0  # AVI shows its first frame from the beginning
    assert [s.packets for s in after.others] == [s.packets for s in before.others]


@pytest.mark.parametrize("codec", ["ac3", "libmp3lame", "mp2", "aac"])
def test_sound_from_avi_to_avi_keeps_its_clock(tmp_path: Path, style: str, codec: str) -> None:
    film = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=2")
    ffmpeg(*film, "-f", "lavfi", "-i", "sine=duration=2:r=48000", "-c:v", "mpeg4", "-c:a", codec, tmp_path / "in.avi")
    (before,) = witness.see(tmp_path / "in.avi").others
    after, notices = rendered(tmp_path / "in.avi", tmp_path / "out.avi", style)
    (sound,) = after.others
    if codec == "aac":
        assert ["converted to libmp3lame" in notice for notice in notices] == [True]
        assert abs(float(sound.says["duration"]) - 2) < 0.1
    else:
        assert notices == ()
        assert sound.packets == before.packets
        assert sound.says["nb_frames"] == before.says["nb_frames"]


def test_sound_whose_headers_are_damaged_is_left_out_lest_no_player_opens_the_file(
    folder: Path, tmp_path: Path, style: str
) -> None:
    data = bytearray(ODD["vp8.webm"](folder).read_bytes())
    place = data.index(b"\x05vorbis") + 10
    data[place : place + 60] = b"\xff" * 60
    path = tmp_path / "in.webm"
    path.write_bytes(data)
    with pytest.raises(UnreadableInput, match="headers of stream 1"):
        rendered(path, tmp_path / "strict.mkv", style, strict=True)
    after, notices = rendered(path, tmp_path / "out.mkv", style)
    assert "the headers of stream 1 (vorbis audio) are damaged: dropped" in notices
    assert after.others == []
    assert probe(after.path, "packet=pts", streams="v:0")["packets"]


@pytest.mark.parametrize(
    ("codec", "output"),
    [
        ("adpcm_ms", "out.avi"),
        ("adpcm_ima_wav", "out.avi"),
        ("alac", "out.nut"),
        ("tta", "out.nut"),
        ("wmav2", "out.nut"),
    ],
)
def test_sound_that_a_container_only_seems_to_hold_is_converted(
    tmp_path: Path, style: str, codec: str, output: str
) -> None:
    path = tmp_path / "in.mkv"
    film = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")
    ffmpeg(*film, "-f", "lavfi", "-i", "sine=duration=1", "-c:v", "mpeg4", "-c:a", codec, path)
    after, notices = rendered(path, tmp_path / output, style)
    assert ["converted to" in notice for notice in notices] == [True]
    (sound,) = after.others
    assert len(sound.packets) > 5
    assert sound.codec in ("mp3", "flac")


def test_pictures_of_text_without_a_length_fit_into_mp4(folder: Path, tmp_path: Path, style: str) -> None:
    before = witness.see(ODD["subtitles_dvd.mkv"](folder))
    after, notices = rendered(before.path, tmp_path / "out.mp4", style)
    assert notices == ()
    (ours,), (theirs,) = after.others, before.others
    assert ours.codec == theirs.codec == "dvd_subtitle"
    assert [packet for packet in ours.packets if packet in theirs.packets] == theirs.packets


@pytest.mark.parametrize(
    ("name", "output", "said"),
    [
        ("sphere.mp4", "out.mp4", ["projection"]),
        ("two_eyes.mkv", "out.mp4", ["two eyes"]),
        ("two_eyes.mkv", "out.mkv", []),
        ("captions.ts", "out.mkv", ["captions"]),
    ],
)
def test_marks_that_cannot_be_written_are_said(
    folder: Path, tmp_path: Path, style: str, name: str, output: str, said: list[str]
) -> None:
    path = ODD[name](folder)
    after, notices = rendered(path, tmp_path / output, style)
    assert [word for word in ("projection", "two eyes", "captions") if word in " ".join(notices)] == said
    entries = ("stream_side_data", "frame_side_data=side_data_type")
    shown = [str(probe(file, *entries, streams="v:0")) for file in (path, after.path)]
    marked = [any(kind in text for kind in ("Spherical", "Stereo 3D", "Closed Captions")) for text in shown]
    assert marked == [True, not said]


def test_the_page_of_files_has_a_row_for_each_and_none_unexplained() -> None:
    page = (Path(__file__).parents[1] / "docs" / "files.md").read_text(encoding="utf-8")
    assert [name for name in ODD if f"| `{name}` |" not in page] == []
    assert "unexplained" not in page
