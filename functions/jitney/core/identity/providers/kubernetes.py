"""Kubernetes service account tokens, bound by TokenRequest or a projected volume.

The identity is "system:serviceaccount:NAMESPACE:NAME:UID". An account that is deleted and created again under its name
has another uid, so it is another principal. It inherits no grants, and no groups of `subject_groups`. `owners` can use
a wildcard for the uid. `sub` must agree with the claim "kubernetes.io".

A token ends with the pod, node or secret that it is bound to. The token must name that object with its uid. To accept
pods only, require `kubernetes.io.pod.uid: ["*"]`. To admit some namespaces only, require `kubernetes.io.namespace`.
Legacy tokens of a Secret have no exp and are refused. (Kubernetes, "Managing Service Accounts", schema for service
account private claims.)
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.identity.claim_rules import not_admitted
from jitney.core.identity.providers.known_claims import ID, UUID, Form, KnownClaims, like
from jitney.core.identity.providers.provider import object_claim, text_claim, workload_provider
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.issuer_config import Issuer

SAMPLE: Mapping[str, Any] = {
    "aud": ["jitney"],
    "exp": 1_700_003_607,
    "iat": 1_700_000_000,
    "nbf": 1_700_000_000,
    "iss": "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E",
    "jti": "ea28ed49-2e11-4280-9ec5-bc3d1d84661a",
    "kubernetes.io": {
        "namespace": "agents",
        "node": {"name": "my-node", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
        "pod": {"name": "reader-0", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
        "serviceaccount": {"name": "reader", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
    },
    "sub": "system:serviceaccount:agents:reader",
}
"""The claims of a projected token in a pod."""

_BINDABLE = ("pod", "node", "secret")
_NAME = Form("[a-z0-9.*?-]+", "a name in lower case, such as agents")
_OBJECTS = tuple(f"kubernetes.io.{kind}" for kind in ("serviceaccount", *_BINDABLE))
KNOWN = KnownClaims(
    names=(
        "sub", "jti", "kubernetes.io.namespace", *(f"{each}.{part}" for each in _OBJECTS for part in ("name", "uid")),
    ),
    forms={
        "sub": like("system:serviceaccount:agents:reader", "system:serviceaccount:[a-z0-9-]+:[a-z0-9.-]+"),
        **{f"{each}.name": _NAME for each in _OBJECTS},
        **{f"{each}.uid": UUID for each in _OBJECTS},
        "kubernetes.io.namespace": _NAME,
    },
    units=("sub", "kubernetes.io.namespace", "kubernetes.io.serviceaccount.name", "kubernetes.io.serviceaccount.uid"),
    subject=rf"system:serviceaccount:[a-z0-9-]+:[a-z0-9.-]+:{ID}",
    parts=(
        "{sub}:{kubernetes.io.serviceaccount.uid}",
        "system:serviceaccount:{kubernetes.io.namespace}:{kubernetes.io.serviceaccount.name}:*",
    ),
    example="system:serviceaccount:agents:reader:14ee3fa4-a7e2-420f-9f9a-dbc4507c3798",
)  # fmt: skip


def _subject(claims: SignedClaims, _: Issuer) -> str:
    private = object_claim(claims, "kubernetes.io")
    namespace, account = text_claim(private, "namespace"), _named(private, "serviceaccount")
    if claims["sub"] != f"system:serviceaccount:{namespace}:{account}":
        raise Refusal(
            "token_subject",
            "The claims sub and kubernetes.io name different service accounts.",
            "Use the token that the cluster projects into the pod.",
        )
    if not [kind for kind in _BINDABLE if kind in private and _named(private, kind)]:
        raise not_admitted(
            "The token is not bound to a pod, node or secret.",
            "Use a projected service account token, which is bound to its pod.",
        )
    return f"{claims['sub']}:{text_claim(object_claim(private, 'serviceaccount'), 'uid')}"


def _named(private: Mapping[str, Any], kind: str) -> str:
    """Return the name of the object of this `kind` that the token is bound to. The object must have a uid."""
    bound = object_claim(private, kind)
    text_claim(bound, "uid")
    return text_claim(bound, "name")


def _groups(claims: SignedClaims, _: Issuer) -> frozenset[str]:
    return frozenset({f"namespace:{text_claim(object_claim(claims, 'kubernetes.io'), 'namespace')}"})


def _unit(claims: SignedClaims, _: Issuer) -> str:
    """Return the namespace. A person who may create pods in it may use each of its service accounts."""
    return f"namespace={text_claim(object_claim(claims, 'kubernetes.io'), 'namespace')}"


PROVIDER = workload_provider(
    subject=_subject,
    groups=_groups,
    fact_sources=(
        ("Service account", "kubernetes.io.serviceaccount.name"),
        ("Namespace", "kubernetes.io.namespace"),
        ("Pod", "kubernetes.io.pod.name"),
        ("Node", "kubernetes.io.node.name"),
    ),
    unit=_unit,
    known=KNOWN,
    group_claims={"namespace": "kubernetes.io.namespace"},
)
