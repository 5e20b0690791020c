"""What a cut and a container with other rules do to subtitles, sound and a second film; ffmpeg is the witness."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import films
import numpy as np
import pytest
from clips import make_clip
from fftools import ffmpeg, needs_ffmpeg, packets, probe
from hypothesis import given
from hypothesis import strategies as st
from odd_clips import ODD

from vidfx import Encode, Range
from vidfx.cues import Cues

pytestmark = needs_ffmpeg
FILM = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=2")
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2")


def subtitles(path: Path) -> list[tuple[str, str, str]]:
    """Begin, end and words of each, as ffmpeg reads them."""
    text = ffmpeg("-i", path, "-map", "0:s", "-f", "srt", "-").decode().replace("\r", "")
    blocks = re.findall(r"(\d\d:\d\d:\d\d,\d+) --> (\d\d:\d\d:\d\d,\d+)\n(.*?)(?:\n\n|\Z)", text, re.S)
    return [(begin[6:], end[6:], words.replace("\n", "|")) for begin, end, words in blocks]


def with_subtitles(folder: Path, srt: str) -> Path:
    (folder / "in.srt").write_text(srt)
    path = folder / "in.mkv"
    ffmpeg(
        *FILM,
        *TONE,
        "-i",
        folder / "in.srt",
        "-map",
        0,
        "-map",
        1,
        "-map",
        2,
        "-c:v",
        "libx264",
        "-c:a",
        "flac",
        "-c:s",
        "copy",
        path,
    )
    return path


def click_at(path: Path) -> float:
    """When the first loud sample comes, in seconds."""
    sound = np.frombuffer(ffmpeg("-i", path, "-map", "0:a", "-ac", 1, "-ar", 48000, "-f", "s16le", "-"), np.int16)
    begins = float(probe(path, "stream=start_time", streams="a:0")["streams"][0]["start_time"])
    return float(np.argmax(np.abs(sound.astype(int)) > 6000)) / 48000 + begins


# --- subtitles ---------------------------------------------------------------------------------------------------

SIGN = """1
00:00:00,200 --> 00:00:01,800
SIGN

2
00:00:00,500 --> 00:00:00,900
one

