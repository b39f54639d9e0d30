"""A person who signs in at the local provider, with a browser that is driven by HTTP."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import httpx


def browser() -> httpx.Client:
    """Return a browser: it keeps cookies and no connection, follows no redirect by itself, and uses no proxy."""
    return httpx.Client(trust_env=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))


class Person:
    """The human `name` of the local provider."""

    def __init__(self, provider: Mapping[str, Any], name: str = "alice") -> None:
        self.provider = provider
        self.name = name
        self.browser = browser()

    def open(self, address: str) -> httpx.Response:
        """Open the address, sign in if the provider asks, and return the last page."""
        return self._follow(self.browser.get(address))

    def redirect_of(self, address: str) -> str:
        """Open the address and sign in. Return the redirect to the client, which is not followed."""
        return str(self._follow(self.browser.get(address), until="/callback").headers["location"])

    def enter(self, address: str, code: str) -> httpx.Response:
        """Enter a device's code at the address, sign in, and confirm it."""
        page = self._follow(self.browser.get(address))
        return self._follow(self._submit(page, {"user_code": code}))

    def _follow(self, answer: httpx.Response, until: str = "nowhere") -> httpx.Response:
        while True:
            if answer.is_redirect:
                target = answer.url.join(answer.headers["location"])
                if target.path == until:
                    return answer
                answer = self.browser.get(target)
            elif 'id="password"' in answer.text:
                password = self.provider["humans"][self.name]["password"]
                answer = self._submit(answer, {"username": self.name, "password": password})
            elif 'name="confirm"' in answer.text:
                answer = self._submit(answer, {"confirm": "yes"})
            else:
                return answer

    def _submit(self, page: httpx.Response, form: Mapping[str, str]) -> httpx.Response:
        action = re.search(r'<form [^>]*action="([^"]+)"', page.text)
        assert action, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        return self.browser.post(page.url.join(unescape(action[1])), data={**hidden, **form})
