"""The training loop, top to bottom: warm start from a teacher, then generator against discriminator.

prepare    networks, a checkpoint if there is one, pictures, the style's statistics
warm up    L1 to the teacher, and to its lines where the recipe asks, until the generator draws
play       generator against discriminator, with style, content, tone, steadiness and grid in the balance
export     the running average of the weights goes into a model file (vidfx.training.export)
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.swa_utils import get_ema_multi_avg_fn

from vidfx.disk import writing
from vidfx.errors import VidfxError
from vidfx.notices import Notify
from vidfx.stills import write_picture
from vidfx.styles.generator import Generator
from vidfx.training.crops import TwoViews, differences, grain, inner, reflect_border, window, without_slack
from vidfx.training.data import Batch, TrainingData
from vidfx.training.discriminator import fool_loss, judge_loss
from vidfx.training.log import Log
from vidfx.training.losses import (
    content_loss,
    flat_loss,
    grid_loss,
    likeness_loss,
    line_loss,
    plain_loss,
    range_loss,
    statistics_loss,
    style_loss,
    tint_loss,
    tone_loss,
)
from vidfx.training.pictures import pictures_of
from vidfx.training.recipe import Recipe
from vidfx.training.sight import FEATURE_CROP, Sight
from vidfx.training.state import State
from vidfx.training.teachers.trained import painter

PLAIN_COLOURS = 6  # a step
RISES = {"grid": 2, "steady": 4}
"""By so many times itself a loss's weight grows during the game: first the look, then its calm."""
CHECKPOINT_EVERY = 100
GPU_LOADERS = 4
"""Threads that cut crops out for a GPU, which is done with a batch before one of them has the next."""
JUDGE_RESTS_BELOW = 0.25  # a discriminator that is never wrong has nothing to teach: it waits for the generator


