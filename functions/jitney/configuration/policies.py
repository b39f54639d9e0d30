"""Reads and checks the folder of policies. Each problem has the file, the line and the @id of the policy."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cedarpy

from jitney.configuration.hidden_text import hidden_text
from jitney.configuration.names import Names, did_you_mean
from jitney.configuration.other_arns import uncovered_arns
from jitney.configuration.policy_files import policy_files
from jitney.configuration.policy_references import unknown_names
from jitney.configuration.policy_text import PolicyStatement, SourceLocation, statements
from jitney.configuration.yaml_source import ConfigurationProblem
from jitney.core.config import Policies
from jitney.core.policy.cedar import ANNOTATIONS, InvalidPolicies, PolicyFault, PolicySet
from jitney.resources import SCHEMA

SCHEMA_COPIES = "*.cedarschema"
# The place (() if it is not one policy), what is wrong, and the fix.
Found: TypeAlias = tuple[SourceLocation | tuple[()], str, str]

NO_POLICIES = Policies("", "", "")

_COMMENT = re.compile(r"//.*")
_UNKNOWN_ATTRIBUTE = re.compile(r"attribute `(\w+)` (?:in context|on entity type `Jitney::(\w+)`) not found")
_UNKNOWN_ACTION = re.compile(r'unrecognized action `Jitney::Action::"(.+)"`')
_UNKNOWN_TYPE = re.compile(r"unrecognized entity type `(?:Jitney::)?(\w+)`")
_UNKNOWN_ANNOTATION = re.compile(r"@(\w+) is not known")
_NO_ACTION = "unable to find an applicable action"  # also a consequence of each other fault of the scope
# Sentences of Cedar and of `core.policy.cedar`, each with its fix.
_FIXES = (
    ("the @id is used more than once", "give each policy an @id of its own"),
    ("it needs an @id", 'write @id("team/rule") before permit or forbid'),
    (
        "@approval names '(.+)', but no condition",
        r'add context.approvals.contains("\1") to a condition, or leave \1 out of @approval',
    ),
    (
        _NO_ACTION,
        (
            "write in for groups, levels in groups, targets and accounts: principal in, action in, resource in. "
            "With ==, one agent, one level or one resource is meant"
        ),
    ),
    (
        r'unable to guarantee safety of access to tag `"(.+)"` on entity type `Jitney::Target`',
        r'ask first: resource.target.hasTag("\1") && ...',
    ),
    (
        "unable to guarantee safety of access to tag",
        "ask first with .hasTag() whether there is one: ...hasTag() && ...",
    ),
    (
        r"access to optional attribute `(\w+)` on entity type `Jitney::(?:Agent|Human)`",
        r"ask first: principal has \1 && ...",
    ),
    ("the condition key '.+' is not supported", "write a key of docs/conditions.md"),
    (r"the value of (.+) is in \.(\w+)", r'write context.call.getTag("\1").\2'),
    ("the way '.+' does not exist", "write one of these ways"),
    ("uses context.approvals other", 'write context.approvals.contains("group")'),
    ("uses context.way other", 'write context.way == "gateway"'),
    (r"uses context\.(risks|timeWindows|earlierApprovals) other", r'write context.\1.contains("name")'),
    (r"the types (String and Set<String>|Set<String> and String) are not", 'ask a set with .contains("text")'),
    ("the types (Bool and String|String and Bool) are not", "write true or false without quotation marks"),
    ("but saw Set<String>", 'ask a set of texts with ["a", "b"].contains(...)'),
    ("uses `resource` itself", "write resource.arn, resource.target or another attribute of it"),
    ("only a permit has @call_limits", "leave @call_limits out of the forbid"),
    ("@call_limits must be like", 'write one such as @call_limits("calls=100"); leave unlimited ones out'),
    (
        "an earlier approval could make it permit less",
        'write context.approvals.contains("group") || context.earlierApprovals.contains("group")',
    ),
    (
        "expected __cedar::internal::AnyEntity but saw String",
        "compare texts with ==; in is for groups, targets and accounts",
    ),
    ("the types (Long and String|String and Long) are not", "write texts in quotation marks, and numbers without"),
    ("expected Long but saw String", "write a number without quotation marks; durations are in seconds"),
    ("the risk '.+' does not exist", "write one of these risks"),
)
_SYNTAX_FIXES = (
    ("invalid token", 'write texts in straight double quotation marks: "...", and begin comments with //'),
    ("unexpected token `and`", "write && for and"),
    ("unexpected token `or`", "write || for or"),
    ("unexpected token `/`", "begin each line of a comment with //"),
    ("'=' is not a valid operator", "write == to compare"),
    ("invalid policy effect", "write permit or forbid"),
    ("unexpected token `@`", "end the policy before it with ;"),
    (
        "expected single entity uid or template slot, found set",
        "write principal in the scope, and when { principal in [Group, Group] }",
    ),
)
_QUOTED = re.compile(r"[`']([^`']+)[`']")


def read_policies(
    folder: Path, names: Names, key: str = "policies", apart: Sequence[Path] = ()
) -> tuple[Policies, list[ConfigurationProblem]]:
    """Return the policies in `folder` and all their problems. `names` are the names that policies may use.

    `key` is the key of jitney.yaml that names the folder. `apart` are other folders of policies, perhaps below it.
    """
    policies, problems = _read(folder, names, apart)
    return policies, [replace(each, path=(key,)) for each in problems]


def _read(folder: Path, names: Names, apart: Sequence[Path]) -> tuple[Policies, list[ConfigurationProblem]]:
    files, misplaced = policy_files(folder, apart)
    if misplaced:
        return NO_POLICIES, misplaced
    if not files:
        fix = "name a folder (relative to this file) with *.cedar files: without policies, nothing is granted"
        return NO_POLICIES, [_problem("", f"{folder.name}/ has no *.cedar files", fix)]
    copies = sorted(folder.glob(SCHEMA_COPIES))
    if copies:
        wrong = "a policies folder must not have a schema: Jitney ships it"
        return NO_POLICIES, [_problem(str(each), wrong, "delete this file") for each in copies]
    sources, problems = _texts(files)
    if problems:
        return NO_POLICIES, problems
    schema = SCHEMA.read_text(encoding="utf-8")
    version = hashlib.sha256("\0".join([*sources, schema]).encode()).hexdigest()
    policies = Policies(text="\n".join(sources), schema=schema, version=version)
    written = [each for pair in zip(files, sources, strict=True) for each in statements(*pair)]
    problems = [*_syntax_problems(written)]
    if not problems:
        faults = _faults(policies)
        # The checks of names read expressions whose types Cedar accepts.
        sound = {key: each for key, each in _documents(policies).items() if key not in {fault.key for fault in faults}}
        unknown = _unknown(sound, written, names)
        # Cedar repeats a fault for each type of requester.
        placed = {
            (found[0], found[1].replace("`Jitney::Human`", "`Jitney::Agent`")): found
            for found in (_placed(each, written, policies.schema) for each in reversed(faults))
        }
        found = sorted([*placed.values(), *unknown])
        problems = [_problem(str(place or ""), wrong, fix) for place, wrong, fix in found]
    return policies, problems


class PolicySource(NamedTuple):
    """Where a policy is written, and its text from its first annotation to its semicolon."""

    place: SourceLocation
    text: str


def policy_sources(folder: Path) -> dict[str, PolicySource]:
    """Return the source of each policy in a folder that `read_policies` accepts, by its @id."""
    written = [each for file in policy_files(folder)[0] for each in statements(file, file.read_text("utf-8-sig"))]
    return {each.id: PolicySource(each.place(), each.source) for each in written}


def _problem(place: str, wrong: str, fix: str) -> ConfigurationProblem:
    return ConfigurationProblem(("policies",), wrong, fix, place=place)


def _texts(files: Sequence[Path]) -> tuple[list[str], list[ConfigurationProblem]]:
    texts, problems = [], []
    for file in files:
        try:
            text = file.read_bytes().decode("utf-8-sig")  # editors may write a byte order mark
        except OSError as error:
            problems.append(_problem(str(file), f"the file cannot be read: {error.strerror}", "make it readable"))
        except UnicodeDecodeError as error:
            problems.append(_problem(str(file), f"the file is not text: {error}", "write it as UTF-8"))
        else:
            texts.append(text.replace("\r\n", "\n"))
            problems += [_problem(f"{file}:{each.line}:{each.column}", *each[2:]) for each in hidden_text(text)]
    return texts, problems


def _syntax_problems(written: Sequence[PolicyStatement]) -> Iterator[ConfigurationProblem]:
    for statement in written:
        for place, fault in statement.text_faults():
            yield _problem(str(place), fault.wrong, fault.fix)
        if found := statement.syntax_fault():
            place, wrong = found
            fixes = [fix for beginning, fix in _SYNTAX_FIXES if wrong.startswith(beginning)]
            yield _problem(str(place), wrong, *(fixes or ["correct the syntax at this place, or before it"]))


def _faults(policies: Policies) -> Sequence[PolicyFault]:
    try:
        PolicySet.load(policies)
    except InvalidPolicies as refused:
        others = {each.key for each in refused.faults if not each.sentence.startswith(_NO_ACTION)}
        return [each for each in refused.faults if each.key not in others or not each.sentence.startswith(_NO_ACTION)]
    return ()


def _documents(policies: Policies) -> Mapping[str, Mapping[str, Any]]:
    """Return each policy in Cedar's JSON form, by Cedar's name of it."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(cedarpy.policies_to_json_str(policies.text))["staticPolicies"]
    return found


