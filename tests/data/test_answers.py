"""Checks the shapes of every answer of every AWS operation in botocore (row POL 4)."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import botocore
import yaml

from data.__main__ import TABLE
from jitney.core.actions import AccessLevel, ActionTable

MODELS = Path(botocore.__file__).parent / "data"
REVIEWED = Path(__file__).parent / "reviewed_answers.yaml"

SECRET = re.compile(
    "secret|password|passphrase|token|credential|privatekey|accesskey|apikey|authkey|presharedkey|signedurl|sessionurl|"
    "authcode|authorizationcode|bearer|jwt|connectionstring|signingkey|keymaterial|appskey|nwkskey|appkey",
    re.IGNORECASE,
)
# Names of pages, of retries, and of what is said about a secret in place of it.
HARMLESS = re.compile(
    "(next|client|continuation|pagination|page|idempotency|request|update|lock|version|change|creation)[a-z]*token"
    "|.*(arns?|id|name|type|status|enabled|source|url|endpoint|provider|header|host|algorithm|version|method|required)",
    re.IGNORECASE,
)
PRESIGNED = re.compile("signedurl|sessionurl", re.IGNORECASE)


def looks_secret(name: str) -> bool:
    return bool(SECRET.search(name) and (PRESIGNED.search(name) or not HARMLESS.fullmatch(name)))


def secret_members(shapes, output: str) -> Iterator[str]:
    """Yield the names of texts in an answer that look like secrets, by their name or by their sensitive shape's."""
    waiting, seen = [output], {output}
    while waiting:
        shape = shapes[waiting.pop()]
        for name, member in shape.get("members", {}).items():
            of = shapes[member["shape"]]
            if of["type"] in ("string", "blob") and (
                looks_secret(name) or (of.get("sensitive") and looks_secret(member["shape"]))
            ):
                yield name
        parts = [*shape.get("members", {}).values(), *(shape[at] for at in ("member", "key", "value") if at in shape)]
        fresh = {part["shape"] for part in parts} - seen
        seen |= fresh
        waiting += fresh


def models() -> Iterator[tuple[tuple[str, ...], dict]]:
    """Yield for each service the prefixes that its actions may have, and its newest model."""
    for service in sorted(path for path in MODELS.iterdir() if path.is_dir()):
        path = max(service.iterdir()) / "service-2.json.gz"
        model = json.loads(gzip.decompress(path.read_bytes()))
        names = (model["metadata"].get("signingName"), model["metadata"]["endpointPrefix"], service.name)
        yield tuple(dict.fromkeys(name for name in names if name)), model


def plain_reads_with_secrets() -> set[str]:
    """Return `action member` of all answers that seem to hold a secret, though the action is List or Read."""
    table, found = ActionTable.load(TABLE.read_bytes()), set()
    for prefixes, model in models():
        for name, operation in model["operations"].items():
            action = next(filter(None, (table.get(f"{prefix}:{name}") for prefix in prefixes)), None)
            if action and action.level in (AccessLevel.LIST, AccessLevel.READ) and "output" in operation:
                members = secret_members(model["shapes"], operation["output"]["shape"])
                found |= {f"{action.name} {member}" for member in members}
    return found


def test_pol_04_every_member_that_looks_like_a_secret_is_corrected_or_reviewed():
    reviewed = [entry for entries in yaml.safe_load(REVIEWED.read_text("utf-8")).values() for entry in entries]
    assert sorted(reviewed) == sorted(plain_reads_with_secrets())


def test_pol_04_the_walk_sees_secrets():
    for seen in ("secretAccessKey", "sessionToken", "Password", "clientSecret", "authToken", "PreSignedUrl", "AppSKey"):
        assert looks_secret(seen)
    for passed in ("nextToken", "ClientRequestToken", "SecretArn", "passwordStatus", "bucket"):
        assert not looks_secret(passed)
