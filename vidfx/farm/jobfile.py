"""`JOBS.toml`: many clips, each with what `vidfx render` would be told, and where the films go.

    output = "painted"                    # a folder; no film is written outside of it
    name = "{stem}.{style}{suffix}"

    [defaults]                            # any long flag of `vidfx render` about look, range, encoding or machine
    style = ["ink", "wash"]
    crf = 18

    [[clip]]
    source = "shots/*.mp4"

    [[clip]]
    source = "interview.mov"
    style = "ink"
    strength = 0.6

Paths start from the file's own folder. A glob takes no film that a batch has made in `output`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from glob import has_magic
from pathlib import Path
from string import Formatter
from typing import Any

import click
from pydantic import BaseModel, ConfigDict, Field

from vidfx.config import Source, offer, read_settings
from vidfx.errors import MissingInput, UsageError
from vidfx.farm.record import without_films
from vidfx.images import Pattern, is_pattern
from vidfx.settings import Job
from vidfx.toml import Key, read_model

HINT = "docs/farm.md shows what a job file may say"
NAME = "{stem}.{style}{suffix}"
FIELDS = ("stem", "style", "suffix", "folder", "number")
Settings = dict[str, Any]
MakeJob = Callable[[Path, Path, str, Settings], Job]
"""Source, output, style and the settings as one types them; raises click's errors and ours."""
Place = Path | tuple[Path, str, str]
"""A file, or a sequence's folder and what its names begin and end with."""


class Clip(BaseModel):
    """One `[[clip]]`; whatever else it says are settings, checked against the flags."""

    model_config = ConfigDict(extra="allow", frozen=True)

    source: str | list[str]
    style: str | list[str] | None = None
    name: str | None = None


