"""Every error says what to do about it."""

from __future__ import annotations

import ast
import errno
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from imports import modules

from vidfx.disk import writing, writing_error
from vidfx.errors import CannotWrite, Interrupted, Terminated, VidfxError
from vidfx.tune.asked import NotAllowed

WISHED_FOR = {Interrupted, Terminated}
"""The user's own doing: there is nothing to mend, and the message says what is left."""


def family(of: type[VidfxError]) -> Iterator[type[VidfxError]]:
    yield of
    for child in of.__subclasses__():
        yield from family(child)


def made(module: str) -> Iterator[ast.Call]:
    """Every error of ours that a module makes, where it raises it or hands it on."""
    names = {error.__name__ for error in set(family(VidfxError)) - WISHED_FOR}
    for node in ast.walk(ast.parse(modules()[module].read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in names:
                yield node


def may_be_empty(hint: ast.expr) -> bool:
    """As far as it is written out."""
    if isinstance(hint, ast.IfExp):
        return may_be_empty(hint.body) or may_be_empty(hint.orelse)
    if isinstance(hint, ast.BoolOp):
        return may_be_empty(hint.values[-1])
    return isinstance(hint, ast.Constant) and not (isinstance(hint.value, str) and hint.value.strip())


@pytest.mark.parametrize("module", sorted(modules()))
def test_every_error_has_a_hint(module: str) -> None:
    bare = []
    for call in made(module):
        hints = [keyword.value for keyword in call.keywords if keyword.arg == "hint"]
        if not hints or may_be_empty(hints[0]):
            bare.append(f"line {call.lineno}: {ast.unparse(call)}")
    assert not bare


def test_the_family_is_whole() -> None:
    assert NotAllowed in family(VidfxError), "errors are made in more places than vidfx/errors.py"
    assert len(list(made("sink"))) > 10, "the walk finds them"


@pytest.mark.parametrize(
    "error",
    [
        *(OSError(number, "no") for number in (errno.EACCES, errno.ENOENT, errno.EISDIR, errno.EIO, errno.ENOSPC)),
        ValueError("no"),
        av.FFmpegError(22, "no"),
    ],
)
def test_what_cannot_be_written_has_a_hint(error: Exception) -> None:
    assert writing_error(Path("film.mkv"), error).hint


def test_our_errors_pass_through_a_write_as_they_are(tmp_path: Path) -> None:
    ours = VidfxError("no", hint="yes")
    with pytest.raises(VidfxError) as caught, writing(tmp_path):
        raise ours
    assert caught.value is ours
    with pytest.raises(CannotWrite, match="No such file"), writing(tmp_path):
        (tmp_path / "gone" / "film").write_bytes(b"")
