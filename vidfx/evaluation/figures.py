"""The figures of an evaluation: their names, units, and how to read them. Light: a command line names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a render and how to read it."""

    title: str
    unit: str
    better: Literal["low", "high", "neither"]
    meaning: str


FIGURES = {
    "warp_short": Figure(
        "warping error, short", "mean square of values 0..1", "low", "change along the film's motion, one frame apart"
    ),
    "warp_long": Figure(
        "warping error, long", "mean square of values 0..1", "low", "change along the film's motion, eight frames apart"
    ),
    "warp_equal": Figure(
        "warping error at equal sharpness",
        "mean square of values 0..1",
        "low",
        "luma only; every render blurred as far as the softest one, so that blur wins nothing",
    ),
    "sharpness": Figure("sharpness", "× the film's", "high", "mean gradient of luma beside the film's own"),
    "ghosting": Figure(
        "ghosting", "share, 0..1", "low", "how much of the edges in moving places belongs to frames that are gone"
    ),
    "flicker": Figure("flicker of light", "steps of 255", "low", "brightness that goes up and comes down again"),
    "flicker_colour": Figure(
        "flicker of colour", "steps of 255", "low", "colour that goes and comes back, in both colour differences"
    ),
    "ssim": Figure("SSIM", "-1..1", "neither", "likeness of structure to the film, on luma"),
    "ms_ssim": Figure("MS-SSIM", "0..1", "neither", "likeness of structure to the film over five scales, on luma"),
    "edges": Figure("edge agreement", "-1..1", "high", "correlation of edges with the film's"),
    "style_distance": Figure(
        "distance to the style",
        "no unit",
        "low",
        "kernel distance between what a feature network sees in its squares and in the style's pictures",
    ),
    "style_frechet": Figure(
        "Fréchet distance to the style", "no unit", "low", "FID's formula, with places of the feature maps as samples"
    ),
    "frames": Figure("frames", "frames", "neither", "those with a partner in the source"),
    "missing": Figure("missing frames", "frames", "low", "source frames that the render does not show"),
    "missing_tail": Figure("missing at the end", "frames", "low", "source frames after the render's last frame"),
    "extra": Figure("extra frames", "frames", "low", "frames that the source does not have"),
    "time_error": Figure("greatest time error", "ms", "low", "between partners, from each clip's first frame"),
    "sync_error": Figure("greatest sync error", "ms", "low", "shift of sound or subtitles against the picture"),
}
"""Every figure of a render by its name; those that need two frames have the film's own beside them, `NAME_source`."""
