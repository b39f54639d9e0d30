"""Fills the operation table's ARN templates with a call's parameters."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jitney.core.arn_formats import format_pattern
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.options import invalid_call
from jitney.core.calls.templates import WHOLE, Variable, filled, plain_format, variables_of
from jitney.core.calls.transforms import (
    ADDS_WILDCARDS,
    CONTENT_TRANSFORMS,
    DEFAULTS,
    READS_ARNS,
    TRANSFORMS,
)
from jitney.core.calls.values import wrong_account
from jitney.core.patterns import has_wildcard

MAX_ARNS = 200
_ANY = "*"


@dataclass(slots=True)
class FilledTemplate:
    """The ARNs of a template, and the values in them. A value is given as a parameter's name and a position in it."""

    arns: list[str] = field(default_factory=list)
    held: set[tuple[str, int]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Filling:
    """The values that fill templates: a call's parameters and its location.

    `open_names` fills absent parameters with `*`.
    """

    parameters: Mapping[str, Any]
    place: AwsLocation
    open_names: bool = False

    def fill(self, template: str) -> FilledTemplate:
        """Return the ARNs that `template` yields; none when the parameters name no resource.

        Raises Problem call_invalid for a name that IAM would read as a pattern, and account_mismatch for a name in
        another account.
        """
        if whole := WHOLE.fullmatch(template):
            return self._given_arns(whole[1], whole[2] or "", whole[3])
        variables = variables_of(template)
        result = FilledTemplate()
        names = list(dict.fromkeys(each.name for each in variables if not each.fixed))
        for chosen in itertools.product(*(self._units(name, variables) for name in names)):
            units = dict(zip(names, chosen, strict=True))
            arns = list(itertools.islice(_distinct(self._arns(template, variables, units)), MAX_ARNS + 1))
            result.arns += arns
            result.held |= {(name, at) for name, (at, _) in units.items() if arns}
            if len(result.arns) > MAX_ARNS:
                break
        return result

    def _units(self, name: str, variables: Sequence[Variable]) -> list[tuple[int, Any]]:
        """Return the values of a parameter, each with its position; one None for an absent parameter."""
        whole = any(each.name == name and each.transform in CONTENT_TRANSFORMS for each in variables)
        return list(enumerate(values_of(self.parameters.get(name), whole=whole)))

    def _given_arns(self, name: str, transform: str, arn_format: str) -> FilledTemplate:
        result = FilledTemplate()
        for at, value in enumerate(values_of(self.parameters.get(name), whole=transform in CONTENT_TRANSFORMS)):
            found = TRANSFORMS[transform](value, self.place)
            if arns := [arn for arn in found if _fits(arn, arn_format, self.place)]:
                result.arns += arns
                result.held.add((name, at))
        return result

    def _arns(
        self, template: str, variables: Sequence[Variable], units: Mapping[str, tuple[int, Any]]
    ) -> Iterator[str]:
        """Yield the ARNs for one value of each parameter."""
        given = {name: value for name, (_, value) in units.items() if value is not None}
        by_arn = {name: text for name, text in given.items() if isinstance(text, str) and text.startswith("arn:")}
        read = {each.transform for each in variables} & READS_ARNS
        if len(units) == 1 and by_arn and not (read and self._transformed(variables, given)):
            yield from (arn for arn in by_arn.values() if _fits(arn, plain_format(template), self.place))
            return
        for each in variables:
            arn = by_arn.get(each.name, "")
            if not each.transform and _fits(arn, plain_format(template), self.place):
                yield from [arn] if self._holds_others(arn, each, template, variables, given) else []
                return
        texts = [each.text for each in variables]
        for values in itertools.product(*(self._choices(each, given, template) for each in variables)):
            yield filled(template, dict(zip(texts, values, strict=True)), self.place)

    def _holds_others(
        self, arn: str, own: Variable, template: str, variables: Sequence[Variable], given: Mapping[str, Any]
    ) -> bool:
        """Return whether a whole ARN contains the names in the call's other parameters, in any Region."""
        others = [
            self._choices(each, given, template) if each.name in given and each is not own else [f"${{{each.name}}}"]
            for each in variables
        ]
        texts, place = [each.text for each in variables], replace(self.place, region="${Region}")
        formats = (filled(template, dict(zip(texts, each, strict=True)), place) for each in itertools.product(*others))
        return any(_fits(arn, each, self.place) for each in formats)

    def _transformed(self, variables: Sequence[Variable], given: Mapping[str, Any]) -> bool:
        return all(
            any(TRANSFORMS[each.transform](given[each.name], self.place)) for each in variables if not each.fixed
        )

    def _choices(self, variable: Variable, given: Mapping[str, Any], template: str) -> list[str]:
        """Return the texts that can replace one variable of a template."""
        if variable.fixed:
            return [variable.name]
        if variable.name not in given:
            if variable.name in self.parameters:
                return []
            default = DEFAULTS.get(variable.transform)
            return [default] if default is not None else [_ANY] * self.open_names
        value = given[variable.name]
        texts = [text for text in TRANSFORMS[variable.transform](value, self.place) if text]
        read = [_last(variable.name, text, self.place, template) for text in texts]
        # If the transform adds a wildcard, the given value is checked instead of the result.
        for text in _given(value) if variable.transform in ADDS_WILDCARDS else read:
            check_literal(variable.name, text)
        return read


def _distinct(arns: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for arn in arns:
        if arn not in seen:
            seen.add(arn)
            yield arn


def fill_template(template: str, parameters: Mapping[str, Any], place: AwsLocation) -> list[str]:
    """Return the ARNs that `template` yields with these parameters; [] when the parameters name no resource.

    Raises Problem call_invalid for a name that IAM would read as a pattern, and account_mismatch for a name in another
    account.
    """
    return Filling(parameters, place).fill(template).arns


def values_of(value: Any, *, whole: bool) -> list[Any]:
    """Return the values of a parameter that each name a resource: the strings of a list, or the value itself.

    `whole` says that a transform reads the whole value.
    """
    separate = isinstance(value, list) and not whole and all(isinstance(each, str) for each in value)
    return value if separate else [value]


def _given(value: Any) -> Iterator[str]:
    """Yield every known string in the value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _given(each)


def _last(name: str, text: str, place: AwsLocation, template: str) -> str:
    """Return a name, or the last part of an ARN, for a template that has several parameters.

    Raises Problem call_invalid for an ARN of another type. An S3 access point is not the bucket of the same name.
    """
    if not text.startswith("arn:"):
        return text
    _check_account(text, place)
    if _kind(text) != _kind(template) or not _is_named_so(name, text, template):
        raise invalid_call(
            f"Parameter {name} holds the ARN of another kind of resource.",
            "Write the resource's name, or send permissions instead of calls.",
        )
    return re.split(r"[/:]", text)[-1]


def _kind(arn: str) -> tuple[str, bool, bool]:
    """Return the service of an ARN, and whether ARNs of its form name a Region and an account."""
    _, _, service, region, account, *_ = [*arn.split(":", 5), "", "", ""]
    return service, bool(region), bool(account)


def _is_named_so(name: str, arn: str, template: str) -> bool:
    """Return whether an ARN's type of resource is the parameter's (cluster/c for clusterArn) or the template's."""
    kind, ours = (re.split(r"[/:]", f"{text}:::::".split(":", 5)[5])[0].lower() for text in (arn, template))
    return kind == ours or re.sub(r"\W|_", "", kind) in name.lower()


def check_literal(name: str, text: str) -> None:
    """Raise Problem call_invalid when IAM would read the text as a pattern."""
    if has_wildcard(text) or "${" in text:
        fix = "Use a name without * ? ${, which a session policy cannot name exactly, or send permissions instead."
        raise invalid_call(f"{name} holds a character that IAM would read as a pattern.", fix)


def _fits(arn: str, arn_format: str, place: AwsLocation) -> bool:
    """Return whether `arn` is a whole ARN of the format, in the target's account."""
    if not isinstance(arn, str) or not arn.startswith("arn:"):
        return False
    check_literal("The ARN", arn)
    _check_account(arn, place)
    of_account = f"{arn_format}:::::".split(":")[4] == "${Account}"
    if of_account and not f"{arn}:::::".split(":")[4]:
        return False
    return format_pattern(arn_format).matches(arn)


def _check_account(arn: str, place: AwsLocation) -> None:
    parts = arn.split(":", 5)
    if len(parts) == 6 and (parts[4] not in ("", "aws", place.account) or parts[1] != place.partition):
        raise wrong_account(arn, place)
