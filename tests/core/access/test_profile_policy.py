"""Access profiles: a profile's managed policy and the inline policy together allow exactly what was granted."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.access.conditions import conditions_of
from jitney.core.access.credentials import session_request
from jitney.core.access.profile_policy import (
    PROFILE_POLICY_LIMIT,
    compile_profile,
    content_of,
    granted_profile,
    permissions_in,
    profile_document,
    removals,
)
from jitney.core.access.profile_request import ProfileMismatch, hidden_profile, with_profile
from jitney.core.access.request import AccessRequest, Permission, permissions_view
from jitney.core.access.session_policy import SESSION_POLICY_LIMIT, SessionPolicyOptions
from jitney.core.access.statements import compact_request
from jitney.core.access_profile import AccessProfile, GrantedProfile
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget
from jitney.core.policy.pairs import pairs_of, permissions_of
from jitney.core.problems import Problem
from jitney.core.target_config import Target
from jitney.core.times import iso
from tests.core.access.random_requests import permissions, resource, some
from tests.examples import examples
from tests.fakes import ACTIONS, GRANT, NOW, ROLE_ARN

ARN = "arn:aws:iam::444455556666:policy/jitney/jitney-profile-analytics-prod.deploy.0123456789abcdef"
PLAIN = SessionPolicyOptions()
RANDOM = st.integers(0, 2**32 - 1).map(Random)
SERVICES = ("s3", "dynamodb", "lambda", "logs", "sqs", "kms", "ssm", "cloudformation", "states", "ec2")
TABLE = "arn:aws:dynamodb:eu-west-1:444455556666:table"


def permitted(*wanted: tuple[str, str]) -> tuple[Permission, ...]:
    return tuple(Permission(tuple(names.split()), tuple(arns.split())) for names, arns in wanted)


def canonical(wanted: tuple[Permission, ...]) -> tuple[Permission, ...]:
    """Return the permissions as the configuration stores them."""
    pairs = pairs_of(AccessRequest("t", wanted, 1, "", ""), ACTIONS, 3000, Budget(MAX_REQUEST_STEPS))
    return permissions_of(pairs)


def profile_of(wanted: tuple[Permission, ...], options: SessionPolicyOptions = PLAIN) -> tuple[AccessProfile, str]:
    document = profile_document(wanted, ACTIONS, options)
    return AccessProfile(tuple(permissions_view(wanted)), content_of(document), ARN), document


def test_pol_15_a_profile_without_permissions_has_no_policy():
    with pytest.raises(ValueError, match="allows nothing"):
        profile_document((), ACTIONS, PLAIN)


PROFILE, DOCUMENT = profile_of(
    canonical(
        permitted(
            ("s3:GetObject s3:PutObject s3:DeleteObject", "arn:aws:s3:::state/*"),
            ("s3:ListBucket", "arn:aws:s3:::state"),
            ("dynamodb:GetItem dynamodb:PutItem", f"{TABLE}/locks {TABLE}/orders"),
            ("sqs:ListQueues", "*"),
        )
    )
)
TARGET = Target("analytics-prod", "444455556666", ROLE_ARN, "external", "eu-west-1", 3600, {})
PROFILED = replace(TARGET, access_profiles={"deploy": PROFILE})


def narrowed(*wanted: tuple[str, str]) -> AccessRequest:
    return with_profile(AccessRequest(TARGET.alias, permitted(*wanted), 900, "a test", ""), "deploy", PROFILED)


def misfits(*wanted: Permission, target: Target = PROFILED) -> list[dict[str, Any]]:
    """Return the errors of a request for a part of the profile. The problem itself does not have them."""
    request = AccessRequest(TARGET.alias, wanted, 900, "a test", "")
    with pytest.raises(ProfileMismatch) as raised:
        with_profile(request, "deploy", target)
    assert raised.value.body() == hidden_profile().body()
    assert raised.value.disclosure
    errors: list[dict[str, Any]] = raised.value.disclosure.extras["errors"]
    return errors


# The evaluation of several session policies, as AWS documents it, written apart from the compiler.


def matches(patterns: str | list[str], text: str, *, folded: bool = False) -> bool:
    listed = [patterns] if isinstance(patterns, str) else patterns
    flags = re.IGNORECASE | re.DOTALL if folded else re.DOTALL
    return any(
        re.fullmatch(re.escape(each).replace(r"\*", ".*").replace(r"\?", "."), text, flags) is not None
        for each in listed
    )


def applies(statement: dict[str, Any], action: str, arn: str, now: str) -> bool:
    acts = (
        matches(statement["Action"], action, folded=True)
        if "Action" in statement
        else not matches(statement["NotAction"], action, folded=True)
    )
    on = matches(statement["Resource"], arn) if "Resource" in statement else not matches(statement["NotResource"], arn)
    ended = statement.get("Condition", {}).get("DateGreaterThan", {}).get("aws:CurrentTime")
    return acts and on and (ended is None or now > ended)


def allows(documents: Sequence[str], action: str, arn: str, now: str = iso(NOW - 1)) -> bool:
    """Return whether a session with these session policies may call the action: one allows it, and none denies it."""
    found = [
        each["Effect"]
        for text in documents
        for each in json.loads(text)["Statement"]
        if applies(each, action, arn, now)
    ]
    return "Allow" in found and "Deny" not in found


def probes(random: Random, whole: Sequence[Permission]) -> Iterator[tuple[str, str]]:
    """Yield calls of the profile's actions and their neighbours, on its resources, near them and elsewhere."""
    arns = [arn for each in whole for arn in each.resources if arn != "*"]
    for name in {name for each in whole for name in each.actions}:
        action = ACTIONS.get(name)
        assert action
        names = [each.name for each in ACTIONS.of_service(action.service)]
        at = names.index(action.name)
        for near in names[max(at - 1, 0) : at + 2]:
            formats = [kind.arn_format for kind in ACTIONS.get(near).resource_types]  # type: ignore[union-attr]
            for arn_format in formats:
                yield near, resource(random, arn_format, wild=False)
            for arn in some(random, arns, 5) if arns and formats else ():
                yield near, arn.replace("*", random.choice(("", "x", "x/y"))).replace("?", "z")
            yield near, "*"


