"""What is known about a provider's claims. With it, the configuration refuses a rule that could never match."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from jitney.core.patterns import wildcard_pattern


class Form(NamedTuple):
    """The values that can match a claim, as a regular expression and in words.

    A claim that can only be one of `values` needs no expression.
    """

    pattern: str
    write: str
    values: tuple[str, ...] = ()


class KnownClaims(NamedTuple):
    """A provider's claims, and the default rules for claims that an issuer's entry has no rule about.

    `names` are the paths of all claims that the provider issues, with `*` as a wildcard. It is () when other claims are
    possible. `forms` maps claims to the form of values that can match them. `subject` is the regular expression of the
    identities that the module makes, with an `example`. They match each pattern of `parts`, with claims in braces.
    `tenants` are the claims that name the customer, for a provider that accepts any customer. `units` are the claims
    that a token's holder cannot choose, or () when they are not known. `required` and `tags` are described in
    `jitney.core.issuer_config.ClaimRules`.
    """

    names: tuple[str, ...] = ()
    forms: Mapping[str, Form] = MappingProxyType({})
    subject: str = ""
    example: str = ""
    parts: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    required: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    tags: Mapping[str, str] = MappingProxyType({})

    def has(self, path: str) -> bool:
        """Return whether the provider issues the claim at `path`, as far as is known."""
        return not self.names or any(wildcard_pattern(name).matches(path) for name in self.names)

    def can_match(self, path: str, value: str) -> bool:
        """Return whether a claim at `path` can match the allowed `value`, as far as is known."""
        form = self.forms.get(path)
        if form and form.values:
            return any(map(wildcard_pattern(value).matches, form.values))
        return form is None or re.fullmatch(form.pattern, value, re.ASCII | re.DOTALL) is not None

    def can_name(self, pattern: str) -> bool:
        """Return whether the module can make an identity that matches `pattern`, as far as is known.

        The text before the first wildcard is tried with each possible rest of the example.
        """
        start, wildcard, _ = pattern.replace("?", "*").partition("*")
        ends = [self.example[at:] for at in range(len(self.example) + 1)] if wildcard else [""]
        return not self.subject or any(re.fullmatch(self.subject, start + end, re.DOTALL) for end in ends)


ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""The regular expression of a UUID in lower case, as Microsoft and Kubernetes write it."""
DIGITS = Form("[0-9*?]+", "digits only: the number, which the provider never reassigns, not the name")
UUID = Form(rf"{ID}|[0-9a-f-]*[*?][0-9a-f*?-]*", "a UUID in lower case")


def one_of(*values: str) -> Form:
    """Return the form of a claim with one of these values."""
    return Form("", " or ".join(values), values)


def like(example: str, pattern: str) -> Form:
    """Return the form of a claim that matches `pattern`, such as `example`.

    A rule's value may also have wildcards.
    """
    return Form(rf"{pattern}|.*[*?].*", f"a value such as {example}")


BOOLEAN = one_of("true", "false")
