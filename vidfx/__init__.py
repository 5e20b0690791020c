"""vidfx turns film into a moving painting.

    vidfx.render("clip.mp4", "painted.mp4", style="ink")
    vidfx.preview("clip.mp4", at=2.5, styles=["ink"], output="sheet.png")
    paint = vidfx.load_style("ink");  painted = paint.stylize(batch)        # N × H × W × 3, RGB, uint8

Each stage stands alone in its module (`vidfx.source`, `shots`, `stylize`, `steady`, `composite`, `sink`), and
`vidfx.pipeline` composes them. Names are loaded when first used, so `import vidfx` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidfx.errors import (
        CannotWrite,
        Interrupted,
        MissingInput,
        NotMet,
        Terminated,
        TryAgain,
        Unavailable,
        UnreadableInput,
        UsageError,
        VidfxError,
    )
    from vidfx.frames import Clip, Colour, Frame
    from vidfx.job import Rendered, render
    from vidfx.pipeline import paint_frames
    from vidfx.settings import Encode, Look, Machine, Range
    from vidfx.sheet import preview
    from vidfx.styles.library import find_style, list_styles
    from vidfx.styles.stylizer import load_style

__version__ = "0.1.0"

__all__ = [
    "CannotWrite",
    "Clip",
    "Colour",
    "Encode",
    "Frame",
    "Interrupted",
    "Look",
    "Machine",
    "MissingInput",
    "NotMet",
    "Range",
    "Rendered",
    "Terminated",
    "TryAgain",
    "Unavailable",
    "UnreadableInput",
    "UsageError",
    "VidfxError",
    "__version__",
    "find_style",
    "list_styles",
    "load_style",
    "paint_frames",
    "preview",
    "render",
]

_HOMES = {
    "job": ("Rendered", "render"),
    "pipeline": ("paint_frames",),
    "sheet": ("preview",),
    "styles.library": ("find_style", "list_styles"),
    "styles.stylizer": ("load_style",),
    "frames": ("Clip", "Colour", "Frame"),
    "settings": ("Encode", "Look", "Machine", "Range"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'vidfx' has no attribute '{name}'")
    home = next((module for module, names in _HOMES.items() if name in names), "errors")
    return getattr(import_module(f"vidfx.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
