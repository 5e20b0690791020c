"""What a model file says of itself: a small JSON in the safetensors header, read by a schema and nothing else."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ARCHITECTURE = "quarter-eighth-1"
"""The one architecture this version knows (`vidfx.styles.generator`). A file that names another is refused."""
METADATA_KEY = "vidfx"
Finish = Literal["none", "screentone"]
"""`screentone`: greys become dots (`vidfx.screentone`)."""


class NetworkShape(BaseModel):
    """Widths and depth of the generator; everything that a model file must say to rebuild it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quarter: int = Field(48, ge=1, le=1024)
    """Channels at 1/4 size."""
    eighth: int = Field(96, ge=1, le=1024)
    """Channels at 1/8 size."""
    blocks: int = Field(3, ge=1, le=64)
    """Residual blocks at 1/8 size."""
    half: int = Field(16, ge=1, le=1024)
    """Channels at 1/2 size."""


class Card(BaseModel):
    """The papers of a style, carried inside its weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    architecture: str = ARCHITECTURE
    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    description: str
    generator: NetworkShape
    size_multiple: int = Field(ge=8, le=64, multiple_of=8)
    """The generator takes heights and widths that are multiples of this; the architecture of 8 at least."""
    receptive_radius: int = Field(ge=1, le=2048)
    """Pixels around an output pixel that can change it; the overlap that makes tiles exact."""
    border: int = Field(ge=0, le=256)
    """Mirrored pixels around a frame that the generator was trained to expect."""
    finish: Finish = "none"
    """What is done to the steadied picture before it is laid over the source."""
    licence: str = "not said"
    """Of the weights."""
    trained: str = ""
    """When, on what, for how many steps; free text."""