class Trainer:
    """One run of one recipe in one folder. `run()` starts it or goes on with it."""

    def __init__(
        self,
        recipe: Recipe,
        *,
        data: Path,
        out: Path,
        device: str = "cpu",
        budget: float | None = None,
        notify: Notify = print,
        tensorboard: bool = False,
    ) -> None:
        """Reads the pictures and the checkpoint, if there is one. `data`: where the recipe's paths start; `budget`:
        seconds. Raises MissingInput, UnreadableInput and UsageError for what the recipe names, UnreadableInput for a
        broken checkpoint, CannotWrite, and Unavailable without TensorBoard."""
        self.recipe, self.out, self.notify, self.budget = recipe, out, notify, budget
        self.device = torch.device(device)
        self.checkpoint = out / "checkpoint.pt"
        with writing(out):
            out.mkdir(parents=True, exist_ok=True)
        self.log = Log(out, tensorboard=tensorboard)
        self.sight = Sight(recipe, data, self.device)  # first: pictures take minutes, a missing file none
        if recipe.warm_start.teacher_style:
            painter(recipe.warm_start.teacher_style)
        torch.manual_seed(recipe.seed)
        self.state = State.fresh(recipe, self.device)
        self.state.pictures = pictures_of(recipe, data)
        if self.checkpoint.exists():
            before = self.state.load(self.checkpoint)
            notify(f"goes on after {self.state.warm_steps} + {self.state.steps} steps")
            if changed := before.items() ^ self.state.pictures.items():
                names = sorted({name for name, _ in changed})
                notify(f"other pictures than before: {', '.join(names[:3])}{' ...' * (len(names) > 3)}")

        began = time.perf_counter()
        self.data = TrainingData(recipe, data, notify, self.device)
        counts = f"{sum(map(len, self.data.content))} content and {sum(map(len, self.data.style))} style pictures"
        notify(f"{counts} ready in {time.perf_counter() - began:.0f} s")
        self.sight.measure_style(self.data)

    def run(self, on_step: Callable[[int, int], None] = lambda done, total: None) -> Generator:
        """Trains to the end of the recipe or of the budget, tells each step; returns the averaged generator."""
        state, warm = self.state, self.recipe.warm_start
        began = time.perf_counter() - state.seconds
        loaders = 1 if self.device.type == "cpu" else GPU_LOADERS  # on a CPU they would be in the way of the step
        total, first = self.total, state.warm_steps + state.steps
        with ThreadPoolExecutor(loaders) as pool, self.log.after(first) as log:
            upcoming = deque(pool.submit(self.data.batch, step) for step in range(first, first + loaders))
            while not self.is_over():
                batch = upcoming.popleft().result()
                upcoming.append(pool.submit(self.data.batch, state.warm_steps + state.steps + loaders))
                random = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + state.warm_steps + state.steps)
                if state.warm_steps < warm.steps:
                    values = self.warm_step(batch)
                    state.warm_steps += 1
                    state.warm_seconds = time.perf_counter() - began
                    if state.warm_steps == warm.steps:
                        state.warmed.load_state_dict(state.average.state_dict())
                else:
                    values = self.game_step(batch, random)
                    state.steps += 1
                state.seconds = time.perf_counter() - began
                done = state.warm_steps + state.steps
                if not all(math.isfinite(v) for v in values.values()):
                    good = f"; '{self.checkpoint}' is the last good one" if self.checkpoint.exists() else ""
                    raise VidfxError(
                        f"a loss is no longer finite at step {done}: {values}",
                        hint=f"train again with a lower learning rate and another --out{good}",
                    )
                on_step(done, total)
                if done % 10 == 0:
                    log.write(done, state.seconds, values)
                if done % CHECKPOINT_EVERY == 0 or self.is_over():
                    state.save(self.checkpoint)
                    self.save_samples(batch, done)
                    text = " ".join(f"{k} {v:.3g}" for k, v in values.items())
                    self.notify(f"step {done}/{total}  {state.seconds:.0f} s  {text}")
        if not self.checkpoint.exists():  # there was no time for a step
            state.save(self.checkpoint)
        return state.average

    def is_over(self) -> bool:
        """Whether the recipe's steps are done, or the budget is spent."""
        done, spent = self.state.warm_steps + self.state.steps, self.state.seconds
        return done >= self.total or (self.budget is not None and spent >= self.budget)

    @property
    def total(self) -> int:
        """Steps of the whole recipe."""
        return self.recipe.warm_start.steps + self.recipe.adversarial.steps

    def progress(self) -> float:
        """0 at the first adversarial step, 1 at the last; by steps, or by the budget if that is the nearer end."""
        state, by_time = self.state, 0.0
        if self.budget is not None:
            by_time = (state.seconds - state.warm_seconds) / max(self.budget - state.warm_seconds, 1e-9)
        return min(max(state.steps / max(self.recipe.adversarial.steps, 1), by_time), 1.0)

    def warm_step(self, batch: Batch) -> dict[str, float]:
        """Draw what the teacher draws."""
        warm, state = self.recipe.warm_start, self.state
        rate = 0.1 + 0.45 * (1 + math.cos(math.pi * state.warm_steps / warm.steps))  # from 1 to a tenth
        set_rate(state.generator_optimiser, warm.learning_rate * rate)
        with self.sight.autocast():
            painted = inner(state.generator(reflect_border(without_slack(batch.content))))
        painted = painted.float()
        loss = F.l1_loss(painted, batch.answer) + 0.1 * range_loss(painted)
        loss = loss + F.l1_loss(differences(painted), differences(batch.answer))
        if warm.line:
            loss = loss + warm.line * line_loss(painted, batch.answer)
        self.update_generator(loss)
        return {"teacher": loss.item()}

    def game_step(self, batch: Batch, random: torch.Generator) -> dict[str, float]:
        """One move of the generator, one of the discriminator."""
        game, state, progress = self.recipe.adversarial, self.state, self.progress()
        rate = game.learning_rate * min(1.0, 2 * (1 - progress) + 0.02)  # constant, then down to almost nothing
        for optimiser in (state.generator_optimiser, state.discriminator_optimiser):
            set_rate(optimiser, rate)
        painted, terms = self.paint(batch, random)
        weights = {k: getattr(game.losses, k) * (1 + RISES.get(k, 0) * progress) for k in terms}
        self.update_generator(torch.stack([weights[k] * v for k, v in terms.items()]).sum())
        judged = self.judge(batch.style, painted.detach(), random)
        told = terms | {"judge": judged}
        values = torch.stack([value.detach().float() for value in told.values()]).tolist()  # a GPU is waited for once
        return dict(zip(told, values, strict=True))

    def paint(self, batch: Batch, random: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator's pictures of a batch, and every loss of them; what is dear only if it has a weight."""
        sight, discriminator = self.sight, self.state.discriminator
        weights, unasked = self.recipe.adversarial.losses, torch.zeros((), device=self.device)
        views = TwoViews.of(batch, random)
        with sight.autocast():
            both = self.state.generator(torch.cat([views.seen, views.moved]) if weights.steady else views.seen)
        painted_whole, *later = both.float().split(len(views.seen))
        painted, source = inner(painted_whole), inner(views.seen)
        part = window(painted.shape[-1], FEATURE_CROP, random)
        with sight.autocast():
            with torch.no_grad():
                wanted = sight.network(part(source)) if weights.content else None
                drawn = sight.network(part(batch.answer)) if weights.likeness else None
            looks = wanted or drawn or weights.style or sight.signs_by_the_same(weights)
            features = sight.network(part(painted).clamp(-0.1, 1.1)) if looks else {}
            signatures = sight.sign(painted.clamp(-0.1, 1.1), features) if weights.statistics else None
            discriminator.requires_grad_(False)
            fooled = fool_loss([v.float() for v in discriminator(grain(painted, random))])
            discriminator.requires_grad_(True)
        return painted, {
            "adversarial": fooled,
            "style": style_loss(features, sight.style_grams) if weights.style else unasked,
            "statistics": unasked
            if signatures is None
            else statistics_loss(signatures, sight.style_signatures, sight.style_spread),
            "content": content_loss(features, wanted) if wanted else unasked,
            "likeness": likeness_loss(features, drawn) if drawn else unasked,
            "tint": tint_loss(painted, batch.answer),
            "tone": tone_loss(painted, batch.answer),
            "teacher": F.l1_loss(painted, batch.answer),
            "line": line_loss(painted, batch.answer) if weights.line else unasked,
            "steady": views.unsteadiness(painted_whole, later[0]) if later else unasked,
            "grid": grid_loss(painted),
            "flat": flat_loss(painted, source),
            "plain": self.plain(random) if weights.plain else unasked,
            "range": range_loss(painted),
        }

    def plain(self, random: torch.Generator) -> Tensor:
        """How far walls of plain colour are from the teacher's."""
        assert self.data.plain is not None
        colours, answers = self.data.plain
        some = torch.randint(len(colours), (PLAIN_COLOURS,), generator=random)
        generator = self.state.generator
        with self.sight.autocast():
            walls, wanted = colours[some].to(self.device), answers[some].to(self.device)
            return plain_loss(generator, generator.receptive_radius, walls, wanted)

    def judge(self, style: Tensor, painted: Tensor, random: torch.Generator) -> Tensor:
        """The discriminator's move, and how wrong it was before."""
        state = self.state
        with self.sight.autocast():
            verdicts = state.discriminator(grain(torch.cat([style, painted]), random))
        halves = [v.float().chunk(2) for v in verdicts]
        judged = judge_loss([r for r, _ in halves], [f for _, f in halves])
        if judged.item() > JUDGE_RESTS_BELOW:
            state.discriminator_optimiser.zero_grad(set_to_none=True)
            judged.backward()  # type: ignore[no-untyped-call]  # torch ships it without types
            torch.nn.utils.clip_grad_norm_(state.discriminator.parameters(), 1.0)
            state.discriminator_optimiser.step()
        return judged

    def update_generator(self, loss: Tensor) -> None:
        state = self.state
        state.generator_optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch ships it without types
        torch.nn.utils.clip_grad_norm_(state.generator.parameters(), 1.0)  # without it one bad batch ends the run
        state.generator_optimiser.step()
        done = state.warm_steps + state.steps
        decay = min(self.recipe.adversarial.average, (1 + done) / (10 + done))
        kept, new = ([*network.parameters()] for network in (state.average, state.generator))
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch ships it without types
        average(kept, new, torch.tensor(done))

    def save_samples(self, batch: Batch, step: int) -> None:
        """A strip for the eye: source, teacher, painting and a style crop, for each picture of the batch."""
        with torch.no_grad():
            painted = inner(self.state.average(reflect_border(without_slack(batch.content))))
        source = inner(without_slack(batch.content))
        rows = [torch.cat(list(x[:4].cpu().float()), 1) for x in (source, batch.answer, painted, batch.style)]
        strip = torch.cat(rows, 2).clamp(0, 1).permute(1, 2, 0).numpy()
        write_picture(self.out / f"sample_{step:06d}.png", np.rint(strip * 255).astype(np.uint8))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
