"""Where the eye stands, and how a picture's columns and rows become rays."""

from dataclasses import dataclass

import numpy as np

from .noise import Field


@dataclass(frozen=True)
class Camera:
    """Position in metres (across, above the water, along); heading in radians clockwise; focal in picture widths."""

    x: float
    y: float
    z: float
    heading: float = 0.0
    focal: float = 0.9
    horizon: float = 0.42  # fraction of the picture's height

    def slopes(self, width: int, height: int) -> tuple[Field, Field]:
        """Per column, right over ahead; per row, up over ahead."""
        f = self.focal * width
        right = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / f
        up = (self.horizon * height - np.arange(height, dtype=np.float32) - 0.5) / f
        return right.astype(np.float32), up.astype(np.float32)
