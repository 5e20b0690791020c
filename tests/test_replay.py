"""A recorded step of training does what the step does."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from vidfx.training.replay import Replay
from vidfx.training.state import optimiser_of

STEPS = 12


def train(device: str, *, recorded: bool) -> tuple[list[float], Tensor]:
    """A small network that learns to double, its rate falling from step to step: each loss, and the weights."""
    where = torch.device(device)
    torch.manual_seed(3)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 3, 1)).to(
        where
    )
    optimiser = optimiser_of(network, 1e-2, where)

    def step(given: Tensor, wanted: Tensor) -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        loss = F.l1_loss(network(given), wanted)
        loss.backward()  # type: ignore[no-untyped-call]  # torch ships it without types
        optimiser.step()
        return loss.detach()

    run = Replay(step, where) if recorded else step
    losses = []
    for number in range(STEPS):
        rate = 1e-2 / (1 + number)
        for group in optimiser.param_groups:
            group["lr"] = group["lr"].fill_(rate) if isinstance(group["lr"], Tensor) else rate
        given = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(number)).to(where)
        losses.append(run(given, 2 * given).item())
    return losses, torch.cat([p.detach().cpu().ravel() for p in network.parameters()])


def test_on_a_cpu_nothing_is_recorded() -> None:
    losses, weights = train("cpu", recorded=True)
    expected, expected_weights = train("cpu", recorded=False)
    assert losses == expected and torch.equal(weights, expected_weights)
    assert losses[-1] < losses[0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_what_is_played_learns_as_what_is_run() -> None:
    losses, weights = train("cuda", recorded=True)
    expected, expected_weights = train("cuda", recorded=False)
    assert losses == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(weights, expected_weights, rtol=1e-3, atol=1e-5)
