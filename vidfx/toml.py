"""Reading TOML files of ours, and telling what is wrong in one by its line."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vidfx.errors import MissingInput, UsageError, nearest

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

Key = str | int
"""A name, or the position in an array."""
Model = TypeVar("Model", bound="BaseModel")


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """The table in a file, and its text for `line_of`. Raises MissingInput, or UsageError for what is not TOML."""
    try:
        text = path.read_text("utf-8-sig")  # some editors on Windows begin a file with a mark of their own
        return tomllib.loads(text), text
    except (FileNotFoundError, NotADirectoryError):
        raise MissingInput(f"there is no file '{path}'", hint="check the spelling and the folder") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"'{path}' cannot be read: {error}", hint="mend the file, or move it away") from None
    except (ValueError, RecursionError) as error:  # not every ValueError of tomllib is its own: endless numbers
        raise UsageError(f"'{path}' is not valid TOML: {error}", hint="mend the file, or move it away") from None


def read_model(path: Path, model: type[Model], *, hint: str) -> tuple[Model, str]:
    """A file checked key by key against a schema, and its text. Raises MissingInput, or UsageError with the line."""
    from pydantic import ValidationError

    table, text = read_toml(path)
    try:
        return model.model_validate(table), text
    except ValidationError as error:
        said = "; ".join(f"{place(text, e['loc'])}: {_said(e, model)}" for e in error.errors())
        raise UsageError(f"'{path}': {said}", hint=hint) from None


def _said(error: ErrorDetails, model: type[BaseModel]) -> str:
    """What is wrong, in words; of a key that nobody knows, which one is like it."""
    if error["type"] != "extra_forbidden":
        return error["msg"].lower()
    schema = model.model_json_schema()
    known = {name for one in (schema, *schema.get("$defs", {}).values()) for name in one.get("properties", {})}
    near = nearest(str(error["loc"][-1]), known)
    return "no such key" + (f", did you mean {near}?" if near else "")


def place(text: str, where: Sequence[Key]) -> str:
    """`line 7, clip.2.source`, or without the line where the key stands nowhere (a whole file may lack it)."""
    line = line_of(text, where)
    return (f"line {line}, " if line else "") + ".".join(map(str, where))


def line_of(text: str, where: Sequence[Key]) -> int | None:
    """The line, from 1, on which the key at `where` is written in a valid file; for a missing one, its table's.

    tomllib keeps no lines. But the lines above a statement are a whole file too, and those down to its end are the
    shortest one that holds its key: nothing is parsed by hand.
    """
    lines = text.splitlines(keepends=True)
    whole = _parsed(lines)
    for length in range(len(where), 0, -1):
        if holds(whole, where[:length]):
            return _first_line(lines, where[:length])
    return None


def _first_line(lines: Sequence[str], sought: Sequence[Key]) -> int:
    """Halves the file until the shortest one that holds the key is found, and the longest below it that does not."""
    without, tried, held = 0, 0, len(lines)  # up to `tried`, none but `without` is a file of its own
    while held - tried > 1:
        end = middle = (tried + held) // 2
        while end > tried and (table := _parsed(lines[:end])) is None:
            end -= 1
        if end > tried and holds(table, sought):
            held = end
        else:
            without, tried = (end if end > tried else without), middle
    return without + 1


def _parsed(lines: Sequence[str]) -> dict[str, Any] | None:
    try:
        return tomllib.loads("".join(lines))
    except tomllib.TOMLDecodeError:
        return None


def holds(table: Any, where: Sequence[Key]) -> bool:
    """Whether a table has the key at `where`."""
    for key in where:
        if isinstance(key, int):
            if not isinstance(table, list) or key >= len(table):
                return False
        elif not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True
