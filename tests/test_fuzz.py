"""Damaged on purpose: small real files of every container, mutated by a seed, each rendered in a process of its own.

A case may end in an exit code of `vidfx.errors` other than 1: never in a traceback, a signal, a hang, more memory than
the limit, or anything under the output's name that ffprobe cannot read as the frames that were promised.

Starting Python and torch costs seconds; so one server process imports them once and forks for each case, which then has
its own limits of time and memory and its own exit code.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import shutil
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from clips import make_clip
from fftools import ffmpeg, needs_ffmpeg, probe
from odd_clips import ODD
from tiny_style import make_style

pytestmark = [
    needs_ffmpeg,
    pytest.mark.skipif(sys.platform != "linux", reason="limits and fork servers as Linux has them"),
]

ALLOWED = {0, 2, 65, 75}
"""0 rendered, 2 a range without a frame or a size that does not fit, 65 unreadable, 75 a picture beyond the limits.

No other: nothing is missing here, and the output may be written."""
SECONDS, CPU_SECONDS = 300, 40
"""Limits for one case; the wall clock's is wide, since other work may share the machine."""
MEMORY = 2 << 30
"""Bytes of address space that a case may take beyond what the server has."""
PICTURES = ("-f", "lavfi", "-i", "testsrc2=size=48x32:rate=10:duration=1")


@dataclass(frozen=True)
class Case:
    """One mutated file and where its painting goes."""

    source: Path
    output: Path
    style: str
    arguments: tuple[str, ...]


# --- the files ---------------------------------------------------------------------------------------------------


def seeds(folder: Path) -> list[Path]:
    """A small real file of each container and kind."""
    kept = ["vfr.mp4", "vfr.mkv", "subtitles.mkv", "chapters.mp4", "b_frames.avi", "mpeg2.ts", "vp8.webm", "cover.mkv"]
    kept += ["two_edits.mov", "pcm_timecode.mov", "fragmented.mp4", "alpha.webm", "alpha_hevc.mov", "photos.mkv"]
    kept += ["data.ts", "many_sounds.mp4", "bare.h264", "sphere.mp4"]
    files = [ODD[name](folder) for name in kept]
    for name, arguments in {
        "small.gif": (),
        "small.y4m": (),
        "small.nut": ("-c:v", "ffv1"),
        "small.ivf": ("-c:v", "libvpx-vp9", "-cpu-used", "8"),
        "small.flv": ("-c:v", "flv1"),
        "mjpeg.mov": ("-c:v", "mjpeg", "-pix_fmt", "yuvj422p"),
        "still.png": ("-frames:v", "1"),
        "still.jpg": ("-frames:v", "1"),
        "still.tif": ("-frames:v", "1"),
        "still.webp": ("-frames:v", "1"),
        "still.bmp": ("-frames:v", "1"),
        "still.exr": ("-frames:v", "1"),
    }.items():
        ffmpeg(*PICTURES, *arguments, folder / name)
        files.append(folder / name)
    files.append(make_clip(folder / "hevc.mp4", frames=10, codec="libx265"))
    files.append(make_clip(folder / "opus.mkv", size=(48, 32), frames=10, audio="libopus", attachment=b"font" * 30))
    return files


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes with one to three kinds of damage."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        data = chance.choice((flip, overwrite, cut, drop, repeat, insert, zero, header))(data, chance) or b"\0"
    return data


