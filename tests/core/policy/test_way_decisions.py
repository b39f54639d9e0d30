"""Row GW 4: policies decide about the way of a request, what it reveals, and each gateway call by itself."""

import re
from dataclasses import replace

import pytest

from jitney.core.access.conditions import conditions_of
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.request import AccessRequest, Permission, Way
from jitney.core.access_profile import AccessProfile, GrantedProfile
from jitney.core.policy.decide import decide
from jitney.core.policy.reasons import NO_REVEAL, NO_WILDCARD
from jitney.core.policy.time_windows import WindowTimes
from tests.core.policy.conftest import agent
from tests.identities import identity

SCOPE = "principal, action, resource"
OBJECT = Permission(("s3:GetObject",), ("arn:aws:s3:::b/a",))
DELETE = Permission(("s3:DeleteObject",), ("arn:aws:s3:::b/a",))
SECRET = Permission(
    ("secretsmanager:GetSecretValue",), ("arn:aws:secretsmanager:eu-west-1:444455556666:secret:db-AbCdEf",)
)
LISTING = Permission(("s3:ListBucket",), ("arn:aws:s3:::b",))
PROFILE = GrantedProfile("deploy", "0" * 64)
READ = AccessRequest("analytics-prod", (OBJECT,), 300, "reason", "")
CALL = replace(READ, way=Way.GATEWAY, operation="s3:GetObject")


def prefixed(prefix: str) -> AccessRequest:
    return replace(READ, permissions=(replace(LISTING, conditions=conditions_of({"s3:prefix": [prefix]})),))


@pytest.fixture
def decided(load, actions, target, limits):
    profiles = {"deploy": AccessProfile((), PROFILE.content, "arn:aws:iam::444455556666:policy/deploy")}

    def decided(
        policies, request: AccessRequest, *, approvals=(), reviewers=(), alias="", windows=(), **who
    ) -> Decision:
        place = replace(target, access_profiles=profiles, alias=alias or target.alias)
        text = load(policies) if isinstance(policies, str) else policies
        rest = place, text, actions, limits, reviewers, approvals
        return decide(agent(**who), request, *rest, windows=WindowTimes.always(*windows))

    return decided


MEMBERS = {
    # A condition, a request for which it holds, and one for which it does not.
    "action": ('context.action == "s3:GetObject"', (READ, {}), (replace(READ, permissions=(DELETE,)), {})),
    "service": ('context.service == "s3"', (READ, {}), (replace(READ, permissions=(SECRET,)), {})),
    "target": ('context.target == "one"', (READ, {"alias": "one"}), (READ, {"alias": "two"})),
    "durationSeconds": ("context.durationSeconds <= 300", (READ, {}), (replace(READ, duration_seconds=301), {})),
    "approvals": ('context.approvals.contains("owners")', (READ, {"approvals": ["owners"]}), (READ, {})),
    "risks": (
        'context.risks.contains("CredentialExposure")',
        (replace(READ, permissions=(SECRET,)), {}),
        (READ, {}),
    ),
    "timeWindows": ('context.timeWindows.contains("nights")', (READ, {"windows": ["nights"]}), (READ, {})),
    "onBehalfOfHuman": ("context.onBehalfOfHuman", (READ, {"human": identity("corp.alice")}), (READ, {"human": None})),
    "call": (
        'context.call.hasTag("s3:prefix") && context.call.getTag("s3:prefix").string like "a*"',
        (prefixed("a/"), {}),
        (prefixed("b/"), {}),
    ),
    "accessProfile": ('context.accessProfile == "deploy"', (replace(READ, access_profile=PROFILE), {}), (READ, {})),
    "way": ('context.way == "gateway"', (replace(READ, way=Way.GATEWAY), {}), (READ, {})),
    "reveal": (
        "context.reveal",
        (replace(READ, way=Way.GATEWAY, reveal=True), {}),
        (replace(READ, way=Way.GATEWAY), {}),
    ),
}


def test_gw_04_every_member_of_the_context_is_varied_below(schema):
    context = re.search(r"type Context = \{(.*?)\n    \};", schema, re.DOTALL)
    elsewhere = {"earlierApprovals"}  # no forbid may require it: test_earlier_approvals.py varies it
    assert set(re.findall(r"^\s+(\w+):", context[1], re.MULTILINE)) - elsewhere == MEMBERS.keys()


