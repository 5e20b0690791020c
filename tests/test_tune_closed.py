"""`vidfx tune` is closed to strangers: every way in that is not the page's own is refused, and opens nothing.

Long, because every way in is tried against one server.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from clips import make_clip
from tune_server import Answer, Client, running

from vidfx.cli import cli, main
from vidfx.tune.guard import Guard
from vidfx.tune.rendering import Rendering

STYLE = {"style": "tiny"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that was named, one that was not, and links between them."""
    top = tmp_path_factory.mktemp("top")
    make_clip(top / "clip.mp4", frames=6)
    for name in ("named", "secret"):
        (top / name / "deep").mkdir(parents=True)
        white = np.full((32, 32, 3), 255, np.uint8)
        for path in ("matte.png", "deep/matte.png", "shot.0001.png", "shot.0002.png"):
            assert cv2.imwrite(str(top / name / path), white)
    (top / "named" / "way-out").symlink_to(top / "secret", target_is_directory=True)
    (top / "named" / "out.png").symlink_to(top / "secret" / "matte.png")
    (top / "named" / "in.png").symlink_to(top / "named" / "deep" / "matte.png")
    (top / "named" / "leak.0001.png").symlink_to(top / "secret" / "matte.png")
    (top / "named" / "loop.png").symlink_to(top / "named" / "loop.png")
    (top / "named" / "notes.txt").write_text("not a matte")
    return top


@pytest.fixture(scope="module")
def client(folder: Path, style: str) -> Any:
    with running(folder / "clip.mp4", [folder / "named"], styles=[style]) as found:
        yield found


def matte(client: Client, path: str) -> Answer:
    looks = [STYLE | {"matte": path}]
    client.generation += 1
    asked = {"view": "test", "generation": client.generation, "frame": 0, "looks": looks, "upto": "draft"}
    return client.ask("POST", "/api/picture", json.dumps(asked))


# --- who may ask -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/app.js", "/style.css", "/api/clip", "/api/scan", "/api/thumb/0", "/nothing"])
@pytest.mark.parametrize("cookie", [None, "vidfx_tune_PORT=wrong", "vidfx_tune_PORT=", "other=TOKEN"])
def test_without_the_token_nothing_answers(client: Client, path: str, cookie: str | None) -> None:
    said = cookie and cookie.replace("PORT", str(client.port)).replace("TOKEN", client.token)
    answer = client.ask("GET", path, headers={"cookie": said})
    assert answer.status == 403
    assert b"the address that vidfx tune printed" in answer.body
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "query", ["?token=", "?token=wrong", "?token=TOKENx", "?other=TOKEN", "?token=%00", "?token=TOKEN" + "&a=b" * 8]
)
def test_a_wrong_token_in_the_address_is_refused(client: Client, query: str) -> None:
    answer = client.ask("GET", "/" + query.replace("TOKEN", client.token), headers={"cookie": None})
    assert answer.status == 403


def test_the_address_opens_the_page_and_gives_a_strict_cookie(client: Client) -> None:
    answer = client.ask("GET", f"/?token={client.token}", headers={"cookie": None})
    assert answer.status == 200
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:PORT",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1.evil.example:PORT",
        "",
        None,
        "192.168.0.7:PORT",
        "0.0.0.0:PORT",
        "localhost:PORT.evil.example",
        "user@127.0.0.1:PORT",
    ],
)
def test_a_foreign_host_is_refused(client: Client, host: str | None) -> None:
    answer = client.ask("GET", "/api/clip", headers={"host": host and host.replace("PORT", str(client.port))})
    assert answer.status in (400, 403)
    assert b"clip.mp4" not in answer.body


