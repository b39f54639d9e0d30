"""Row POL 12: policies decide about every call that a permission allows, with and without conditions."""

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jitney.core.access.conditions import condition_block, conditions_of
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.patterns import PatternTooComplex
from jitney.core.policy.condition_witnesses import MAX_CALLS, CallLiterals, _combined, condition_reads
from jitney.core.policy.decide import decide
from jitney.core.problems import Problem
from tests.core.access.condition_semantics import holds, like
from tests.core.policy.conftest import NO_WINDOWS, agent
from tests.examples import examples

BUCKET = "arn:aws:s3:::b"
OBJECT = "arn:aws:s3:::b/a"
INSTANCES = "arn:aws:ec2:eu-west-1:444455556666:instance/*"
ALL = '@id("all") permit (principal, action, resource) when { resource.wildcard || !resource.wildcard };'
PREFIX = 'context.call.getTag("s3:prefix").string'
HAS = 'context.call.hasTag("s3:prefix")'
NO_SALARIES = f'@id("no-salaries") forbid (principal, action, resource) when {{ {HAS} && {PREFIX} like "salaries/*" }};'
PUBLIC = f'@id("public") permit (principal, action, resource) when {{ {HAS} && {PREFIX} like "public/*" }};'
SMALL = """@id("small") forbid (principal, action, resource)
    when { context.call.hasTag("ec2:InstanceType") }
    unless { context.call.getTag("ec2:InstanceType").string like "t3.*" };"""


@pytest.fixture
def decided(load, actions, target, limits):
    def decided(text: str, action: str, resource: str, **conditions: list[str]) -> Decision:
        limited = conditions_of({key.replace("__", ":").replace("_", "-"): each for key, each in conditions.items()})
        return of_permission(text, Permission((action,), (resource,), limited))

    def of_permission(text: str, *permissions: Permission) -> Decision:
        request = AccessRequest(target.alias, permissions, 300, "reason", "")
        return decide(agent(), request, target, load(text), actions, replace(limits, max_pairs=500), windows=NO_WINDOWS)

    decided.of_permission = of_permission
    return decided


@pytest.mark.parametrize(
    ("values", "effect"),
    [
        (None, Effect.DENY),
        (["*"], Effect.DENY),
        (["s*"], Effect.DENY),
        (["salaries/?"], Effect.DENY),
        (["public/*", "salaries/x"], Effect.DENY),
        (["salaries/x"], Effect.DENY),
        (["public/*"], Effect.ALLOW),
        (["public"], Effect.ALLOW),
        (["salaries-of-none"], Effect.ALLOW),
    ],
)
def test_pol_12_a_forbidden_value_is_not_avoided_by_a_wider_pattern_or_without_a_condition(decided, values, effect):
    conditions = {} if values is None else {"s3__prefix": values}
    decision = decided(ALL + NO_SALARIES, "s3:ListBucket", BUCKET, **conditions)
    assert decision.effect is effect
    assert {reason.policy for reason in decision.reasons} == {"all" if effect is Effect.ALLOW else "no-salaries"}


@pytest.mark.parametrize("values", [[""], ["s"], ["sal"], ["salaries"], ["salaries/"], ["?"], ["public/*", "salaries"]])
def test_pol_12_a_forbidden_prefix_is_not_avoided_by_a_shorter_one(decided, values):
    decision = decided(ALL + NO_SALARIES, "s3:ListBucket", BUCKET, s3__prefix=values)
    assert decision.effect is Effect.DENY
    assert {reason.policy for reason in decision.reasons} == {"no-salaries"}


def test_pol_12_a_shorter_prefix_is_denied_with_a_delimiter_and_under_an_exact_exception(decided):
    limited = {"s3__prefix": [""], "s3__delimiter": ["/"]}
    assert decided(ALL + NO_SALARIES, "s3:ListBucket", BUCKET, **limited).effect is Effect.DENY
    only = f'{ALL}@id("only") forbid (principal, action, resource) unless {{ {HAS} && {PREFIX} like "2026/*" }};'
    for prefix in ("2026/", "2026/*"):
        assert decided(only, "s3:ListBucket", BUCKET, s3__prefix=[prefix]).effect is Effect.ALLOW
        exact = only.replace('like "2026/*"', '== "2026/"')
        assert decided(exact, "s3:ListBucket", BUCKET, s3__prefix=[prefix]).effect is Effect.DENY


