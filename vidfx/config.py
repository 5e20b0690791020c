"""Settings from files: the project's `vidfx.toml` in the current folder, and the user's own.

    [render]
    style = "ink"
    keep-color = true
    encoder-opt = { tune = "film" }

A table per command, its keys spelled as the long flags. A flag wins over a `VIDFX_*` variable, that over the project,
that over the user, and that over the default. A table or key that nobody knows is an error, not a shrug.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from vidfx.errors import MissingInput, UsageError, VidfxError, nearest
from vidfx.toml import Key, holds, line_of, read_toml

NAME = "vidfx.toml"


@dataclass
class Config:
    """What the files say, ready for click's `default_map`, and which file said it."""

    values: dict[str, Any] = field(default_factory=dict)
    """A dictionary per command, nested as the commands are; keys are parameter names."""
    origin: dict[tuple[str, ...], Path] = field(default_factory=dict)
    """(command, ..., parameter name) to the file that had the last word."""


def config_files() -> list[Path]:
    """Where settings may stand, weakest first; a path need not exist."""
    import platformdirs

    return [Path(platformdirs.user_config_dir("vidfx", appauthor=False)) / NAME, Path(NAME)]


def read_config(group: click.Group, files: Iterable[Path] | None = None) -> Config:
    """Reads the files, weakest first, and checks every table and key against the commands of `group`.

    Raises UsageError that names the file and the key, with the nearest key that exists.
    """
    config = Config()
    for path in config_files() if files is None else files:
        try:
            table, text = read_toml(path)
        except MissingInput:
            continue
        _read_group(table, group, Source(path, text), (), config)
    return config


@dataclass(frozen=True, slots=True)
class Source:
    """A file of settings, for saying where in it something stands."""

    path: Path
    text: str

    def place(self, *where: Key) -> str:
        """`'vidfx.toml', line 3`."""
        line = line_of(self.text, where)
        return f"'{self.path}'" + (f", line {line}" if line else "")

    def has(self, *where: Key) -> bool:
        """Whether the file says anything there."""
        return holds(tomllib.loads(self.text), where)

    @contextmanager
    def at(self, *where: Key) -> Iterator[None]:
        """Our errors inside begin with the place."""
        try:
            yield
        except VidfxError as error:
            raise type(error)(f"{self.place(*where)}: {error}", hint=error.hint) from None


def _read_group(
    table: Mapping[str, Any], group: click.Group, source: Source, above: tuple[str, ...], config: Config
) -> None:
    context = click.Context(group)
    names = group.list_commands(context)
    for name, content in table.items():
        command = group.get_command(context, name)
        where = (*above, name)
        if command is None or not isinstance(content, dict):
            spelled = ".".join(where)
            what = f"no table [{spelled}]" if isinstance(content, dict) else f"no key '{spelled}' outside of a table"
            with source.at(*where):
                raise UsageError(f"vidfx knows {what}", hint=offer(name, names, "tables"))
        if isinstance(command, click.Group):
            _read_group(content, command, source, where, config)
            continue
        values = config.values
        for key in where:
            values = values.setdefault(key, {})
        read = read_settings(content, command, source, where)
        values.update(read)
        config.origin.update({(*where, key): source.path for key in read})


def read_settings(
    table: Mapping[str, Any], command: click.Command, source: Source, where: tuple[Key, ...]
) -> dict[str, Any]:
    """A command's settings from a table that stands at `where`: parameter names to values as one would type them.

    Raises UsageError that names the line and the nearest key that exists.
    """
    keys = known_keys(command)
    values: dict[str, Any] = {}
    for key, value in table.items():
        spelling, spot = key.replace("_", "-"), f"[{'.'.join(map(str, where))}] {key}"
        with source.at(*where, key):
            if spelling not in keys:
                raise UsageError(f"{spot} is no setting of this command", hint=offer(spelling, keys, "keys"))
            option, negated = keys[spelling]
            assert option.name is not None
            if option.name in values:
                other = next(one for one in table if keys.get(one.replace("_", "-"), (None,))[0] is option)
                raise UsageError(f"{spot} says again what '{other}' says", hint="leave one of the two")
            values[option.name] = _value(value, option, spot, negated)
    return values


def known_keys(command: click.Command) -> dict[str, tuple[click.Option, bool]]:
    """Every key a command's table may hold, with its option and whether it means the opposite (`no-audio`)."""
    keys: dict[str, tuple[click.Option, bool]] = {}
    for option in command.params:
        if isinstance(option, click.Option) and option.name != "help":
            for names, negated in ((option.opts, False), (option.secondary_opts, True)):
                keys |= {name[2:]: (option, negated) for name in names if name.startswith("--")}
    return keys


def _value(value: Any, option: click.Option, where: str, negated: bool) -> Any:
    """The value in the form the command line would have given it."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise UsageError(
                f"{where} must be true or false, not {value!r}", hint="write the bare word, without quotes"
            )
        return value != negated
    if option.multiple:
        if isinstance(value, dict):
            value = [f"{key}={_scalar(item, where)}" for key, item in value.items()]
        return [_scalar(item, where) for item in (value if isinstance(value, list) else [value])]
    return _scalar(value, where)


def _scalar(value: Any, where: str) -> str:
    if isinstance(value, bool | dict | list):
        raise UsageError(f"{where} must be a single text or number, not {value!r}", hint='such as 18 or "slow"')
    return str(value)


def offer(word: str, known: Iterable[str], what: str) -> str:
    """The hint for a word that nobody knows."""
    known = list(known)
    match = nearest(word, known)
    return f"did you mean {match}?" if match else f"{what} there are: {' '.join(known)}"