3
00:00:01,000 --> 00:00:01,400
two
"""


def test_text_that_overlaps_keeps_its_times_where_the_container_knows_no_overlap(tmp_path: Path, style: str) -> None:
    films.render(with_subtitles(tmp_path, SIGN), tmp_path / "out.mp4", style)
    assert subtitles(tmp_path / "out.mp4") == [
        ("00,200", "00,500", "SIGN"),
        ("00,500", "00,900", "SIGN|one"),
        ("00,900", "01,000", "SIGN"),
        ("01,000", "01,400", "SIGN|two"),
        ("01,400", "01,800", "SIGN"),
    ]


def test_two_texts_on_screen_at_a_cut_are_both_seen(tmp_path: Path, style: str) -> None:
    source = with_subtitles(tmp_path, SIGN)
    films.render(source, tmp_path / "out.mp4", style, wanted=Range(start=Fraction(6, 10)))
    assert subtitles(tmp_path / "out.mp4")[:2] == [("00,000", "00,300", "SIGN|one"), ("00,300", "00,400", "SIGN")]


def test_converted_text_says_how_it_is_drawn(tmp_path: Path, style: str) -> None:
    """The sample description of 3GPP TS 26.245: flags, justification, box, style, fonts."""
    films.render(with_subtitles(tmp_path, SIGN), tmp_path / "out.mp4", style)
    data = (tmp_path / "out.mp4").read_bytes()
    at = data.index(b"tx3g")
    entry = data[at : at + int.from_bytes(data[at - 4 : at], "big") - 4]
    assert entry[12 + 30 + 4 :].startswith(b"ftab")


texts = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)), max_size=8)


@given(texts, st.lists(st.integers(0, 60), max_size=4))
def test_at_every_moment_the_same_words_are_shown(spans: list[tuple[int, int]], looks: list[int]) -> None:
    cues, pieces, waiting = Cues(), [], sorted(looks)
    for number, (begin, duration) in enumerate(sorted(spans)):
        while waiting and waiting[0] <= begin:
            pieces += cues.until(waiting.pop(0))
        pieces += cues.add(begin, duration, str(number))
    pieces += cues.until(None)
    assert all(now + length <= then for (now, length, _), (then, _, _) in pairwise(pieces))
    for moment in range(62):
        shown = [words for begin, length, words in pieces if begin <= moment < begin + length]
        wanted = [str(n) for n, (begin, length) in enumerate(sorted(spans)) if begin <= moment < begin + length]
        assert shown == ["\n".join(wanted)] * bool(wanted)


# --- ranges ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [(Range(end=Fraction(1), first=0, last=49), 1.0), (Range(first=0, last=9, end=Fraction(5)), 0.4)],
)
def test_sound_ends_with_whichever_bound_comes_first(tmp_path: Path, style: str, wanted: Range, seconds: float) -> None:
    ffmpeg(*FILM, *TONE, "-c:v", "libx264", "-c:a", "aac", tmp_path / "in.mkv")
    films.render(tmp_path / "in.mkv", tmp_path / "out.mkv", style, wanted=wanted)
    assert float(packets(tmp_path / "out.mkv", "a:0")[-1][0]) == pytest.approx(seconds, abs=0.03)


# --- a second film -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "first"), [(".mov", 15), (".mkv", 24)])
def test_a_second_film_can_be_decoded_after_a_cut(tmp_path: Path, style: str, suffix: str, first: int) -> None:
    """From the cut on where players trim, else from its first whole picture on, which is said."""
    source = tmp_path / "in.mov"
    ffmpeg(*FILM, "-map", 0, "-map", 0, "-c:v", "libx264", "-g", 12, "-bf", 2, "-sc_threshold", 0, source)
    out = tmp_path / f"out{suffix}"
    wanted = Range(start=Fraction(6, 10), end=Fraction(3, 2))
    done = films.render(source, out, style, wanted=wanted)

    def hashes(path: Path) -> list[str]:
        text = ffmpeg("-i", path, "-map", "0:1", "-fps_mode", "passthrough", "-f", "framemd5", "-").decode()
        return [line.split(",")[-1].strip() for line in text.splitlines() if not line.startswith("#")]

    count = 37 - first  # up to frame 37, which lies before 1.5 s
    assert hashes(out)[:count] == hashes(source)[first : first + count]
    assert any("with its first whole one" in notice for notice in done.notices) == (suffix == ".mkv")


@pytest.mark.parametrize("name", ["cover.mp4", "cover.mkv"])
def test_a_cover_is_no_second_film(folder: Path, tmp_path: Path, style: str, name: str) -> None:
    done = films.render(ODD[name](folder), tmp_path / "out.mp4", style, wanted=Range(start=Fraction(6, 10)))
    assert not [notice for notice in done.notices if "video" in notice]
    streams = probe(done.path, "stream_disposition=attached_pic")["streams"]
    assert sum(stream["disposition"]["attached_pic"] for stream in streams) == 1


# --- sound -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".nut", ".avi"])
def test_sound_in_long_packets_is_whole_after_a_cut(tmp_path: Path, style: str, suffix: str) -> None:
    """TTA has a second in each: the click at 1 s lies in the packet that the cut falls into."""
    click = "aevalsrc='if(between(t,1,1.01),0.9*sin(6283*t),0)':sample_rate=48000:duration=2"
    ffmpeg(*FILM, "-f", "lavfi", "-i", click, "-c:v", "libx264", "-c:a", "tta", tmp_path / "in.mkv")
    films.render(tmp_path / "in.mkv", tmp_path / f"out{suffix}", style, wanted=Range(start=Fraction(13, 25)))
    assert click_at(tmp_path / f"out{suffix}") == pytest.approx(0.48, abs=0.012)


def test_a_copied_packet_that_cannot_be_cut_is_said(tmp_path: Path, style: str) -> None:
    ffmpeg(*FILM, *TONE, "-c:v", "libx264", "-c:a", "tta", tmp_path / "in.mkv")
    done = films.render(tmp_path / "in.mkv", tmp_path / "out.mkv", style, wanted=Range(start=Fraction(13, 25)))
    assert any("0.52 s after the picture: its packets cannot be cut" in notice for notice in done.notices)


@pytest.mark.parametrize("codec", ["flac", "eac3", "libvorbis", "mp2"])
def test_sound_in_avi_keeps_its_clock(tmp_path: Path, style: str, codec: str) -> None:
    ffmpeg(*FILM, *TONE, "-c:v", "libx264", "-c:a", codec, tmp_path / "in.mkv")
    films.render(tmp_path / "in.mkv", tmp_path / "out.avi", style)
    assert float(packets(tmp_path / "out.avi", "a:0")[-1][0]) == pytest.approx(1.97, abs=0.08)


def test_channels_stay_or_are_said_to_go(tmp_path: Path, style: str) -> None:
    ffmpeg(*FILM, *TONE, "-c:v", "libx264", "-c:a", "flac", "-ac", 5, tmp_path / "in.mkv")
    films.render(tmp_path / "in.mkv", tmp_path / "out.webm", style)
    # libopus would put five of them on wrong speakers
    assert probe(tmp_path / "out.webm", "stream=channels", streams="a:0")["streams"][0]["channels"] == 6
    done = films.render(tmp_path / "in.mkv", tmp_path / "out.avi", style)
    assert any("5 channels mixed down to 2" in notice for notice in done.notices)


# --- clocks ------------------------------------------------------------------------------------------------------


def test_avi_takes_a_codec_with_a_coarse_clock_from_a_film_with_a_fine_one(tmp_path: Path, style: str) -> None:
    make_clip(tmp_path / "phone.mp4", frames=10, time_base=Fraction(1, 90000), pts=[3000 * n for n in range(10)])
    films.render(tmp_path / "phone.mp4", tmp_path / "out.avi", style, encode=Encode(codec="mpeg4"))
    assert len(films.pictures(tmp_path / "out.avi")) == 10


def test_a_last_picture_that_is_held_is_not_taken_for_a_loss(tmp_path: Path, style: str) -> None:
    times = [0, 40, 80, 120, 160, 1000, 1040]
    made = make_clip(
        tmp_path / "in.mp4", pts=times, time_base=Fraction(1, 1000), last_duration=5000, b_frames=0, audio="aac"
    )
    ffmpeg("-i", made, "-c", "copy", tmp_path / "in.mkv")
    films.render(tmp_path / "in.mkv", tmp_path / "out.mp4", style, strict=True)
    assert float(probe(tmp_path / "out.mp4", "stream=duration", streams="v:0")["streams"][0]["duration"]) == 6.04


def test_a_tag_that_outlived_a_cut_is_not_believed(tmp_path: Path, style: str) -> None:
    old = ("-metadata:s:v", "DURATION-eng=00:00:02.000000000")
    ffmpeg(*FILM, "-c:v", "libx264", "-g", 12, *old, tmp_path / "whole.mkv")
    for name in ("cut.mkv", "cut.nut"):
        ffmpeg("-i", tmp_path / "whole.mkv", "-t", 1, "-c", "copy", tmp_path / name)
        films.render(tmp_path / name, tmp_path / f"out.{name}.mkv", style, strict=True)
