"""How cost grows: with pixels, length, batch and threads.

    python benchmarks/curves.py samples/valley.mp4 --style ink

Runs `vidfx bench --json` on copies of the clip, one thing changed at a time; a pixel's worth is CPU time over pixels.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIZES = ((640, 360), (1280, 720), (1920, 1080), (3840, 2160))
FRAMES = 24
AT_4K = 8


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    what: str
    size: tuple[int, int] = (1280, 720)
    frames: int = FRAMES
    flags: tuple[str, ...] = ()


CASES = (
    *(Case(f"{w} × {h}", (w, h), AT_4K if w > 3000 else FRAMES) for w, h in SIZES),
    Case("3840 × 2160, --memory 500M", (3840, 2160), AT_4K, ("--memory", "500M")),
    *(Case(f"{frames} frames", frames=frames) for frames in (12, 48, 96)),
    *(Case(f"--batch {batch}", flags=("--batch", str(batch))) for batch in (1, 2, 4)),
    *(Case(f"--threads {threads}", flags=("--threads", str(threads))) for threads in (1, 2)),
    Case("--smooth 0", flags=("--smooth", "0")),
    Case("--runtime torch", flags=("--runtime", "torch")),
)


def scaled(clip: Path, size: tuple[int, int], folder: Path) -> Path:
    """The clip in another size, nearly without loss."""
    out = folder / f"{size[0]}.mp4"
    if not out.exists():
        scale = f"scale={size[0]}:{size[1]}:flags=lanczos"
        command = ["ffmpeg", "-v", "error", "-i", str(clip), "-vf", scale, "-an", "-crf", "12", "-preset", "veryfast"]
        subprocess.run([*command, str(out)], check=True)
    return out


def bench(clip: Path, style: str, case: Case) -> dict[str, Any]:
    command = [sys.executable, "-m", "vidfx", "bench", str(clip), "--style", style, "-preset", "veryfast", "--json"]
    command += ["--frames", f"0-{case.frames - 1}", *case.flags]
    said: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--style", default="ink")
    options = parser.parse_args()
    print("| what | frames/s | CPU ms a frame | CPU ns a pixel | peak memory, MB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            said = bench(scaled(options.clip, case.size, Path(folder)), options.style, case)
            whole, pixels = said["whole"], case.size[0] * case.size[1]
            cells = [f"{whole['frames_per_second']:.2f}", f"{whole['cpu_ms']:.0f}"]
            cells += [f"{whole['cpu_ms'] * 1e6 / pixels:.0f}", f"{said['peak_memory'] / 1e6:.0f}"]
            print("| " + " | ".join([case.what, *cells]) + " |", flush=True)


if __name__ == "__main__":
    main()