def test_pol_12_only_prefixes_stand_for_the_values_that_they_begin(decided):
    text = ALL + NO_SALARIES.replace("s3:prefix", "dynamodb:LeadingKeys")
    table = "arn:aws:dynamodb:eu-west-1:444455556666:table/t"
    assert decided(text, "dynamodb:GetItem", table, dynamodb__LeadingKeys=["sal"]).effect is Effect.ALLOW
    assert decided(text, "dynamodb:GetItem", table, dynamodb__LeadingKeys=["salaries/x"]).effect is Effect.DENY


def test_pol_12_a_permit_is_asked_about_the_prefix_itself(decided):
    exactly = PUBLIC.replace('like "public/*"', '== "public/"')
    assert decided(exactly, "s3:ListBucket", BUCKET, s3__prefix=["public/"]).effect is Effect.ALLOW
    assert decided(exactly + NO_SALARIES, "s3:ListBucket", BUCKET, s3__prefix=["public/"]).effect is Effect.ALLOW
    assert decided(exactly, "s3:ListBucket", BUCKET, s3__prefix=["public/a"]).effect is Effect.DENY


def test_pol_12_a_prefix_is_decided_alike_before_and_after_the_prefixes_below_it(load, actions, target, limits):
    for order in itertools.permutations(["sal", "salaries/", "public/"]):
        policy_set = load(PUBLIC + NO_SALARIES)
        for prefix in order:
            permission = Permission(("s3:ListBucket",), (BUCKET,), conditions_of({"s3:prefix": [prefix]}))
            request = AccessRequest(target.alias, (permission,), 300, "", "")
            wanted = Effect.ALLOW if prefix == "public/" else Effect.DENY
            decision = decide(agent(), request, target, policy_set, actions, limits, windows=NO_WINDOWS)
            assert decision.effect is wanted
            named = "public" if prefix == "public/" else "no-salaries"
            assert {reason.policy for reason in decision.reasons} == {named}


@pytest.mark.parametrize(
    ("values", "effect"),
    [
        (None, Effect.DENY),
        (["*"], Effect.DENY),
        (["public*"], Effect.DENY),
        (["public/a", "other"], Effect.DENY),
        (["public/*"], Effect.ALLOW),
        (["public/a*"], Effect.ALLOW),
    ],
)
def test_pol_12_a_permit_for_a_value_permits_no_wider_pattern(decided, values, effect):
    conditions = {} if values is None else {"s3__prefix": values}
    assert decided(PUBLIC, "s3:ListBucket", BUCKET, **conditions).effect is effect


def test_pol_12_an_action_without_the_key_does_not_meet_a_policy_on_it(decided):
    assert decided(ALL + NO_SALARIES, "s3:GetObject", OBJECT).effect is Effect.ALLOW
    assert decided(PUBLIC, "s3:GetObject", OBJECT).effect is Effect.DENY
    assert decided(ALL + SMALL, "ec2:RunInstances", INSTANCES.replace("instance", "subnet")).effect is Effect.ALLOW
    assert decided(ALL + SMALL, "ec2:RunInstances", INSTANCES).effect is Effect.DENY
    assert decided(ALL + SMALL, "ec2:RunInstances", INSTANCES, ec2__InstanceType=["t3.*"]).effect is Effect.ALLOW


