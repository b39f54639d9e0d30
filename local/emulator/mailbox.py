"""The mailbox of the local system. A page lists the mails, each as text and HTML. All mails are also served as JSON.

The mailbox is served beside the emulator under PREFIX. A mail's HTML is shown as in a strict mail program: without
scripts, without fetching anything, and in a frame that is isolated from the page.
"""

import json
from datetime import UTC, datetime
from html import escape
from typing import Any

from ministack import app

PREFIX = "/_mailbox"
_FRAME = "allow-popups allow-popups-to-escape-sandbox"
_OF_MAIL = f"sandbox {_FRAME}; default-src 'none'; style-src 'unsafe-inline'; form-action 'none'"
_OF_PAGE = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'none'; base-uri 'none'"
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Mailbox</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 52rem; padding: 0 1rem }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; background: #f3f3f3; color: #111; padding: .5rem }}
iframe {{ width: 100%; height: 80rem; border: 1px solid #888; background: #fff }}</style>
<main><h1>{title}</h1>{body}</main></html>
"""


def beside(application: Any) -> Any:
    """Return the ASGI application with the mailbox in front of it."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == PREFIX or path.startswith(f"{PREFIX}/")):
            await application(scope, receive, send)
            return
        status, kind, policy, text = await _answer(path.removeprefix(PREFIX).strip("/"))
        headers = {"content-type": f"{kind}; charset=utf-8", "content-security-policy": policy}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": text.encode()})

    return served


async def _answer(place: str) -> tuple[int, str, str, str]:
    """Return status, media type, content security policy and text of the mailbox's page at `place`."""
    mails = await _mails()
    if place == "messages":
        return 200, "application/json", _OF_PAGE, json.dumps({"messages": mails})
    if not place:
        return 200, "text/html", _OF_PAGE, PAGE.format(title="Mailbox", body=_list(mails))
    number, _, form = place.partition("/")
    found = next((mail for mail in mails if mail["id"] == number), None)
    if found is None or form not in ("", "html"):
        return 404, "text/plain", _OF_PAGE, "There is no such mail.\n"
    if form:
        # Its links open in a new window, because pages of Jitney are not shown in frames.
        return 200, "text/html", _OF_MAIL, f'{found["html"]}<base target="_blank">'
    return 200, "text/html", _OF_PAGE, PAGE.format(title=escape(found["subject"]), body=_mail(found))


async def _mails() -> list[dict[str, Any]]:
    """Return every mail, the oldest first."""
    answer = await app._handle_ses_messages_request("GET", "/_ministack/ses/messages", {}, {})
    sent = [each for mails in json.loads(answer[2])["messages"].values() for each in mails]
    return [
        {
            "id": each["MessageId"].partition("@")[0],
            "at": datetime.fromtimestamp(each["Timestamp"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            "from": each["Source"],
            "to": each["To"],
            "others": [*each["CC"], *each["BCC"]],
            "headers": each.get("Headers", {}),
            "subject": each["Subject"],
            "text": each["BodyText"],
            "html": each["BodyHtml"] or "",
        }
        for each in sorted(sent, key=lambda mail: mail["Timestamp"])
    ]


def _list(mails: list[dict[str, Any]]) -> str:
    items = "".join(
        f'<li><a href="{PREFIX}/{escape(each["id"])}">{escape(each["subject"])}</a>'
        f"<br>to {escape(', '.join(each['to']))}, {each['at']}</li>"
        for each in reversed(mails)
    )
    shown = f"<ul>{items}</ul>" if items else "<p>Nothing yet.</p>"
    return f'<p>The newest first. The same as JSON: <a href="{PREFIX}/messages">{PREFIX}/messages</a></p>{shown}'


def _mail(mail: dict[str, Any]) -> str:
    lines = {"From": mail["from"], "To": ", ".join(mail["to"]), "Date": mail["at"], **mail["headers"]}
    told = "".join(f"<p>{escape(name)}: {escape(str(value))}</p>" for name, value in lines.items())
    frame = f'<iframe sandbox="{_FRAME}" title="The mail in HTML" src="{PREFIX}/{escape(mail["id"])}/html"></iframe>'
    back = f'<p><a href="{PREFIX}">All mails</a></p>'
    return f"{back}{told}<h2>HTML</h2>{frame}<h2>Text</h2><pre>{escape(mail['text'])}</pre>"
