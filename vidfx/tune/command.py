"""The command line for what is on screen: the very words that the Render button runs."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidfx.errors import UsageError
from vidfx.settings import Look
from vidfx.tune.asked import AskRender


@dataclass(frozen=True, slots=True)
class CommandLine:
    """How `vidfx render` is called from where `vidfx tune` was."""

    source: str
    """The clip as it was typed."""
    usual: Look
    """What `vidfx render` takes without a flag, settings files and variables included: these need not be said."""
    styles: Mapping[str, str]
    """Name on the page to what `--style` takes."""
    frames: int
    """How many the clip has."""
    flags: tuple[str, ...] = ()
    """What a render must be told besides, to be made as the page is."""
    elsewhere: bool = False
    """Whether settings or variables would send a render elsewhere than beside the clip."""

    def words(self, asked: AskRender, matte: Path | None, output: Path | None, usual: Path) -> list[str]:
        """Everything after `vidfx`; `usual` is where a film goes without `output`.

        Raises UsageError for frames that the clip does not have.
        """
        look = asked.settings
        source = f"./{self.source}" if self.source.startswith("-") else self.source  # no option
        said = ["render", source, "--style", self.styles[look.style or ""]]
        for flag in ("strength", "smooth"):
            value = getattr(look, flag)
            if value != getattr(self.usual, flag):
                said += [f"--{flag}", f"{value:.4f}".rstrip("0").rstrip(".")]
        if look.keep_color != self.usual.keep_color:
            said.append("--keep-color" if look.keep_color else "--no-keep-color")
        if matte != self.usual.matte:
            said += ["--matte", str(matte or "")]
        if asked.first is not None or asked.last is not None:
            first = asked.first or 0
            last = self.frames - 1 if asked.last is None else asked.last
            if not first <= last < self.frames:
                hint = f"the clip has frames 0 to {self.frames - 1}"
                raise UsageError(f"there are no frames {first} to {last}", hint=hint)
            said += ["--frames", f"{first}-{last}"]
        said += self.flags
        if output is not None or self.elsewhere:
            said += ["-o", str(Path(self.source).with_name((output or usual).name))]
        if asked.overwrite:
            said.append("-y")
        return said


def quoted(words: Sequence[str]) -> str:
    """A line for the shell of this system."""
    line = ["vidfx", *words]
    return subprocess.list2cmdline(line) if sys.platform == "win32" else shlex.join(line)
