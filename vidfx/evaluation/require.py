"""A gate for CI and farms: `warp_short<=0.002,sharpness>=0.95`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from vidfx.errors import UsageError, nearest
from vidfx.evaluation.figures import FIGURES

Test = Literal["<=", ">=", "==", "<", ">"]
_TESTS: dict[Test, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_FORM = re.compile(r"\s*(\w+)\s*(<=|>=|==|<|>)\s*([^\s,<>=]+)\s*")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One figure and what it must be."""

    name: str
    test: Test
    bound: float

    def unmet(self, figures: Mapping[str, float | None]) -> str | None:
        """What is wrong, for people; None where the requirement is met. A figure that is not measured is not met."""
        value = figures.get(self.name)
        if value is None:
            return f"{self.name} was not measured (wanted {self.test} {self.bound:g})"
        if _TESTS[self.test](value, self.bound):
            return None
        return f"{self.name} is {value:.4g}, not {self.test} {self.bound:g}"


def parse_requirements(text: str) -> tuple[Requirement, ...]:
    """Reads a list such as `warp_short<=0.002,sharpness>=0.95`. Raises UsageError."""
    found = []
    for part in text.split(","):
        match = _FORM.fullmatch(part)
        if match is None:
            raise UsageError(
                f"'{part.strip()}' is no requirement", hint="write NAME<=NUMBER, such as warp_short<=0.002"
            )
        name, test, number = match.groups()
        if name not in FIGURES:
            close = nearest(name, FIGURES)
            hint = f"did you mean {close}?" if close else "figures there are: " + " ".join(FIGURES)
            raise UsageError(f"no figure is called '{name}'", hint=hint)
        try:
            bound = float(number)
        except ValueError:
            bound = float("nan")
        if bound != bound:
            raise UsageError(f"'{number}' in '{part.strip()}' is no number", hint="such as 0.002 or 2e-3")
        found.append(Requirement(name, cast(Test, test), bound))
    return tuple(found)
