"""Convolutions of torch on a CPU that add and cut off while their result is still in the core's cache.

These are oneDNN's own, as torch's compiler calls them. torch gives them no public name; so they are tried once, and
where they are not there, or not what they were, plain ones serve.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from math import prod

import torch
from torch import Tensor

from vidfx.styles.generator import Convolve, Kernel, convolve

_CHANNELS = 16


def fused(x: Tensor, kernel: Kernel, onto: Tensor | None = None, *, relu: bool = False) -> Tensor:
    """As `convolve`, without gradients; writes into `onto`."""
    named, end = torch.ops.mkldnn, "relu" if relu else None
    weight, bias, stride, padding, groups = kernel
    given = (x, weight, bias, [padding] * 2, [stride] * 2, [1, 1], groups)
    if onto is None:
        out: Tensor = named._convolution_pointwise(*given, end or "none", [], None)
    else:
        out = named._convolution_pointwise_.binary(onto, *given, "add", None, end, [], None)
    return out


@cache
def quickest(dtype: torch.dtype) -> Convolve:
    """What convolves on this CPU in numbers of this type, without gradients."""
    try:
        with torch.inference_mode():
            right = _agrees(dtype) and _agrees(dtype, stride=2) and _agrees(dtype, groups=_CHANNELS)
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return convolve
    return fused if right else convolve


def _agrees(dtype: torch.dtype, *, stride: int = 1, groups: int = 1) -> bool:
    """Whether both ways come to the same here, but for rounding."""
    x, onto = _ramp(dtype, 1, _CHANNELS, 8, 8), _ramp(dtype, 1, _CHANNELS, 8 // stride, 8 // stride)
    weight, bias = _ramp(dtype, _CHANNELS, _CHANNELS // groups, 3, 3), torch.linspace(-1, 1, _CHANNELS).to(dtype)
    kernel = Kernel(weight, bias, stride=stride, groups=groups)
    for base, relu in product((None, onto), (False, True)):
        ours, plain = (by(x, kernel, None if base is None else base.clone(), relu=relu) for by in (fused, convolve))
        apart, most = (ours.float() - plain.float()).abs().max(), plain.abs().max() / 64  # bf16: 8 bits, rounded twice
        if not apart <= most:  # nor where it is no number
            return False
    return True


def _ramp(dtype: torch.dtype, *shape: int) -> Tensor:
    values = torch.linspace(-1, 1, prod(shape), dtype=torch.float32).reshape(shape)
    return values.to(dtype, memory_format=torch.channels_last)
