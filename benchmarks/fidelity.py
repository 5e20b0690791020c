"""Is a render the source in every way but the picture? Frames, times and sound, as `vidfx evaluate` compares them.

    python benchmarks/fidelity.py [--style ink] [--seconds 4] CLIP ...

Renders each clip, or its first seconds, and walks both in step: frames by time, and every sound packet by its bytes.
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import vidfx
from vidfx import Encode, Range
from vidfx.evaluation.fidelity import Fidelity, compare_files
from vidfx.evaluation.pairing import Walk
from vidfx.source import open_clip, read_frames

TINY = (16, 16)
"""Pictures are not looked at."""


def compared(source: Path, render: Path, wanted: Range) -> tuple[Walk, Fidelity]:
    """How the render keeps step with the source, and how its streams compare."""
    clips = open_clip(source), open_clip(render)
    walk = Walk(read_frames(clips[0], wanted=wanted), [read_frames(clips[1])], TINY)
    for _ in walk:
        pass
    start = walk.steps[0].start
    starts = None if walk.start is None or start is None else (walk.start, start)
    return walk, compare_files(*clips, starts=starts, part=not wanted.whole)


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
            walk, fidelity = compared(clip, output, wanted)
            step = walk.steps[0]
            sound = next((stream for stream in fidelity.streams if stream.kind == "audio"), None)
            heard = "no sound | –"
            if sound is not None:
                whole = sound.same_bytes and (fidelity.part or sound.packets == sound.render_packets)
                heard = f"{sound.packets} / {sound.render_packets} | {'yes' if whole else 'NO'}"
            print(
                f"| {clip.name} | {walk.frames} / {step.paired + step.extra} | {float(step.worst) * 1000:.3g} ms "
                f"| {heard} | {done.frames_per_second:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
