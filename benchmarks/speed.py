"""How fast a render is and how much memory it takes, as a user would see it: whole processes, start-up included.

    python benchmarks/speed.py CLIP [--style ink] [--repeat 3] [--loop 10]

Renders the clip with smoothing on and off, interleaved, `--preset veryfast`, and gives medians; then the clip looped,
for memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN = "import sys, resource; from vidfx.cli import main; code = main(sys.argv[1:]); " \
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"  # fmt: skip


def render(clip: Path, output: Path, style: str, *flags: str) -> tuple[dict[str, float], float, float, float]:
    """The render's own figures, wall seconds and CPU seconds of the process, and its peak memory in GB."""
    arguments = ["render", str(clip), "-o", str(output), "--style", style, "-preset", "veryfast", "-y", "--json", "-q"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, "-c", RUN, *arguments, *flags], capture_output=True, text=True, check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    said, _, peak = done.stdout.rstrip().rpartition("\n")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(said), wall, cpu, int(peak) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--style", default="ink")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--loop", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out.mp4"
        kinds = {"smoothing on": (), "smoothing off": ("--smooth", "0")}
        results: dict[str, list[tuple[dict[str, float], float, float, float]]] = {kind: [] for kind in kinds}
        for _ in range(arguments.repeat):
            for kind, flags in kinds.items():
                results[kind].append(render(arguments.clip, output, arguments.style, *flags))
        print("| | frames/s | CPU ms a frame | peak memory | whole process |")
        print("|---|---|---|---|---|")
        for kind, runs in results.items():
            frames = runs[0][0]["frames"]
            rate = statistics.median(run[0]["frames_per_second"] for run in runs)
            wall, cpu, peak = (statistics.median(run[n] for run in runs) for n in (1, 2, 3))
            print(f"| {kind} | {rate:.2f} | {cpu / frames * 1000:.0f} | {peak:.2f} GB | {wall:.1f} s |")
        if arguments.loop:
            looped = Path(folder) / f"looped{arguments.clip.suffix}"
            command = ["ffmpeg", "-v", "error", "-stream_loop", str(arguments.loop - 1), "-i", str(arguments.clip)]
            subprocess.run([*command, "-map", "0", "-c", "copy", str(looped)], check=True)
            said, wall, cpu, peak = render(looped, output, arguments.style)
            rate, frames = said["frames_per_second"], said["frames"]
            each = cpu / frames * 1000
            print(f"| looped {arguments.loop}x, on | {rate:.2f} | {each:.0f} | {peak:.2f} GB | {wall:.1f} s |")


if __name__ == "__main__":
    main()
