"""The workspace's process: `python -m local.slack` serves /api/METHOD, /messages and a page at /."""

import hmac
import json
import os
import signal
import sys
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from local.processes import LIFELINE_VARIABLE, hold_lifeline
from local.slack.workspace import Workspace

API = "/api/"
BODY_LIMIT = 1_000_000

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slack - Jitney on this machine</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem; padding: 0 1rem }}
pre {{ overflow-x: auto; background: #f3f3f3; padding: .5rem }}</style>
<main><h1>Slack</h1><p>What was posted, newest first. The same as JSON: <a href="/messages">/messages</a></p>
{messages}</main></html>
"""
MESSAGE = "<article><h2>{channel}, {ts}</h2><p>{text}</p><pre>{rest}</pre></article>"


class Handler(BaseHTTPRequestHandler):
    """One request. `workspace` and `token` are set by `main`."""

    workspace: Workspace
    token: str
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: apart, the second waits for the first one's acknowledgement

    def do_GET(self) -> None:
        """Show what was posted, or call a method that only reads."""
        path, _, query = self.path.partition("?")
        messages = self.workspace.messages()
        if path.startswith(API):
            self._call(path, dict(parse_qsl(query)))
        elif path == "/messages":
            self._answer(HTTPStatus.OK, "application/json", json.dumps({"messages": messages}))
        elif path == "/":
            shown = "\n".join(_article(message) for message in reversed(messages)) or "<p>Nothing yet.</p>"
            self._answer(HTTPStatus.OK, "text/html", PAGE.format(messages=shown))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "There is no such page.\n")

    def do_POST(self) -> None:
        """Call a method of the Web API."""
        stated = self.headers.get("Content-Length", "0")
        if not stated.isdigit() or int(stated) > BODY_LIMIT:
            self.close_connection = True
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text/plain", "The request is too large.\n")
            return
        self._call(self.path, _arguments(self.headers.get_content_type(), self.rfile.read(int(stated))))

    def _call(self, path: str, arguments: dict[str, Any]) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ") or str(arguments.get("token", ""))
        if not given:
            answer: dict[str, Any] = {"ok": False, "error": "not_authed"}
        elif not hmac.compare_digest(given.encode(), self.token.encode()):
            answer = {"ok": False, "error": "invalid_auth"}
        else:
            answer = self.workspace.call(path.removeprefix(API), arguments)
        self._answer(HTTPStatus.OK, "application/json", json.dumps(answer))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Leave the log to errors."""

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _arguments(kind: str, body: bytes) -> dict[str, Any]:
    """A call's arguments, which Slack takes as a JSON object or as a form with JSON in `blocks` and `attachments`."""
    try:
        if kind == "application/json":
            members = json.loads(body)
            return members if isinstance(members, dict) else {}
        fields: dict[str, Any] = dict(parse_qsl(body.decode()))
        return {name: json.loads(text) if name in {"blocks", "attachments"} else text for name, text in fields.items()}
    except ValueError:
        return {}


def _article(message: dict[str, Any]) -> str:
    rest = {name: value for name, value in message.items() if name not in {"channel", "ts", "text"} and value}
    texts = {name: escape(str(message.get(name, ""))) for name in ("channel", "ts", "text")}
    return MESSAGE.format(**texts, rest=escape(json.dumps(rest, indent=2, ensure_ascii=False)))


def main() -> None:
    """Serve until SIGTERM or the lifeline's end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    hold_lifeline(os.environ.get(LIFELINE_VARIABLE, ""))
    Handler.workspace = Workspace(
        os.environ["JITNEY_SLACK_EMAILS"].split(","), json.loads(os.environ["JITNEY_SLACK_CHANNELS"])
    )
    Handler.token = os.environ["JITNEY_SLACK_TOKEN"]
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["JITNEY_SLACK_PORT"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
