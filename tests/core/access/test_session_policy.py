import itertools
import json
import re
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.access.action_wildcards import NEVER
from jitney.core.access.conditions import Conditions, conditions_of
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.access.request_split import MAX_PARTS
from jitney.core.access.requested_scope import RequestedScope
from jitney.core.access.session_policy import (
    SCOPING,
    SESSION_POLICY_LIMIT,
    SessionPolicy,
    SessionPolicyOptions,
    compile_policy,
    options_for,
    scopable_policy,
)
from jitney.core.access.statements import (
    CompactedRequest,
    Statement,
    by_resources,
    compact,
    compact_request,
    regrouped,
    with_statement,
)
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget
from jitney.core.policy.pairs import pairs_of
from jitney.core.problems import Problem
from jitney.core.target_config import Target
from tests.core.access.arn_languages import ANY_OTHER, differences, distinguishing_string, named, rule_of
from tests.core.access.random_requests import permissions
from tests.cpu_time import within_cpu_seconds
from tests.examples import examples
from tests.fakes import ACTIONS, NOW

SERVICES = ("s3", "dynamodb", "lambda", "iam", "logs", "sqs", "kms", "ssm", "secretsmanager", "glue", "states")
RANDOM = st.integers(0, 2**32 - 1).map(Random)
TABLE = "arn:aws:dynamodb:eu-west-1:444455556666:table"
END = {
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2026-11-24T12:00:00Z"}},
}


def asked(*wanted: tuple[str, str]) -> tuple[Permission, ...]:
    return tuple(Permission(tuple(names.split()), tuple(arns.split())) for names, arns in wanted)


def compiled(*wanted: tuple[str, str], **options: object) -> SessionPolicy:
    return compile_policy(asked(*wanted), NOW, ACTIONS, SessionPolicyOptions(**options))


def refused(*wanted: tuple[str, str], **options: object) -> Problem:
    with pytest.raises(Problem) as raised:
        compiled(*wanted, **options)
    assert raised.value.code == "policy_too_large"
    return raised.value


def allows(policy: SessionPolicy) -> list[tuple[object, object]]:
    statements = policy.document()["Statement"]
    return [(each["Action"], each["Resource"]) for each in statements if each["Effect"] == "Allow"]


def parts_of(problem: Problem) -> list[tuple[Permission, ...]]:
    """Return the requests of a refusal's split. Some resources in AWS's own formats contain a space."""
    return [
        tuple(Permission(tuple(each["actions"]), tuple(each["resources"])) for each in part["permissions"])
        for part in problem.extras["split"]
    ]


def compiled_if_any(wanted: tuple[Permission, ...], options: SessionPolicyOptions) -> list[SessionPolicy]:
    """Return the policy, or the policies of a split if it does not fit. If no pair can exist, return none."""
    try:
        return [compile_policy(wanted, NOW, ACTIONS, options)]
    except Problem as problem:
        return [compile_policy(part, NOW, ACTIONS, options) for part in parts_of(problem)]
    except ValueError:
        assert not compact_request(wanted, ACTIONS).statements
        return []


# Row STS 1: nothing wider, nothing narrower, over all ARNs.


@pytest.mark.parametrize("services", [SERVICES, ("s3", "dynamodb"), ACTIONS.services()], ids=["many", "two", "all"])
@pytest.mark.parametrize(
    "options",
    [SessionPolicyOptions(), SessionPolicyOptions("203.0.113.7", sealed=True, wildcards=True)],
    ids=["", "all"],
)
@settings(max_examples=examples(120))
@given(random=RANDOM)
def test_sts_01_every_action_is_allowed_on_exactly_the_requested_arns(services, options, random: Random):
    wanted = permissions(random, ACTIONS, services)
    policies = compiled_if_any(wanted, options)
    documents = [each.document() for each in policies]
    assert differences(documents, wanted if policies else (), ACTIONS) == []
    if options.sealed:
        assert differences(documents, wanted if policies else (), ACTIONS, by_denies=True) == []
    assert all(each.size <= SESSION_POLICY_LIMIT for each in policies)


