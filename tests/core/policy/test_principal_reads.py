from dataclasses import replace

import pytest

from jitney.core.access.decision import Effect
from jitney.core.identity.principal import Principal
from tests.identities import identity

READ = ("s3:GetObject", "arn:aws:s3:::b/key")
SCOPE = "principal, action, resource"
# Each condition holds for the first of its principals and not for the second.
ONE, OTHER = {"name": "one"}, {"name": "other"}
CONDITIONS = [
    ('principal == Jitney::Agent::"corp.one"', ONE, OTHER),
    ('Jitney::Agent::"corp.one" == principal', ONE, OTHER),
    ('!(principal != Jitney::Agent::"corp.one")', ONE, OTHER),
    ('principal in Jitney::Agent::"corp.one"', ONE, OTHER),
    ('principal is Jitney::Agent in Jitney::Group::"corp/a"', {"groups": ("corp/a",)}, {"groups": ()}),
    ('if true then principal == Jitney::Agent::"corp.one" else false', ONE, OTHER),
    ('principal.subject == "one"', ONE, OTHER),
    ('principal.subject like "on*"', ONE, OTHER),
    ('{who: principal}.who.subject == "one"', ONE, OTHER),
    ('{who: principal.subject}.who == "one"', ONE, OTHER),
    ('principal in Jitney::Group::"corp/a"', {"groups": ("corp/a",)}, {"groups": ()}),
    (
        'principal in [Jitney::Group::"corp/b", Jitney::Group::"corp/a"]',
        {"groups": ("corp/a",)},
        {"groups": ("corp/c",)},
    ),
    (
        'Jitney::Agent::"corp.one" in Jitney::Group::"corp/a"',
        ONE | {"groups": ("corp/a",)},
        OTHER | {"groups": ("corp/a",)},
    ),
    ("principal has human", {"human": identity("corp.alice")}, {"human": None}),
    (
        'principal has human && principal.human == "corp.alice"',
        {"human": identity("corp.alice")},
        {"human": identity("corp.bob")},
    ),
    ("context.onBehalfOfHuman", {"human": identity("corp.alice")}, {"human": None}),
    ("principal is Jitney::Human", {"kind": "human"}, {"kind": "agent"}),
    ('principal.kind == "human"', {"kind": "human"}, {"kind": "agent"}),
    ('principal.hasTag("ref")', {"tags": (("ref", "main"),)}, {"tags": ()}),
    (
        'principal.hasTag("ref") && principal.getTag("ref").string == "main"',
        {"tags": (("ref", "main"),)},
        {"tags": (("ref", "topic"),)},
    ),
    # Python's True equals 1.
    (
        'principal.hasTag("root") && principal.getTag("root").bool',
        {"tags": (("root", True),)},
        {"tags": (("root", 1),)},
    ),
    (
        '{who: principal}.who has subject && principal.hasTag("root") && principal.getTag("root").bool',
        {"tags": (("root", True),)},
        {"tags": (("root", 1),)},
    ),
]


@pytest.mark.parametrize("effect", ["permit", "forbid"])
@pytest.mark.parametrize(("condition", "holds", "fails"), CONDITIONS, ids=[each[0] for each in CONDITIONS])
def test_pol_01_principals_that_a_condition_distinguishes_share_no_answer(ask, load, effect, condition, holds, fails):
    """The principals ask one after another, so that answers of the first are cached."""
    rest = f'@id("rest") permit ({SCOPE}) when {{ context.service == "s3" }};' if effect == "forbid" else ""
    policies = load(f'@id("rule") {effect} ({SCOPE}) when {{ {condition} }};{rest}')
    expected = [Effect.ALLOW, Effect.DENY] if effect == "permit" else [Effect.DENY, Effect.ALLOW]
    for _ in range(2):
        assert [ask(policies, READ, **who).effect for who in (holds, fails)] == expected


@pytest.mark.parametrize(
    ("scope", "holds", "fails"),
    [
        ('principal == Jitney::Agent::"corp.one", action, resource', ONE, OTHER),
        ('principal in Jitney::Group::"corp/a", action, resource', {"groups": ("corp/a",)}, {"groups": ()}),
        ("principal is Jitney::Human, action, resource", {"kind": "human"}, {"kind": "agent"}),
        (
            'principal is Jitney::Agent in Jitney::Group::"corp/a", action, resource',
            {"groups": ("corp/a",)},
            {"groups": ("corp/a",), "kind": "human"},
        ),
    ],
)
def test_pol_01_principals_that_a_scope_distinguishes_share_no_answer(ask, load, scope, holds, fails):
    policies = load(f'@id("rule") permit ({scope}) when {{ context.service == "s3" }};')
    for _ in range(2):
        assert [ask(policies, READ, **who).effect for who in (holds, fails)] == [Effect.ALLOW, Effect.DENY]


def test_pol_01_what_no_policy_reads_distinguishes_no_principals(load):
    """An agent that never asked uses the answers of its team."""
    reads = load('@id("team") permit (principal in Jitney::Group::"corp/a", action, resource);').principal_reads
    groups = frozenset({"corp/a", "corp/b"})
    one = Principal("https://idp.example.com", "corp", "one", "agent", groups, "one", "corp.one", "corp.one")
    other = replace(one, issuer="https://other.example.com", source_identity="corp.other", tags=(("ref", "main"),))
    assert reads.key_of(one) == reads.key_of(other) != reads.key_of(replace(one, groups=frozenset({"corp/b"})))
