"""Row ID 7: an issuer's keys from a file beside `jitney.yaml`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jitney.adapters.issuer_keys import IssuerKeys
from jitney.configuration.key_sets import MOST_BYTES
from jitney.core.config import Config
from tests.configuration.test_load import changed, compiled, problems, valid
from tests.core.identity.minting import jwk, jwks

__all__ = ["compiled"]  # a fixture

FILE = "issuers.corp.jwks_file"
Compile = Callable[..., Config]


def from_file(name: str = "corp.json", *changes: tuple[str, Any]) -> dict[str, Any]:
    return changed((FILE, name), ("issuers.corp.jwks_uri", None), *changes)


def test_id_07_keys_from_a_file_are_used_and_never_requested(compiled: Compile, tmp_path: Path) -> None:
    (tmp_path / "corp.json").write_bytes(jwks(jwk("rsa"), jwk("ec256"), jwk("rsa-other", kid="e", use="enc")))
    issuer = compiled(from_file()).issuers["corp"]
    source = IssuerKeys(local=False)
    assert issuer.jwks_uri == ""
    for keys in (source.keys(issuer), source.refreshed(issuer)):
        assert keys.by_kid.keys() == {"rsa", "ec256"}


FAULTS: dict[str, tuple[bytes, str, str]] = {
    # The file, what is wrong with it, and the fix.
    "not JSON": (b"-----BEGIN PUBLIC KEY-----", "not a set of public keys", "RFC 7517"),
    "one key": (b'{"kty": "RSA"}', "not a set of public keys", "as its jwks_uri serves them"),
    "no usable key": (jwks(jwk("rsa", use="enc")), "no key of the set", "RFC 7517"),
    "a name twice": (b'{"keys": [], ' + jwks(jwk("rsa"))[1:], "not a set of public keys", "RFC 7517"),
    "private": (jwks(jwk("ec256"), jwk("rsa", kid="p", d="AQAB")), "has a private key", "replace this key"),
    "private, for encryption": (jwks(jwk("ec256"), jwk("rsa", use="enc", d="AQAB")), "private key", "public keys only"),
    "weak": (jwks(jwk("ec256"), jwk("rsa-weak")), '"rsa-weak" is weak', "2,048 bits"),
    "ambiguous": (jwks(jwk("ec256"), jwk("rsa", kid="1"), jwk("rsa-other", kid="1")), '"1" is ambiguous', "its own"),
    "malformed": (jwks(jwk("ec256"), jwk("rsa", n="")), "is malformed", "RFC 7517"),
    "large": (jwks(jwk("rsa")) + b" " * MOST_BYTES, f"over {MOST_BYTES} bytes", "leave out"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_id_07_a_file_with_other_content_is_refused(compiled: Compile, tmp_path: Path, fault: str) -> None:
    raw, wrong, fix = FAULTS[fault]
    (tmp_path / "corp.json").write_bytes(raw)
    found = problems(compiled, from_file())
    assert set(found) == {FILE}
    assert wrong in found[FILE][0]
    assert fix in found[FILE][1]


def test_id_07_a_file_that_is_not_there_is_named(compiled: Compile) -> None:
    found = problems(compiled, from_file("keys/corp.json"))
    fix = "name a file, relative to jitney.yaml's folder"
    assert found == {FILE: ("corp.json cannot be read: No such file or directory", fix)}


def test_id_07_an_issuer_has_one_source_of_keys(compiled: Compile, tmp_path: Path) -> None:
    (tmp_path / "corp.json").write_bytes(jwks(jwk("rsa")))
    both = problems(compiled, changed((FILE, "corp.json")))
    assert both.keys() == {FILE}
    assert "jwks_uri is there, too" in both[FILE][0]
    neither = problems(compiled, changed(("issuers.corp.jwks_uri", None)))
    assert neither.keys() == {FILE}
    assert "so is jwks_uri" in neither[FILE][0]


def test_id_07_entries_of_one_issuer_have_the_same_keys(compiled: Compile, tmp_path: Path) -> None:
    (tmp_path / "corp.json").write_bytes(jwks(jwk("rsa")))
    document = from_file()
    again = valid()["issuers"]["corp"] | {"audiences": ["other"], "jwks_file": "again.json"}
    document["issuers"]["again"] = again | {"jwks_uri": ""}
    found = problems(compiled, document)
    assert "issuers.corp has the same issuer and another jwks_file" in found["issuers.again.jwks_file"][0]
