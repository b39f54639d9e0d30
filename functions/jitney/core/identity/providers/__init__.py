"""The supported identity providers: one module and one row each.

To add one, write a module with a `SAMPLE` of its claims and a `PROVIDER`, and add a row here.
"""

from collections.abc import Mapping

from jitney.core.identity.providers import aws, entra, generic, github_actions, google, kubernetes, okta
from jitney.core.identity.providers.provider import Provider

PROVIDERS: Mapping[str, Provider] = {
    "generic": generic.PROVIDER,
    "okta": okta.PROVIDER,
    "entra": entra.PROVIDER,
    "google": google.PROVIDER,
    "github_actions": github_actions.PROVIDER,
    "kubernetes": kubernetes.PROVIDER,
    "aws": aws.PROVIDER,
}