@pytest.mark.parametrize("effect", ["permit", "forbid"])
@pytest.mark.parametrize("member", MEMBERS)
def test_gw_04_a_verdict_is_remembered_with_every_member_of_the_context(decided, load, member: str, effect: str):
    """The requests are decided one after another by the same policies, so that answers to the first are cached."""
    condition, holds, fails = MEMBERS[member]
    rest = (
        f'@id("rest") permit ({SCOPE}) when {{ [true, false].contains(context.reveal) }};' if effect == "forbid" else ""
    )
    policies = load(f'@id("rule") {effect} ({SCOPE}) when {{ {condition} }};{rest}')
    expected = [Effect.ALLOW, Effect.DENY] if effect == "permit" else [Effect.DENY, Effect.ALLOW]
    for _ in range(2):
        assert [decided(policies, request, **who).effect for request, who in (holds, fails)] == expected
    for _ in range(2):
        assert [decided(policies, request, **who).effect for request, who in (fails, holds)] == expected[::-1]


def test_gw_04_the_operation_of_a_call_is_remembered_too(decided, load):
    permit = f'@id("get") permit ({SCOPE}) when {{ {OPERATION} == "s3:GetObject" }};'
    policies = load(permit)
    other = replace(CALL, operation="s3:GetObjectTorrent")
    for _ in range(2):
        effects = [decided(policies, request).effect for request in (CALL, other, READ)]
        assert effects == [Effect.ALLOW, Effect.DENY, Effect.DENY]


OPERATION = 'context.call.hasTag("operation") && context.call.getTag("operation").string'
ALL = f'@id("all") permit ({SCOPE});'
ALL_REVEALED = f'@id("named") permit ({SCOPE}) when {{ context.reveal }};'


@pytest.mark.parametrize("way", Way)
def test_gw_04_a_permit_without_a_way_permits_both(decided, way: Way):
    assert decided(ALL, replace(READ, way=way)).effect is Effect.ALLOW


@pytest.mark.parametrize(("way", "effect"), [(Way.CREDENTIALS, Effect.DENY), (Way.GATEWAY, Effect.ALLOW)])
def test_gw_04_a_forbid_can_leave_the_gateway_only(decided, way: Way, effect: Effect):
    text = f'{ALL}@id("writes") @advice("Use the gateway.") forbid ({SCOPE}) unless {{ context.way == "gateway" }};'
    decision = decided(text, replace(READ, way=way))
    assert decision.effect is effect
    assert "Use the gateway." in decision.reasons[0].sentence or effect is Effect.ALLOW


REVEALED = replace(READ, way=Way.GATEWAY, reveal=True)


def test_gw_04_silence_reveals_nothing(decided):
    decision = decided(ALL, REVEALED)
    assert (decision.effect, decision.reasons[0].policy) == (Effect.DENY, NO_REVEAL)
    assert "Request it without reveal." in decision.reasons[0].sentence
    assert decided(ALL + ALL_REVEALED, REVEALED).effect is Effect.ALLOW
    assert decided(ALL + ALL_REVEALED, replace(READ, way=Way.GATEWAY)).effect is Effect.ALLOW


def test_gw_04_approvals_reveal_nothing_that_no_permit_names(decided):
    asked = f'@id("asked") permit ({SCOPE}) when {{ context.approvals.contains("owners") }};'
    decision = decided(asked, REVEALED, approvals=["owners"], reviewers=["owners"])
    assert (decision.effect, decision.reasons[0].policy) == (Effect.DENY, NO_REVEAL)


WILD = Permission(("s3:GetObject",), ("arn:aws:s3:::b/*",))
WILDLY = f'@id("wild") permit ({SCOPE}) when {{ resource.wildcard || !resource.wildcard }};'
BOTH = f'@id("both") permit ({SCOPE}) when {{ [true, false].contains(resource.wildcard) && context.reveal }};'


@pytest.mark.parametrize(
    ("text", "policies"),
    [
        (ALL, {NO_REVEAL, NO_WILDCARD}),
        (WILDLY, {NO_REVEAL}),
        (ALL_REVEALED, {NO_WILDCARD}),
        (WILDLY + ALL_REVEALED, {NO_REVEAL, NO_WILDCARD}),
        (BOTH, {"both"}),
    ],
    ids=["neither", "wildcards", "reveal", "each in another permit", "both"],
)
def test_gw_04_one_permit_must_mention_both_what_is_revealed_and_the_wildcards(decided, text: str, policies: set[str]):
    decision = decided(text, replace(REVEALED, permissions=(WILD,)))
    assert {reason.policy for reason in decision.reasons} == policies
    assert (decision.effect is Effect.ALLOW) == (text == BOTH)


