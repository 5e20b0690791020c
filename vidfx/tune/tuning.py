"""Everything that one server is about, and how a question of the page is read."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vidfx.errors import UsageError
from vidfx.tune.asked import Bounds, Settings
from vidfx.tune.command import CommandLine
from vidfx.tune.desk import Desk
from vidfx.tune.painter import Painter
from vidfx.tune.rendering import Rendering
from vidfx.tune.scan import Scan

A = TypeVar("A", bound=BaseModel)
PATIENCE = 10.0
"""Seconds that a question may take to arrive."""


@dataclass(frozen=True)
class Tuning:
    """Everything that one server is about."""

    bounds: Bounds
    command: CommandLine
    painter: Painter
    desk: Desk
    scan: Scan
    rendering: Rendering
    start: Settings
    """The settings the page begins with."""
    descriptions: dict[str, str]
    """Style names, and what they look like."""

    def close(self) -> None:
        """Ends every thread and process."""
        self.scan.stop()
        self.desk.close()
        self.rendering.close()
        self.painter.close()

    def check_frame(self, index: int) -> None:
        """Raises UsageError for a frame that the clip does not have, UnreadableInput where the clip is another now."""
        self.painter.reader.check_unchanged()
        count = len(self.painter.reader)
        if index >= count:
            raise UsageError(f"there is no frame {index}", hint=f"the last one is {count - 1}")


def said(content: Any) -> Response:
    """An answer in JSON; what is no text in a file's name goes as an escape, which UTF-8 could not hold."""
    return Response(json.dumps(content), media_type="application/json")


async def question(request: Request, model: type[A]) -> A:
    """The request's JSON, checked. Raises UsageError with the first thing that is wrong, HTTPException 408."""
    try:
        body = await asyncio.wait_for(request.body(), PATIENCE)
    except TimeoutError:
        raise HTTPException(408, "the question was too long in coming") from None
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"the page asked wrongly: {where or 'the body'}: {first['msg']}", hint="reload it") from None