def exists(name: str, arn: str) -> bool:
    action = ACTIONS.get(name)
    assert action
    if arn == "*":
        return not action.resource_types
    return bool(action.resource_types) and action.acts_on(arn, Budget(MAX_REQUEST_STEPS))


def granted(kept: Sequence[Permission], action: str, arn: str) -> bool:
    return any(action in each.actions and matches(list(each.resources), arn) for each in kept)


def part_of(random: Random, whole: tuple[Permission, ...]) -> tuple[Permission, ...]:
    """Return a random part of the permissions, by their pairs."""
    pairs = [(name, arn) for each in whole for name in each.actions for arn in each.resources]
    kept = [pair for pair in pairs if random.random() < random.choice((0.3, 0.8, 0.95))] or pairs[:1]
    return tuple(Permission((name,), tuple(arn for other, arn in kept if other == name)) for name in dict(kept))


COUNTED = {"allowed": 0, "denied": 0}


@pytest.mark.parametrize("sealed", [False, True], ids=["", "sealed"])
@settings(max_examples=examples(400))
@given(random=RANDOM)
def test_sts_01_pol_15_profile_and_inline_policy_allow_exactly_what_was_granted(sealed: bool, random: Random):
    drawn = permissions(random, ACTIONS, SERVICES)
    try:
        whole = canonical(drawn)
    except Problem:
        return
    _, document = profile_of(whole, SessionPolicyOptions(sealed=sealed))
    kept = part_of(random, whole)
    denials = json.dumps({"Statement": list(removals(whole, kept))})
    wrong = []
    for action, arn in probes(random, whole):
        expected = granted(kept, action, arn)
        answer = allows([document, denials], action, arn)
        COUNTED["allowed" if answer else "denied"] += 1
        if exists(action, arn) and answer != expected:
            wrong.append((action, arn, answer))
    assert wrong == []


