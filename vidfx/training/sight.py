"""What the feature networks see: in a painting at every step, and once in the style's own pictures."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from vidfx.features import TAPS, load_features, style_features
from vidfx.training.crops import window
from vidfx.training.data import TrainingData
from vidfx.training.losses import gram, own_kernel, signature
from vidfx.training.recipe import Losses, Recipe
from vidfx.training.state import placed

FEATURE_CROP = 128  # a feature network costs most of a step; a random part of the crop is enough for it
STYLE_BATCHES = 60  # behind what is measured of the style


class Sight:
    """The feature networks of a recipe, and what they see in its style: no more than some loss has a weight for."""

    style_grams: dict[str, Tensor]
    """Mean Gram matrix of each tap, for the loss `style`."""
    style_signatures: Tensor
    """One of each crop, for the loss `statistics`."""
    style_spread: float
    """Mean kernel of different signatures, for the same."""

    def __init__(self, recipe: Recipe, data: Path, device: torch.device) -> None:
        """Raises MissingInput, UnreadableInput and Unavailable for the recipe's feature networks."""
        self._recipe, self._device = recipe, device
        self.network = placed(style_features(recipe.features, data), device)
        other = recipe.statistics_features
        self._second = placed(load_features(data / other), device) if other else None

    def autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16)

    def measure_style(self, data: TrainingData) -> None:
        """Looks at style crops through the game's own windows."""
        weights = self._recipe.adversarial.losses
        if not (weights.style or weights.statistics):
            return
        sums: dict[str, Tensor] = {}
        signatures: list[Tensor] = []
        random = torch.Generator().manual_seed(self._recipe.seed)
        with torch.no_grad():
            for crops in data.style_batches(STYLE_BATCHES):
                with self.autocast():  # the sums stay outside: in bf16 they would be some percent off
                    features = self.network(window(self._recipe.crop, FEATURE_CROP, random)(crops))
                    if weights.statistics:
                        signatures.append(self.sign(crops, features))
                for name in TAPS if weights.style else ():
                    sums[name] = sums.get(name, torch.zeros(())) + gram(features[name]).mean(0) / STYLE_BATCHES
        self.style_grams = sums
        if weights.statistics:
            self.style_signatures = torch.cat(signatures)
            self.style_spread = own_kernel(self.style_signatures).item()

    def signs_by_the_same(self, weights: Losses) -> bool:
        """Whether the loss `statistics` is told by the network that the other losses look through."""
        return bool(weights.statistics) and self._second is None

    def sign(self, pictures: Tensor, features: dict[str, Tensor]) -> Tensor:
        """Signatures of whole crops by the second network, or of the part whose `features` are known."""
        if self._second is None:
            return signature([features[tap] for tap in self.network.taps])
        seen = self._second(pictures)
        return signature([seen[tap] for tap in self._second.taps])
