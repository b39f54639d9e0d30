"""What policies compare resources, targets' tags and requesters with, if no request could ever have it.

Such a comparison is never true. A permit with it permits nothing, and a forbid with it forbids nothing.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from jitney.configuration.action_table import action_table
from jitney.configuration.identity_names import claim_faults, identity_faults
from jitney.configuration.names import Names, did_you_mean
from jitney.configuration.partitions import REGION, partition_of
from jitney.configuration.policy_problem import PolicyProblem
from jitney.configuration.settings import LONGEST_SESSION_SECONDS
from jitney.core.access.conditions import key_of
from jitney.core.arn_formats import format_meets
from jitney.core.bounded_comparisons import when_too_complex
from jitney.core.patterns import wildcard_pattern
from jitney.core.policy.expressions import CALL, CONTEXT, PRINCIPAL, SECONDS, TARGET, attribute, operations_of
from jitney.core.policy.literals import literals_in
from jitney.resources import SCHEMA

_KINDS = ("agent", "human")
# The beginning of a text whose account, if it has one, can be an account.
_ACCOUNT = re.compile(r"(?!arn:[^:*]*:[^:*]*:[^:*]*:(?![0-9*]*(:|$)|aws:))")
_ACCOUNT_OF_TARGET = attribute(TARGET, "account")
_TYPES = {"context": "Context", "principal": "Agent", "resource": "Resource"}
"""The type in the schema of each variable of a policy. Agents and humans have the same attributes."""
_ORDERS = ("==", "!=", "<", "<=", ">", ">=", "contains", "containsAny")


class Comparison(NamedTuple):
    """An expression of a policy, and a text with which it is compared. `*` is a wildcard in a `pattern` only."""

    read: Mapping[str, Any]
    text: str
    is_pattern: bool = False

    def is_attribute(self, variable: str, name: str) -> bool:
        """Return whether the expression is `variable.name`."""
        return self.read == attribute({"Var": variable}, name)


def impossible_comparisons(policy: Mapping[str, Any], names: Names) -> Iterator[PolicyProblem]:
    """Yield the comparisons in `policy`, in Cedar's JSON form, that are never true with the configuration `names`."""
    operations = list(operations_of(policy))
    for each in _comparisons(operations):
        yield from (PolicyProblem(each.text, *fault) for fault in _faults(each, names))
    yield from _durations(operations)
    yield from _missing_attributes(operations)
    for tag in sorted(set(_tags_read(operations)) - names.target_tags.keys()) if names.targets else ():
        known = sorted(names.target_tags)
        fix = did_you_mean(tag, known, quoted=True) if known else f"add tags: {{ {tag}: ... }} to a target"
        yield PolicyProblem(tag, f'reads the tag "{tag}", which no target has', fix)