TYPE = conditions_of({"ec2:InstanceType": ["t3.micro"]})
LARGE = conditions_of({"ec2:InstanceType": ["m7i.large"]})
INSTANCES = "arn:aws:ec2:eu-west-1:444455556666:instance"
STARTED = (
    Permission(("ec2:RunInstances",), (f"{INSTANCES}/a*", f"{INSTANCES}/b*"), TYPE),
    Permission(("ec2:RunInstances",), (f"{INSTANCES}/c*",), LARGE),
)


@pytest.mark.parametrize(
    ("kept", "resources"),
    [
        (replace(STARTED[0], resources=(f"{INSTANCES}/a*",)), f"{INSTANCES}/a*"),
        (STARTED[0], (f"{INSTANCES}/a*", f"{INSTANCES}/b*")),
        (STARTED[1], f"{INSTANCES}/c*"),
    ],
    ids=["fewer resources", "one of two conditions", "the other"],
)
def test_pol_12_a_removal_leaves_the_conditions_of_what_is_kept(kept: Permission, resources: Any):
    """The Allow of the profile keeps its condition, and the Deny of the other resources has none."""
    assert list(removals(STARTED, (kept,))) == [
        {"Effect": "Deny", "Action": "ec2:RunInstances", "NotResource": resources}
    ]


def test_pol_12_one_of_two_conditions_on_a_resource_cannot_be_removed_alone():
    whole = (*STARTED, replace(STARTED[1], resources=(f"{INSTANCES}/ab*",)))
    with pytest.raises(Problem, match="several conditions"):
        list(removals(whole, (STARTED[0],)))


def test_pol_12_conditions_that_the_profile_does_not_have_are_never_compiled():
    with pytest.raises(ValueError, match="under"):
        list(removals(STARTED, (Permission(("ec2:RunInstances",), (f"{INSTANCES}/a*",)),)))


def test_pol_12_conditions_of_a_request_cannot_narrow_a_profile():
    wanted = Permission(("ec2:RunInstances",), ("*",), TYPE)
    profile, _ = profile_of(STARTED)
    target = replace(TARGET, access_profiles={"deploy": profile})
    assert [each["pointer"] for each in misfits(wanted, target=target)] == ["/permissions/0"]
    request = with_profile(AccessRequest("t", (), 900, "", ""), "deploy", target)
    assert request.permissions == STARTED


def test_sts_01_the_whole_profile_needs_no_removal():
    whole = permitted(("s3:GetObject", "arn:aws:s3:::state/*"))
    assert list(removals(whole, whole)) == []


def test_sts_01_an_inline_allow_would_widen_the_profile():
    """The mechanism: several session policies are a union, so only a Deny narrows."""
    inline = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
    assert allows([DOCUMENT, inline], "s3:GetObject", "arn:aws:s3:::other/x")
    policy = compile_profile(PROFILE, canonical(permitted(("s3:GetObject", "arn:aws:s3:::state/*"))), NOW, PLAIN)
    assert {each["Effect"] for each in policy.document()["Statement"]} == {"Deny"}


def test_sts_04_nothing_of_the_profile_is_allowed_after_the_end():
    whole = permissions_in(PROFILE)
    policy = compile_profile(PROFILE, whole, NOW, PLAIN)
    call = ("s3:GetObject", "arn:aws:s3:::state/x")
    assert allows([DOCUMENT, policy.text], *call)
    assert not allows([DOCUMENT, policy.text], *call, now=iso(NOW + 1))
    assert policy.managed_arns == (ARN,)


def test_a_source_address_is_in_the_inline_policy():
    whole = permissions_in(PROFILE)
    policy = compile_profile(PROFILE, whole, NOW, SessionPolicyOptions(source_ip="203.0.113.7"))
    conditions = [each.get("Condition", {}) for each in policy.document()["Statement"]]
    assert {"aws:SourceIp": "203.0.113.7/32"} in [each.get("NotIpAddressIfExists") for each in conditions]


