"""The mailbox of the local system: mails for people and for programs, harmless to both."""

import re
from typing import Any

import httpx
import pytest

from tests.local.gaps.contracts import Emulator
from tests.local.gaps.test_mails import mail, verify

HTML = '<html><body><script>document.title = "ran"</script><a href="https://example.com/">there</a></body></html>'
SUBJECT = '<script>alert(1)</script> "quoted"'


@pytest.fixture
def sent(closed_emulator: Emulator) -> str:
    verify(closed_emulator, "example.com")
    simple: dict[str, Any] = {
        "Subject": {"Data": SUBJECT},
        "Body": {"Text": {"Data": "<b>text</b>"}, "Html": {"Data": HTML}},
        "Headers": [{"Name": "References", "Value": "<g-1@example.com>"}],
    }
    answer = closed_emulator.root("sesv2").send_email(**mail(**simple))
    return str(answer["MessageId"]).partition("@")[0]


def test_every_mail_is_there_as_json(closed_emulator: Emulator, http: httpx.Client, sent: str) -> None:
    messages = http.get(f"{closed_emulator.endpoint}/_mailbox/messages").json()["messages"]
    (found,) = [each for each in messages if each["id"] == sent]
    assert (found["from"], found["to"], found["others"]) == ("jitney@example.com", ["alice@example.com"], [])
    assert (found["subject"], found["text"], found["html"]) == (SUBJECT, "<b>text</b>", HTML)
    assert found["headers"] == {"References": "<g-1@example.com>"}
    assert messages == sorted(messages, key=lambda each: each["at"])


def test_people_see_a_list_and_each_mail_in_both_forms(
    closed_emulator: Emulator, http: httpx.Client, sent: str
) -> None:
    listed = http.get(f"{closed_emulator.endpoint}/_mailbox")
    (path,) = re.findall(rf'href="(/_mailbox/{sent})"', listed.text)
    page = http.get(closed_emulator.endpoint + path)
    assert "&lt;b&gt;text&lt;/b&gt;" in page.text
    assert "References: &lt;g-1@example.com&gt;" in page.text
    for each in (listed, page):
        assert each.headers["content-security-policy"].startswith("default-src 'none'; ")
        assert "<script" not in each.text
    (frame,) = re.findall(r'<iframe sandbox="([^"]*)" title="[^"]+" src="([^"]*)"', page.text)
    assert frame == ("allow-popups allow-popups-to-escape-sandbox", f"{path}/html")


def test_a_mails_html_is_kept_away_from_everything(closed_emulator: Emulator, http: httpx.Client, sent: str) -> None:
    shown = http.get(f"{closed_emulator.endpoint}/_mailbox/{sent}/html")
    assert shown.text.startswith(HTML)
    policy = shown.headers["content-security-policy"].split("; ")
    assert {"sandbox allow-popups allow-popups-to-escape-sandbox", "default-src 'none'", "form-action 'none'"} <= set(
        policy
    )


@pytest.mark.parametrize("place", ["nothing", "nothing/html", "../x"])
def test_what_is_not_there_is_not_found(closed_emulator: Emulator, http: httpx.Client, sent: str, place: str) -> None:
    assert http.get(f"{closed_emulator.endpoint}/_mailbox/{place}").status_code in (403, 404)
    assert http.get(f"{closed_emulator.endpoint}/_mailbox/{sent}/other").status_code == 404
