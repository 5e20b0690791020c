"""The work folder of a render, beside its output: what is done, under which settings, and who works in it."""

from __future__ import annotations

from pathlib import Path


def work_folder(output: Path) -> Path:
    """`.clip.ink.mp4.vidfx` beside `clip.ink.mp4`."""
    return output.with_name(f".{output.name}.vidfx")
