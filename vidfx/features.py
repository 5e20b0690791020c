"""Networks that pictures are compared in: VGG16 up to conv4_3, and EfficientNet-Lite0, each from a file of weights.

Training asks VGG16 what a painting looks like; evaluation takes either. A style that was trained against the one is
better judged by the other.
"""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.hub import get_dir, load_state_dict_from_url
from torch.nn import functional as F

from vidfx.errors import MissingInput, Unavailable, UnreadableInput

BLOCKS = (
    ("conv1_1", "conv1_2"),
    ("conv2_1", "conv2_2"),
    ("conv3_1", "conv3_2", "conv3_3"),
    ("conv4_1", "conv4_2", "conv4_3"),
)
TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
MEAN_BGR = (104.007, 116.669, 122.679)
VGG16_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
"""torchvision's, with all of its layers; the name ends in the beginning of its SHA-256."""
_TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)
"""Places of conv1_1 ... conv4_3 in torchvision's `vgg16().features`."""
_OURS, _THEIRS = "conv1_1.weight", "features.0.weight"
_MEAN_RGB = (0.485, 0.456, 0.406)
_DEVIATION_RGB = (0.229, 0.224, 0.225)

STAGES = ((1, 1, 1), (6, 2, 2), (6, 2, 2), (6, 2, 3), (6, 1, 3), (6, 2, 4), (6, 1, 1))
"""Of EfficientNet-Lite0: expansion, stride of the first block, blocks (Tan and Le 2019, table 1)."""

_VGG16 = "it should hold conv1_1 to conv4_3, each with its weight and bias"
_LITE0 = "of the EfficientNets vidfx knows Lite0 alone"


class FeatureNetwork(nn.Module):
    """RGB in 0..1, N × 3 × H × W, to its taps by name, each N × C × H' × W'. Frozen."""

    taps: tuple[str, ...]
    """The taps that tell a style, fine to coarse."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        raise NotImplementedError


class Vgg16(FeatureNetwork):
    """VGG16 (Simonyan and Zisserman 2015) up to conv4_3; taps relu1_2, relu2_2, relu3_3 and relu4_3, over 255."""

    taps = TAPS

    def __init__(self, source: Path, weights: dict[str, Tensor] | None = None) -> None:
        """From a file, ours or torchvision's; `weights` are its tensors if they are read already.

        Raises MissingInput, UnreadableInput.
        """
        super().__init__()
        weights = _read(source) if weights is None else weights
        mean = torch.tensor(MEAN_BGR)
        try:
            if _THEIRS in weights:
                weights, mean = _from_torchvision(weights), 255 * torch.tensor(_MEAN_RGB).flip(0)
            for block in BLOCKS:
                for name in block:
                    kernel, bias = weights[f"{name}.weight"].float(), weights[f"{name}.bias"].float()
                    layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
                    layer.load_state_dict({"weight": kernel, "bias": bias})
                    self.add_module(name, layer)
        except (KeyError, RuntimeError) as error:
            raise UnreadableInput(f"{source} is not a VGG16 feature file: {error}", hint=_VGG16) from None
        self.mean: Tensor
        self.register_buffer("mean", mean.view(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = x.flip(1) * 255.0 - self.mean
        taps: dict[str, Tensor] = {}
        for number, block in enumerate(BLOCKS, 1):
            if number > 1:
                x = F.max_pool2d(x, 2)
            for name in block:
                x = F.relu(getattr(self, name)(x))
            taps[f"relu{number}_{len(block)}"] = x / 255.0
        return taps


def _from_torchvision(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of torchvision's `vgg16`, which takes RGB in units of ImageNet's deviation, under our names."""
    names = [f"{name}.{part}" for block in BLOCKS for name in block for part in ("weight", "bias")]
    places = [f"features.{place}.{part}" for place in _TORCHVISION for part in ("weight", "bias")]
    weights = {name: theirs[place].float() for name, place in zip(names, places, strict=True)}
    first = weights["conv1_1.weight"] / (255 * torch.tensor(_DEVIATION_RGB)).view(1, 3, 1, 1)
    return weights | {"conv1_1.weight": first.flip(1)}


def style_features(name: str, root: Path) -> Vgg16:
    """The VGG16 that a recipe names: a file relative to `root`, or `torchvision` for that project's ImageNet weights.

    Those are fetched when they are first used. Never falls back to anything else. Raises MissingInput,
    UnreadableInput, and Unavailable where they cannot be fetched.
    """
    if name != "torchvision":
        return Vgg16(root / name)
    try:
        theirs = load_state_dict_from_url(VGG16_URL, map_location="cpu", check_hash=True, weights_only=True)
    except OSError as error:  # urllib's errors are OSErrors
        raise Unavailable(
            f"VGG16 cannot be fetched ({getattr(error, 'reason', None) or error})",
            hint=f"fetch {VGG16_URL} elsewhere (0.5 GB), and name the file in the recipe's `features`",
        ) from None
    except RuntimeError as error:  # not what its name says
        raise UnreadableInput(
            f"VGG16 came damaged: {error}", hint=f"remove it from {Path(get_dir()) / 'checkpoints'}, and try again"
        ) from None
    return Vgg16(Path(Path(VGG16_URL).name), theirs)