def flip(data: bytes, chance: random.Random) -> bytes:
    """Single bits."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 3, 20, max(1, len(out) // 500)))):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def overwrite(data: bytes, chance: random.Random) -> bytes:
    """A run of noise."""
    place, length = chance.randrange(len(data)), chance.choice((1, 4, 16, 500))
    return data[:place] + chance.randbytes(length) + data[place + length :]


def cut(data: bytes, chance: random.Random) -> bytes:
    """The end is missing."""
    return data[: chance.randrange(len(data))]


def drop(data: bytes, chance: random.Random) -> bytes:
    """A piece of the middle is missing."""
    place, length = chance.randrange(len(data)), chance.choice((1, 7, 188, 3000))
    return data[:place] + data[place + length :]


def repeat(data: bytes, chance: random.Random) -> bytes:
    """A piece comes twice."""
    place, length = chance.randrange(len(data)), chance.choice((8, 188, 5000))
    return data[: place + length] + data[place:]


def insert(data: bytes, chance: random.Random) -> bytes:
    """Noise between the bytes."""
    place = chance.randrange(len(data))
    return data[:place] + chance.randbytes(chance.choice((1, 30, 1000))) + data[place:]


def zero(data: bytes, chance: random.Random) -> bytes:
    """A run of zeros."""
    place, length = chance.randrange(len(data)), chance.choice((4, 64, 4096))
    return data[:place] + bytes(min(length, len(data) - place)) + data[place + length :]


def header(data: bytes, chance: random.Random) -> bytes:
    """Extreme numbers in the head or the tail, where the tables are."""
    out = bytearray(data)
    near = min(len(out), 1500)
    for _ in range(chance.choice((1, 2, 6))):
        place = chance.randrange(near) if chance.random() < 0.6 else len(out) - 1 - chance.randrange(near)
        value = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\x80\0\0\0", b"\0\0\0\1"))
        out[place : place + 4] = value
    return bytes(out)


# --- running one -------------------------------------------------------------------------------------------------


def run(case: Case) -> None:
    """In a fork of its own: the command line with limits, and what it says in a file."""
    said = os.open(case.output.parent / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from vidfx.cli import main

    code = 70
    try:
        code = main(["render", str(case.source), "--style", case.style, "-o", str(case.output), *case.arguments])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def fate(case: Case) -> tuple[int | None, str]:
    """Exit code (negative for a signal, None for a hang) and what was said."""
    server = multiprocessing.get_context("forkserver")
    process = server.Process(target=run, args=(case,))
    process.start()
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        return None, ""
    said = case.output.parent / "said"
    return process.exitcode, said.read_text(errors="replace") if said.exists() else ""


def verdict(case: Case, code: int | None, said: str) -> str:
    """What is wrong with how a case ended; empty where nothing is."""
    if code is None:
        return "hangs"
    if code < 0:
        return f"dies of signal {-code}"
    if "Traceback" in said or "fault in vidfx" in said:
        return "has a fault"
    if code not in ALLOWED:
        return f"exits with {code}"
    left = [path.name for path in case.output.parent.iterdir() if path.name != "said"]
    if code:
        return f"leaves {left}" if case.output.exists() else ""
    result = json.loads(next(line for line in said.splitlines()[::-1] if line.startswith("{")))
    if left != [case.output.name]:
        return f"leaves {left}"
    if case.output.suffix == ".png":
        return "" if probe(case.output, "stream=width")["streams"] else "writes a picture that is none"
    try:
        counted = probe(case.output, "packet=pts", streams="v:0")["packets"]
    except subprocess.CalledProcessError as error:
        return f"writes a file that ffprobe refuses ({error.stderr[-200:]})"
    return "" if len(counted) == result["frames"] > 0 else f"promises {result['frames']} frames, writes {len(counted)}"


def campaign(
    folder: Path, count: int, *, seed: int, report: Callable[[str], None] = print
) -> tuple[Counter[int | None], list[str]]:
    """Runs `count` cases from `seed`; gives how often each exit code came, and a line for each that went wrong."""
    files = folder / "files"
    files.mkdir()
    originals = {path: path.read_bytes() for path in seeds(files)}
    style = str(make_style(folder / "tiny"))
    multiprocessing.get_context("forkserver").set_forkserver_preload(
        ["torch", "cv2", "av", "scenedetect", "vidfx.cli.render", "vidfx.job", "vidfx.parts.work", "test_fuzz"]
    )
    codes: Counter[int | None] = Counter()
    wrong: list[str] = []
    for number, case in enumerate(cases(folder, originals, style, count, seed)):
        code, said = fate(case)
        codes[code] += 1
        if problem := verdict(case, code, said):
            kept = folder / f"wrong-{seed}-{number}{case.source.suffix}"
            shutil.copy(case.source, kept)
            wrong.append(f"{kept} {' '.join(case.arguments)} -> {case.output.name} {problem}: {said[-600:]}")
            report(wrong[-1])
        shutil.rmtree(case.output.parent)
        case.source.unlink()
    return codes, wrong


def cases(folder: Path, originals: dict[Path, bytes], style: str, count: int, seed: int) -> Iterator[Case]:
    """Every file in turn, each time damaged in another way."""
    plain = ("--device", "cpu", "--precision", "fp32", "--threads", "1", "--smooth", "0", "--json", "-q")
    paths = list(originals)
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        path = paths[number % len(paths)]
        source = folder / f"case-{number}{path.suffix}"
        source.write_bytes(mutated(originals[path], chance))
        place = folder / f"out-{number}"
        place.mkdir()
        still = path.name.startswith("still")
        suffix = ".png" if still else chance.choice((".mp4", ".mkv", ".mkv", ".mov", ".webm", ".avi", ".nut"))
        output = place / f"out{suffix}"
        vp9 = ("--encoder-opt", "cpu-used=8", "--encoder-opt", "row-mt=0")
        quick = {".png": (), ".nut": (), ".webm": vp9}.get(suffix, ("-preset", "ultrafast"))
        extra = chance.choice(((), (), (), ("--strict",), ("--frames", "3-6"), ("-ss", "0.3"), ("-to", "0.5")))
        yield Case(source, output, style, (*plain, *quick, *(() if still else extra)))


def test_damaged_files_never_break_it(tmp_path: Path) -> None:
    codes, wrong = campaign(tmp_path, 36, seed=1)
    assert wrong == []
    assert codes[0] > 5
    assert codes[65] > 2


@pytest.mark.slow
def test_thousands_of_damaged_files_never_break_it(tmp_path: Path) -> None:
    count = int(os.environ.get("VIDFX_FUZZ_CASES", "2000"))
    codes, wrong = campaign(tmp_path, count, seed=int(os.environ.get("VIDFX_FUZZ_SEED", "2")))
    print(f"{count} cases, exit codes {dict(codes)}")
    assert wrong == []
