"""People on the pages of the system of tests.system.own_system, which has no provider where they could sign in."""

import re
import secrets
import time
from typing import Any, NamedTuple

import httpx

from jitney.adapters.web_sessions import WebSessions
from jitney.core.config import load
from jitney.core.identity.principal import Principal
from jitney.core.identity.session import Session, admission_of
from jitney.handlers.pages.visits import SESSION
from tests.reviewer_browser import second_step_of
from tests.running_systems import PATIENCE
from tests.system.conftest import Own
from tests.system.own_system import people_issuer
from tests.system.test_records import configuration_of


class Visitor(NamedTuple):
    """A person with a session, whose forms are sent from a page of it."""

    own: Own
    cookie: str
    token: str

    def get(self, path: str) -> httpx.Response:
        """Return a page."""
        url, cookies = self.own.stack["reviews_url"] + path, {SESSION: self.cookie}
        return httpx.get(url, cookies=cookies, timeout=PATIENCE, trust_env=False)

    def post(self, path: str, form: dict[str, Any]) -> httpx.Response:
        """Return the first answer to a form."""
        url, headers = self.own.stack["reviews_url"] + path, {"Origin": self.own.stack["aws_endpoint"]}
        form, cookies = {**form, "token": self.token}, {SESSION: self.cookie}
        return httpx.post(url, data=form, headers=headers, cookies=cookies, timeout=PATIENCE, trust_env=False)

    def second_step(self, path: str, form: dict[str, Any]) -> dict[str, Any]:
        """Return the form of the second step after `form`."""
        page = self.post(path, form)
        step = second_step_of(page.text)
        assert step, page.text
        return step


def signed_in(own: Own, name: str, *groups: str) -> Visitor:
    """Return a person with a session that was stored as a sign-in stores it."""
    session_id, moment = secrets.token_urlsafe(32), int(time.time())
    person = Principal(
        issuer=people_issuer(own.issuer),
        issuer_name="people",
        subject=name,
        kind="human",
        groups=frozenset(groups),
        display=name,
        source_identity=f"people.{name}",
        unit=f"people.{name}",
    )
    issuer = load(configuration_of(own.aws)).issuers["people"]
    session = Session(person, moment, secrets.token_urlsafe(32), admission_of(issuer, name))
    WebSessions(own.aws("dynamodb"), own.stack["tables"]["state"]).begin(session_id, session)
    return Visitor(own, session.cookie(session_id, moment), session.form_token)


def api_answer(page: httpx.Response) -> httpx.Response:
    """Return a page of a problem as the API would answer it."""
    code = re.search(r"Code: <code>(\w+)</code>", page.text)
    assert code, page.text
    return httpx.Response(page.status_code, json={"code": code[1], "detail": page.text})