@pytest.mark.parametrize("services", [SERVICES, ("s3", "dynamodb"), ("s3",)], ids=["many", "two", "one"])
@settings(max_examples=examples(120))
@given(random=RANDOM)
def test_sts_01_statements_grouped_by_actions_allow_exactly_what_was_requested(services, random: Random):
    wanted = permissions(random, ACTIONS, services)
    statements = regrouped(compact_request(wanted, ACTIONS), 100_000)
    policies = [{"Statement": [each.body() for each in statements]}] if statements else []
    assert differences(policies, wanted if policies else (), ACTIONS) == []


WORK = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion"]


def narrowed_to_half(random: Random) -> tuple[Permission, ...]:
    """Return a request of 16 objects as a reviewer may narrow it: each object with other actions."""
    objects = [f"arn:aws:s3:::analytics-reports/2026/q{n}/summary-{n}.csv" for n in range(16)]
    left = {arn: [name for name in WORK if random.random() < 0.5] for arn in objects}
    return tuple(Permission(tuple(names), (arn,)) for arn, names in left.items() if names)


def test_sts_10_a_narrowed_request_fits_if_one_way_to_group_its_statements_does():
    drawn = [narrowed_to_half(Random(seed)) for seed in range(40)]
    policies = [compile_policy(each, NOW, ACTIONS) for each in drawn]
    by_resource = [sum(one.size for one in compact_request(each, ACTIONS).statements) for each in drawn]
    assert len([size for size in by_resource if size > SESSION_POLICY_LIMIT]) >= 20
    for wanted, policy in zip(drawn, policies, strict=True):
        assert policy.size <= SESSION_POLICY_LIMIT
        assert differences([policy.document()], wanted, ACTIONS) == []
        assert policy == compile_policy(wanted[::-1], NOW, ACTIONS)


def test_action_wildcards_are_used_only_if_no_grouping_fits():
    allowing = SessionPolicyOptions(wildcards=True)
    drawn = [narrowed_to_half(Random(seed)) for seed in range(10)]
    assert [compile_policy(each, NOW, ACTIONS, allowing) for each in drawn] == [
        compile_policy(each, NOW, ACTIONS) for each in drawn
    ]


@settings(max_examples=examples(100))
@given(random=RANDOM)
def test_the_policy_is_the_same_for_the_same_permissions_in_any_order(random: Random):
    wanted = permissions(random, ACTIONS, SERVICES)
    turned = tuple(Permission(each.actions[::-1], each.resources[::-1]) for each in reversed(wanted))
    assert compiled_if_any(wanted, SessionPolicyOptions()) == compiled_if_any(turned, SessionPolicyOptions())


@settings(max_examples=examples(100))
@given(random=RANDOM)
def test_the_policy_is_never_longer_than_one_statement_for_each_set_of_resources(random: Random):
    whole = compact_request(permissions(random, ACTIONS, SERVICES), ACTIONS)
    assert sum(each.size for each in whole.statements) <= sum(each.size for each in by_resources(whole.requested))


class Careless(RequestedScope):
    """The planted bug: statements are merged without checking what that adds."""

    def adds(self, action: str, resource: str, conditions: Conditions = ()) -> bool:
        return False


def careless(whole: CompactedRequest) -> list[dict[str, Any]]:
    merged: tuple[Statement, ...] = ()
    for statement in by_resources(whole.requested):
        merged = with_statement(merged, statement, Careless({}, {}))
    return [statement.body() for statement in merged]


