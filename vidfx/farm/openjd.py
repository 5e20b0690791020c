"""A job folder as an Open Job Description bundle: a template that a farm's scheduler carries out.

The parts are a task parameter of the kind CHUNK[INT], so that the scheduler may give a host several at once; the
stitch depends on them. Source, matte, output and the job folder are PATH parameters: the scheduler brings them to the
host, and says by their values where they lie there. https://github.com/OpenJobDescription/openjd-specifications
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vidfx.disk import write_whole, writing
from vidfx.errors import CannotWrite, UsageError
from vidfx.farm.folder import absolute
from vidfx.images import is_pattern
from vidfx.parts.plan import Plan

TEMPLATE, VALUES, DEADLINE = "template.json", "parameters.json", "parameter_values.json"
"""The template, its values as `openjd run -p file://` takes them, and as Deadline Cloud does."""
Flow = Literal["IN", "OUT", "INOUT"]
"""Which way a path's content goes between the host that submits and the one that works."""


def export(plan: Plan, folder: Path, bundle: Path, *, chunk: int, overwrite: bool) -> None:
    """Writes the bundle for the job in `folder`, `chunk` parts to a task. Raises CannotWrite, TryAgain."""
    if (bundle / TEMPLATE).exists() and not overwrite:
        raise CannotWrite(f"'{bundle}' holds a bundle already", hint="give -y to overwrite it")
    with writing(bundle):
        bundle.mkdir(parents=True, exist_ok=True)
        write_whole(bundle / TEMPLATE, _json(template(plan, chunk=chunk)))
        given = values(plan, folder)
        write_whole(bundle / VALUES, _json(given))
        listed = [{"name": name, "value": value} for name, value in given.items()]
        write_whole(bundle / DEADLINE, _json({"parameterValues": listed}))


def template(plan: Plan, *, chunk: int) -> dict[str, Any]:
    """The job template, version 2023-09 with the extension TASK_CHUNKING."""
    last = len(plan.parts) - 1
    part = {
        "name": "Part",
        "type": "CHUNK[INT]",
        "range": f"0-{last}" if last else "0",
        "chunks": {"defaultTaskCount": chunk, "rangeConstraint": "CONTIGUOUS"},
    }
    inputs = [f"--{name.lower()}={place.argument}" for name, place in _places(plan).items() if name != "Output"]
    output = f"--output={_places(plan)['Output'].argument}"
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": _plain(f"vidfx {plan.job.output.name}")[:128],
        "parameterDefinitions": list(_parameters(plan)),
        "steps": [
            {
                "name": "Render",
                "parameterSpace": {"taskParameterDefinitions": [part]},
                "script": _run("render", ["--part={{Task.Param.Part}}", *inputs, output]),
            },
            {
                "name": "Stitch",
                "dependencies": [{"dependsOn": "Render"}],
                "script": _run("stitch", ["-y", *inputs, output]),
            },
        ],
    }


def _plain(name: str) -> str:
    """Without what the specification does not take in a name: control characters, and braces that it would expand."""
    return re.sub(r"[\x00-\x1f\x7f]|\{\{|\}\}", "_", name)


def values(plan: Plan, folder: Path) -> dict[str, str]:
    """Where everything lies on the host that submits."""
    named = {"JobFolder": folder} | {name: place.path for name, place in _places(plan).items()}
    return {name: str(absolute(path)) for name, path in named.items()}


@dataclass(frozen=True, slots=True)
class _Place:
    """A path of the job: a file, or the folder of numbered pictures."""

    path: Path
    is_folder: bool
    flow: Flow
    argument: str
    """How a task is told of it."""


def _places(plan: Plan) -> dict[str, _Place]:
    job = plan.job
    paths = {"Source": job.source, "Output": job.output} | ({"Matte": job.look.matte} if job.look.matte else {})
    places = {}
    for name, path in paths.items():
        numbered, value = is_pattern(path), f"{{{{Param.{name}}}}}"
        flow: Flow = "OUT" if name == "Output" else "IN"
        if numbered and _plain(path.name) != path.name:
            raise UsageError(
                f"Open Job Description cannot pass on the name '{path.name}'", hint="rename it: no {{, no }}"
            )
        argument = f"{value}/{path.name}" if numbered else value
        places[name] = _Place(path.parent if numbered else path, numbered, flow, argument)
    return places


def _parameters(plan: Plan) -> Iterator[dict[str, Any]]:
    yield _path("JobFolder", "The job folder that `vidfx farm plan` made", is_folder=True, flow="INOUT")
    for name, place in _places(plan).items():
        yield _path(name, f"{name} of the job", is_folder=place.is_folder, flow=place.flow)
    yield {"name": "Vidfx", "type": "STRING", "default": "vidfx", "description": "The vidfx command on the hosts"}


def _path(name: str, description: str, *, is_folder: bool, flow: Flow) -> dict[str, Any]:
    kind = "DIRECTORY" if is_folder else "FILE"
    return {"name": name, "type": "PATH", "objectType": kind, "dataFlow": flow, "description": description}


def _run(command: str, arguments: list[str]) -> dict[str, Any]:
    fixed = ["farm", command, "{{Param.JobFolder}}", "--progress=openjd"]
    return {"actions": {"onRun": {"command": "{{Param.Vidfx}}", "args": [*fixed, *arguments]}}}


def _json(said: dict[str, Any]) -> bytes:
    return json.dumps(said, indent=2, ensure_ascii=False).encode()
