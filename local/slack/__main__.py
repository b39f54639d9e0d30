"""The workspace's process. `python -m local.slack` serves /api/METHOD, and /messages and pages for people."""

import hmac
import json
import os
import signal
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from local.processes import LIFELINE_VARIABLE, hold_lifeline
from local.slack import page
from local.slack.interactions import WorkspaceUsers
from local.slack.workspace import SlackError, SlackOutageError, Workspace

API, MODALS = "/api/", "/modals/"
BODY_LIMIT = 1_000_000
JSON, HTML, TEXT = "application/json", "text/html", "text/plain"


class Handler(BaseHTTPRequestHandler):
    """Handles one request. The server sets `workspace`, `people` and `token`."""

    workspace: Workspace
    people: WorkspaceUsers
    token: str
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: in two, the second would wait for the first one's acknowledgement

    def do_GET(self) -> None:
        """Show the messages or a modal, or call a method that only reads."""
        path, _, query = self.path.partition("?")
        if path.startswith(API):
            self._call(path, dict(parse_qsl(query)))
        elif path == "/messages":
            self._json({"messages": self.workspace.messages()})
        elif path == "/":
            known = self.workspace
            self._answer(HTTPStatus.OK, HTML, page.posted(known.messages(), known.people(), known.places()))
        elif modal := self.workspace.modal(path.removeprefix(MODALS)):
            self._answer(HTTPStatus.OK, HTML, page.opened(modal, {}))
        else:
            self._answer(HTTPStatus.NOT_FOUND, TEXT, "There is no such page.\n")

    def do_POST(self) -> None:
        """Call a method of the Web API, or do what a person does, sent as JSON or by the page's form."""
        stated = self.headers.get("Content-Length", "0")
        if not stated.isdigit() or int(stated) > BODY_LIMIT:
            self.close_connection = True
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TEXT, "The request is too large.\n")
            return
        body, kind = self.rfile.read(int(stated)), self.headers.get_content_type()
        if self.path.startswith(API):
            self._call(self.path, _arguments(kind, body))
            return
        ours = f"http://{self.headers.get('Host')}"
        if self.headers.get("Origin", ours) != ours:  # another page in the same browser
            self._answer(HTTPStatus.FORBIDDEN, TEXT, "This page is not yours.\n")
            return
        try:
            self._do_as_person(kind, body)
        except (SlackError, KeyError) as refusal:
            self._answer(HTTPStatus.BAD_REQUEST, TEXT, f"{refusal}\n")

    def _do_as_person(self, kind: str, body: bytes) -> None:
        fields = _arguments(kind, body) if kind == JSON else _form(body)
        modal_id = self.path.removeprefix(MODALS)
        if self.path == "/press":
            done = self.people.press(*(str(fields[name]) for name in ("user", "channel", "ts", "action")))
        elif (modal := self.workspace.modal(modal_id)) and self.path != modal_id:
            done = self.people.submit(
                str(fields.get("user", modal["opened_for"])), modal_id, fields.get("values", fields)
            )
        else:
            self._answer(HTTPStatus.NOT_FOUND, TEXT, "There is no such page.\n")
            return
        if kind == JSON:
            self._json(done)
        elif done["modal"]:
            self._answer(HTTPStatus.OK, HTML, page.opened(done["modal"], done["body"].get("errors", {})))
        else:
            self.send_response(HTTPStatus.SEE_OTHER)
            self.send_header("Location", "/")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _call(self, path: str, arguments: dict[str, Any]) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ") or str(arguments.get("token", ""))
        if not given:
            answer: dict[str, Any] = {"ok": False, "error": "not_authed"}
        elif not hmac.compare_digest(given.encode(), self.token.encode()):
            answer = {"ok": False, "error": "invalid_auth"}
        else:
            try:
                answer = self.workspace.call(path.removeprefix(API), arguments)
            except SlackOutageError:
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, TEXT, "upstream connect error\n")
                return
        self._json(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log errors only."""

    def _json(self, answer: dict[str, Any]) -> None:
        self._answer(HTTPStatus.OK, JSON, json.dumps(answer))

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _arguments(kind: str, body: bytes) -> dict[str, Any]:
    """Return a call's arguments, from a JSON object or from a form with JSON in `blocks` and `attachments`."""
    try:
        if kind == JSON:
            members = json.loads(body)
            return members if isinstance(members, dict) else {}
        fields: dict[str, Any] = dict(parse_qsl(body.decode()))
        return {name: json.loads(text) if name in {"blocks", "attachments"} else text for name, text in fields.items()}
    except ValueError:
        return {}


def _form(body: bytes) -> dict[str, Any]:
    """Return a page's form: a text for each field, and for check boxes a list without its empty first value."""
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(body.decode(), keep_blank_values=True):
        fields.setdefault(name, []).append(value)
    return {name: values[1:] if name.startswith("choices-") else values[0] for name, values in fields.items()}


def main() -> None:
    """Serve until SIGTERM or the lifeline's end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    hold_lifeline(os.environ.get(LIFELINE_VARIABLE, ""))
    Handler.workspace = Workspace(
        os.environ["JITNEY_SLACK_EMAILS"].split(","), json.loads(os.environ["JITNEY_SLACK_CHANNELS"])
    )
    signing_secret = os.environ["JITNEY_SLACK_SIGNING_SECRET"]
    Handler.people = WorkspaceUsers(Handler.workspace, os.environ["JITNEY_SLACK_INTERACTIONS"], signing_secret)
    Handler.token = os.environ["JITNEY_SLACK_TOKEN"]
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["JITNEY_SLACK_PORT"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
