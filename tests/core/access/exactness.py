"""Probes of sessions: what a request asks for, against what AWS allows with its session policy (rows STS 1, STS 9).

`tests.iam_evaluation` decides each probe. `expected` says from the request alone what it should decide.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any, NamedTuple

from jitney.configuration.settings import TargetSettings
from jitney.configuration.target_boundary import ALWAYS_DENIED, boundary_statements
from jitney.core.access.conditions import Condition, Conditions, Operator, conditions_of
from jitney.core.access.profile_policy import profile_document, removals
from jitney.core.access.request import Permission
from jitney.core.access.session_policy import SessionPolicyOptions, compile_policy, end_denials
from jitney.core.problems import Problem
from jitney.core.times import iso
from tests.core.access.condition_semantics import Call
from tests.core.access.random_requests import CALLS, conditions, permissions, resource
from tests.fakes import ACTIONS, NOW
from tests.iam_evaluation import Policy, Session

ACCOUNT, STRANGER, FRIEND = "444455556666", "999900001111", "777788889999"
ROLE, SESSION = f"arn:aws:iam::{ACCOUNT}:role/t", f"arn:aws:sts::{ACCOUNT}:assumed-role/t/g-aaaaaaaaaaaaaa"
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
SETTINGS = TargetSettings(
    account=ACCOUNT,
    region="eu-west-1",
    role_name="t",
    policy={"Version": "2012-10-17", "Statement": [ALL]},
    other_accounts=(FRIEND,),
    any_account_actions=("sqs:Send*",),
    other_regions=("eu-west-3",),
    any_region_actions=("s3:ListBucket",),
)
BOUNDARY = {"Version": "2012-10-17", "Statement": list(boundary_statements(SETTINGS))}
OWNERS = ({"aws:ResourceAccount": ACCOUNT}, {"aws:ResourceAccount": FRIEND}, {}, {"aws:ResourceAccount": STRANGER})
AMAZON, OTHERS = {"ec2:Owner": "amazon"}, {"ec2:Owner": STRANGER}
REGIONS = ("eu-west-1", "eu-west-3", "us-east-1")
OF_AWS = ("arn:aws:ssm:eu-west-1::parameter/a", "arn:aws:ec2:eu-west-1:aws:prefix-list/a")
OWNED_BY_AWS = re.compile(
    r"arn:aws:(bedrock:[\w-]*::foundation-model/|cloudformation:[\w-]*:aws:transform/|ec2:[\w-]*:aws:prefix-list/"
    r"|ssm:[\w-]*::(automation-definition|document|parameter)/)"
)
MOMENTS = (NOW - 1, NOW - 1, NOW - 1, NOW + 1)
ADDRESSES = (("203.0.113.7", "false"), ("203.0.113.7", "false"), ("198.51.100.7", "false"), ("198.51.100.7", "true"))
PRINCIPALS: tuple[str | None, ...] = (None, SESSION, "*", ROLE, ACCOUNT)
"""The principal of the resource's own policy, which allows everything; None for no policy."""
OPTIONS = (
    SessionPolicyOptions(),
    SessionPolicyOptions(wildcards=True),
    SessionPolicyOptions("203.0.113.0/24", sealed=True),
    SessionPolicyOptions("203.0.113.0/24", sealed=True, wildcards=True),
)
SEALED = OPTIONS[2]
CORNERS: tuple[tuple[dict[str, list[str]], ...], ...] = (
    ({"s3:prefix": ["a/b"], "s3:delimiter": ["/"]}, {"s3:prefix": ["b"], "s3:delimiter": ["-"]}),
    ({"s3:prefix": ["a/b"], "s3:max-keys": ["1"]}, {"s3:prefix": ["b"], "s3:max-keys": ["10"]}),
    ({"s3:prefix": ["a/b"], "s3:delimiter": ["/"]}, {"s3:prefix": ["b"], "s3:delimiter": ["/"]}),
    ({"s3:prefix": ["a/b"]}, {"s3:max-keys": ["10"]}),
)
"""Conditions on listing one bucket, which random requests rarely have together."""
MOST_ACTIONS = 15
SERVICES = ("s3", "dynamodb", "sqs", "kms", "secretsmanager", "ec2", "lambda", "logs", "glue", "ssm")
NAMED = re.compile(r"\\\$\\\{(?:BucketName|TableName)\\\}")
OTHER = re.compile(r"\\\$\\\{\w+\\\}")
FILLED = {"*": ("", "x", "x/y"), "?": ("z",)}


