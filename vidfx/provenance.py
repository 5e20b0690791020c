"""What made a film, written into it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields

from vidfx import __version__
from vidfx.parts.packets import PartFile
from vidfx.settings import Encode, Job
from vidfx.styles.library import StyleFile


def provenance(style: StyleFile, job: Job, parts: Sequence[PartFile]) -> dict[str, str]:
    """What made this film, as the tag `vidfx` of its metadata (JSON): enough to make it again."""
    look, wanted = job.look, job.wanted
    said = {
        "version": __version__,
        "style": style.name,
        "style_hash": style.hash,
        "strength": look.strength,
        "keep_color": look.keep_color,
        "smooth": look.smooth,
        "smooth_window": look.smooth_window,
        "runs_on": "; ".join(dict.fromkeys(part.ran_on for part in parts)),
    }
    if look.matte:
        said["matte"] = look.matte.name
    if not wanted.whole:
        said["range"] = {
            k: str(v) for k in ("start", "end", "first", "last", "step") if (v := getattr(wanted, k)) is not None
        }
    usual = Encode()
    asked = {f.name: getattr(job.encode, f.name) for f in fields(usual)}
    if changed := {name: value for name, value in asked.items() if value != getattr(usual, name)}:
        said["encode"] = changed
    return {"vidfx": json.dumps(said, separators=(",", ":"))}
