"""No secret that somebody puts anywhere is written, logged, shown or sent (rows AUD 7, MASK 4, 5), end to end.

Every place gets a secret of its own, so that a finding says where it came from. That something would be found is proven
by what stands beside each secret, which must be there, and by a secret that is put there past the masker.
"""

import uuid

import pytest

from tests.system.conftest import Api, asked
from tests.system.test_records import chain_of, until

WRITE = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/2026/canary.csv"]}]


class Canaries:
    """Makes secrets, each with a mark beside it that is no secret."""

    def __init__(self) -> None:
        self.planted: dict[str, tuple[str, str]] = {}

    def __call__(self, place: str) -> str:
        """A sentence with a new secret for `place`."""
        mark, secret = uuid.uuid4().hex[:12], f"Cn{uuid.uuid4().hex[:16]}"
        self.planted[place] = (mark, secret)
        return f"canary {mark} password={secret}"

    def found(self, text: str) -> set[str]:
        """The places whose secret stands in `text`, whole or its first half."""
        return {place for place, (_, secret) in self.planted.items() if secret[:10] in text}

    def marked(self, text: str) -> set[str]:
        """The places whose mark stands in `text`."""
        return {place for place, (mark, _) in self.planted.items() if mark in text}


@pytest.fixture
def canary() -> Canaries:
    return Canaries()


def test_mask_04_a_secret_has_the_same_tag_in_the_whole_grant_and_another_for_another_agent(api: Api, aws, stack):
    said = "with password=Cn5Xy12345678ab"
    key = str(uuid.uuid4())
    first = api("POST", "/v1/grants", asked(reason=said, ticket=said), Idempotency_Key=key).json()["grant"]
    again = api("POST", "/v1/grants", asked(reason=said, ticket=said), Idempotency_Key=key).json()["grant"]
    assert again["id"] == first["id"]
    assert first["reason"] == first["ticket"]
    assert first["reason"].startswith("with password=[masked credential ")
    (record, *_) = until(lambda: chain_of(aws, stack, first["id"]))
    assert record["reason"] == first["reason"]
    other = api("POST", "/v1/grants", asked(reason=said, permissions=WRITE), agent="writer-agent").json()["grant"]
    assert other["reason"].startswith("with password=[masked credential ")
    assert other["reason"] != first["reason"]
    api("DELETE", f"/v1/grants/{other['id']}", agent="writer-agent")