def arns_compared(policy: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts and patterns with which the conditions of `policy` compare resource.arn."""
    compared = _comparisons(operations_of(policy))
    yield from (each.text for each in compared if each.is_attribute("resource", "arn"))


def _comparisons(operations: Iterable[tuple[str, Any]]) -> Iterator[Comparison]:
    """Yield each expression that is compared with texts."""
    for operator, operands in operations:
        if operator in ("==", "!=", "contains", "containsAny"):
            for read, other in ((operands["left"], operands["right"]), (operands["right"], operands["left"])):
                yield from (Comparison(read, each) for each in literals_in(other) if isinstance(each, str))
        elif operator == "like":
            text = "".join("*" if each == "Wildcard" else each["Literal"] for each in operands["pattern"])
            yield Comparison(operands["left"], text, is_pattern=True)


def _tags_read(operations: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """Yield the tags of targets that are read."""
    for operator, operands in operations:
        if operator in ("getTag", "hasTag") and operands["left"] == TARGET:
            yield from (str(each) for each in literals_in(operands["right"]))


def _missing_attributes(operations: Iterable[tuple[str, Any]]) -> Iterator[PolicyProblem]:
    """Yield the attributes that a policy asks for with `has`, and that are not in the schema. The answer is false."""
    asked = {(each["left"].get("Var", ""), each["attr"]) for operator, each in operations if operator == "has"}
    for variable, name in sorted(asked):
        known = _attributes(variable)
        if name not in known:
            absent = f"{variable} never has it" if variable else "nothing has it"
            wrong = f'asks for "{name}" with has, but {absent}, so the answer is always false'
            others = [f"{each} has {name}" for each in _TYPES if name in _attributes(each)]
            fix = f"write {' or '.join(others)}" if others else did_you_mean(name, known)
            yield PolicyProblem(name, wrong, f'for a claim or a tag, write .hasTag("{name}"); or {fix}')


@cache
def _attributes(variable: str) -> Sequence[str]:
    """Return the names of the attributes that a variable of a policy has in the schema; without one, all names."""
    schema = re.sub("//.*", "", SCHEMA.read_text(encoding="utf-8"))
    parts = [_TYPES[variable]] if variable in _TYPES else [r"\w+"]
    bodies = (each for part in parts for each in re.findall(rf"(?:entity|type) {part}\b[^;{{]*{{([^}}]*)}}", schema))
    return sorted({name for body in bodies for name in re.findall(r"(\w+)\??: ", body)})


def _durations(operations: Iterable[tuple[str, Any]]) -> Iterator[PolicyProblem]:
    """Yield the durations that no request has. A comparison with one limits nothing."""
    sides = [(each["left"], each["right"]) for operator, each in operations if operator in _ORDERS]
    for read, other in (*sides, *((right, left) for left, right in sides)):
        for seconds in literals_in(other) if read == SECONDS else ():
            if not 1 <= seconds <= LONGEST_SESSION_SECONDS:
                wrong = f"compares context.durationSeconds with {seconds}, but a request is for 1 to"
                fix = "write seconds in this range; a longer task requests again when its grant ends"
                yield PolicyProblem(str(abs(seconds)), f"{wrong} {LONGEST_SESSION_SECONDS} seconds", fix)


def _faults(compared: Comparison, names: Names) -> Iterator[tuple[str, str]]:
    tag, access = compared.read.get("getTag"), compared.read.get(".", {})
    member = access.get("left", {}).get("getTag")
    if tag and tag["left"] == TARGET:
        yield from _tag_faults(str(literals_in(tag["right"])[0]), compared, names)
    elif member and literals_in(member["right"]):
        yield from _member_faults(str(literals_in(member["right"])[0]), access["attr"], member["left"], compared, names)
    elif compared.is_pattern and access.get("left") == CONTEXT:
        yield from _name_faults(access["attr"], compared.text, names)
    elif compared.is_attribute("resource", "arn"):
        yield from _arn_faults(compared, names)
    elif compared.read == _ACCOUNT_OF_TARGET and not compared.is_pattern:
        yield from _unknown("account of the target", compared.text, names.accounts)
    elif not compared.is_pattern:
        yield from _attribute_faults(compared, names)


def _attribute_faults(compared: Comparison, names: Names) -> Iterator[tuple[str, str]]:
    text = compared.text
    if compared.is_attribute("resource", "account"):
        yield from _account_faults(text, names)
    elif compared.is_attribute("resource", "region"):
        yield from _region_faults(text, names)
    elif compared.is_attribute("principal", "kind"):
        yield from _unknown("kind of requester", text, _KINDS)
    elif compared.is_attribute("principal", "human"):
        yield from identity_faults("human", text, names)
    elif compared.is_attribute("principal", "issuer"):
        yield from _unknown("issuer", text, names.issuer_urls.values())


def _member_faults(
    tag: str, member: str, owner: Mapping[str, Any], compared: Comparison, names: Names
) -> Iterator[tuple[str, str]]:
    """Check a value of the principal's claims or of the call's condition keys."""
    text = compared.text
    key = key_of(tag)
    if owner == PRINCIPAL and member == "string":
        for wrong, fix in claim_faults(tag, text, names.requesters, names):
            yield f'compares the claim {tag} with "{text}", but {wrong}', fix
    elif (
        owner == CALL
        and key
        and key.operator.has_patterns
        and ("?" in text or (not compared.is_pattern and "*" in text))
    ):
        wrong = f'compares {tag} with "{text}", but policies never see the wildcards of requests'
        yield wrong, "write like with *, which matches any text; ? is no wildcard in policies"


def _unknown(what: str, text: str, known: Collection[str], allowed: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    if known and text not in (*known, *allowed):
        yield f'compares the {what} with "{text}", which none has', did_you_mean(text, sorted(set(known)), quoted=True)


def _account_faults(text: str, names: Names) -> Iterator[tuple[str, str]]:
    return _unknown("account", text, names.accounts if not names.reaches_others else (), allowed=("", "aws"))


def _region_faults(text: str, names: Names) -> Iterator[tuple[str, str]]:
    if text and re.fullmatch(REGION, text) is None:
        yield f'compares the Region with "{text}", which is no Region', did_you_mean(text, sorted(set(names.regions)))


def _tag_faults(tag: str, compared: Comparison, names: Names) -> Iterator[tuple[str, str]]:
    text, values = compared.text, sorted(names.target_tags.get(tag, ()))
    matches = wildcard_pattern(text).matches if compared.is_pattern else text.__eq__
    if values and not any(map(matches, values)):
        yield f'compares the tag {tag} with "{text}", which no target has', did_you_mean(text, values, quoted=True)


def _name_faults(attribute: str, pattern: str, names: Names) -> Iterator[tuple[str, str]]:
    """Yield why a pattern matches no name. Cedar compares exactly, also upper and lower case."""
    table, matches = action_table(), wildcard_pattern(pattern).matches
    if attribute == "service" and not any(map(matches, table.services())):
        yield f'compares the service with "{pattern}", which no action has', "write it as in actions, such as s3"
    if attribute == "target" and names.targets and not any(map(matches, names.targets)):
        yield f'compares the target with "{pattern}", which matches none', did_you_mean(pattern, names.targets)
    if attribute == "accessProfile" and not any(map(matches, ("", *names.access_profiles))):
        fix = did_you_mean(pattern, names.access_profiles) if names.access_profiles else "add it to a target"
        yield f'compares the access profile with "{pattern}", which matches none', fix
    if attribute != "action":
        return
    alike = [each.name for each in table.expand(pattern)]  # in any case
    found = alike or (each.name for prefix in table.services() for each in table.of_service(prefix))
    if not any(map(matches, found)):
        near = alike or table.closest(pattern.replace("*", ""))
        wrong = f'compares the action with "{pattern}", which matches none'
        yield wrong, f"policies see names such as {' or '.join([*near, 's3:GetObject'][:2])}"


def _arn_faults(compared: Comparison, names: Names) -> Iterator[tuple[str, str]]:
    text = compared.text
    if text == "*":  # the ARN of actions that AWS cannot limit to a resource
        return
    if "?" in text or ("*" in text and not compared.is_pattern):
        wrong = f'compares resource.arn with "{text}", but policies never see the wildcards of requests'
        yield wrong, "write like with *, which matches any text; ? is no wildcard in policies"
        return
    partition = text.split(":", 2)[1] if text.startswith("arn:") and text.count(":") > 1 else "*"
    partitions = sorted({partition_of(each) for each in names.regions})
    if partitions and "*" not in partition and partition not in partitions:
        wrong = f'compares resource.arn with "{text}", but all targets are in the partition {" or ".join(partitions)}'
        yield wrong, f"write arn:{partitions[0]}:..."
    elif not _is_possible(text):
        wrong = f'compares resource.arn with "{text}", which is the form of no ARN of AWS'
        yield wrong, "write an ARN as AWS does: S3's have neither Region nor account, as in arn:aws:s3:::reports/*"
    else:
        # A wildcard can match any number of segments: what follows it has no certain place.
        _, _, _, region, account, *_ = [*text.partition("*")[0].split(":")[:-1], *[""] * 5]
        yield from _region_faults(region, names)
        yield from _account_faults(account, names)


@cache
def _is_possible(text: str) -> bool:
    """Return whether the ARN or pattern can match a resource of some type.

    Most resources belong to the service of their actions, whose formats are tried before those of all services.
    """
    if text.startswith("*") or _ACCOUNT.match(text) is None:
        return text.startswith("*")
    named = text.split(":", 3)[2] if text.count(":") > 2 else ""
    if named and _meets_one_of({each for each in _formats(named) if each.split(":", 3)[2] == named}, text):
        return True
    others = set(chain.from_iterable(map(_formats, action_table().services())))
    # AWS Backup's formats have a variable as service. They count only for a service without formats of its own.
    of_service = {each for each in others if each.split(":", 3)[2] == named}
    return _meets_one_of(of_service or others, text)


@when_too_complex(answer=True)
def _meets_one_of(formats: Collection[str], text: str) -> bool:
    return any(format_meets(each, text)[0] for each in formats)


def _formats(service: str) -> set[str]:
    """Return AWS's formats of the ARNs on which the service's actions act."""
    return {kind.arn_format for action in action_table().of_service(service) for kind in action.resource_types}
