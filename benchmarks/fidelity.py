"""Is a render the source in every way but the picture? Frames, times and sound against ffprobe as the witness.

    python benchmarks/fidelity.py [--style ink] [--seconds 4] CLIP ...

Renders each clip, or its first seconds, and compares per-frame times and the bytes of every sound packet.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path

import vidfx
from vidfx import Encode, Range


def ask(path: Path, entries: str, streams: str) -> list[dict[str, str]]:
    """ffprobe's packets of some streams."""
    command = ["ffprobe", "-v", "error", "-select_streams", streams, "-show_entries", entries, "-of", "json"]
    command += ["-show_data_hash", "md5", str(path)]
    answer: dict[str, list[dict[str, str]]] = json.loads(
        subprocess.run(command, capture_output=True, check=True).stdout
    )
    return answer.get(entries.partition("=")[0] + "s", [])


def times(path: Path) -> list[Fraction]:
    """Presentation times in seconds, exact."""
    base = Fraction(ask(path, "stream=time_base", "v:0")[0]["time_base"])
    packets = ask(path, "packet=pts,dts", "v:0")
    return sorted(int(p.get("pts", p.get("dts", "0"))) * base for p in packets)


def sound(path: Path) -> list[str]:
    """MD5 of each packet of the first sound stream."""
    return [p["data_hash"] for p in ask(path, "packet=data_hash", "a:0")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--style", default="ink")
    parser.add_argument("--seconds", type=Fraction)
    arguments = parser.parse_args()
    wanted = Range(end=arguments.seconds) if arguments.seconds else Range()
    print("| clip | frames in / out | greatest time difference | sound packets in / out | bytes equal | frames/s |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for clip in arguments.clips:
            output = Path(folder) / clip.name
            encode = Encode(preset="veryfast") if clip.suffix != ".webm" else Encode()
            done = vidfx.render(clip, output, style=arguments.style, encode=encode, wanted=wanted)
            before, after = times(clip), times(output)
            if arguments.seconds:
                before = [t - before[0] for t in before if t - before[0] < arguments.seconds]
            apart = max((abs(a - b) for a, b in zip(before, after, strict=False)), default=Fraction(0))
            heard, kept = sound(clip), sound(output)
            same = "yes" if kept == heard[: len(kept)] and (arguments.seconds or len(kept) == len(heard)) else "NO"
            print(
                f"| {clip.name} | {len(before)} / {len(after)} | {float(apart) * 1000:.3g} ms "
                f"| {len(heard)} / {len(kept)} | {same if heard else 'no sound'} | {done.frames_per_second:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