@pytest.mark.parametrize(("most", "effect"), [(None, Effect.DENY), ("101", Effect.DENY), ("100", Effect.ALLOW)])
def test_pol_12_a_cap_is_compared_with_every_number_up_to_it(decided, most, effect):
    size = 'context.call.hasTag("ec2:VolumeSize") && context.call.getTag("ec2:VolumeSize").long'
    text = ALL + f'@id("n") forbid (principal, action, resource) when {{ {size} > 100 }};'
    conditions = {} if most is None else {"ec2__VolumeSize": [most]}
    volumes = INSTANCES.replace("instance", "volume")
    assert decided(text, "ec2:CreateVolume", volumes, **conditions).effect is effect
    exactly = text.replace("> 100", "== 7")
    assert decided(exactly, "ec2:CreateVolume", volumes, ec2__VolumeSize=["7"]).effect is Effect.DENY
    assert decided(exactly, "ec2:CreateVolume", volumes, ec2__VolumeSize=["6"]).effect is Effect.ALLOW


def test_pol_12_tag_keys_are_compared_without_regard_to_case(decided):
    key = "aws:ResourceTag/Env"
    text = f"""{ALL}
    @id("prod") forbid (principal, action, resource)
    when {{ context.call.hasTag("{key}") && context.call.getTag("{key}").string == "prod" }};"""
    for spelling in (key, key.lower().replace("aws:resourcetag", "aws:ResourceTag"), "aws:ResourceTag/ENV"):
        for value, effect in (("prod", Effect.DENY), ("dev", Effect.ALLOW)):
            limited = conditions_of({spelling: [value]})
            permission = Permission(("ec2:StartInstances",), (INSTANCES,), limited)
            assert decided.of_permission(text, permission).effect is effect


def test_pol_10_answers_for_other_conditions_are_not_reused(load, actions, target, limits):
    policy_set = load(ALL + NO_SALARIES)
    asked = [(), conditions_of({"s3:prefix": ["public/*"]}), conditions_of({"s3:prefix": ["salaries/*"]})]
    wanted = [Effect.DENY, Effect.ALLOW, Effect.DENY]
    for order in itertools.permutations(range(3)):
        for place in order:
            request = AccessRequest(
                target.alias, (Permission(("s3:ListBucket",), (BUCKET,), asked[place]),), 300, "", ""
            )
            assert (
                decide(agent(), request, target, policy_set, actions, limits, windows=NO_WINDOWS).effect
                is wanted[place]
            )


def test_pol_12_the_decision_holds_the_conditions_of_each_pair(decided):
    limited = Permission(("s3:ListBucket",), (BUCKET,), conditions_of({"s3:prefix": ["public/*"]}))
    whole = Permission(("s3:ListBucket",), (BUCKET,))
    decision = decided.of_permission(ALL + NO_SALARIES, whole, limited)
    assert (decision.permissions, decision.allowed_subset) == ((whole, limited), (limited,))
    assert "s3:ListBucket (List) on arn:aws:s3:::b is forbidden" in decision.reasons[0].sentence
    refused = decided(ALL + NO_SALARIES, "s3:ListBucket", BUCKET, s3__prefix=["s*"])
    assert 'on arn:aws:s3:::b if s3:prefix matches "s*" is forbidden' in refused.reasons[0].sentence


@pytest.mark.parametrize(
    ("action", "resource", "key", "said"),
    [
        ("s3:GetObject", OBJECT, "s3:prefix", "Calls of s3:GetObject on 'arn:aws:s3:::b/a' have no s3:prefix"),
        ("dynamodb:Scan", "*", "dynamodb:LeadingKeys", "have no dynamodb:LeadingKeys"),
        ("ec2:RunInstances", INSTANCES.replace("instance", "subnet"), "ec2:InstanceType", "have no ec2:InstanceType"),
        ("s3:Put*", OBJECT, "s3:prefix", "s3:Put* acts on none of the resources"),
    ],
)
def test_pol_12_a_condition_that_could_never_hold_is_refused(decided, action, resource, key, said):
    permission = Permission((action,), (resource,), conditions_of({key: ["a"]}))
    with pytest.raises(Problem) as raised:
        decided.of_permission(ALL, permission)
    assert raised.value.code == "request_invalid"
    assert said in raised.value.detail
    if "*" not in action:
        assert key not in raised.value.extras["errors"][0]["condition_keys"]