class EfficientNetLite0(FeatureNetwork):
    """EfficientNet-Lite0, a classifier of photographs; taps after its stages at 1/4, 1/8, 1/16 and 1/32.

    `head` comes too, but it says what is to be seen rather than how it is painted. Batch norms are folded into the
    convolutions when it is loaded.
    """

    taps = ("stage2", "stage3", "stage5", "stage7")

    def __init__(self, path: Path, weights: dict[str, Tensor] | None = None) -> None:
        """From a file; `weights` as for `Vgg16`. Raises MissingInput, UnreadableInput."""
        super().__init__()
        weights = _read(path) if weights is None else weights
        try:
            self.stem = _folded(weights, "_conv_stem", "_bn0", stride=2)
            self.stages = nn.ModuleList()
            number = 0
            for expansion, stride, count in STAGES:
                blocks = [
                    _Block(weights, f"_blocks.{number + i}.", expansion, 1 if i else stride) for i in range(count)
                ]
                self.stages.append(nn.Sequential(*blocks))
                number += count
            self.head = _folded(weights, "_conv_head", "_bn1")
        except (KeyError, RuntimeError) as error:
            raise UnreadableInput(f"{path} is not an EfficientNet-Lite0 feature file: {error}", hint=_LITE0) from None
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = F.relu6(self.stem((x * 255.0 - 127.0) / 128.0))
        taps: dict[str, Tensor] = {}
        for number, stage in enumerate(self.stages, 1):
            x = stage(x)
            taps[f"stage{number}"] = x
        taps["head"] = F.relu6(self.head(x))
        return taps


class _Block(nn.Module):
    """One inverted residual (Sandler et al. 2018): widen, look around per channel, narrow, and add where it fits."""

    def __init__(self, weights: dict[str, Tensor], at: str, expansion: int, stride: int) -> None:
        super().__init__()
        self.expand = _folded(weights, f"{at}_expand_conv", f"{at}_bn0") if expansion > 1 else None
        self.depthwise = _folded(weights, f"{at}_depthwise_conv", f"{at}_bn1", stride=stride)
        self.project = _folded(weights, f"{at}_project_conv", f"{at}_bn2")

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu6(self.expand(x)) if self.expand is not None else x
        y: Tensor = self.project(F.relu6(self.depthwise(wide)))
        return x + y if x.shape == y.shape else y


class _SameConv(nn.Conv2d):
    """A convolution that pads as TensorFlow's "same" does: at stride 2 and even sizes, one more at right and bottom."""

    def forward(self, input: Tensor) -> Tensor:
        pads: list[int] = []
        for size, kernel, stride in zip(reversed(input.shape[-2:]), self.kernel_size, self.stride, strict=True):
            pad = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [pad // 2, pad - pad // 2]
        return super().forward(F.pad(input, pads) if any(pads) else input)


def _folded(weights: dict[str, Tensor], convolution: str, norm: str, *, stride: int = 1) -> _SameConv:
    """A convolution and the batch norm after it as one."""
    kernel = weights[f"{convolution}.weight"].float()
    mean, variance, gain, bias = (
        weights[f"{norm}.{name}"].float() for name in ("running_mean", "running_var", "weight", "bias")
    )
    scale = gain / torch.sqrt(variance + 1e-3)
    groups = kernel.shape[0] if kernel.shape[1] == 1 else 1
    layer = _SameConv(kernel.shape[1] * groups, kernel.shape[0], kernel.shape[-1], stride=stride, groups=groups)
    layer.load_state_dict({"weight": kernel * scale[:, None, None, None], "bias": bias - mean * scale})
    return layer


def load_features(path: Path | str) -> FeatureNetwork:
    """The network a feature file holds, told by the names of its tensors. Raises MissingInput, UnreadableInput."""
    path = Path(path)
    weights = _read(path)
    if weights.keys() & {_OURS, _THEIRS}:
        return Vgg16(path, weights)
    if "_conv_stem.weight" in weights:
        return EfficientNetLite0(path, weights)
    raise UnreadableInput(
        f"'{path}' holds no feature network vidfx knows",
        hint="it should hold VGG16 (conv1_1 ...) or EfficientNet-Lite0 (_conv_stem ...)",
    )


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise MissingInput(
            f"no feature network at {path}",
            hint="name a VGG16 or EfficientNet-Lite0 safetensors file: `features` in a recipe, --features elsewhere",
        )
    try:
        if path.suffix == ".pth":
            found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
            return found
        return load_file(path)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise UnreadableInput(
            f"{path} is not a feature file: {str(error).splitlines()[0] if str(error) else 'it is empty'}",
            hint="give a safetensors file, or vgg16-397923af.pth as torchvision ships it",
        ) from None
