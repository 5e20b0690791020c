"""Blocks of pixels are torch's pixel (un)shuffle, in another order of channels."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from vidfx.styles.blocks import channels_by_pixel, shuffled, unshuffled
from vidfx.styles.generator import cut, joined, shuffle_by_pixel


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 2, 4]), st.booleans())
def test_torch_agrees(count: int, rows: int, columns: int, step: int, deep: bool) -> None:
    shape = count, rows * step, columns * step, 3
    pictures = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32 if deep else np.uint8)
    blocks = unshuffled(pictures, step)
    witness = F.pixel_unshuffle(torch.from_numpy(pictures).permute(0, 3, 1, 2), step).permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(blocks, witness[..., channels_by_pixel(3, step)])
    np.testing.assert_array_equal(shuffled(blocks, step), pictures)
    np.testing.assert_array_equal(cut(torch.from_numpy(pictures), step), blocks)
    np.testing.assert_array_equal(joined(torch.from_numpy(blocks), step), pictures)


def test_a_shuffle_by_pixel_is_torchs_own_in_another_order() -> None:
    x = torch.randn(2, 20, 3, 4)
    order = channels_by_pixel(5, 2)
    torch.testing.assert_close(shuffle_by_pixel(x[:, order], 2), F.pixel_shuffle(x, 2), rtol=0, atol=0)


def test_pictures_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        unshuffled(np.zeros((1, 6, 5, 3), np.uint8), 4)