def test_a_removed_service_is_denied_by_one_wildcard():
    whole = canonical(permitted(("s3:GetObject s3:PutObject", "arn:aws:s3:::state/*"), ("sqs:ListQueues", "*")))
    assert list(removals(whole, canonical(permitted(("sqs:ListQueues", "*"))))) == [
        {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    ]


def test_an_action_kept_on_fewer_resources_is_denied_on_the_others():
    kept = narrowed(("dynamodb:GetItem", f"{TABLE}/locks"), ("sqs:ListQueues", "*"))
    policy = compile_profile(PROFILE, kept.permissions, NOW, PLAIN)
    assert {"Effect": "Deny", "Action": "dynamodb:GetItem", "NotResource": f"{TABLE}/locks"} in policy.document()[
        "Statement"
    ]
    assert not allows([DOCUMENT, policy.text], "dynamodb:GetItem", f"{TABLE}/orders")
    assert allows([DOCUMENT, policy.text], "dynamodb:GetItem", f"{TABLE}/locks")


def test_an_action_that_the_profile_does_not_have_is_never_compiled():
    with pytest.raises(ValueError, match="s3:PutBucketPolicy"):
        compile_profile(PROFILE, permitted(("s3:PutBucketPolicy", "arn:aws:s3:::state")), NOW, PLAIN)


def test_sts_01_the_arn_counts_against_the_limit_of_the_inline_policy():
    names = [f"arn:aws:s3:::state/{place:03d}-of-a-long-prefix/*" for place in range(60)]
    with pytest.raises(Problem) as raised:
        compile_profile(PROFILE, permitted(("s3:GetObject", " ".join(names))), NOW, PLAIN)
    assert raised.value.code == "policy_too_large"
    size = raised.value.extras["session_policy_size"]
    assert size["limit"] == SESSION_POLICY_LIMIT
    kept = permitted(("s3:GetObject", " ".join(names)))
    inline = json.dumps({"Version": "2012-10-17", "Statement": list(removals(canonical(kept), kept))})
    assert size["characters"] > len(inline) + len(ARN)


# Row STS 4: STS scopes down by an inline policy alone, which cannot say what a managed policy allows.


def test_sts_04_a_short_grant_on_a_profile_is_ended_by_its_deny_alone():
    whole = permissions_in(PROFILE)
    grant = replace(
        GRANT, permissions=whole, access_profile=GrantedProfile("deploy", PROFILE.content), expires_at=NOW + 60
    )
    policy = compile_profile(PROFILE, whole, grant.expires_at, PLAIN)
    assert session_request(grant, policy, "external", NOW).scopable is None


# The request: the whole profile, or a part of it.


def test_pol_15_a_request_without_permissions_is_for_the_whole_profile():
    request = narrowed()
    assert request.access_profile == GrantedProfile("deploy", PROFILE.content)
    assert permissions_view(request.permissions) == list(PROFILE.permissions)


def test_pol_15_the_permissions_of_a_request_limit_the_profile():
    request = narrowed(("s3:Get* sqs:*", "*"))
    assert request.permissions == permitted(("s3:GetObject", "arn:aws:s3:::state/*"), ("sqs:ListQueues", "*"))


def test_pol_15_a_resource_within_the_profile_is_kept_as_it_is_named():
    request = narrowed(("s3:GetObject", "arn:aws:s3:::state/app/*"))
    assert request.permissions == permitted(("s3:GetObject", "arn:aws:s3:::state/app/*"))


def test_pol_12_a_part_of_the_profile_keeps_its_conditions():
    profile, _ = profile_of(STARTED)
    wanted = permitted(("ec2:RunInstances", f"{INSTANCES}/a*"))
    asked = AccessRequest("t", wanted, 900, "", "")
    request = with_profile(asked, "deploy", replace(TARGET, access_profiles={"deploy": profile}))
    assert request.permissions == (replace(STARTED[0], resources=(f"{INSTANCES}/a*",)),)


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        (("s3:PutBucketPolicy", "*"), "/permissions/0"),
        (("s3:GetObject", "arn:aws:s3:::other/*"), "/permissions/0"),
        (("s3:GetObject", "arn:aws:s3:::st*"), ""),
        (("s3:GetObject", "arn:aws:s3:::*/app"), "/permissions/0"),
    ],
    ids=["action", "resource", "wider", "in part"],
)
def test_pol_15_what_is_not_in_the_profile_is_refused(wanted: tuple[str, str], pointer: str):
    if pointer:
        errors = misfits(*permitted(wanted))
        assert {each["pointer"] for each in errors} == {pointer}
        assert "the access profile" in errors[0]["detail"]
        in_part = wanted[1] == "arn:aws:s3:::*/app"
        assert any(each["detail"].startswith("Only a part of ") for each in errors) == in_part
    else:
        assert narrowed(wanted).permissions == permitted(("s3:GetObject", "arn:aws:s3:::state/*"))