def _placed(fault: PolicyFault, written: Sequence[PolicyStatement], schema: str) -> Found:
    if not fault.key:
        return (), fault.sentence, "correct the policies"
    # Cedar numbers the policies in the text: policy0, policy1.
    statement = written[int(fault.key.removeprefix("policy"))]
    words = [
        word
        for quoted in _QUOTED.findall(fault.sentence)
        for word in (quoted, quoted.rpartition("::")[2], f'"{quoted}"')
    ]
    wrong = f"{fault.id or 'this policy'}: {fault.sentence}"
    return statement.place(*words), wrong, _fix(fault.sentence, schema)


def _fix(sentence: str, schema: str) -> str:
    """Return a fix with similar names in the schema."""
    schema = _COMMENT.sub("", schema)
    if found := _UNKNOWN_ATTRIBUTE.search(sentence):
        owner = rf"entity\s[^;{{]*\b{found[2]}\b" if found[2] else r"type\s+Context\b"
        body = re.search(rf"{owner}[^;{{]*{{([^}}]*)}}", schema)
        return did_you_mean(found[1], re.findall(r"(\w+)\??\s*:(?!:)", body[1] if body else ""))
    if found := _UNKNOWN_ACTION.search(sentence):
        if ":" in found[1]:  # an action of AWS
            return f'write action in the scope, and when {{ context.action == "{found[1]}" }}'
        return did_you_mean(found[1], sorted(set(re.findall(r'"(\w+)"', schema))))
    if found := _UNKNOWN_TYPE.search(sentence):
        return did_you_mean(
            f"Jitney::{found[1]}", [f"Jitney::{each}" for each in re.findall(r"entity\s+(\w+)", schema)]
        )
    for pattern, fix in _FIXES:
        if found := re.search(pattern, sentence):
            return found.expand(fix)
    if found := _UNKNOWN_ANNOTATION.match(sentence):
        return did_you_mean(found[1], ANNOTATIONS)
    return f"correct the policy; {SCHEMA} says what policies can speak about"


def _unknown(
    policies: Mapping[str, Mapping[str, Any]], written: Sequence[PolicyStatement], names: Names
) -> Iterator[Found]:
    found = [(key, unknown) for key, policy in policies.items() for unknown in unknown_names(policy, names)]
    for key, problem in found or uncovered_arns(policies, names.targets):
        name = policies[key].get("annotations", {}).get("id") or "this policy"
        place = written[int(key.removeprefix("policy"))].place(f'"{problem.literal}"', problem.literal)
        yield place, f"{name} {problem.wrong}", problem.fix
