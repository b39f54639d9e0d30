"""AWS's Systems Manager: answers a call with the key that made it, or refuses the key as AWS does."""

import json
import re

from tests.client.answering_server import AnsweringServer, Asked, Said
from tests.client.matrix.granting_broker import GrantingBroker, parameter

_JSON = {"Content-Type": "application/x-amz-json-1.1"}


class KeyCheckingAws:
    """Knows the keys of `broker`, and refuses those that have ended or whose grant has. `refused` has its codes."""

    def __init__(self, broker: GrantingBroker) -> None:
        self._broker = broker
        self.refused: list[str] = []
        self.server = AnsweringServer(self._answer)

    def _answer(self, asked: Asked) -> Said:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        signed = re.search(r"Credential=([^/]+)/", headers.get("authorization", ""))
        key = signed[1] if signed else ""
        if code := self._broker.refusal(key, headers.get("x-amz-security-token", "")):
            self.refused.append(code)
            return Said(400, json.dumps({"__type": code, "message": f"AWS refuses the key: {code}."}).encode(), _JSON)
        return Said(200, json.dumps(parameter(asked.json["Name"], key)).encode(), _JSON)