class Case(NamedTuple):
    """A request, and the session policies of its grants. A request that does not fit has several grants.

    A `narrowed` one is a part of an access profile.
    """

    wanted: tuple[Permission, ...]
    options: SessionPolicyOptions
    policies: tuple[dict[str, Any], ...]
    narrowed: bool = False


class Probe(NamedTuple):
    """A call in a session, and the principal of the resource's own policy."""

    action: str
    arn: str
    call: Call
    principal: str | None


class Wrong(NamedTuple):
    """A probe that AWS decides differently than the request says. `wider` if AWS allows it."""

    probe: Probe
    wider: bool


def random_case(seed: int) -> Case | None:
    """Return a random request with its policies. None if it asks for nothing that exists, or cannot be sealed."""
    random = Random(seed)
    wanted, options = _request(seed, random)
    try:
        if seed % 7 == 6:
            return profiled(wanted, options, random)
        return Case(wanted, options, tuple(compiled(wanted, options)))
    except (ValueError, Problem):
        return None


def profiled(whole: tuple[Permission, ...], options: SessionPolicyOptions, random: Random) -> Case:
    """Return a request for a part of an access profile. The session has the profile's policy and an inline one.

    AWS allows what one of several session policies allows and none denies, as if they were one.
    """
    some = [random.sample(each.actions, random.randint(1, len(each.actions))) for each in whole]
    kept = tuple(Permission(tuple(n), each.resources, each.conditions) for n, each in zip(some, whole, strict=True))
    statements = json.loads(profile_document(whole, ACTIONS, options))["Statement"]
    inline = [*end_denials(NOW, options), *removals(whole, kept)]
    return Case(kept, options, ({"Version": "2012-10-17", "Statement": [*statements, *inline]},), narrowed=True)


def _request(seed: int, random: Random) -> tuple[tuple[Permission, ...], SessionPolicyOptions]:
    if seed < len(CORNERS):
        bucket = ("arn:aws:s3:::a",)
        return tuple(Permission(("s3:ListBucket",), bucket, conditions_of(each)) for each in CORNERS[seed]), SEALED
    options = random.choice(OPTIONS)
    match seed % 5:
        case 0 | 1:
            services = SERVICES if random.random() < 0.7 else ACTIONS.services()
            return permissions(random, ACTIONS, services), options
        case 2:
            return limited(random), options
        case 3:
            return overlapping(random), options
        case _:
            return large(random), random.choice(OPTIONS[1::2])


def limited(random: Random) -> tuple[Permission, ...]:
    """Return permissions with conditions. Some are for the same action on the same or on overlapping resources."""
    bucket = random.choice([("arn:aws:s3:::a",), ("arn:aws:s3:::a*",), ("arn:aws:s3:::a", "arn:aws:s3:::b")])
    listings = [Permission(("s3:ListBucket", "s3:ListBucketVersions"), bucket, conditions(random)) for _ in range(2)]
    others = [
        Permission(each.actions, each.resources, conditions(random))
        for each in permissions(random, ACTIONS, ("s3", "dynamodb"))
    ]
    return tuple(random.sample([*listings, *others], random.randint(1, 3)))


def overlapping(random: Random) -> tuple[Permission, ...]:
    """Return permissions of the same actions with conditions that differ in one key or in two."""
    names = ("s3:ListBucket", "s3:ListBucketVersions")
    other = random.choice([("s3:max-keys", ("1", "10")), ("s3:delimiter", ("/", "-"))])
    listings = [Permission(names, ("arn:aws:s3:::a",), two(random, *other)) for _ in range(random.randint(2, 3))]
    keys = conditions_of({"dynamodb:LeadingKeys": [random.choice(("a", "a*"))]})
    return *listings, Permission(("dynamodb:GetItem",), ("arn:aws:dynamodb:eu-west-1:444455556666:table/a",), keys)