def test_two_hosts_are_refused(client: Client) -> None:
    head = f"GET /api/clip HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nHost: evil.example\r\n"
    head += f"Authorization: Bearer {client.token}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", client.port)) as wire:
        wire.sendall(head.encode())
        assert wire.recv(100).split()[1] in (b"400", b"403")


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("localhost:80", 200), ("[::1]", 200), ("evil.example", 403), ("127.0.0.1:81", 403)],
)
def test_browsers_leave_port_80_out(host: str, status: int) -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def take(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", host.encode()), (b"authorization", b"Bearer secret")]
    scope = {"type": "http", "method": "GET", "path": "/api/clip", "query_string": b"", "headers": headers}
    guard = Guard(app, token="secret", port=80, host="127.0.0.1", remote=False)
    asyncio.run(guard(scope, take, take))
    assert sent[0]["status"] == status


@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT", "LOCALHOST:PORT", "[::1]:PORT"])
def test_this_machines_own_names_are_ours(client: Client, host: str) -> None:
    assert client.ask("GET", "/api/clip", headers={"host": host.replace("PORT", str(client.port))}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "https://127.0.0.1:PORT"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_page_is_refused(client: Client, method: str, headers: dict[str, str]) -> None:
    sent = {name: text.replace("PORT", str(client.port)) for name, text in headers.items()}
    assert client.ask(method, "/api/render", "{}" if method == "POST" else None, headers=sent).status == 403
    assert client.get("/api/render")["state"] == "idle"


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_cannot_start_anything(client: Client, kind: str | None) -> None:
    asked = json.dumps({"settings": STYLE})
    assert client.ask("POST", "/api/render", asked, headers={"content-type": kind}).status == 415
    assert client.get("/api/render")["state"] == "idle"


def test_every_answer_is_closed_to_other_pages(client: Client) -> None:
    asks = [("GET", "/"), ("GET", "/app.js"), ("GET", "/api/clip"), ("GET", "/nothing"), ("POST", "/api/picture")]
    answers = [client.ask(method, path, "{}" if method == "POST" else None) for method, path in asks]
    answers.append(client.ask("GET", "/", headers={"cookie": None}))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


def test_the_page_has_no_inline_script_or_style() -> None:
    page = Path(__file__).resolve().parents[1] / "vidfx" / "tune" / "page"
    html = (page / "index.html").read_text("utf-8")
    assert "style=" not in html
    assert "<style" not in html
    assert not any(f" on{event}=" in html for event in ("click", "load", "input", "error"))
    assert "<script type" in html
    assert "http" not in html.replace("http-equiv", "")
    for path in page.iterdir():
        assert path.suffix == ".svg" or "https://" not in path.read_text("utf-8"), "nothing comes from elsewhere"


# --- what is opened ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "../secret/matte.png",
        "deep/../../secret/matte.png",
        "way-out/matte.png",
        "out.png",
        "leak.%04d.png",
        "TOP/secret/matte.png",
        "/etc/passwd",
        "TOP/clip.mp4",
        "..",
        "/",
        "../secret/nothing.png",
        "/proc/self/environ",
        "loop.png",
        "a\x00b.png",
        "~/x.png",
        "file:///etc/passwd",
        "http://127.0.0.1:1/x.png",
        "x" * 1000,
    ],
)
def test_nothing_outside_of_the_named_folder_is_opened(client: Client, folder: Path, path: str) -> None:
    answer = matte(client, path.replace("TOP", str(folder)))
    assert answer.status in (403, 404), answer.body
    assert b"PNG" not in answer.body


def test_what_is_outside_is_refused_alike_there_or_not(client: Client, folder: Path) -> None:
    there, nothing = (matte(client, f"{folder}/secret/{name}.png") for name in ("matte", "nothing"))
    assert there.status == nothing.status == 403
    assert there.body == nothing.body


@pytest.mark.parametrize("path", ["matte.png", "deep/matte.png", "in.png", "NAMED/matte.png", "shot.%04d.png"])
def test_what_is_inside_is_opened(client: Client, folder: Path, path: str) -> None:
    answer = matte(client, path.replace("NAMED", str(folder / "named")))
    assert answer.status == 200
    assert b'"level":"draft"' in answer.body


def test_a_matte_that_is_not_there_or_no_picture_is_a_sentence(client: Client) -> None:
    assert matte(client, "nothing.png").json["error"] == "there is no matte 'nothing.png'"
    assert "neither a picture nor a film" in matte(client, "notes.txt").json["error"]


