"""A real server of `vidfx tune` on a real port, for tests, and a client that speaks plain HTTP to it."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from films import CPU
from numpy.typing import NDArray

pytest.importorskip("starlette", reason="the page needs the extra [ui]")
pytest.importorskip("uvicorn", reason="the page needs the extra [ui]")

from vidfx.settings import Look
from vidfx.tune.start import listen, prepare, server_on
from vidfx.tune.tuning import Tuning

USUAL = Look()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.body)
        return said


@dataclass
class Client:
    """Asks as the page does, unless a test says otherwise."""

    address: str
    tuning: Tuning
    port: int = field(init=False)
    token: str = field(init=False)
    generation: int = 0

    def __post_init__(self) -> None:
        self.port = int(self.address.split(":")[2].split("/")[0])
        self.token = self.address.partition("token=")[2]

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        *,
        headers: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """`headers` are added; None takes one of the usual ones away."""
        usual: dict[str, str | None] = {
            "host": f"127.0.0.1:{self.port}",
            "cookie": f"vidfx_tune_{self.port}={self.token}",
            "content-type": "application/json" if method == "POST" else None,
        }
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        data = body.encode() if isinstance(body, str) else body
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (usual | dict(headers or {})).items():
            if value is not None:
                connection.putheader(name, value)
        if data is not None and "transfer-encoding" not in (headers or {}):
            connection.putheader("content-length", str(len(data)))
        connection.endheaders(data)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, content)

    def get(self, path: str) -> dict[str, Any]:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def records(self, path: str, **said: Any) -> list[tuple[dict[str, Any], bytes]]:
        """Every record of an answer."""
        self.generation += 1
        asked = {"view": "test", "generation": self.generation, **said}
        answer = self.ask("POST", path, json.dumps(asked))
        assert answer.status == 200, answer.body
        return split(answer.body)

    def pictures(self, path: str, **said: Any) -> list[tuple[dict[str, Any], NDArray[np.uint8]]]:
        return [(head, decoded(body)) for head, body in self.records(path, **said) if head["kind"] == "picture"]


def split(body: bytes) -> list[tuple[dict[str, Any], bytes]]:
    found = []
    while body:
        text, more = struct.unpack(">II", body[:8])
        found.append((json.loads(body[8 : 8 + text]), body[8 + text : 8 + text + more]))
        body = body[8 + text + more :]
    return found


def decoded(body: bytes) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture[..., ::-1], np.uint8)


@contextmanager
def running(
    clip: Path, folders: Sequence[Path] = (), *, styles: Sequence[str], host: str = "127.0.0.1", remote: bool = False
) -> Iterator[Client]:
    """A server in a thread of its own, on this machine whatever name it goes by."""
    tuning = prepare(clip, folders, styles=styles, machine=CPU, flags=["--threads", "1"], usual=USUAL)
    taken = listen("127.0.0.1", 0)
    server, address = server_on(tuning, taken, host=host, remote=remote)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield Client(address, tuning)
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        taken.close()
        assert not thread.is_alive()
