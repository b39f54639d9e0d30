"""Rows ID 1 to 6 and 8: every known attack on a token gets its own problem code."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

from jitney.core.identity.authenticate import authenticate
from jitney.core.identity.providers import aws, entra, github_actions, google, kubernetes, okta
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.token import parse_token
from jitney.core.problems import PROBLEMS
from tests.core.identity.minting import (
    CLAIMS,
    CORP,
    HUMANS,
    LONE,
    NOW,
    OTHER,
    PEOPLE,
    KnownKeys,
    claims_with,
    config,
    encode,
    header_with,
    issuer,
    jwk,
    key_sets,
    private_key,
    sign,
    token,
)

CANARY = "canary-7f3a"


@dataclass(frozen=True)
class Hostile:
    """One attack: its description, the expected code, how it is made, and the alias that the refusal carries."""

    what: str
    code: str
    forge: Callable[[], str]
    alias: str = "corp"


def _confused() -> str:
    """HS256 with the issuer's public key as the secret (CVE-2015-9235)."""
    secret = json.dumps(jwk("rsa")).encode()
    signing_input = f"{encode(header_with(alg='HS256'))}.{encode(CLAIMS)}"
    hmac = jwt.get_algorithm_by_name("HS256")
    return f"{signing_input}.{encode(hmac.sign(signing_input.encode(), secret))}"


def _swapped(part: int, replacement: str) -> str:
    parts = token().split(".")
    parts[part] = replacement
    return ".".join(parts)


