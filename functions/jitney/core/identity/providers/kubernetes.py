"""Kubernetes service account tokens, bound by TokenRequest or a projected volume.

A token ends with the pod, node or secret that it is bound to, which must be named with its uid. The setting `bound_to`
narrows the kinds, for example to "pod". Legacy tokens of a Secret have no exp and are refused. The identity is `sub`,
which must agree with the claim "kubernetes.io". The setting `namespaces` lists the admitted ones; without it, all are.
(Kubernetes, "Managing Service Accounts", schema for service account private claims.)
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.config import Issuer
from jitney.core.identity.providers.provider import (
    Provider,
    always_machine,
    id_token_kinds,
    listed,
    not_admitted,
    object_claim,
    text_claim,
)
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims

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


def _subject(claims: SignedClaims, issuer: Issuer) -> str:
    private = object_claim(claims, "kubernetes.io")
    namespace, account = text_claim(private, "namespace"), _named(private, "serviceaccount")
    if claims["sub"] != f"system:serviceaccount:{namespace}:{account}":
        raise Refusal(
            "token_subject",
            "The claims sub and kubernetes.io name different service accounts.",
            "Use the token that the cluster projects into the pod.",
        )
    if "namespaces" in issuer.settings and namespace not in listed(issuer, "namespaces"):
        raise not_admitted(
            "The token's namespace is not listed for this issuer.",
            "Add the namespace to the issuer's settings in the configuration, or run in a listed one.",
        )
    bound = [kind for kind in listed(issuer, "bound_to") or _BINDABLE if kind in private and _named(private, kind)]
    if not bound:
        raise not_admitted(
            "The token is not bound to a pod, node or secret that the issuer's entry accepts.",
            "Use a projected service account token, which is bound to its pod.",
        )
    return text_claim(claims, "sub")


def _named(private: Mapping[str, Any], kind: str) -> str:
    """Return the name of the object `kind` that the token is bound to, which must have a uid."""
    bound = object_claim(private, kind)
    text_claim(bound, "uid")
    return text_claim(bound, "name")


def _groups(claims: SignedClaims, _: Issuer) -> frozenset[str]:
    return frozenset({f"namespace:{text_claim(object_claim(claims, 'kubernetes.io'), 'namespace')}"})


def _unit(claims: SignedClaims, _: Issuer) -> str:
    """Return the namespace: who may create pods in it may use each of its service accounts."""
    return f"namespace={text_claim(object_claim(claims, 'kubernetes.io'), 'namespace')}"


PROVIDER = Provider(
    subject=_subject,
    kinds=id_token_kinds,
    groups=_groups,
    is_machine=always_machine,
    display=("sub",),
    fact_sources=(
        ("Service account", "kubernetes.io.serviceaccount.name"),
        ("Namespace", "kubernetes.io.namespace"),
        ("Pod", "kubernetes.io.pod.name"),
        ("Node", "kubernetes.io.node.name"),
    ),
    unit=_unit,
)