def test_a_link_that_turns_outward_later_is_refused_then(client: Client, folder: Path) -> None:
    link = folder / "named" / "turns.png"
    link.symlink_to(folder / "named" / "matte.png")
    assert matte(client, "turns.png").status == 200
    link.unlink()
    link.symlink_to(folder / "secret" / "matte.png")
    assert matte(client, "turns.png").status == 403


@pytest.mark.parametrize("name", ["/etc/passwd", "../tiny", "nothing", "", "a" * 201])
def test_a_style_is_a_name_of_the_list_and_never_a_path(client: Client, name: str) -> None:
    answer = client.ask("POST", "/api/command", json.dumps({"settings": {"style": name}}))
    assert answer.status in (400, 404)


@pytest.mark.parametrize(
    "name", ["../x.mp4", "/tmp/x.mp4", "a/b.mp4", "..", ".hidden.mp4", "-y.mp4", "x.sh", "a\\b.mp4"]
)
def test_a_render_lands_beside_the_clip_or_nowhere(client: Client, name: str) -> None:
    asked = json.dumps({"settings": STYLE, "output": name})
    assert client.ask("POST", "/api/render", asked).status in (400, 403)
    assert client.get("/api/render")["state"] == "idle"


def test_a_name_that_is_too_long_for_the_disk_is_refused(client: Client) -> None:
    asked = json.dumps({"settings": STYLE, "output": "é" * 200 + ".mp4"})
    answer = client.ask("POST", "/api/command", asked)
    assert answer.status == 403 and "too long" in answer.json["error"]


def test_an_output_that_is_a_link_is_refused(client: Client, folder: Path) -> None:
    (folder / "linked.mp4").symlink_to(folder / "secret" / "film.mp4")
    asked = json.dumps({"settings": STYLE, "output": "linked.mp4", "overwrite": True})
    assert client.ask("POST", "/api/render", asked).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/page/",
        "/page/app.js",
        "/static/",
        "/.",
        "//etc/passwd",
        "/app.js/",
        "/index.html",
        "/api/",
        "/api/thumb/..%2f..%2fetc",
        "/server.py",
        "/api/thumb/-1",
    ],
)
def test_there_is_nothing_to_list_and_no_other_file(client: Client, path: str) -> None:
    answer = client.ask("GET", path)
    assert answer.status in (307, 400, 404)
    assert b"root:" not in answer.body
    assert b"def " not in answer.body


# --- how much ----------------------------------------------------------------------------------------------------


def test_a_huge_body_is_refused_however_it_comes(client: Client) -> None:
    huge = b'{"settings": {"style": "' + b"a" * 200_000 + b'"}}'
    assert client.ask("POST", "/api/command", huge).status == 413
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(part), part) for part in (huge[i : i + 9000] for i in range(0, 200_000, 9000))
    )
    head = f"POST /api/command HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nAuthorization: Bearer {client.token}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as wire:
        try:
            wire.sendall(head.encode() + chunks)
        except OSError:  # it hung up, which is its right
            return
        assert wire.recv(100).split()[1] == b"413"


@pytest.mark.parametrize(
    "body",
    [
        *["", "{", "[]", "null", "[" * 20_000, '{"frame": 1e999}', '{"settings": {"style": "tiny", "strength": NaN}}'],
        *(json.dumps({"settings": STYLE | part}) for part in ({"strength": 2}, {"smooth": "x"}, {"more": 1})),
        json.dumps({"settings": STYLE | {"matte": "x" * 2000}}),
    ],
)
def test_nonsense_is_a_sentence_not_a_traceback(client: Client, body: str) -> None:
    answer = client.ask("POST", "/api/command", body)
    assert answer.status in (400, 403, 404)
    assert answer.json["error"]
    assert "Traceback" not in answer.body.decode()


def test_questions_out_of_bounds_are_refused(client: Client) -> None:
    base: dict[str, Any] = {"view": "t", "generation": 10**12, "frame": 0, "looks": [STYLE]}
    for part in ({"frame": 6}, {"frame": -1}, {"looks": []}, {"looks": [STYLE] * 6}, {"view": "x" * 65}):
        assert client.ask("POST", "/api/picture", json.dumps(base | part)).status == 400
    assert client.ask("POST", "/api/loop", json.dumps(base | {"seconds": 3600})).status == 400


