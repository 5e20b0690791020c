"""Every picture at its own time, whatever the file does with its clock; ffprobe and ffmpeg are the witnesses."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import witness
from fftools import needs_ffmpeg
from odd_clips import ODD

from vidfx import source
from vidfx.frames import Frame

pytestmark = needs_ffmpeg

AS_PLAYED = [
    "vfr.mp4",
    "vfr.mkv",
    "23.976.mp4",
    "59.94.mkv",
    "29.97.avi",
    "late_start.mp4",
    "negative_start.mp4",
    "cut_between_keyframes.mp4",
    "two_edits.mov",
    "empty_edit.mov",
    "fragmented.mp4",
    "open_gop.mkv",
    "open_gop_hevc.mp4",
    "jump_ahead.mkv",
    "jump_back.ts",
    "wrap.ts",
    "b_frames.avi",
    "h264_b_frames.avi",
    "bare.h264",
    "one_frame.mp4",
    "mpeg2.ts",
]


def read(path: Path, notices: list[str] | None = None) -> list[Frame]:
    heard: list[str] = []
    frames = list(source.read_frames(source.open_clip(path), threads=1, notify=heard.append))
    if notices is not None:
        notices += heard
    return frames


@pytest.mark.parametrize("name", AS_PLAYED)
def test_frames_come_when_ffmpeg_shows_them(folder: Path, name: str) -> None:
    path = ODD[name](folder)
    seen = witness.see(path)
    frames = read(path)
    assert [frame.time for frame in frames] == seen.frames != []
    assert [frame.index for frame in frames] == list(range(len(frames)))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("repeated_times.mkv", "8 pictures in"),
        ("jump_back.ts", "1 jump in the clock"),
        ("bare.h264", "50 pictures in"),
        ("vfr.mkv", ""),
        ("jump_ahead.mkv", ""),
        ("wrap.ts", ""),
        ("b_frames.avi", ""),
        ("h264_b_frames.avi", ""),
        ("cut_between_keyframes.mp4", ""),
        ("two_edits.mov", ""),
        ("open_gop.mkv", ""),
        ("open_gop_hevc.mp4", ""),
    ],
)
def test_what_was_mended_is_said_and_nothing_else(folder: Path, name: str, words: str) -> None:
    notices: list[str] = []
    assert read(ODD[name](folder), notices)
    assert len(notices) == bool(words)
    assert words in "".join(notices)


def test_repeated_times_are_set_one_tick_apart(folder: Path) -> None:
    times = [frame.time for frame in read(ODD["repeated_times.mkv"](folder))]
    assert times == [Fraction(40 * (n - (n % 3 == 2)) + (n % 3 == 2), 1000) for n in range(24)]


def test_an_edit_that_leaves_out_the_middle_leaves_it_out(folder: Path) -> None:
    path = ODD["two_edits.mov"](folder)
    assert len(read(path)) == 36  # 48 are stored
    assert source.open_clip(path).frame_count == 36