@pytest.mark.parametrize(
    ("wanted", "outside"),
    [
        (("s3:GetObject s3:PutBucketPolicy", "arn:aws:s3:::state/*"), "s3:PutBucketPolicy"),
        (("s3:GetObject", "arn:aws:s3:::state/* arn:aws:s3:::other/*"), "arn:aws:s3:::other/*"),
    ],
    ids=["action", "resource"],
)
def test_pol_15_a_part_outside_the_profile_is_not_left_out_in_silence(wanted: tuple[str, str], outside: str):
    (error,) = misfits(*permitted(wanted))
    assert (error["pointer"], outside in error["detail"]) == ("/permissions/0", True)


def test_pol_15_a_resource_with_many_wildcards_is_not_compared():
    errors = misfits(*permitted(("s3:GetObject", "arn:aws:s3:::*?*?*?/a")))
    assert [(each["pointer"], each["fix"]) for each in errors] == [("/permissions/0", "Use fewer wildcards.")]


def test_pol_15_an_unknown_profile_is_refused_without_those_of_the_target():
    request = AccessRequest(TARGET.alias, (), 900, "a test", "")
    with pytest.raises(ProfileMismatch) as raised:
        with_profile(request, "deploi", PROFILED)
    assert raised.value.disclosure is None
    assert raised.value.body() == hidden_profile().body()


# The content: what a grant means never changes.


@pytest.mark.parametrize("present", [{}, {"deploy": PROFILE._replace(content="f" * 64)}], ids=["removed", "changed"])
def test_rev_03_a_changed_profile_is_not_the_granted_one(present: dict[str, AccessProfile]):
    granted = GrantedProfile("deploy", PROFILE.content)
    assert granted_profile(granted, PROFILED) is PROFILE
    with pytest.raises(Problem) as raised:
        granted_profile(granted, replace(TARGET, access_profiles=present))
    assert raised.value.code == "access_profile_changed"


def test_the_content_changes_with_everything_that_the_policy_says():
    documents = [
        profile_document(each, ACTIONS, options)
        for each in (
            permitted(("s3:GetObject", "arn:aws:s3:::state/*")),
            permitted(("s3:GetObject", "arn:aws:s3:::state/a")),
            permitted(("s3:PutObject", "arn:aws:s3:::state/*")),
        )
        for options in (PLAIN, SessionPolicyOptions(sealed=True))
    ]
    assert len({content_of(each) for each in documents}) == 6


def test_a_profile_uses_action_wildcards_only_beyond_its_own_limit():
    names = " ".join(action.name for action in ACTIONS.of_service("lambda"))
    wanted = canonical(permitted((names, "*")))
    options = SessionPolicyOptions(wildcards=True)
    assert SESSION_POLICY_LIMIT < len(profile_document(wanted, ACTIONS, options)) <= PROFILE_POLICY_LIMIT
    assert "*" not in profile_document(wanted, ACTIONS, options).replace('"Resource":"*"', "")
    assert compact_request(wanted, ACTIONS).statements
