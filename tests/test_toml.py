"""Where in a settings file something stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from vidfx.errors import MissingInput, UsageError
from vidfx.toml import line_of, read_model

TEXT = """\
# strength is spoken of here first
output = "painted"
[defaults]
style = [
  "ink",
  "wash",
]

[[clip]]
source = "a.mp4"
[[clip]]
source = '''
strength = 3
'''
strength = 0.5
encode.crf = 3
[clip.more]
"quoted" = 1
"""


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (("output",), 2),
        (("defaults",), 3),
        (("defaults", "style"), 4),
        (("defaults", "style", 1), 4),
        (("clip", 0), 9),
        (("clip", 0, "source"), 10),
        (("clip", 1), 11),
        (("clip", 1, "source"), 12),
        (("clip", 1, "strength"), 15),
        (("clip", 1, "encode", "crf"), 16),
        (("clip", 1, "more", "quoted"), 18),
        (("clip", 0, "missing"), 9),
        (("missing",), None),
    ],
)
def test_a_key_is_found_on_its_line(where: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(TEXT, where) == line


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    size: int = 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = 'a'\n\nsiez = 2\n", "line 3, siez"),
        ("size = 'a'\nname = 'b'", "line 1, size"),
        ("size = 1", "name: field required"),
        ("name = 'a", "not valid TOML"),
        ("name = " + 3000 * "[" + 3000 * "]", "not valid TOML"),
        ("size = " + 5000 * "9", "not valid TOML"),
    ],
)
def test_a_file_against_its_schema(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "file.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_model(path, Schema, hint="read the page")
    assert said in str(caught.value) and str(path) in str(caught.value)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        read_model(tmp_path / "none.toml", Schema, hint="")
