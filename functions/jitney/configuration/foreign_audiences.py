"""Audiences that belong to other services. A token for one of them was not issued for Jitney.

If Jitney accepted it, each service that gets such tokens could use them here (RFC 8725 section 3.9). These audiences
are the defaults of providers, or the well-known audiences of services.
"""

from collections.abc import Mapping

from jitney.core.patterns import wildcard_pattern

_OWNERS: Mapping[str, str] = {
    "sts.amazonaws.com": "AWS STS",
    "sts.amazonaws.com.cn": "AWS STS",
    "https://sts.*amazonaws.com*": "AWS STS",
    "kubernetes.default.svc*": "the Kubernetes API server",
    "https://kubernetes.default.svc*": "the Kubernetes API server",
    "api://AzureADTokenExchange*": "Microsoft Entra ID",
    "00000003-0000-0000-c000-000000000000": "Microsoft Graph",
    "https://graph.microsoft.com*": "Microsoft Graph",
    "https://management.azure.com*": "Azure Resource Manager",
    "https://management.core.windows.net*": "Azure Resource Manager",
    "https://vault.azure.net*": "Azure Key Vault",
    "https://iam.googleapis.com/*": "Google Cloud",
    "//iam.googleapis.com/*": "Google Cloud",
    "https://github.com/*": "any service, because GitHub writes it if a job names no audience",
    "account": "Keycloak's account console",
    "realm-management": "Keycloak's administration",
    "sigstore": "Sigstore",
    "pypi": "PyPI",
    "npm:*": "npm",
    "vault": "HashiCorp Vault",
}


def owner_of(audience: str, issuer: str) -> str:
    """Return the service to which an audience of the issuer's tokens belongs, or "" if none is known."""
    if audience.rstrip("/") == issuer.rstrip("/"):
        return "the issuer itself, which often writes it if a client names no audience"
    return next((owner for pattern, owner in _OWNERS.items() if wildcard_pattern(pattern).matches(audience)), "")
