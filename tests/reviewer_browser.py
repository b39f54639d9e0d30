"""People at a browser that runs no scripts. They sign in at the local provider, read pages and send forms."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx

from jitney.adapters.record_items import record_in
from tests.running_systems import PATIENCE

MOST_HOPS = 12
PEOPLE = "people"
"""The lock for `tests.running_systems.alone`.

Tests that compare `traces` hold it, and tests in which people act at the same time. Most tests with people need only
their group of xdist.
"""


@dataclass
class Person:
    """A person with a browser. `stack` is stack.json."""

    stack: dict[str, Any]
    name: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=PATIENCE, trust_env=False))

    @property
    def url(self) -> str:
        return str(self.stack["reviews_url"])

    @property
    def origin(self) -> str:
        return str(self.stack["aws_endpoint"])

    def get(self, path: str = "") -> httpx.Response:
        """Return a page after its redirects."""
        return self.follow(self.http.get(self.url + path))

    def follow(self, answer: httpx.Response) -> httpx.Response:
        for _ in range(MOST_HOPS):
            if not answer.is_redirect:
                return answer
            answer = self.http.get(answer.url.join(answer.headers["location"]))
        raise AssertionError("redirected without end")

    def sign_in(self, path: str = "") -> httpx.Response:
        """Return the page of `path`, after the person has signed in at the provider."""
        page = self.get(path)
        action = re.search(r'<form method="post" action="(/interaction/[^"]+)"', page.text)
        assert action, page.text
        known = self.stack["humans"][self.name]
        form = {"username": known["username"], "password": known["password"]}
        return self.follow(self.http.post(page.url.join(unescape(action[1])), data=form))

    def session(self) -> list[dict[str, str]]:
        """Return the session's cookie for another browser.

        It has the same path, because two cookies with one name would both be ignored.
        """
        return [
            {"name": each.name, "value": each.value or "", "domain": each.domain, "path": each.path}
            for each in self.http.cookies.jar
            if each.name == "jitney"
        ]

    def token(self) -> str:
        """Return the form token of the person's pages."""
        return hidden(self.get(), "token")

    def post(self, path: str, form: Any, **headers: str) -> httpx.Response:
        """Return the first answer to a form. It comes from our own page unless `headers` say otherwise."""
        said = {"Origin": self.origin, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.http.post(self.url + path, data=form, headers=said)

    def confirm(self, path: str, form: Any) -> httpx.Response:
        """Return the first answer to the second step after `form`, or the answer to `form` if it has none."""
        answer = self.post(path, form)
        step = second_step_of(answer.text)
        return self.post(path, step) if step else answer

    def vote(self, grant_id: str, verdict: str = "approve", **changes: Any) -> httpx.Response:
        """Return the last answer to a vote on the request's page, with fields of its first form changed.

        The verdict is that of the form with this button. None leaves a field out. A second step is confirmed.
        """
        page = self.get(f"/{grant_id}")
        form = ballot(page.text, verdict) | changes
        return self.confirm(f"/{grant_id}", {name: value for name, value in form.items() if value is not None})


def hidden(page: httpx.Response, name: str) -> str:
    """Return the value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return unescape(found[1])


def ballot(text: str, verdict: str = "approve") -> dict[str, Any]:
    """Return the fields of the form with the verdict's button as a browser would send them."""
    forms = re.findall(r"<form.*?</form>", text, re.DOTALL)
    form = next((each for each in forms if f'name="verdict" value="{verdict}"' in each), None)
    assert form, text
    return fields_of(form) | {"verdict": verdict}


def second_step_of(text: str) -> dict[str, Any] | None:
    """Return the form of the second step as its button sends it, or None for another page."""
    forms = re.findall(r"<form.*?</form>", text, re.DOTALL)
    form = next((each for each in forms if 'name="confirmed"' in each), None)
    return fields_of(form) | dict(re.findall(r'name="(confirmed)" value="(\w+)"', form)) if form else None


def fields_of(form: str) -> dict[str, Any]:
    """Return the fields of a form as it was opened. `action` and `resource` are lists."""
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        given = {name: unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', tag)}
        unchecked = given.get("type") == "checkbox" and not tag.endswith(" checked>")
        if "name" not in given or unchecked:
            continue
        if given["name"] in ("action", "resource"):
            fields.setdefault(given["name"], []).append(given["value"])
        else:
            fields[given["name"]] = given["value"]
    fields |= {
        name: unescape(text)
        for name, text in re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>(.*?)</textarea>', form, re.DOTALL)
    }
    fields |= dict(re.findall(r'<select[^>]* name="(\w+)">\s*<option value="(\w+)"', form))
    return fields


def traces(stack: dict[str, Any], aws: Callable[..., Any], grant_id: str) -> dict[str, Any]:
    """Return all in both tables that looking at pages could have changed.

    That is everything about people and about the request. What others may write at the same time is left out: tests
    without people (see PEOPLE), the workflow of the request, and CloudTrail.
    """
    scan = aws("dynamodb").get_paginator("scan")
    state, audit = (
        [item for page in scan.paginate(TableName=stack["tables"][name]) for item in page["Items"]]
        for name in ("state", "audit")
    )
    grant = next(each for each in state if each["pk"]["S"] == f"GRANT#{grant_id}")
    grant |= json.loads(grant.pop("lifecycle")["S"])
    records = [json.loads(record_in(each)) for each in audit if "record" in each]
    return {
        "grant": {name: value for name, value in grant.items() if name not in ("records", "chain_head")},
        "people": sorted(
            str(each)
            for each in state
            if each["pk"]["S"].startswith(("SESSION#", "VOTES#", "OUT_OF_OFFICE", "FOLLOW_UP"))
        ),
        "records": sorted(
            each["hash"]
            for each in records
            if each["principal"].startswith("people.")
            or each["code"].startswith(("sign_in_", "form_"))
            or (each["grant_id"] == grant_id and each["event"] not in ("notice", "review"))
        ),
    }