def test_the_checker_catches_a_merge_without_the_type_test():
    caught = 0
    for seed in range(60):
        whole = compact_request(permissions(Random(seed), ACTIONS, ("s3", "dynamodb")), ACTIONS)
        wanted = [Permission((name,), resources) for name, resources in whole.requested[()].items()]
        found = differences([{"Statement": careless(whole)}], wanted, ACTIONS)
        assert bool(found) == (len(whole.statements) > 1)
        caught += bool(found)
    assert caught >= 15


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject*", "arn:aws:s3:::b/*"),
        ("s3:GetObject", "arn:aws:s3:::b*"),
        ("s3:GetObject", "arn:aws:s3:::b/?*"),
        ("s3:GetObject", "arn:aws:s3:::b/a/*"),
    ],
    ids=["actions", "wider", "one character", "narrower"],
)
def test_the_checker_catches_policies_that_are_slightly_too_wide_or_too_narrow(action: str, resource: str):
    policy = {"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
    found = differences([policy], asked(("s3:GetObject", "arn:aws:s3:::b/*")), ACTIONS)
    assert ("s3:GetObject" in dict(found)) == (resource != "arn:aws:s3:::b/*")
    assert found


def test_the_checker_compares_only_texts_that_can_exist():
    run = "\ue000"
    assert distinguishing_string([((f"a{run}",),)], [f"a{run}", "ab"], [run]) is None
    assert distinguishing_string([((f"a{run}",),)], ["a"], [run]) == "a/"
    assert distinguishing_string([((f"{run}a{run}",),)], [f"{run}a"], [f"b{run}"]) in ("ba/", f"ba{ANY_OTHER}")
    assert distinguishing_string([((f"a{run}",),)], ["a"], ["b", "a"]) is None
    assert distinguishing_string([((f"a{run}",), (f"{run}b",))], ["ab"], ["ab", "aab", "b"]) == "aab"
    assert distinguishing_string([((f"a{run}",), (f"{run}b",))], [f"a{run}b"], [run]) is None


# What it compiles to.


def test_actions_share_a_statement_unless_it_would_allow_more():
    policy = compiled(("s3:GetObject", "arn:aws:s3:::b/*"), ("s3:ListBucket", "arn:aws:s3:::b"))
    assert allows(policy) == [(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::b", "arn:aws:s3:::b/*"])]


def test_actions_that_can_act_on_each_others_resources_do_not_share_one():
    policy = compiled(("dynamodb:GetItem", f"{TABLE}/a"), ("dynamodb:PutItem", f"{TABLE}/b"))
    assert allows(policy) == [("dynamodb:GetItem", f"{TABLE}/a"), ("dynamodb:PutItem", f"{TABLE}/b")]


def test_sts_01_resources_of_any_service_are_not_shared_either():
    anywhere = "arn:aws:*:eu-west-1:444455556666:table"
    policy = compiled(("dynamodb:GetItem", f"{anywhere}/a"), ("dynamodb:PutItem", f"{anywhere}/b"))
    assert allows(policy) == [("dynamodb:GetItem", f"{anywhere}/a"), ("dynamodb:PutItem", f"{anywhere}/b")]


def test_an_action_drops_impossible_and_covered_resources():
    policy = compiled(("s3:GetObject", "arn:aws:s3:::b arn:aws:s3:::b/a/x arn:aws:s3:::b/a/* arn:aws:s3:::b/?/*"))
    assert allows(policy) == [("s3:GetObject", "arn:aws:s3:::b/?/*")]


def test_an_action_on_everything_keeps_no_other_resource():
    assert allows(compiled(("s3:GetObject", "* arn:aws:s3:::b/x"))) == [("s3:GetObject", "*")]


def test_a_wildcard_covers_only_what_it_matches_with_and_without_crossing_segments():
    arns = "arn:aws:dynamodb:*:444455556666:table/x", "arn:aws:dynamodb:eu-west-1:444455556666:table/x"
    odd = "arn:aws:dynamodb:eu-west-1:444455556666:b:444455556666:table/x"
    assert compact_request(asked(("dynamodb:GetItem", " ".join(arns))), ACTIONS).requested[()] == {
        "dynamodb:GetItem": arns[:1]
    }
    assert RequestedScope({}, {}).widest((arns[0], odd)) == (arns[0], odd)


def test_sts_04_nothing_is_allowed_after_the_end():
    assert compiled(("s3:GetObject", "*")).document()["Statement"][-1] == END


@pytest.mark.parametrize("wanted", [(), (("s3:ListBucket", "arn:aws:s3:::b/x"),)], ids=["nothing", "impossible"])
def test_sts_07_an_empty_policy_is_never_compiled(wanted):
    with pytest.raises(ValueError, match="empty"):
        compiled(*wanted)


@pytest.mark.parametrize("name", ["s3:GetObjct", "s3:Get*", "s3:*", "*"])
def test_an_action_that_is_not_in_the_table_is_never_compiled(name: str):
    with pytest.raises(ValueError, match="not in the action table"):
        compiled((name, "*"))


def test_the_text_is_compact():
    policy = compile_policy((Permission(("s3:GetObject",), ("arn:aws:s3:::b/a b",)),), NOW, ACTIONS)
    assert policy.size == len(policy.text)
    assert " " not in policy.text.replace("a b", "")


# Options.


def test_a_source_address_has_its_own_deny_statement():
    *_, end, network = compiled(("s3:GetObject", "*"), source_ip="203.0.113.7").document()["Statement"]
    assert end == END
    assert network["Effect"] == "Deny"
    assert network["Condition"] == {
        "NotIpAddressIfExists": {"aws:SourceIp": "203.0.113.7/32"},
        "BoolIfExists": {"aws:ViaAWSService": "false"},
    }
    with pytest.raises(ValueError, match=r"203\.0\.113"):
        compiled(("s3:GetObject", "*"), source_ip="203.0.113.7/8")


B = "arn:aws:s3:::b"
NOWHERE = "none"  # a resource that does not exist, so that the checker looks at an action that was not requested
TWO_TABLES = (("dynamodb:PutItem", f"{TABLE}/b"), ("dynamodb:GetItem dynamodb:Query", f"{TABLE}/a"))


def test_sts_09_a_sealed_policy_denies_what_is_not_granted():
    policy = compiled(("s3:GetObject", f"{B}/*"), ("s3:ListBucket", B), sealed=True)
    assert policy.document()["Statement"][-2:] == [
        {"Effect": "Deny", "NotAction": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "NotResource": [B, f"{B}/*"]},
    ]
    *_, actions, reads, writes = compiled(*TWO_TABLES, sealed=True).document()["Statement"]
    assert actions["NotAction"] == ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
    assert reads == {"Effect": "Deny", "NotAction": "dynamodb:PutItem", "NotResource": f"{TABLE}/a"}
    assert writes == {"Effect": "Deny", "Action": "dynamodb:PutItem", "NotResource": f"{TABLE}/b"}


def test_sts_09_a_sealed_policy_on_every_resource_denies_other_actions_only():
    assert compiled(("ec2:DescribeInstances", "*"), sealed=True).document()["Statement"][-1] == {
        "Effect": "Deny",
        "NotAction": "ec2:DescribeInstances",
        "Resource": "*",
    }


def test_sts_09_the_seal_alone_limits_a_policy_that_would_not_fit():
    names = " ".join(action.name for action in itertools.islice(ACTIONS.expand("s3:PutB*"), 20))
    long = (names, f"{B} {B}{'x' * 500}"), ("dynamodb:GetItem", f"{TABLE}/a")
    policy = compiled(*long, sealed=True)
    assert policy.size <= SESSION_POLICY_LIMIT
    assert allows(policy) == [(["dynamodb:*", "s3:*"], "*")]
    assert differences([policy.document()], asked(*long), ACTIONS, by_denies=True) == []


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('"NotAction":["dynamodb:GetItem",', '"NotAction":["dynamodb:GetItem","dynamodb:Scan",'),
        ('"NotAction":["dynamodb:GetItem",', '"NotAction":['),
        (f'"NotResource":"{TABLE}/a"', f'"NotResource":"{TABLE}/a*"'),
        (f'"NotResource":"{TABLE}/b"', f'"NotResource":["{TABLE}/a","{TABLE}/b"]'),
        ('"Action":"dynamodb:PutItem","NotResource"', '"Action":"dynamodb:Scan","NotResource"'),
        ('"NotAction":"dynamodb:PutItem","NotResource"', '"NotAction":"dynamodb:Query","NotResource"'),
    ],
    ids=["an action more", "an action less", "a wider table", "a table more", "which actions", "which others"],
)
def test_sts_09_the_checker_catches_a_seal_that_is_not_exact(was: str, becomes: str):
    text = compiled(*TWO_TABLES, sealed=True).text
    assert was in text
    planted = json.loads(text.replace(was, becomes))
    found = differences([planted], asked(*TWO_TABLES, ("dynamodb:Scan", NOWHERE)), ACTIONS, by_denies=True)
    assert found


def sealed_under(*conditions: Conditions, arns: str = B) -> SessionPolicy:
    wanted = (Permission(("s3:ListBucket",), (arn,), each) for arn in arns.split() for each in conditions)
    return compile_policy(tuple(wanted), NOW, ACTIONS, SessionPolicyOptions(sealed=True))


def below(*prefixes: str, **others: str) -> Conditions:
    return conditions_of({"s3:prefix": prefixes, **{f"s3:{key.replace('_', '-')}": [v] for key, v in others.items()}})


def test_sts_09_a_seal_denies_calls_that_do_not_satisfy_the_conditions():
    *_, actions, resources, prefixes = sealed_under(below("a/*"), below("b/*")).document()["Statement"]
    assert actions == {"Effect": "Deny", "NotAction": "s3:ListBucket", "Resource": "*"}
    assert resources == {"Effect": "Deny", "Action": "*", "NotResource": B}
    # The operator also holds for a call without the key.
    assert prefixes == {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringNotLike": {"s3:prefix": ["a/*", "b/*"]}},
    }


def test_sts_09_alternatives_that_differ_in_one_key_are_one_statement():
    same = sealed_under(*(below(f"{name}/*", delimiter="/") for name in "abcdefgh")).document()["Statement"]
    assert sum("Condition" in each for each in same if each["Effect"] == "Deny") == 3  # with the end


def test_sts_09_a_seal_denies_a_call_with_another_one_of_several_keys_and_a_call_without_keys():
    wanted = Permission(("dynamodb:GetItem",), (f"{TABLE}/x",), conditions_of({"dynamodb:LeadingKeys": ["a", "b"]}))
    sealed = compile_policy((wanted,), NOW, ACTIONS, SessionPolicyOptions(sealed=True)).document()["Statement"]
    assert [each["Condition"] for each in sealed if "Condition" in each][-2:] == [
        {"ForAnyValue:StringNotLike": {"dynamodb:LeadingKeys": ["a", "b"]}},
        {"Null": {"dynamodb:LeadingKeys": "true"}},
    ]


@pytest.mark.parametrize(
    "conditions",
    [
        [below(f"{name}/*", max_keys=str(number)) for number, name in enumerate("abcdefg", 10)],
        [conditions_of({"dynamodb:LeadingKeys": [name]}) for name in "ab"],
    ],
    ids=["too many", "keys with several values"],
)
def test_sts_09_conditions_that_no_deny_expresses_are_refused(conditions: list[Conditions]):
    with pytest.raises(Problem, match="seals its sessions") as raised:
        sealed_under(*conditions)
    assert raised.value.code == "request_invalid"


def test_sts_09_a_seal_joins_the_spellings_of_a_tag_key():
    team = {"aws:ResourceTag/a": ["x"]}

    def denials(*keys: str, **others: list[str]) -> list[dict[str, Any]]:
        under = (conditions_of({f"aws:ResourceTag/{key}": [key], **others}) for key in keys)
        return [each for each in sealed_under(*under).document()["Statement"] if each["Effect"] == "Deny"]

    assert denials("env", "Env")[-1]["Condition"] == {"StringNotEquals": {"aws:ResourceTag/Env": ["Env", "env"]}}
    two = denials("env", "Env", **team)[-2:]
    assert [each["Condition"]["StringNotEquals"] for each in two] == [
        {"aws:ResourceTag/Env": ["Env", "env"]},
        {"aws:ResourceTag/a": "x"},
    ]


def test_sts_09_scoping_is_not_denied_by_conditions_of_a_seal():
    *_, last = scopable_policy(sealed_under(below("a/*"))).document()["Statement"]
    assert last["NotAction"] == SCOPING
    assert last["Condition"] == {"StringNotLike": {"s3:prefix": "a/*"}}


def test_the_seal_is_never_omitted():
    long = " ".join(a.name for a in itertools.islice(ACTIONS.expand("ec2:Describe*"), 100))
    parts = parts_of(refused((long, "*"), sealed=True))
    assert len(parts) > 1
    for part in parts:
        policy = compile_policy(part, NOW, ACTIONS, SessionPolicyOptions(sealed=True))
        assert differences([policy.document()], part, ACTIONS, by_denies=True) == []


def test_the_target_determines_the_session_policy_options():
    plain = Target("a", "444455556666", "arn:aws:iam::444455556666:role/r", "x", "eu-west-1", 3600, {})
    assert options_for(plain, "203.0.113.7") == SessionPolicyOptions()
    strict = replace(plain, bind_to_caller=True, sealed=True, action_wildcards=True)
    assert options_for(strict, "203.0.113.7") == SessionPolicyOptions("203.0.113.7", sealed=True, wildcards=True)


def test_credentials_to_be_bound_are_never_issued_unbound():
    bound = Target("a", "444455556666", "arn:aws:iam::1:role/r", "x", "eu-west-1", 3600, {}, bind_to_caller=True)
    with pytest.raises(Problem, match="address, which is unknown") as raised:
        options_for(bound, "")
    assert raised.value.code == "request_invalid"


# The broker's own session, which STS scopes down.

SCOPE = {"Effect": "Allow", "Action": SCOPING, "Resource": "*"}


@given(random=RANDOM)
@pytest.mark.parametrize(
    "options",
    [SessionPolicyOptions(), SessionPolicyOptions("203.0.113.7", sealed=True, wildcards=True)],
    ids=["", "all"],
)
def test_sts_01_a_scopable_session_allows_only_scoping_and_the_grant(options, random: Random):
    for policy in compiled_if_any(permissions(random, ACTIONS, SERVICES), options):
        between = scopable_policy(policy)
        if between is None:
            assert policy.size + len(compact(SCOPE)) + 1 > SESSION_POLICY_LIMIT
            continue
        assert between.size <= SESSION_POLICY_LIMIT
        first, *others = between.document()["Statement"]
        network = [each for each in policy.document()["Statement"] if "aws:SourceIp" in str(each)]
        assert first == SCOPE
        assert END in others
        for name in (*named(policy.document(), ACTIONS), "sts:AssumeRole"):
            for by_denies in (False, options.sealed):
                left = (rule_of(each.document(), name, by_denies=by_denies) for each in (policy, between))
                assert name == SCOPING or len({*left}) == 1
        assert rule_of(between.document(), SCOPING, by_denies=False) is not None
        assert not [each for each in others if each in network]


def test_a_sealed_session_adds_only_scoping():
    policy = compiled(("s3:GetObject", "arn:aws:s3:::b/*"), sealed=True)
    assert scopable_policy(policy).document()["Statement"][-2:] == [
        {"Effect": "Deny", "NotAction": ["s3:GetObject", SCOPING], "Resource": "*"},
        {"Effect": "Deny", "NotAction": SCOPING, "NotResource": "arn:aws:s3:::b/*"},
    ]


def test_the_broker_scopes_down_from_its_own_address():
    policy = compiled(("s3:GetObject", "arn:aws:s3:::b/*"), source_ip="203.0.113.7")
    assert "aws:SourceIp" in policy.text
    assert "aws:SourceIp" not in scopable_policy(policy).text


@pytest.mark.parametrize(("missing", "fits"), [(0, True), (1, False)])
def test_a_policy_with_too_little_room_cannot_be_scoped_down(missing: int, fits: bool):
    """Only the Deny then ends it. Nothing is left out of the policy."""
    free = len(compact(SCOPE)) + 1 - missing
    empty = compiled(("s3:GetObject", "arn:aws:s3:::b/")).size
    policy = compiled(("s3:GetObject", "arn:aws:s3:::b/" + "x" * (SESSION_POLICY_LIMIT - free - empty)))
    assert policy.size == SESSION_POLICY_LIMIT - free
    between = scopable_policy(policy)
    assert (between is not None) == fits
    assert between is None or between.size == SESSION_POLICY_LIMIT


READS = " ".join(action.name for action in ACTIONS.expand("ec2:Describe*"))


def test_an_action_wildcard_is_used_where_allowed_and_needed():
    assert allows(compiled((READS, "*"), wildcards=True)) == [("ec2:Describe*", "*")]
    assert allows(compiled(("sqs:ListQueues sqs:ListQueueTags", "*"), wildcards=True))[0][0] == [
        "sqs:ListQueueTags",
        "sqs:ListQueues",
    ]
    refused((READS, "*"))


def test_an_action_wildcard_never_matches_another_action():
    less = " ".join(name for name in READS.split()[:60] if name != "ec2:DescribeHosts")
    policy = compiled((less, "*"), wildcards=True)
    assert "*" in str(allows(policy)[0][0])
    assert set(named(policy.document(), ACTIONS)) == {*less.split()}


@pytest.mark.parametrize("service", sorted(NEVER))
def test_no_action_wildcard_is_used_for_critical_services(service: str):
    names = " ".join(action.name for action in ACTIONS.of_service(service))
    try:
        text = compiled((names, "*"), wildcards=True).text
    except Problem as problem:
        text = str(problem.extras)
    assert f"{service}:" in text
    assert not re.search(rf"{service}:\w*\*", text)


# Requests that do not fit.

BUCKETS = [f"arn:aws:s3:::bucket-{n}/{'x' * 40}/*" for n in range(60)]


def test_sts_01_a_policy_that_does_not_fit_is_refused_with_its_sizes():
    problem = refused(("s3:GetObject", " ".join(BUCKETS[:40])))
    size = problem.extras["session_policy_size"]
    assert size["characters"] > size["limit"] == SESSION_POLICY_LIMIT
    (largest,) = problem.extras["largest"]
    assert (largest["actions"], largest["resources"], largest["longest_action"]) == (1, 40, "s3:GetObject")
    assert "2 requests" in problem.fix


@pytest.mark.parametrize(
    ("wanted", "parts"),
    [
        ([("s3:GetObject", BUCKETS[:40])], 2),
        ([("s3:GetObject", BUCKETS[:40]), ("s3:PutObject", BUCKETS[40:])], 3),
        ([("s3:GetObject s3:PutObject", BUCKETS)], 3),
        ([("s3:GetObject", BUCKETS[:30]), ("dynamodb:GetItem", [f"{TABLE}/{n:020}" for n in range(20)])], 2),
        ([(" ".join(READS.split()[:80]), ["*"])], 2),
    ],
    ids=["one list", "two lists", "two actions", "two services", "actions"],
)
def test_a_request_that_does_not_fit_is_split_without_changing_its_scope(wanted, parts):
    whole = asked(*((names, " ".join(arns)) for names, arns in wanted))
    with pytest.raises(Problem) as raised:
        compile_policy(whole, NOW, ACTIONS)
    split = parts_of(raised.value)
    assert len(split) == parts <= MAX_PARTS
    for part in split:
        assert pairs_of(AccessRequest("t", part, 300, "r", ""), ACTIONS, 200, Budget(MAX_REQUEST_STEPS))
    policies = [compile_policy(part, NOW, ACTIONS).document() for part in split]
    assert differences(policies, whole, ACTIONS) == []


def test_a_request_that_does_not_fit_into_three_is_refused_without_a_split():
    problem = refused(("s3:GetObject", " ".join(f"{arn}{'y' * 60}" for arn in BUCKETS)))
    assert problem.extras["split"] == []
    assert refused(("s3:GetObject", f"arn:aws:s3:::b/{'x' * 1900}")).extras["split"] == []


HOSTILE = {
    "wildcards": [("s3:GetObject", f"arn:aws:s3:::*a{'?' * 12}*{n}*b") for n in range(200)],
    "covering": [("s3:GetObject", " ".join(f"arn:aws:s3:::*{'?' * (n % 9)}*{n}" for n in range(200)))],
    "types": [
        (action.name, f"arn:aws:ec2:*:444455556666:{n}*?*") for n, action in enumerate(ACTIONS.of_service("ec2")[:200])
    ],
    "long": [
        (action.name, f"arn:aws:s3:::{n}/{'a*b?' * 200}") for n, action in enumerate(ACTIONS.expand("s3:*Object*"))
    ],
    "sets": [
        (action.name, " ".join(f"arn:aws:s3:::b/{place}" for place in range(100) if place * 7919 >> (n % 20) & 1))
        for n, action in enumerate(ACTIONS.expand("s3:*Object*"))
    ],
    "literal": [
        (action.name, f"arn:aws:ec2:eu-west-1:444455556666:subnet/{n}")
        for n, action in enumerate(ACTIONS.of_service("ec2")[:200])
    ],
}


@pytest.mark.parametrize("wanted", HOSTILE.values(), ids=HOSTILE)
def test_no_request_takes_long_to_compile(wanted):
    with within_cpu_seconds(1):
        regrouped(compact_request(asked(*wanted), ACTIONS), SESSION_POLICY_LIMIT)


def test_a_statement_knows_its_size():
    (statement,) = compact_request(asked(("s3:GetObject", "arn:aws:s3:::b/x")), ACTIONS).statements
    assert statement.size == len(compact([statement.body(), 1])) - len("[1]")