def two(random: Random, other: str, values: tuple[str, str]) -> Conditions:
    """Return two conditions, of `s3:prefix` and of `other`, which often differ from others in one value."""
    return conditions_of({"s3:prefix": [random.choice(("a/b", "b"))], other: [random.choice(values)]})


def large(random: Random) -> tuple[Permission, ...]:
    """Return a permission that only wildcards or a split make fit, and one on what AWS may own."""
    of_service = [action.name for action in ACTIONS.of_service(random.choice(("ec2", "s3", "rds", "glue")))]
    start = random.randrange(len(of_service) - 50)
    names = tuple(of_service[start : start + random.randint(20, 70)])
    return Permission(names, ("*",)), Permission(("ssm:GetParameter", "ssm:GetParameters"), ("*",))


def compiled(wanted: tuple[Permission, ...], options: SessionPolicyOptions) -> Iterator[dict[str, Any]]:
    """Yield the policy, or the policies of a split. Raises Problem if there is none."""
    try:
        yield compile_policy(wanted, NOW, ACTIONS, options).document()
    except Problem as problem:
        if not problem.extras.get("split"):
            raise
        for part in problem.extras["split"]:
            yield from compiled(tuple(map(_permission, part["permissions"])), options)


def _permission(body: dict[str, Any]) -> Permission:
    return Permission(tuple(body["actions"]), tuple(body["resources"]), conditions_of(body.get("conditions", {})))


def probes(wanted: tuple[Permission, ...], random: Random) -> Iterator[Probe]:
    """Yield calls of each requested action and its neighbours in the table, on and around the requested resources."""
    arns = sorted({arn for each in wanted for arn in each.resources if arn != "*"})
    names = neighbours({name for each in wanted for name in each.actions})
    conditional = any(each.conditions for each in wanted)
    times = (30 if len(names) > 5 else 500) if conditional else 12
    for name in random.sample(names, min(len(names), MOST_ACTIONS)):
        action = ACTIONS.get(name)
        assert action
        kinds = [kind.arn_format for kind in action.resource_types]
        near = [filled(random, random.choice(arns)) for _ in range(8 if arns and kinds else 0)]
        near += [resource(random, random.choice(kinds), wild=False) for _ in range(4 if kinds else 0)]
        for arn in dict.fromkeys([*near, *(OF_AWS if kinds else ["*"])]):
            if exists(name, arn):
                yield from (Probe(name, arn, context(random), random.choice(PRINCIPALS)) for _ in range(times))


def neighbours(names: set[str]) -> list[str]:
    """Return the actions, and those before and after each in the table."""
    found = []
    for name in sorted(names):
        of_service = [action.name for action in ACTIONS.of_service(name.partition(":")[0])]
        at = of_service.index(name)
        found += of_service[max(at - 1, 0) : at + 2]
    return list(dict.fromkeys(found))


def filled(random: Random, arn: str) -> str:
    """Return an ARN that the pattern matches."""
    return "".join(random.choice(FILLED[each]) if each in FILLED else each for each in arn)


def context(random: Random) -> Call:
    """Return the context of a call. Half of the calls are usual ones."""
    address, via = random.choice(ADDRESSES)
    usual = random.random() < 0.5
    return {
        **random.choice(CALLS),
        "aws:CurrentTime": iso(NOW - 1 if usual else random.choice(MOMENTS)),
        "aws:SourceIp": "203.0.113.7" if usual else address,
        "aws:ViaAWSService": "false" if usual else via,
        **(OWNERS[0] if usual else random.choice(OWNERS)),
        **({} if usual else random.choice(({}, AMAZON, OTHERS))),
        "aws:RequestedRegion": REGIONS[0] if usual else random.choice(REGIONS),
    }


