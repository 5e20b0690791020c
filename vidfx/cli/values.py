"""The values that options take, read from what is typed; what makes no sense is refused with a hint."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import click

from vidfx.cli.voice import BadValue
from vidfx.errors import UsageError

T = TypeVar("T")


MOST = 2**31 - 1
"""What the libraries below count with."""


class Parsed(click.ParamType, Generic[T]):  # type: ignore[type-arg]  # not generic before click 8.4
    """A type read by one of our own functions; its UsageError becomes the option's."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name, self._parse = name, parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]  # a default, already of the right type
        try:
            return self._parse(value)
        except UsageError as error:
            bad = BadValue(str(error), ctx=ctx, param=param)
            bad.hint = error.hint
            raise bad from None
        except (ValueError, OverflowError):  # Python itself makes no number of thousands of digits
            raise BadValue(f"'{value[:20]}...' is no number that can be used", ctx=ctx, param=param) from None


def parse_share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise UsageError(f"must be between 0 and 1, not {text}", hint="0 is none of it, 0.5 half, 1 all")
    return value


def parse_device(text: str) -> str:
    """`auto`, `cpu`, `cuda` or `cuda:N`."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise UsageError(f"'{text}' is no device", hint="write auto, cpu, cuda or cuda:1")
    return text


def whole_number(least: int, most: int = MOST, **words: int | None) -> Callable[[str], int | None]:
    """A reader of whole numbers from `least` to `most`, and of words that stand for a value."""

    def parse(text: str) -> int | None:
        if text in words:
            return words[text]
        if text.isascii() and text.isdigit() and least <= (number := int(text)):
            if number > most:
                raise UsageError(f"must be {most} at most, not {text}", hint=f"a whole number from {least} to {most}")
            return number
        wanted = ", ".join((*words, f"a whole number from {least} up"))
        raise UsageError(
            f"must be {' or '.join(wanted.rsplit(', ', 1))}, not {text}", hint="write digits alone, such as 24"
        )

    return parse


def parse_memory(text: str) -> int | None:
    """`512M`, `2G`, `1.5G`, or auto: bytes, in powers of 1024."""
    if text == "auto":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([MG])i?B?", text, re.IGNORECASE)
    size = int(float(match[1]) * (2**20 if match[2].upper() == "M" else 2**30)) if match else 0
    if size < 2**25:
        raise UsageError(f"must be a size such as 512M or 2G, or auto, not {text}", hint="32M is the least")
    return size


def parse_pair(text: str) -> tuple[str, str]:
    """`key=value`."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f"'{text}' is not a pair", hint="write key=value, such as tune=film")
    return key, value
