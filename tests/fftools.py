"""FFmpeg's own commands: they make what PyAV does not, and are the witness of what vidfx reads and writes."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

needs_ffprobe = pytest.mark.skipif(
    shutil.which("ffprobe") is None, reason="ffprobe is the witness and is not installed"
)
needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="ffmpeg is a witness and is not installed"
)


def ffmpeg(*words: str | Path, given: bytes = b"") -> bytes:
    """Runs ffmpeg and returns what it writes to `-`; `given` is what it reads from there. Files are overwritten."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, words)]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout


def probe(path: Path | str, *entries: str, streams: str | None = None, damaged: bool = False) -> dict[str, Any]:
    """ffprobe's answer as a dictionary: `probe(path, "stream=codec_name", "packet=pts", streams="a:0")`.

    Of a damaged file it is whatever could be read. Hashes are MD5.
    """
    asked = ":".join(entries)
    command = ["ffprobe", "-v", "error", "-show_entries", asked, "-of", "json"]
    command += ["-show_data_hash", "md5"] if "hash" in asked else []
    if streams:
        command += ["-select_streams", streams]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=not damaged)
    answer: dict[str, Any] = json.loads(done.stdout or "{}")
    return answer


def frame_times(path: Path | str, stream: str = "v:0") -> list[Fraction]:
    """When each picture is shown, in seconds."""
    answer = probe(path, "frame=best_effort_timestamp", "stream=time_base", streams=stream)
    base = Fraction(answer["streams"][0]["time_base"])
    return [frame["best_effort_timestamp"] * base for frame in answer["frames"]]


def packets(path: Path | str, stream: str) -> list[tuple[Fraction, str]]:
    """(time in seconds, hash of the bytes) of each packet of a stream."""
    answer = probe(path, "packet=pts,data_hash", "stream=time_base", streams=stream)
    base = Fraction(answer["streams"][0]["time_base"])
    return [(packet["pts"] * base, packet["data_hash"]) for packet in answer.get("packets", [])]
