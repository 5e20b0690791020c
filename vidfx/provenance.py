"""What made a film, written into it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from vidfx import __version__
from vidfx.parts.packets import PartFile
from vidfx.settings import Job
from vidfx.sink import encoder_options


def provenance(style: str, style_hash: str, job: Job, parts: Sequence[PartFile]) -> dict[str, str]:
    """What made this film, as the tag `vidfx` of its metadata (JSON): enough to make it again."""
    look, wanted = asdict(job.look), job.wanted
    matte: Path | None = look.pop("matte")
    said = {
        "version": __version__,
        "style": style,
        "style_hash": style_hash,
        **look,
        "runs_on": "; ".join(dict.fromkeys(part.ran_on for part in parts)),
    }
    if matte:
        said["matte"] = matte.name
    if not wanted.whole:
        said["range"] = {
            k: str(v) for k in ("start", "end", "first", "last", "step") if (v := getattr(wanted, k)) is not None
        }
    if parts and not parts[0].is_pictures:
        codec, pix_fmt = parts[0].codec, parts[0].pix_fmt
        said["encode"] = {"codec": codec, "pix_fmt": pix_fmt} | encoder_options(job.output, codec, pix_fmt, job.encode)
    return {"vidfx": json.dumps(said, separators=(",", ":"))}
