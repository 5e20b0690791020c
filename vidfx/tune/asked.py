"""What the page may ask for, read strictly: unknown keys, styles that are not here and paths outside are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vidfx import images
from vidfx.choice import CONTAINERS
from vidfx.errors import MissingInput, UsageError
from vidfx.settings import Look
from vidfx.tune.painter import Pane

MOST_LOOKS = 5
"""Four kept settings and the one being tuned."""
SUFFIXES = (*CONTAINERS, *images.SUFFIXES)

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class NotAllowed(UsageError):
    """The page asked for something outside of what the command line named."""


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Settings(_Asked):
    """The look on screen; without a style it is the source."""

    style: Annotated[str, Field(max_length=200)] | None = None
    strength: Share = 1.0
    smooth: Share = 1.0
    keep_color: bool = False
    matte: Annotated[str, Field(max_length=1024)] = ""


Looks = Annotated[list[Settings], Field(min_length=1, max_length=MOST_LOOKS)]


class _Queued(_Asked):
    view: str = Field(max_length=64)
    """Which page asks."""
    generation: int = Field(ge=0, lt=2**53)
    """Counts up; a page's newer question makes its older ones void."""
    frame: int = Field(ge=0, lt=2**31)


class AskPicture(_Queued):
    looks: Looks
    upto: Literal["draft", "full", "settled"] = "settled"


class AskLoop(_Queued):
    looks: Looks
    seconds: float = Field(default=2.0, gt=0, le=4)
    centre: tuple[Share, Share] | None = None
    """Where the true-size part lies; None for the whole frame, reduced."""


class AskCard(_Queued):
    style: str = Field(max_length=200)


class AskSheet(_Queued):
    looks: Looks


class AskRender(_Asked):
    settings: Settings
    output: str = Field(default="", max_length=255)
    """A file name beside the clip, or nothing for the usual one."""
    overwrite: bool = False
    first: int | None = Field(default=None, ge=0, lt=2**31)
    last: int | None = Field(default=None, ge=0, lt=2**31)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the command line named: nothing else is opened for a page."""

    source: Path
    folders: tuple[Path, ...]
    """Resolved; what lies under them may be opened."""
    styles: Mapping[str, str]
    """Name on the page to what `find_style` takes."""
    usual: Look
    """The user's own settings: their matte is allowed wherever it lies, and what the page cannot set is theirs."""

    def pane(self, asked: Settings) -> Pane:
        """The settings as the painter takes them. Raises NotAllowed, MissingInput, UsageError."""
        return Pane(self.style(asked.style) if asked.style is not None else None, self.look(asked))

    def look(self, asked: Settings) -> Look:
        """The settings as a render takes them."""
        matte = self.opened(asked.matte) if asked.matte.strip() else None
        return replace(
            self.usual, strength=asked.strength, smooth=asked.smooth, keep_color=asked.keep_color, matte=matte
        )

    def style(self, name: str) -> str:
        """What `find_style` takes for a name of the page; never a path that came from there."""
        if name not in self.styles:
            raise MissingInput("there is no such style here", hint=f"styles here: {', '.join(self.styles) or 'none'}")
        return self.styles[name]

    def opened(self, text: str) -> Path:
        """A matte's path as typed, if it lies under a named folder after every link is followed.

        What lies outside is refused with one and the same words, there or not. Raises NotAllowed, MissingInput.
        """
        if self.usual.matte is not None and text == str(self.usual.matte):
            return self.usual.matte
        refusal = NotAllowed(
            "the matte is not in a folder that was named on the command line",
            hint="start again as `vidfx tune CLIP FOLDER`, and name the folder that the matte lies in",
        )
        if not text.isprintable():
            raise refusal
        for folder in self.folders:
            path = folder / text.strip()
            if not _inside(path, folder):
                continue
            path = path.resolve()
            if self._numbered_inside(path, folder):
                return path
            if path.is_file():
                if path.suffix.lower() not in SUFFIXES:
                    raise UsageError(
                        f"'{path.name}' is neither a picture nor a film", hint="a matte is " + " ".join(SUFFIXES)
                    )
                return path
        if any(_inside(folder / text.strip(), folder) for folder in self.folders):
            raise MissingInput(f"there is no matte '{text.strip()}'", hint="a path is read from the named folders on")
        raise refusal

    def output(self, name: str) -> Path | None:
        """A file beside the clip by its bare name; None for no name. Raises NotAllowed, UsageError."""
        name = name.strip()
        if not name:
            return None
        path = self.source.parent / name
        if Path(name).name != name or name.startswith((".", "-")) or not name.isprintable() or "\\" in name:
            raise NotAllowed("the file's name may hold no folder", hint="a render lands beside the clip")
        if path.suffix.lower() not in SUFFIXES:
            raise UsageError(f"'{name}' has no suffix that vidfx writes", hint="use " + " ".join(SUFFIXES))
        try:
            is_link = path.is_symlink()
        except OSError as error:  # 255 letters may be more than 255 bytes
            raise NotAllowed(f"'{name}' is no name here ({error.strerror})", hint="choose another name") from None
        if is_link:
            raise NotAllowed(f"'{name}' is a link to somewhere else", hint="choose another name")
        return path

    @staticmethod
    def _numbered_inside(path: Path, folder: Path) -> bool:
        """Whether this is a numbered sequence, none of whose pictures is a link to somewhere else."""
        if not images.is_pattern(path):
            return False
        pattern = images.Pattern.of(path)
        return all(_inside(pattern.path(number), folder) for number in pattern.numbers())


def _inside(path: Path, folder: Path) -> bool:
    """Whether a path lies in a resolved folder when every link is followed; a name that no system takes does not."""
    try:
        path.exists()  # a name too long, or a loop of links
        return path.resolve().is_relative_to(folder)
    except (OSError, ValueError, RuntimeError):
        return False


def labels(looks: Sequence[Settings]) -> list[str]:
    """What stands under each picture of a sheet: the style and whatever is not as it usually is."""
    said = []
    for look in looks:
        parts = [look.style or "source"]
        parts += [f"strength {look.strength:g}"] if look.strength != 1 else []
        parts += [f"smooth {look.smooth:g}"] if look.smooth != 1 else []
        parts += ["keep colour"] if look.keep_color else []
        parts += ["matte"] if look.matte else []
        said.append("  ".join(parts))
    return said