def test_pol_12_an_action_wildcard_keeps_the_actions_that_have_the_key(decided):
    permission = Permission(("s3:List*",), (BUCKET,), conditions_of({"s3:prefix": ["a"]}))
    assert decided.of_permission(ALL, permission).permissions[0].actions == ("s3:ListBucket", "s3:ListBucketVersions")


# Against every call of a small world.

TEXTS = [None, *("".join(each) for size in range(5) for each in itertools.product("ab/x", repeat=size))]
COUNTS = [None, *range(6)]
MORE = ["".join(each) for size in range(4) for each in itertools.product("ab/", repeat=size)]
PATTERNS = st.text("ab/*", max_size=3)
LITERALS = st.text("ab/", max_size=2)
NUMBERS = st.integers(0, 4)


def matching(pattern: str) -> tuple[str, object]:
    return f"{PREFIX} like {json.dumps(pattern)}", lambda text, _: like(pattern, text)


MAX_KEYS = 'context.call.getTag("s3:max-keys").long'
HAS_MAX = 'context.call.hasTag("s3:max-keys")'
TESTS = st.one_of(
    PATTERNS.map(matching),
    LITERALS.map(lambda each: (f"{PREFIX} == {json.dumps(each)}", lambda text, _: text == each)),
    st.lists(LITERALS, min_size=1, max_size=2).map(
        lambda many: (f"{json.dumps(many)}.contains({PREFIX})", lambda text, _: text in many)
    ),
    st.just(("true", lambda _text, _count: True)),
).map(lambda each: (f"{HAS} && {each[0]}", lambda text, count: text is not None and each[1](text, count))) | st.one_of(
    NUMBERS.map(
        lambda most: (f"{HAS_MAX} && {MAX_KEYS} <= {most}", lambda _, count: count is not None and count <= most)
    ),
    st.just((f"!{HAS}", lambda text, _: text is None)),
)
WANTED = st.fixed_dictionaries(
    {},
    optional={
        "s3:prefix": st.lists(st.text("ab/*?", max_size=3), min_size=1, max_size=2),
        "s3:max-keys": NUMBERS.map(lambda number: [str(number)]),
    },
)


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(TESTS, min_size=1, max_size=2), st.lists(TESTS, max_size=2), WANTED)
def test_pol_12_a_permission_is_allowed_exactly_when_each_of_its_calls_is(decided, permits, forbids, wanted):
    text = "".join(
        f'@id("{effect}-{number}") {effect} (principal, action, resource) when {{ {condition} }};'
        for effect, many in (("permit", permits), ("forbid", forbids))
        for number, (condition, _) in enumerate(many)
    )
    conditions = conditions_of(wanted)
    block = condition_block(conditions)
    calls = [
        (prefix, count)
        for prefix in TEXTS
        for count in COUNTS
        if holds(block, {k: str(v) for k, v in (("s3:prefix", prefix), ("s3:max-keys", count)) if v is not None})
    ]
    # No pattern and no forbidden text has more than three characters, so that three are enough to complete each.
    below = {
        (prefix if prefix is None else prefix + more, count)
        for prefix, count in calls
        for more in (MORE if prefix is not None and len(prefix) <= 3 and "s3:prefix" in wanted else [""])
    }
    expected = all(any(check(*call) for _, check in permits) for call in calls)
    expected = expected and not any(check(*call) for _, check in forbids for call in below)
    decision = decided.of_permission(text, Permission(("s3:ListBucket",), (BUCKET,), conditions))
    assert (decision.effect is Effect.ALLOW) == expected


def test_pol_12_an_unsupported_key_and_too_many_kinds_of_calls_are_not_compared():
    with pytest.raises(ValueError, match="'aws:Nothing' is not supported"):
        condition_reads([CallLiterals(names={"aws:Nothing"})])
    values = [(("s3:prefix", str(number)),) for number in range(MAX_CALLS + 1)]
    assert len(_combined([values[1:]])) == MAX_CALLS
    with pytest.raises(PatternTooComplex, match="too many kinds of calls"):
        _combined([values])