def _other_spelling(part: int) -> str:
    """Return a segment with an unused bit set in its last character, which lax decoders ignore."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    candidates = [sign(header_with(x="x" * fill), claims_with(x="x" * fill)).split(".") for fill in range(3)]
    parts = next(parts for parts in candidates if len(parts[part]) % 4)
    parts[part] = parts[part][:-1] + alphabet[alphabet.index(parts[part][-1]) + 1]
    return ".".join(parts)


def _zero_ecdsa() -> str:
    return f"{token('ec256').rsplit('.', 1)[0]}.{encode(bytes(64))}"


def _der_ecdsa() -> str:
    signing_input = token("ec256").rsplit(".", 1)[0]
    return f"{signing_input}.{encode(private_key('ec256').sign(signing_input.encode(), ECDSA(hashes.SHA256())))}"


def _raw(payload: bytes, head: Any = None) -> str:
    return sign(head or header_with(), payload)


def _duplicate(name: str, value: str) -> bytes:
    return json.dumps(CLAIMS).encode()[:-1] + f', "{name}": {value}}}'.encode()


def _with_exp(value: str) -> bytes:
    return json.dumps(claims_with(exp=None)).encode()[:-1] + f', "exp": {value}}}'.encode()


def _sample(claims: Mapping[str, Any], head: dict[str, Any] | None = None, **changes: Any) -> str:
    whole = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return sign(header_with(typ="JWT", **(head or {})), whole)


def _kubernetes(sub: str = kubernetes.SAMPLE["sub"], **changes: Any) -> str:
    private = {**kubernetes.SAMPLE["kubernetes.io"], **changes}
    whole = {name: value for name, value in private.items() if value is not None}
    return _sample(kubernetes.SAMPLE, sub=sub, **{"kubernetes.io": whole})


def _github(**changes: Any) -> str:
    return _sample(github_actions.SAMPLE, **changes)


PERMISSION_SET = "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Developer_0123456789abcdef"


def _aws(**changes: Any) -> str:
    return _sample(aws.SAMPLE, **{"https://sts.amazonaws.com/": changes})


SHAPE = [
    Hostile("empty", "token_malformed", lambda: "", "unknown"),
    Hostile("two segments", "token_malformed", lambda: token().rsplit(".", 1)[0], "unknown"),
    Hostile("four segments", "token_malformed", lambda: token() + ".e30", "unknown"),
    Hostile("five segments: JWE", "token_malformed", lambda: token() + ".e30.e30", "unknown"),
    Hostile("over 16 kB", "token_malformed", lambda: token(pad="x" * 16_384), "unknown"),
    Hostile("padded header", "token_malformed", lambda: _swapped(0, encode({"alg": "RS256"}) + "="), "unknown"),
    Hostile("standard base64 alphabet", "token_malformed", lambda: _swapped(1, "e+/9"), "unknown"),
    Hostile("impossible length of base64", "token_malformed", lambda: _swapped(1, "e30xx"), "unknown"),
    Hostile("impossible length of the signature", "token_malformed", lambda: _swapped(2, "e30xx"), "unknown"),
    Hostile("header in another spelling", "token_malformed", lambda: _other_spelling(0), "unknown"),
    Hostile("payload in another spelling", "token_malformed", lambda: _other_spelling(1), "unknown"),
    Hostile("signature in another spelling", "token_malformed", lambda: _other_spelling(2), "unknown"),
    Hostile("white space inside", "token_malformed", lambda: token().replace(".", ". ", 1), "unknown"),
    Hostile("line break at the end", "token_malformed", lambda: token() + "\n", "unknown"),
    Hostile("NUL inside", "token_malformed", lambda: token().replace(".", "\0.", 1), "unknown"),
    Hostile("letters beyond ASCII", "token_malformed", lambda: "é" + token(), "unknown"),
    Hostile("two tokens", "token_malformed", lambda: f"{token()}, {token()}", "unknown"),
    Hostile("header is a list", "token_malformed", lambda: sign([], CLAIMS), "unknown"),
    Hostile("payload is a list", "token_malformed", lambda: sign(header_with(), [CLAIMS]), "unknown"),
    Hostile("payload is no JSON", "token_malformed", lambda: _raw(b"{"), "unknown"),
    Hostile("payload begins with a BOM", "token_malformed", lambda: _raw(b"\xef\xbb\xbf" + b"{}"), "unknown"),
    Hostile("payload is UTF-16", "token_malformed", lambda: _raw(json.dumps(CLAIMS).encode("utf-16")), "unknown"),
    Hostile("payload is Latin-1", "token_malformed", lambda: _raw('{"sub": "é"}'.encode("latin-1")), "unknown"),
    Hostile("duplicate claim", "token_malformed", lambda: _raw(_duplicate("sub", '"admin"')), "unknown"),
    Hostile("duplicate iss", "token_malformed", lambda: _raw(_duplicate("iss", f'"{OTHER}"')), "unknown"),
    Hostile("duplicate escaped", "token_malformed", lambda: _raw(_duplicate("s\\u0075b", '"admin"')), "unknown"),
    Hostile("duplicate alg", "token_malformed", lambda: sign(b'{"alg":"none","alg":"RS256"}', CLAIMS), "unknown"),
    Hostile("NaN", "token_malformed", lambda: _raw(_duplicate("x", "NaN")), "unknown"),
    Hostile("Infinity", "token_malformed", lambda: _raw(_duplicate("x", "-Infinity")), "unknown"),
    Hostile("lone surrogate", "token_malformed", lambda: _raw(_duplicate("x", '"\\ud800"')), "unknown"),
    Hostile("deep nesting", "token_malformed", lambda: _raw(b"[" * 9000), "unknown"),
    Hostile("a number of 5000 digits", "token_malformed", lambda: _raw(_duplicate("x", "9" * 5000)), "unknown"),
]

HEADER = [
    Hostile("unknown crit", "token_header", lambda: token(head={"crit": ["x"], "x": 1}), "unknown"),
    Hostile("empty crit", "token_header", lambda: token(head={"crit": []}), "unknown"),
    Hostile("b64 false", "token_header", lambda: token(head={"b64": False, "crit": ["b64"]}), "unknown"),
    Hostile("b64 false without crit", "token_header", lambda: token(head={"b64": False}), "unknown"),
    Hostile("zip", "token_header", lambda: token(head={"zip": "DEF"}), "unknown"),
    Hostile("jku", "token_header", lambda: token(head={"jku": "https://evil.example.com/jwks"}), "unknown"),
    Hostile("x5u", "token_header", lambda: token(head={"x5u": "https://evil.example.com/x5"}), "unknown"),
    Hostile("own key as jwk", "token_header", lambda: token("rsa-other", {"jwk": jwk("rsa-other")}), "unknown"),
    Hostile("own certificate as x5c", "token_header", lambda: token(head={"x5c": ["MIIB"]}), "unknown"),
    Hostile("JWE header in three segments", "token_header", lambda: token(head={"enc": "A256GCM"}), "unknown"),
    Hostile("kid is a number", "token_header", lambda: token(head={"kid": 1}), "unknown"),
    Hostile("kid is a list", "token_header", lambda: token(head={"kid": ["rsa"]}), "unknown"),
    Hostile("typ is an object", "token_header", lambda: token(head={"typ": {}}), "unknown"),
]

SIGNATURE = [
    Hostile(
        "alg none, no signature", "token_algorithm", lambda: f"{encode(header_with(alg='none'))}.{encode(CLAIMS)}."
    ),
    Hostile("alg None", "token_algorithm", lambda: token(head={"alg": "None"})),
    Hostile("alg missing", "token_algorithm", lambda: token(head={"alg": None}), "unknown"),
    Hostile("alg is a list", "token_algorithm", lambda: token(head={"alg": ["RS256"]}), "unknown"),
    Hostile("HS256 with the public key", "token_algorithm", _confused),
    Hostile("an algorithm not configured", "token_algorithm", lambda: token(head={"alg": "RS512"})),
    Hostile("alg in another case", "token_algorithm", lambda: token(head={"alg": "rs256"})),
    Hostile("no signature", "token_signature", lambda: token().rsplit(".", 1)[0] + "."),
    Hostile("signature of other claims", "token_signature", lambda: _swapped(1, encode(claims_with(sub="admin")))),
    Hostile("signature of another header", "token_signature", lambda: _swapped(0, encode(header_with(typ="JWT")))),
    Hostile("signed by a stranger", "token_signature", lambda: token("rsa-other", {"kid": "rsa"})),
    Hostile("PS256 said, RS256 made", "token_signature", lambda: token(head={"alg": "PS256"})),
    Hostile("zero ECDSA signature (CVE-2022-21449)", "token_signature", _zero_ecdsa),
    Hostile("ECDSA signature in DER", "token_signature", _der_ecdsa),
    Hostile("RSA key for ES256", "token_key", lambda: token(head={"alg": "ES256"})),
    Hostile("EC key for RS256", "token_key", lambda: token("ec256", {"alg": "RS256"})),
    Hostile("kid unknown", "token_key", lambda: token(head={"kid": "../../dev/null"})),
    Hostile("kid missing, several keys", "token_key", lambda: token(head={"kid": None})),
    Hostile("kid empty", "token_key", lambda: token(head={"kid": ""})),
    Hostile("RSA key of 1024 bits", "token_key", lambda: token("rsa-weak")),
    Hostile("key for encryption", "token_key", lambda: token(head={"kid": "for-encryption"})),
    Hostile("key for making signatures", "token_key", lambda: token(head={"kid": "for-signing"})),
    Hostile("key for another algorithm", "token_key", lambda: token(head={"kid": "for-ps256"})),
    Hostile("shared secret among the keys", "token_key", lambda: token(head={"kid": "shared"})),
    Hostile("another issuer's key", "token_key", lambda: token("rsa-other")),
    Hostile("another issuer's name", "token_key", lambda: token(iss=OTHER), "other"),
]

CLAIM = [
    Hostile("iss missing", "token_claims", lambda: token(iss=None), "unknown"),
    Hostile("iss is a list", "token_claims", lambda: token(iss=[CLAIMS["iss"]]), "unknown"),
    Hostile("iss not configured", "token_issuer_unknown", lambda: token(iss="https://evil.example.com"), "unknown"),
    Hostile("iss with a slash more", "token_issuer_unknown", lambda: token(iss=CLAIMS["iss"] + "/"), "unknown"),
    Hostile("iss in capitals", "token_issuer_unknown", lambda: token(iss=CLAIMS["iss"].upper()), "unknown"),
    Hostile("sub missing", "token_claims", lambda: token(sub=None)),
    Hostile("sub is a number", "token_claims", lambda: token(sub=7)),
    Hostile("sub is empty", "token_subject", lambda: token(sub="")),
    Hostile("sub holds NUL", "token_subject", lambda: token(sub="admin\0")),
    Hostile("sub holds a line break", "token_subject", lambda: token(sub="admin\n")),
    Hostile("sub holds a bidi mark", "token_subject", lambda: token(sub="nimda\u202e")),
    Hostile("sub holds a zero-width space", "token_subject", lambda: token(sub="ad\u200bmin")),
    Hostile("sub is too long", "token_subject", lambda: token(sub="a" * 256)),
    Hostile("exp missing", "token_claims", lambda: token(exp=None)),
    Hostile("exp is a string", "token_claims", lambda: token(exp=str(NOW + 200))),
    Hostile("exp is a bool", "token_claims", lambda: token(exp=True)),
    Hostile("exp is infinite", "token_claims", lambda: _raw(_with_exp("1e999"))),
    Hostile("exp beyond all times", "token_claims", lambda: token(exp=10**30)),
    Hostile("exp negative", "token_claims", lambda: token(exp=-1)),
    Hostile("exp is null", "token_claims", lambda: _raw(_with_exp("null"))),
    Hostile("expired", "token_expired", lambda: token(exp=NOW - 31)),
    Hostile("expired at the leeway's end", "token_expired", lambda: token(exp=NOW - 30)),
    Hostile("iat missing", "token_claims", lambda: token(iat=None)),
    Hostile("iat is a string", "token_claims", lambda: token(iat="now")),
    Hostile("iat in the future", "token_not_yet_valid", lambda: token(iat=NOW + 31)),
    Hostile("iat too old", "token_too_old", lambda: token(iat=NOW - 3630)),
    Hostile("nbf in the future", "token_not_yet_valid", lambda: token(nbf=NOW + 31)),
    Hostile("nbf is a list", "token_claims", lambda: token(nbf=[0])),
    Hostile("jti is a number", "token_claims", lambda: token(jti=1)),
    Hostile("aud missing", "token_claims", lambda: token(aud=None)),
    Hostile("aud is an object", "token_claims", lambda: token(aud={"jitney": 1})),
    Hostile("aud is an empty list", "token_claims", lambda: token(aud=[])),
    Hostile("aud holds a number", "token_claims", lambda: token(aud=["jitney", 1])),
    Hostile("aud is another's", "token_audience", lambda: token(aud="jitney-staging")),
    Hostile("aud in other case", "token_audience", lambda: token(aud="Jitney")),
    Hostile("two audiences, no azp", "token_audience", lambda: token(aud=["jitney", "wiki"], azp=None)),
    Hostile("two audiences, strange azp", "token_audience", lambda: token(aud=["jitney", "wiki"], azp="wiki")),
    Hostile("the audience twice", "token_audience", lambda: token(aud=["jitney", "jitney"], azp="portal")),
    Hostile("azp is a list", "token_claims", lambda: token(aud=["jitney", "wiki"], azp=["portal"])),
    Hostile("groups is a string", "token_groups", lambda: token(groups="admins")),
    Hostile("groups holds a number", "token_groups", lambda: token(groups=["a", 1])),
    Hostile("groups holds a line break", "token_groups", lambda: token(groups=["a\nb"])),
    Hostile("human does not print", "token_human", lambda: token(act={"sub": "alice\n"})),
    Hostile("human is a login of another form", "token_human", lambda: token(act={"sub": "alice@corp.example.com"})),
    Hostile("human is empty", "token_human", lambda: token(act={"sub": ""})),
    Hostile("an actor that names no human", "token_human", lambda: token(act={"client_id": "portal"})),
    Hostile("a person's token of a client", "token_human", lambda: token(azp="portal", email="ada@x.org")),
    Hostile("a signed-in person's token of a client", "token_human", lambda: token(azp="portal", auth_time=NOW)),
    Hostile("human is a list", "token_claims", lambda: token(act={"sub": ["alice"]})),
]

KIND = [
    Hostile("ID token: nonce", "token_kind", lambda: token(nonce="n-0S6_WzA2Mj", head={"typ": "JWT"})),
    Hostile("ID token: at_hash", "token_kind", lambda: token(at_hash="HK6E", head={"typ": None})),
    Hostile("ID token: token_use", "token_kind", lambda: token(token_use="id", head={"typ": None})),
    Hostile("ID token: payload typ", "token_kind", lambda: token(typ="ID", head={"typ": "JWT"})),
    Hostile("refresh token", "token_kind", lambda: token(typ="Refresh", head={"typ": "JWT"})),
    Hostile("logout token: typ", "token_kind", lambda: token(head={"typ": "logout+jwt"})),
    Hostile("logout token: events", "token_kind", lambda: token(events={"http://schemas.openid.net/event": {}})),
    Hostile("client assertion", "token_kind", lambda: token(head={"typ": "client-authentication+jwt"})),
    Hostile("DPoP proof", "token_kind", lambda: token(head={"typ": "dpop+jwt"})),
    Hostile("bound to a key (DPoP)", "token_kind", lambda: token(cnf={"jkt": "0ZcOCORZNYy"})),
    Hostile("token_use is a list", "token_kind", lambda: token(token_use=["access"])),
    Hostile("access for ID", "token_kind", lambda: token(iss=LONE), "lone"),
    Hostile(
        "access for ID, long typ", "token_kind", lambda: token(iss=LONE, head={"typ": "Application/AT+JWT"}), "lone"
    ),
    Hostile("scope in an ID token", "token_kind", lambda: token(iss=LONE, scope="x", head={"typ": "JWT"}), "lone"),
    Hostile("a machine among people", "token_kind", lambda: token(iss=PEOPLE, client_id="reader-agent"), "people"),
    Hostile("acting among people", "token_kind", lambda: token(iss=PEOPLE, act={"sub": "agent"}), "people"),
]

PROVIDER = [
    Hostile("Okta ID token", "token_kind", lambda: _sample(okta.SAMPLE, jti="ID.0mP4", cid=None, scp=None), "okta"),
    Hostile("Okta without cid", "token_kind", lambda: _sample(okta.SAMPLE, cid=None), "okta"),
    Hostile("Okta without jti", "token_claims", lambda: _sample(okta.SAMPLE, jti=None), "okta"),
    Hostile("Okta jti of another kind", "token_kind", lambda: _sample(okta.SAMPLE, jti="oar.0mP4"), "okta"),
    Hostile("Okta uid is a number", "token_claims", lambda: _sample(okta.SAMPLE, uid=7), "okta"),
    Hostile("Okta uid is empty", "token_claims", lambda: _sample(okta.SAMPLE, uid=""), "okta"),
    Hostile("Okta actor without uid", "token_human", lambda: _sample(okta.SAMPLE, uid=None, act={"sub": "a"}), "okta"),
    Hostile("a pod's actor", "token_human", lambda: _sample(kubernetes.SAMPLE, act={"sub": "a"}), "eks"),
    Hostile("Entra ID token", "token_kind", lambda: _sample(entra.SAMPLE, azpacr=None, nonce="n"), "entra"),
    Hostile("Entra ID token without nonce", "token_kind", lambda: _sample(entra.SAMPLE, azpacr=None), "entra"),
    Hostile(
        "Entra client that is no GUID",
        "token_claims",
        lambda: _sample(entra.SAMPLE, idtyp=None, scp="ask", azp="portal"),
        "entra",
    ),
    Hostile("Entra without oid", "token_claims", lambda: _sample(entra.SAMPLE, oid=None), "entra"),
    Hostile("Entra without tid", "token_claims", lambda: _sample(entra.SAMPLE, tid=None), "entra"),
    Hostile("Entra, another tenant", "token_subject", lambda: _sample(entra.SAMPLE, tid=entra.SAMPLE["oid"]), "entra"),
    Hostile("Entra oid is no GUID", "token_subject", lambda: _sample(entra.SAMPLE, oid="me@x"), "entra"),
    Hostile(
        "Entra overage",
        "token_groups",
        lambda: _sample(
            entra.SAMPLE,
            groups=None,
            _claim_names={"groups": "src1"},
            _claim_sources={"src1": {"endpoint": "https://evil.example.com/"}},
        ),
        "entra",
    ),
    Hostile("Entra hasgroups", "token_groups", lambda: _sample(entra.SAMPLE, groups=None, hasgroups=True), "entra"),
    Hostile("Entra hasgroups as text", "token_groups", lambda: _sample(entra.SAMPLE, hasgroups="false"), "entra"),
    Hostile("Google, no domain", "token_not_admitted", lambda: _sample(google.SAMPLE, sub="1", hd=None), "google"),
    Hostile(
        "Google, a stranger", "token_not_admitted", lambda: _sample(google.SAMPLE, sub="1", hd="evil.com"), "google"
    ),
    Hostile("Google, hd is a list", "token_not_admitted", lambda: _sample(google.SAMPLE, sub="1", hd=["x"]), "google"),
    Hostile(
        "GitHub, a stranger",
        "token_not_admitted",
        lambda: _github(repository_owner_id="1"),
        "github",
    ),
    Hostile(
        "GitHub, ids as numbers",
        "token_claims",
        lambda: _github(repository_id=1296269),
        "github",
    ),
    Hostile(
        "GitHub, id of other digits",
        "token_claims",
        lambda: _github(repository_id="١٢"),
        "github",
    ),
    Hostile(
        "GitHub pull request",
        "token_not_admitted",
        lambda: _github(event_name="pull_request"),
        "github",
    ),
    Hostile(
        "GitHub pull_request_target",
        "token_not_admitted",
        lambda: _github(event_name="pull_request_target"),
        "github",
    ),
    Hostile(
        "GitHub ref of a pull request",
        "token_not_admitted",
        lambda: _github(ref="refs/pull/7/merge"),
        "github",
    ),
    Hostile(
        "GitHub, another environment",
        "token_not_admitted",
        lambda: _github(environment="dev"),
        "github",
    ),
    Hostile("GitHub without event", "token_not_admitted", lambda: _github(event_name=None), "github"),
    Hostile(
        "Kubernetes without its claim",
        "token_claims",
        lambda: _sample(kubernetes.SAMPLE, **{"kubernetes.io": None}),
        "eks",
    ),
    Hostile(
        "Kubernetes, another sub",
        "token_subject",
        lambda: _sample(kubernetes.SAMPLE, sub="system:serviceaccount:kube-system:admin"),
        "eks",
    ),
    Hostile(
        "Kubernetes, another namespace",
        "token_not_admitted",
        lambda: _kubernetes("system:serviceaccount:web:reader", namespace="web"),
        "eks",
    ),
    Hostile("Kubernetes, bound to nothing", "token_not_admitted", lambda: _kubernetes(pod=None, node=None), "eks"),
    Hostile("Kubernetes, pod without uid", "token_claims", lambda: _kubernetes(pod={"name": "reader-0"}), "eks"),
    Hostile("Kubernetes legacy token", "token_claims", lambda: _sample(kubernetes.SAMPLE, exp=None), "eks"),
    Hostile(
        "Kubernetes for two audiences",
        "token_audience",
        lambda: _sample(kubernetes.SAMPLE, aud=["jitney", "api"]),
        "eks",
    ),
    Hostile("AWS, another account", "token_subject", lambda: _aws(aws_account="210987654321"), "account"),
    Hostile(
        "AWS, the role of a permission set",
        "token_subject",
        lambda: _sample(aws.SAMPLE, sub=f"arn:aws:iam::123456789012:role/{PERMISSION_SET}"),
        "account",
    ),
    Hostile(
        "AWS, the role of a permission set without its path",
        "token_subject",
        lambda: _sample(aws.SAMPLE, sub=f"arn:aws:iam::123456789012:role/{PERMISSION_SET.rpartition('/')[2]}"),
        "account",
    ),
    Hostile("AWS without its claim", "token_claims", _aws, "account"),
    Hostile(
        "AWS root user", "token_subject", lambda: _sample(aws.SAMPLE, sub="arn:aws:iam::123456789012:root"), "account"
    ),
]

HOSTILE = [*SHAPE, *HEADER, *SIGNATURE, *CLAIM, *KIND, *PROVIDER]


@pytest.fixture(scope="module")
def keys() -> KnownKeys:
    return KnownKeys(key_sets())


@pytest.mark.parametrize("row", HOSTILE, ids=lambda row: row.what)
def test_id_05_a_hostile_token_is_refused_with_its_code(row: Hostile, keys: KnownKeys) -> None:
    with pytest.raises(Refusal) as caught:
        authenticate(f"Bearer {row.forge()}", config(), keys, NOW)

    refusal = caught.value
    assert (refusal.code, refusal.issuer_name) == (row.code, row.alias)
    assert refusal.status == 401
    assert refusal.headers["WWW-Authenticate"].startswith('Bearer realm="jitney", error="invalid_token"')
    assert refusal.detail.endswith(".")
    assert refusal.fix.endswith(".")


# Words of the refusal that say what to change, by what an issuer's administrator or a client did.
ADVICE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bound to a key": ("bound to a key", "DPoP and mutual TLS", {"cnf": {"jkt": "0ZcOCORZNYy"}}),
    "another kind": ("expects an access token", "Send the issuer's access token", {"nonce": "n", "scope": None}),
    "no claim of the subject": ("claim act.sub", "change claims.subject", {"act": {"client_id": "reader-agent"}}),
    "no claim of the unit": ("claim project", "claims.unit", {"act": {"sub": "reader-agent"}, "project": ""}),
}


@pytest.mark.parametrize(("detail", "fix", "claims"), ADVICE.values(), ids=ADVICE)
def test_id_05_a_refusal_says_what_to_change(detail: str, fix: str, claims: dict[str, Any], keys: KnownKeys) -> None:
    rules = {"subject": ("act.sub",), "unit": ("project",)}
    entry = issuer("corp", CORP, claims=rules, human_claim="sub", human_issuer=HUMANS)
    whole = {"sub": "alice", "project": "7", "act": {"sub": "reader-agent"}, **claims}
    with pytest.raises(Refusal) as refused:
        authenticate(f"Bearer {token(head={'typ': 'JWT'}, **whole)}", config(entry), keys, NOW)
    assert (detail in refused.value.detail, fix in refused.value.fix) == (True, True), refused.value


def test_id_05_the_table_is_long_and_has_no_duplicates() -> None:
    assert len({row.what for row in HOSTILE}) == len(HOSTILE) >= 60


def test_id_05_every_code_that_a_token_can_have_is_in_the_table() -> None:
    possible = {code for code in PROBLEMS if code.startswith("token_")}

    assert {row.code for row in HOSTILE} == possible - {"token_missing", "token_replayed"}


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic dXNlcjpwYXNz", "DPoP", "Token x", "bearer\tx"])
def test_id_05_without_a_bearer_token_the_challenge_names_no_error(header: str | None, keys: KnownKeys) -> None:
    with pytest.raises(Refusal) as caught:
        authenticate(header, config(), keys, NOW)

    assert caught.value.code == "token_missing"
    assert caught.value.headers == {"WWW-Authenticate": 'Bearer realm="jitney"'}


def test_id_06_a_tenant_that_is_no_id_is_refused_where_the_issuer_names_none(keys: KnownKeys) -> None:
    common = issuer("entra", "https://login.example.com/common", provider="entra", audiences=(entra.SAMPLE["aud"],))
    source = KnownKeys({common.issuer: key_sets()[LONE]})
    with pytest.raises(Refusal, match="token_subject"):
        authenticate(f"Bearer {_sample(entra.SAMPLE, iss=common.issuer, tid='common')}", config(common), source, NOW)
    caller = authenticate(f"Bearer {_sample(entra.SAMPLE, iss=common.issuer)}", config(common), source, NOW)
    assert caller.principal.subject == f"{entra.SAMPLE['oid']}@{entra.SAMPLE['tid']}"


PLANTED = [
    {"sub": CANARY + "\n"},
    {"iss": CANARY},
    {"aud": CANARY},
    {"groups": [CANARY + "\n"]},
    {"nonce": CANARY},
    {"exp": CANARY},
    {"act": {"sub": [CANARY]}},
    {"head": {"kid": CANARY}},
    {"head": {"alg": CANARY}},
    {"head": {"typ": CANARY}},
    {"head": {"crit": [CANARY]}},
]


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_id_05_the_answer_contains_nothing_of_the_token(planted: dict[str, Any], keys: KnownKeys) -> None:
    with pytest.raises(Refusal) as caught:
        authenticate(f"Bearer {token(**planted)}", config(), keys, NOW)

    answer = f"{caught.value.body()}{caught.value.headers}{caught.value}"
    assert CANARY not in answer
    assert "corp" not in answer, "the issuer's alias is for the handler alone"


@pytest.mark.parametrize("joined", [", Bearer ", ", ", ",", " "])
def test_two_tokens_in_one_header_are_not_taken_for_an_encrypted_one(joined: str):
    with pytest.raises(Refusal) as refused:
        parse_token(f"{token()}{joined}{token()}")
    assert (refused.value.code, "has a space or a comma" in refused.value.detail) == ("token_malformed", True)