@cache
def _formats(name: str) -> re.Pattern[str]:
    action = ACTIONS.get(name)
    assert action
    formats = [
        NAMED.sub(r"[^:/]+", re.sub(r"\\\*", ".*", re.escape(kind.arn_format))) for kind in action.resource_types
    ]
    return re.compile("|".join([r"\*", *(OTHER.sub(r".*", each) for each in formats)]))


def exists(name: str, arn: str) -> bool:
    """Return whether the action can be called on such a resource."""
    return _formats(name).fullmatch(arn) is not None


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def like(pattern: str, text: str) -> bool:
    """Return whether IAM's pattern matches the text."""
    return _pattern(pattern).fullmatch(text) is not None


def granted(wanted: tuple[Permission, ...], probe: Probe) -> bool:
    """Return whether the request asks for the call."""
    return any(
        probe.action in each.actions
        and any(like(arn, probe.arn) for arn in each.resources)
        and all(_satisfies(condition, probe.call) for condition in each.conditions)
        for each in wanted
    )


def _satisfies(condition: Condition, call: Call) -> bool:
    found = next((value for key, value in call.items() if key.lower() == condition.key.lower()), None)
    if found is None:
        return False
    values = [found] if isinstance(found, str) else found
    if condition.operator is Operator.AT_MOST:
        return all(float(value) <= float(condition.values[0]) for value in values)
    if condition.operator is Operator.EQUALS:
        return all(value in condition.values for value in values)
    return all(any(like(each, value) for each in condition.values) for value in values)


@cache
def always_denied(action: str) -> bool:
    """Return whether the target's stack denies the action to every session."""
    return any(like(each, action) for each in ALWAYS_DENIED)


def guarded(probe: Probe) -> bool:
    """Return whether the target's stack denies the call."""
    if always_denied(probe.action):
        return True
    if probe.call["aws:RequestedRegion"] == "us-east-1" and probe.action != "s3:ListBucket":
        return True
    of_aws = OWNED_BY_AWS.match(probe.arn) or probe.call.get("ec2:Owner") == "amazon"
    exempt = of_aws or probe.action.startswith("sqs:Send")
    return probe.call.get("aws:ResourceAccount") == STRANGER and not exempt


def expected(one: Case, probe: Probe) -> bool:
    """Return whether AWS should allow the call."""
    if guarded(probe) or probe.call["aws:CurrentTime"] > iso(NOW):
        return False
    bound = one.options.source_ip and probe.call["aws:ViaAWSService"] == "false"
    if bound and probe.call["aws:SourceIp"] == "198.51.100.7":
        return False
    by_resource = probe.principal in (SESSION, "*") and not one.options.sealed
    return by_resource or granted(one.wanted, probe)


def sessions(one: Case) -> list[Session]:
    """Return the sessions of the request's grants, on a role that may do everything."""
    identity, boundary = [Policy({"Statement": [ALL]})], Policy(BOUNDARY)
    return [Session(SESSION, ROLE, ACCOUNT, identity, [boundary, Policy(each)]) for each in one.policies]


OF_RESOURCES = {
    principal: Policy({"Statement": [{**ALL, "Principal": {"AWS": principal}}]})
    for principal in PRINCIPALS
    if principal
}


def examine(one: Case, random: Random) -> tuple[int, int, list[Wrong]]:
    """Return how many probes are allowed and denied as expected, and the others."""
    allowed = denied = 0
    found = []
    held = sessions(one)
    for probe in probes(one.wanted, random):
        if one.narrowed and not one.options.sealed and probe.principal in (SESSION, "*"):
            continue  # What was removed is denied, and what the profile never had is not. No request asks for either.
        policy = OF_RESOURCES.get(probe.principal or "")
        answer = any(each.allowed(probe.action, probe.arn, probe.call, policy) for each in held)
        if answer != expected(one, probe):
            found.append(Wrong(probe, answer))
        allowed += answer
        denied += not answer
    return allowed, denied, found