def test_gw_04_a_policy_can_have_each_delete_reviewed_by_itself(decided):
    """The grant is allowed without a review. Each call of the operation then needs one."""
    each = f"""@id("each-delete") @approval("owners") forbid ({SCOPE})
        when {{ {OPERATION} == "s3:DeleteObject" }} unless {{ context.approvals.contains("owners") }};"""
    grant = replace(READ, permissions=(OBJECT, DELETE), way=Way.GATEWAY)
    call = replace(grant, permissions=(DELETE,), operation="s3:DeleteObject")
    assert decided(ALL + each, grant, reviewers=["owners"]).effect is Effect.ALLOW
    waiting = decided(ALL + each, call, reviewers=["owners"])
    assert (waiting.effect, waiting.reviews) == (Effect.REVIEW, (frozenset({"owners"}),))
    assert decided(ALL + each, call, reviewers=["owners"], approvals=["owners"]).effect is Effect.ALLOW
    read = replace(grant, permissions=(OBJECT,), operation="s3:GetObject")
    assert decided(ALL + each, read, reviewers=["owners"]).effect is Effect.ALLOW


def test_gw_04_operations_can_be_compared_with_patterns(decided):
    never = f'{ALL}@id("never") forbid ({SCOPE}) when {{ {OPERATION} like "s3:Delete*" }};'
    for operation, effect in (("s3:DeleteObjects", Effect.DENY), ("s3:PutObject", Effect.ALLOW)):
        assert decided(never, replace(CALL, permissions=(DELETE,), operation=operation)).effect is effect


@pytest.mark.parametrize(("most", "effect"), [(4, Effect.DENY), (5, Effect.ALLOW), (50, Effect.ALLOW)])
def test_gw_04_a_call_is_decided_by_its_own_number(decided, most: int, effect: Effect):
    """A permission with the same condition is for each smaller number too."""
    key = 'context.call.hasTag("s3:max-keys") && context.call.getTag("s3:max-keys").long'
    text = f'{ALL}@id("few") forbid ({SCOPE}) when {{ {key} < 5 }};'
    listing = replace(LISTING, conditions=conditions_of({"s3:max-keys": [str(most)]}))
    request = replace(READ, way=Way.GATEWAY, permissions=(listing,))
    assert decided(text, replace(request, operation="s3:ListObjectsV2")).effect is effect
    assert decided(text, request).effect is Effect.DENY


TABLE = "arn:aws:dynamodb:eu-west-1:444455556666:table/orders"
KEYS = "dynamodb:LeadingKeys"
TENANTS = f"""@id("tenants") permit ({SCOPE})
    when {{ context.call.hasTag("{KEYS}") && ["t-1", "t-2"].contains(context.call.getTag("{KEYS}").string) }};"""


@pytest.mark.parametrize(
    ("keys", "effect"),
    [
        (["t-1"], Effect.ALLOW),
        (["t-1", "t-2"], Effect.ALLOW),
        (["t-1", "t-3"], Effect.DENY),
        (["t-3"], Effect.DENY),
        ([], Effect.DENY),
    ],
)
def test_gw_04_a_call_is_decided_by_each_of_its_keys_and_without_keys_by_none(decided, keys: list[str], effect: Effect):
    limited = conditions_of({KEYS: keys}) if keys else ()
    query = Permission(("dynamodb:Query",), (TABLE,), limited)
    assert decided(TENANTS, replace(CALL, permissions=(query,), operation="dynamodb:Query")).effect is effect


def test_pol_04_get_caller_identity_is_allowed_as_a_call_in_a_grant(decided):
    """The session of every grant may call it, and no policy of AWS can deny that."""
    never = '@id("never") forbid (principal, action, resource) when { context.service == "sts" };'
    who = replace(CALL, permissions=(Permission(("sts:GetCallerIdentity",), ("*",)),))
    called = decided(never, replace(who, operation="sts:GetCallerIdentity"))
    assert called.effect is Effect.ALLOW
    (reason,) = called.reasons
    assert reason.policy == "builtin:no-permission-needed"
    assert reason.sentence.endswith("needs no permission: the session of every grant may call it.")
    assert decided(never, replace(who, operation="")).effect is Effect.DENY
    other = replace(who, permissions=(Permission(("sts:GetAccessKeyInfo",), ("*",)),))
    assert decided(never, replace(other, operation="sts:GetAccessKeyInfo")).effect is Effect.DENY