class Defaults(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    style: str | list[str] | None = None


class JobFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    output: str = "."
    name: str = NAME
    defaults: Defaults = Defaults()
    clip: list[Clip] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One film to make, with the place in the file that asks for it."""

    source: Path
    style: str
    name: str
    settings: Settings
    position: int


def read_jobs(
    path: Path, command: click.Command, make: MakeJob, *, output: Path | None = None, style: str | None = None
) -> list[Job]:
    """Every film that a job file asks for, in its order. `output` takes the place of the file's own folder for films,
    `style` that of one that the file does not name.

    Raises MissingInput and UsageError, which name the line.
    """
    said, text = read_model(path, JobFile, hint=HINT)
    source = Source(path, text)
    with source.at("name"):
        check_template(said.name)
    defaults = _settings(said.defaults, command, source, ("defaults",))
    films = output
    if films is None:
        with source.at("output"):
            films = path.parent / _at_home(said.output)
    wanted: list[_Wanted] = []
    for position, clip in enumerate(said.clip):
        settings = defaults | _settings(clip, command, source, ("clip", position))
        wanted += _asked(clip, said, settings, source, position, films, style)
    named = list(_named(wanted, films, source))
    return [_made(one, film, source, make) for one, film in _told_apart(named, source)]


def _settings(table: BaseModel, command: click.Command, source: Source, where: tuple[Key, ...]) -> Settings:
    return read_settings(table.model_extra or {}, command, source, where)


def _asked(
    clip: Clip, said: JobFile, settings: Settings, source: Source, position: int, films: Path, usual: str | None
) -> Iterator[_Wanted]:
    """One for each file of the clip and each style."""
    folder = source.path.parent
    with source.at("clip", position):
        asked = _listed(clip.style if clip.style is not None else said.defaults.style)
        styles = [_style(style, folder) for style in asked] or _listed(usual)
        if not styles:
            where = "here, in [defaults], in [render] of vidfx.toml, or as VIDFX_STYLE"
            raise UsageError("no style for this clip", hint=f"set style {where}")
    with source.at("clip", position, "name"):
        check_template(name := clip.name or said.name)
    with source.at("clip", position, "source"):
        if not (patterns := _listed(clip.source)):
            raise UsageError("no source for this clip", hint="set source to a file or a glob")
        for found in _sources(patterns, folder, films):
            for style in styles:
                yield _Wanted(found, style, name, settings, position)


def _named(wanted: list[_Wanted], films: Path, source: Source) -> Iterator[tuple[_Wanted, Path]]:
    from vidfx.job import split_name
    from vidfx.styles.library import find_style

    names: dict[str, str] = {}
    for number, one in enumerate(wanted, 1):
        with source.at("clip", one.position):
            if one.style not in names:
                names[one.style] = find_style(one.style).name
            stem, suffix = split_name(one.source)
            # "../a.mp4" lies in a folder that has a name, and a link keeps its own
            above = Path(os.path.abspath(one.source)).parent.name  # noqa: PTH100  # resolve() follows links
            fields = {"stem": stem, "suffix": suffix, "style": names[one.style], "folder": above}
            yield one, inside(films, one.name.format(**fields, number=f"{number:04}"))


def _told_apart(named: list[tuple[_Wanted, Path]], source: Source) -> Iterator[tuple[_Wanted, Path]]:
    """Raises UsageError where two would be one film, or a film would take the place of a source."""
    made = {_place(path) for _, path in named}
    numbered: dict[Path, list[Pattern]] = {}
    for pattern in (Pattern.of(path) for _, path in named if is_pattern(path)):
        numbered.setdefault(pattern.folder.resolve(), []).append(pattern)
    taken: dict[Place, _Wanted] = {}

    def is_made(path: Path) -> bool:
        beside = numbered.get(path.parent.resolve(), ()) if numbered else ()
        return _place(path) in made or any(pattern.matches(path.name) for pattern in beside)

    for one, path in named:
        with source.at("clip", one.position):
            if is_made(one.source):
                raise UsageError(f"'{one.source}' is a source and a film to make", hint="change `output` or `name`")
            if (other := taken.setdefault(_place(path), one)) is not one:
                raise UsageError(
                    f"'{one.source}' and '{other.source}' would both become '{path}'",
                    hint="{folder}, {style} or {number} in `name` tells them apart",
                )
        yield one, path


def _place(path: Path) -> Place:
    return Pattern.of(path).place if is_pattern(path) else path.resolve()


def _made(one: _Wanted, path: Path, source: Source, make: MakeJob) -> Job:
    try:
        job = make(one.source, path, one.style, one.settings)
    except click.BadParameter as error:
        with source.at(*_written_at(error.param, source, one.position)):
            raise UsageError(error.message.rstrip("."), hint=getattr(error, "hint", "") or HINT) from None
    except UsageError:
        with source.at("clip", one.position):
            raise
    if job.look.matte is None or "matte" not in one.settings:
        return job  # one from VIDFX_MATTE or vidfx.toml starts where those do
    return replace(job, look=replace(job.look, matte=source.path.parent / _at_home(str(job.look.matte))))


def _written_at(parameter: click.Parameter | None, source: Source, position: int) -> tuple[Key, ...]:
    """Where a setting was written: with the clip, or among the defaults."""
    names = [name[2:] for name in parameter.opts if name.startswith("--")] if parameter else []
    spellings = [spelling for name in names for spelling in (name, name.replace("-", "_"))]
    places: list[tuple[Key, ...]] = [("clip", position), ("defaults",)]
    for above in places:
        for spelling in spellings:
            if source.has(*above, spelling):
                return (*above, spelling)
    return places[0]


# --- paths ---------------------------------------------------------------------------------------------------------


def check_template(name: str) -> None:
    """Raises UsageError for a name with another field than `FIELDS`, or with anything but plain fields."""
    try:
        fields = [
            (field, spec, conversion) for _, field, spec, conversion in Formatter().parse(name) if field is not None
        ]
    except ValueError as error:
        raise UsageError(f"name '{name}': {error}", hint="write {{ for a brace itself") from None
    for field, spec, conversion in fields:
        if field not in FIELDS or spec or conversion:
            raise UsageError(f"name '{name}' has a field {{{field}}}", hint=offer(field, FIELDS, "fields"))


def inside(folder: Path, name: str) -> Path:
    """`folder / name`, if that lies in the folder whatever `..` and symbolic links say. Raises UsageError."""
    path = folder / name
    try:
        within = not Path(name).is_absolute() and path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):  # a loop of links, or a zero byte
        within = False
    if not within or path.resolve() == folder.resolve():
        raise UsageError(f"'{name}' leads out of the output folder '{folder}'", hint="films stay in `output`")
    return path


def _sources(patterns: list[str], folder: Path, films: Path) -> Iterator[Path]:
    """The files of a clip's source, those of a glob sorted and without the films of an earlier batch in `films`.

    What lies there is known by the batch's record, not by today's names: settings may have changed since.
    """
    from vidfx.images import is_pattern

    for pattern in patterns:
        relative = _at_home(pattern)
        path = folder / relative
        if path.is_dir():
            raise UsageError(f"'{pattern}' is a folder", hint="write shots/*.mp4 for the clips in a folder")
        if not has_magic(pattern) or path.exists() or (is_pattern(path) and path.parent.is_dir()):
            yield path
            continue
        files = _like(relative, folder)
        if not files:
            raise MissingInput(f"no file is like '{pattern}'", hint=f"looked from '{folder}'")
        if not (sources := [*_not_made(files, films)]):
            raise MissingInput(f"only films of an earlier batch are like '{pattern}'", hint=f"looked from '{folder}'")
        yield from sources


def _like(pattern: Path, folder: Path) -> list[Path]:
    """The files that a glob finds, sorted, without hidden ones. Raises UsageError for what is no glob."""
    start = Path(pattern.anchor) if pattern.is_absolute() else folder
    try:
        found = list(start.glob(str(pattern.relative_to(pattern.anchor))))
    except ValueError:
        raise UsageError(f"'{pattern}' is no glob", hint="** stands alone between slashes: shots/**/*.mp4") from None
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def _not_made(files: list[Path], films: Path) -> Iterator[Path]:
    """Without films of a batch that lie in `films`; those elsewhere are another job's, and may be painted again."""
    within = films.resolve()
    clips = set(without_films(files))
    return (path for path in files if path in clips or not path.parent.resolve().is_relative_to(within))


def _style(style: str, folder: Path) -> str:
    """A name as it is, a path from the file's folder."""
    if "/" in style or "\\" in style or style.endswith(".safetensors"):
        return str(folder / _at_home(style))
    return style


def _at_home(text: str) -> Path:
    """A path with its ~ read as a home folder. Raises UsageError where no user has that name."""
    try:
        return Path(text).expanduser()
    except (RuntimeError, ValueError):  # the latter for a zero byte
        raise UsageError(f"'{text}': there is no such user", hint="./~name is a file of that name") from None


def _listed(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value
