"""Two frames of a film a moment apart, and how one came from the other: what steadiness is learnt on.

A photograph that is moved by a formula has neither a codec's errors nor a camera's noise, nor anything that passes by.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from vidfx.flow import FlowEstimator
from vidfx.frames import Field, Frame, Map, Picture
from vidfx.trust import MotionJudge


@dataclass(frozen=True, slots=True)
class Later:
    """A later frame of the same film, of the same size, beside the picture it is a neighbour of."""

    picture: Picture
    _flow: Field
    _trust: Map
    _stretch: NDArray[np.float32]

    @classmethod
    def of(cls, picture: Picture, later: Picture) -> Later:
        """Finds the motion between the two as a render does: the same flow, and the same trust in it."""
        estimator = FlowEstimator(picture.shape[1], picture.shape[0])
        judge = MotionJudge(estimator)
        for number, shown in enumerate((picture, later)):
            frame = Frame(index=number, pts=number, time_base=Fraction(1), duration=1, image=shown, source=shown)
            motion = judge.between_last_and(frame)
        assert motion is not None
        return cls(later, motion.flow, motion.trust, estimator.stretch)

    def crop(self, x: int, y: int, edge: int) -> tuple[Picture, Field, Map]:
        """A square of it; from each of its pixels to its place in the same square of the other, px; the trust."""
        across, down = (float(side) for side in self._stretch)
        # pixels have their places at their middles, in the picture as in the maps
        matrix = np.array([[1 / across, 0, (x + 0.5) / across - 0.5], [0, 1 / down, (y + 0.5) / down - 0.5]])

        def enlarged(values: NDArray[np.float32]) -> NDArray[np.float32]:
            how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            return np.asarray(
                cv2.warpAffine(values, matrix, (edge, edge), flags=how, borderMode=cv2.BORDER_REPLICATE), np.float32
            )

        picture = self.picture[y : y + edge, x : x + edge]
        return picture, enlarged(self._flow) * self._stretch, enlarged(self._trust)
