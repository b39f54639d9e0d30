"""The rules of operations.yaml, for what names alone do not show. That file describes the members."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules by service, and what the calls of an action `may` need, by action."""

    services: Mapping[str, Mapping[str, Any]]
    may: Mapping[str, list[Mapping[str, str]]] = field(default_factory=dict)

    def of(self, service: str) -> Mapping[str, Any]:
        """Return the rules of one service."""
        return self.services[service] or {}

    def sources(self, service: str, variable: str, kind: str) -> list[str] | None:
        """Return what may fill a format's variable: "Member", "Member|reading", "=text".

        None means to go by the name.
        """
        own: Mapping[str, list[str]] = self.of(service).get("names", {})
        return own.get(f"{kind}.{variable}", own.get(variable))

    def prefixes(self, service: str) -> list[str]:
        """Return the IAM prefixes of a service's actions: those of its rule, or the name in its signatures."""
        model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
        signing = model.metadata.get("signingName") or model.endpoint_prefix
        return list(self.of(service).get("prefixes", [signing]))

    def all_prefixes(self) -> set[str]:
        """Return the IAM prefixes of all services."""
        return {prefix for name in self.services for prefix in self.prefixes(name)}