def test_a_body_that_does_not_come_is_408(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidfx.tune.tuning.PATIENCE", 0.1)
    head = f"POST /api/command HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nAuthorization: Bearer {client.token}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as wire:
        wire.sendall(head.encode())
        assert wire.recv(100).split()[1] == b"408"


# --- the command -------------------------------------------------------------------------------------------------


def test_other_machines_are_let_in_only_by_a_flag(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", str(folder / "clip.mp4"), "--no-browser", "--host", "0.0.0.0"]) == 2
    said = capsys.readouterr().err
    assert "would let other machines in" in said
    assert "--allow-remote" in said
    assert "token" in said


def test_a_remote_page_answers_to_addresses_and_its_own_name_only(folder: Path, style: str) -> None:
    with running(folder / "clip.mp4", styles=[style], host="studio.local", remote=True) as client:
        for host, status in (("studio.local", 200), ("192.168.0.7", 200), ("evil.example", 403)):
            answer = client.ask("GET", "/api/clip", headers={"host": f"{host}:{client.port}"})
            assert (host, answer.status) == (host, status)


def test_refusals_of_the_command(folder: Path, style: str, capsys: pytest.CaptureFixture[str]) -> None:
    clip = str(folder / "clip.mp4")
    assert main(["tune", "nothing.mp4", "--no-browser", "--style", style]) == 66
    assert main(["tune", clip, "no-such-folder", "--no-browser", "--style", style]) == 66
    assert main(["tune", clip, "--no-browser", "--host", "no such host", "--style", style]) == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["tune", clip, "--no-browser", "--style", style, "--port", port]) == 69
    assert "cannot be had" in capsys.readouterr().err


def test_a_port_that_another_took_in_between_is_69(
    folder: Path, style: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def taken(*_: object) -> None:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(socket.socket, "listen", taken)
    assert main(["tune", str(folder / "clip.mp4"), "--no-browser", "--style", style]) == 69
    assert "cannot be had (address already in use)" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidfx.cli.tune.find_spec", lambda name: None)
    done = CliRunner().invoke(cli, ["tune", str(folder / "clip.mp4")])
    assert "starlette" in str(done.exception)
    assert done.exception.exit_code == 69


@pytest.mark.parametrize("after", [0.01, 0.03, 0.06])
def test_a_render_that_is_stopped_at_once_shows_no_traceback(folder: Path, style: str, after: float) -> None:
    rendering = Rendering()
    rendering.start(["render", str(folder / "clip.mp4"), "--style", style, "-o", str(folder / "stopped.mp4")])
    time.sleep(after)
    rendering.stop()
    rendering.close()
    said = rendering.status()
    assert said["state"] == "stopped"
    assert not any("Traceback" in line or "File" in line for line in said["said"])


def test_nothing_is_overwritten_unless_a_box_is_ticked(
    folder: Path, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever settings and variables say for those who type."""
    monkeypatch.setenv("VIDFX_OVERWRITE", "1")
    there = folder / "there.mp4"
    there.write_bytes(b"yesterday's")
    words = ["render", str(folder / "clip.mp4"), "--style", style, "--threads", "1", "-o", str(there)]
    for ticked, state in (([], "failed"), (["-y"], "done")):
        rendering = Rendering()
        rendering.start([*words, *ticked])
        until = time.monotonic() + 60
        while rendering.status()["state"] == "running" and time.monotonic() < until:
            time.sleep(0.05)
        assert rendering.status()["state"] == state
        assert (there.read_bytes() == b"yesterday's") == (state == "failed")


def test_the_command_prints_the_address_and_ends_with_ctrl_c(folder: Path, style: str) -> None:
    words = [sys.executable, "-m", "vidfx", "tune", "--no-browser", "--style", style, "--", "-clip.mp4"]
    (folder / "-clip.mp4").write_bytes((folder / "clip.mp4").read_bytes())
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"VIDFX_THREADS": "1"},
        cwd=folder,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        assert len(address.partition("?token=")[2]) >= 32
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said
