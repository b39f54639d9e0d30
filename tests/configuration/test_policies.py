"""The folder of policies: each problem with its place, and unknown names."""

from dataclasses import replace

import pytest

from jitney.configuration.group_names import GroupSource
from jitney.configuration.load import ConfigurationError
from jitney.configuration.names import Names
from jitney.configuration.policies import read_policies
from jitney.configuration.policy_table import cases_in
from tests.configuration.test_load import write_policies

ANY = "(principal, action, resource)"
TEXT = 'when { context.call.getTag("ec2:VolumeSize").string == "5" }'
NAMES = Names(("corp", "local"), ("warehouse", "prod"), ("444455556666",), ("bosses", "owners"))


@pytest.fixture
def wrong(tmp_path):
    """Return what is wrong with the policies, as (place in p/a.cedar, what, fix)."""

    def read(text, names=NAMES):
        write_policies(tmp_path / "p", text)
        _, problems = read_policies(tmp_path / "p", names)
        assert all(each.path == ("policies",) for each in problems)
        return [(each.place.removeprefix(f"{tmp_path}/p/a.cedar:"), each.wrong, each.fix) for each in problems]

    return read


UNKNOWN = [
    ("principal in", 'Jitney::Group::"crop/ops"', 'names group "crop/ops", but "crop" is not', '"corp/ops"?'),
    ("principal in", 'Jitney::Group::"ops"', 'group "ops", which does not begin', 'write "corp/ops" or "local/ops"'),
    ("principal ==", 'Jitney::Agent::"lcal.a.b"', 'agent "lcal.a.b", but "lcal"', 'did you mean "local.a.b"'),
    ("resource.target ==", 'Jitney::Target::"warehous"', 'target "warehous", which is not in', '"warehouse"?'),
    ("resource in", 'Jitney::Target::"x"', 'target "x", which is not in targets', 'use one of "warehouse", "prod"'),
    ("context.target ==", '"warehous"', 'target "warehous", which is not in targets', '"warehouse"?'),
    ("context.target !=", '"warehous"', 'target "warehous", which is not in targets', '"warehouse"?'),
    ("resource in", 'Jitney::Account::"444455556667"', 'account "444455556667", which is no', '"444455556666"?'),
]


@pytest.mark.parametrize(("left", "literal", "said", "fix"), UNKNOWN, ids=[row[2] for row in UNKNOWN])
def test_pol_02_a_name_that_the_configuration_does_not_give_is_refused(wrong, left, literal, said, fix):
    ((place, what, meant),) = wrong(f'@id("b") permit {ANY};\n@id("x") forbid {ANY}\nwhen {{ {left} {literal} }};')
    assert what.startswith("x names ")
    assert said in what
    assert fix in meant
    assert place == f"3:{8 + len(left) + 1 + literal.index('"')}"


@pytest.mark.parametrize(
    "scope",
    [
        'principal in Jitney::Group::"crop/a", action, resource',
        'principal is Jitney::Agent in Jitney::Group::"crop/a", action, resource',
        'principal == Jitney::Human::"crop.a", action, resource',
        'principal, action, resource in Jitney::Target::"crop"',
        'principal, action, resource is Jitney::Resource in Jitney::Target::"crop"',
    ],
)
def test_pol_02_names_in_the_scope_are_looked_up_too(wrong, scope):
    ((place, what, _),) = wrong(f'@id("x") forbid ({scope});')
    assert "crop" in what
    assert place == f"1:{18 + scope.index('"')}"


def test_pol_02_every_target_of_a_set_is_looked_up(wrong):
    text = f'@id("x") forbid {ANY} when {{ ["prod", "prd"].contains(context.target) }};'
    assert wrong(text) == [
        (f"1:{text.index('"prd"') + 1}", 'x names target "prd", which is not in targets', 'did you mean "prod"?')
    ]


@pytest.mark.parametrize(("name", "known"), [("break-glass", True), ("break_glass", False)])
def test_rev_08_a_policy_can_speak_of_break_glass(wrong, name, known):
    text = f'@id("x") forbid {ANY} when {{ context.approvals.contains("{name}") }};'
    assert bool(wrong(text)) is not known


OWNERS = 'context.approvals.contains("owners")'


@pytest.mark.parametrize(
    ("effect", "clause"),
    [
        ("forbid", f"when {{ {OWNERS} }}"),
        ("forbid", f"unless {{ !{OWNERS} }}"),
        ("forbid", f"when {{ context.reveal && ({OWNERS} || context.onBehalfOfHuman) }}"),
        ("permit", f"when {{ !{OWNERS} }}"),
        ("permit", f"unless {{ {OWNERS} }}"),
        ("permit", f"when {{ if {OWNERS} then true else context.reveal }}"),
        ("forbid", 'when { context.approvals.containsAny(["break-glass", "owners"]) }'),
        ("forbid", f'when {{ context.approvals.contains("break-glass") && {OWNERS} }}'),
    ],
)
def test_pol_02_an_approval_that_takes_a_permission_away_is_refused(wrong, effect, clause):
    """Its author inverted the condition: everything is permitted that no reviewer has approved."""
    ((place, what, fix),) = wrong(f'@id("b") permit {ANY};\n@id("x") {effect} {ANY} {clause};')
    assert what == 'x could permit less once "owners" has approved, so it permits more without a review'
    right = "unless" if effect == "forbid" else "when"
    assert fix == f'write {right} {{ context.approvals.contains("owners") }} in a {effect}, without !'
    assert place.startswith("2:")


@pytest.mark.parametrize(
    "rule",
    [
        f"permit {ANY} when {{ {OWNERS} }}",
        f"permit {ANY} when {{ {OWNERS} || context.durationSeconds < 60 }}",
        f"permit {ANY} unless {{ !{OWNERS} }}",
        f"forbid {ANY} unless {{ {OWNERS} }}",
        f"forbid {ANY} when {{ !{OWNERS} }}",
        f'forbid {ANY} when {{ context.approvals.contains("break-glass") }}',
        f'forbid {ANY} when {{ context.approvals.contains("break-glass") && !{OWNERS} }}',
        f'permit {ANY} when {{ {OWNERS} && !context.approvals.contains("break-glass") }}',
    ],
)
def test_pol_02_an_approval_may_permit_more_and_break_glass_less(wrong, rule):
    assert wrong(f'@id("x") {rule};') == []


def test_pol_02_reviewers_that_are_not_there_are_refused(wrong):
    text = f'@id("x") @approval("boses") permit {ANY} when {{ context.approvals.contains("boses") }};'
    ((place, what, fix),) = wrong(text)
    assert place == f"1:{text.rindex('"boses"') + 1}"
    assert what == 'x asks for the approval of "boses", which is not in reviewers'
    assert fix == 'did you mean "bosses"? or add boses: { members: [issuer alias/subject] } to reviewers'


@pytest.mark.parametrize(
    ("condition", "said", "fix"),
    [
        ('context.action == "s3:GetObjekt"', 'the action "s3:GetObjekt", which does not exist', '"s3:GetObject"'),
        ('"s3:getobject" == context.action', 'policies see "s3:GetObject"', 'write "s3:GetObject"'),
        ('["s3:GetObject", "iam:CreateUsr"].contains(context.action)', '"iam:CreateUsr"', '"iam:CreateUser"'),
        ('context.service != "dynamo"', 'the service "dynamo", which no action has', "dynamodb"),
        ('["s3", "S3"].contains(context.service)', 'the service "S3"', "prefix of a service's actions"),
    ],
)
def test_pol_02_actions_and_services_that_aws_does_not_have_are_refused(wrong, condition, said, fix):
    ((place, what, meant),) = wrong(f'@id("x") forbid {ANY} when {{ {condition} }};')
    assert place.startswith("1:")
    assert said in what
    assert fix in meant


def test_known_names_are_accepted(wrong):
    conditions = 'context.approvals.containsAny(["bosses", "owners"]) && context.target == "prod"'
    assert not wrong(f"""
        @id("x") permit (principal in Jitney::Group::"corp/any/thing", action, resource in Jitney::Target::"prod")
        when {{ {conditions} && resource in Jitney::Account::"444455556666" }}
        unless {{ principal == Jitney::Human::"local.alice" || resource == Jitney::Resource::"arn:aws:s3:::x" }};
    """)


def test_without_issuers_or_targets_their_names_are_not_checked(wrong):
    text = '@id("x") permit (principal in Jitney::Group::"corp/a", action, resource in Jitney::Target::"prod");'
    assert not wrong(text, Names((), (), (), ()))


SYNTAX = [
    ("permit (principal, action resource);", "2:27", "unexpected token `resource`"),
    ("permit (principal, action, resource)\n  when { context.service == s3 };", "3:29", "s3"),
    ("permit (principal, action, resource) // the end", "2:36", "does not end"),
    (f'permit {ANY}\n@id("z") forbid {ANY};', "3:1", "unexpected token `@`"),
    (f'permit {ANY} when {{ "é;" == "é" && }};', "2:61", "unexpected token `}`"),
    (f'@id("a") @id("a") permit {ANY};', "2:1", "duplicate annotation"),
    (f'permit {ANY} when {{ context.service == "s3 }};', "2:64", "invalid token"),
]


@pytest.mark.parametrize(("text", "place", "said"), SYNTAX, ids=[row[2] for row in SYNTAX])
def test_a_syntax_problem_has_its_line_and_column(wrong, text, place, said):
    found = wrong(f'@id("good; // one") permit {ANY};\n{text}')
    assert [each[0] for each in found] == [place]
    assert said in found[0][1]


@pytest.mark.parametrize(
    "condition",
    ["(" * 3000 + "true" + ")" * 3000, "if true then true else " * 3000 + "true", "[" * 3000 + "]" * 3000 + " == 1"],
    ids=["brackets", "conditions", "sets"],
)
def test_a_policy_that_is_nested_too_deep_does_not_end_the_process(wrong, condition):
    ((place, what, _),) = wrong(f'@id("x")\npermit {ANY}\nwhen {{ {condition} }};')
    assert (place.partition(":")[0], "nested deeper than 200" in what) == ("3", True)


def test_a_condition_that_is_too_long_is_a_problem_that_says_how_to_write_it(wrong):
    chain = " || ".join(f'resource.arn == "arn:aws:s3:::b/{number}"' for number in range(5000))
    ((_, what, _),) = wrong(f'@id("x") permit {ANY} when {{ {chain} }};')
    assert what.startswith("a condition has more than 300 && and ||: compare with a set")


@pytest.mark.parametrize(
    "condition",
    ["(" * 150 + "true" + ")" * 150, " && ".join(["(if resource.wildcard then false else true)"] * 300)],
    ids=["deep", "many conditions side by side"],
)
def test_a_policy_may_be_nested_as_deep_as_people_write(wrong, condition):
    assert wrong(f'@id("x") permit {ANY} when {{ {condition} && !resource.wildcard }};') == []


def test_a_byte_order_mark_is_no_syntax_problem(wrong):
    assert wrong(f'\ufeff@id("x") permit {ANY};') == []


def test_each_unreadable_policy_is_a_problem(wrong):
    assert [place for place, _, _ in wrong(f"permit;\npermit {ANY};\n\tforbid (;")] == ["1:7", "3:10"]


SCHEMA = [
    ("context.duration == 5", "attribute `duration` in context not found", "did you mean durationSeconds?"),
    ('resource.servic == "s3"', "attribute `servic` on entity type `Jitney::Resource` not found", "service?"),
    ('resource.duration == "s3"', "attribute `duration` on entity", "use one of arn, service, region"),
    ('action == Jitney::Action::"Reed"', 'unrecognized action `Jitney::Action::"Reed"`', "did you mean Read?"),
    ('principal in Jitney::Grup::"corp/a"', "unrecognized entity type `Jitney::Grup`", "did you mean Jitney::Group"),
]


@pytest.mark.parametrize(("condition", "said", "fix"), SCHEMA, ids=[row[0] for row in SCHEMA])
def test_pol_02_a_name_missing_from_the_schema_is_one_problem_with_a_fix(wrong, condition, said, fix):
    found = wrong(f'@id("b") permit {ANY};\n@id("x")\npermit {ANY}\n  when {{ {condition} }};')
    assert [(place.partition(":")[0], what.startswith(f"x: {said}")) for place, what, _ in found] == [("4", True)]
    assert fix in found[0][2]


@pytest.mark.parametrize(
    ("condition", "seen"),
    [
        ('context.reveal like "x*"', "Bool"),
        ('context.reveal.contains("x")', "Bool"),
        ('"abc".contains(context.action)', "String"),
        ("context.action == 3", "Long"),
        ('["s3:GetObject", 3].contains(context.action)', "String"),
        ("!context.action", "String"),
        ("resource.region != true", "String"),
        ("true == resource", "Resource"),
        ('Jitney::Target::"prod".containsAny(context.way)', "Target"),
        ('["gateway", 3].contains(context.way)', "String"),
    ],
)
@pytest.mark.parametrize("kind", ["when", "unless"])
def test_pol_02_a_condition_of_the_wrong_type_has_cedars_problems_alone(wrong, condition, seen, kind):
    found = wrong(f'@id("x") permit (principal, action, resource) {kind} {{ {condition} }};')
    assert {place.split(":")[0] for place, _, _ in found} == {"1"}
    assert [sentence for _, sentence, _ in found if seen in sentence]
    assert all(sentence.startswith("x: ") for _, sentence, _ in found)


def test_a_policy_without_an_id_is_named_by_its_place(wrong):
    ((place, what, _),) = wrong(f'@id("b") permit {ANY};\n\n  permit {ANY};')
    assert place == "3:3"
    assert what.startswith("this policy: it needs an @id")


def test_a_problem_names_the_file_of_its_policy(tmp_path):
    write_policies(tmp_path / "p", f'@id("a") permit {ANY};\n// end')
    (tmp_path / "p" / "b.cedar").write_text(f'@id("b") permit {ANY};\n@id("a") permit {ANY};', encoding="utf-8")
    _, (problem,) = read_policies(tmp_path / "p", NAMES)
    assert (problem.place, problem.wrong) == (f"{tmp_path}/p/b.cedar:2:1", "a: the @id is used more than once")


def test_a_folder_that_permits_nothing_is_refused(wrong):
    ((place, what, _),) = wrong("// nothing yet")
    assert (place, what) == ("", "there is no policy, so nothing would be permitted; write at least one permit")


READ = [
    # What a policy reads, what is wrong, and the fix.
    ('hasTag("evnt")', 'reads the claim "evnt", which no issuer', '"event"? or add evnt: string'),
    ('hasTag("nothing-like-it")', 'reads the claim "nothing-like-it"', "add nothing-like-it: string to claims.tags"),
    ("hasTag(principal.subject)", 'reads the claim "..."', "claims.tags"),
    ('hasTag("event") && principal.getTag("event").long > 3', "as long, but its type is string", '("event").string'),
    ('hasTag("level") && principal.getTag("level").bool', "as bool, but its type is long", '("level").long'),
]


@pytest.mark.parametrize(("read", "said", "fix"), READ, ids=[row[0] for row in READ])
def test_id_11_a_claim_that_no_issuer_makes_visible_is_refused(wrong, read, said, fix):
    names = replace(NAMES, claims={"event": "string", "level": "long"})
    found = wrong(f'@id("x") forbid {ANY} when {{ principal.{read} }};', names)
    assert said in found[-1][1]
    assert fix in found[-1][2]


def test_id_11_visible_claims_and_the_tags_of_targets_are_accepted(wrong):
    names = replace(NAMES, claims={"event": "string", "roles": "strings"}, target_tags={"env": {"prod"}})
    text = (
        'principal.hasTag("event") && principal.getTag("event").string like "s*" && principal.hasTag("roles") && '
        'principal.getTag("roles").strings.contains("a") && resource.target.hasTag("env")'
    )
    assert wrong(f'@id("x") permit {ANY} when {{ {text} }};', names) == []


def test_id_11_names_hold_the_claims_of_providers_and_entries():
    document = {
        "issuers": {"a": {"claims": {"tags": {"level": "long"}}}, "b": {"provider": "github_actions"}, "c": "x"}
    }
    claims = Names.of(document).claims
    assert claims["level"] == "long"
    assert claims["event_name"] == claims["runner_environment"] == "string"


@pytest.mark.parametrize(("key", "accepted"), [("*", False), ("a", True)])
@pytest.mark.parametrize("operator", ["==", "in"])
def test_pol_02_a_resource_in_a_scope_has_no_wildcards(wrong, operator, key, accepted):
    """Policies see the ARNs that a request's wildcards match. So a forbid of this resource would forbid nothing."""
    arn = f"arn:aws:s3:::reports/{key}"
    found = wrong(f'@id("x") forbid (principal, action, resource {operator} Jitney::Resource::"{arn}");')
    assert accepted == (found == [])
    assert accepted or f'names resource "{arn}", but policies never see' in found[0][1]


def test_pol_11_a_case_for_a_group_that_no_token_has_is_refused_once(tmp_path):
    names = replace(NAMES, group_sources={"local": GroupSource("kubernetes", {"namespace": "a"}, is_open=False)})
    text = (
        "defaults: { groups: [corb/a], target: prod, seconds: 60, actions: [s3:GetObject], resources: ['*'] }\n"
        "cases:\n  - { name: one, effect: deny }\n  - { name: two, effect: deny, groups: [corp/a, local/b] }\n"
        "  - { name: one, effect: deny }\n"
    )
    (tmp_path / "tests.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refusal:
        cases_in(tmp_path / "tests.yaml", {}, names)
    places = [each.place.partition("tests.yaml:")[2] for each in refusal.value.problems]
    assert places == ["1  defaults.groups[0]", "4  cases[1].groups[1]", "5  cases[2].name"]
    wrong = [each.wrong for each in refusal.value.problems]
    assert wrong[0] == 'it names group "corb/a", but "corb" is not in issuers'
    assert wrong[1] == 'it names group "local/b": no token of kubernetes has the group "b"'
    assert wrong[2] == "the case in line 3 has the same name"


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ("groups: [ci/a, corp/b]", "groups are of ci and corp, but a token is of one issuer"),
        ("groups: [ci/a], kind: human", "tokens of ci are not of kind human"),
        ("groups: [ci/a], human: staff.bob", "tokens of ci never name a person"),
        ("groups: [corp/a], claims: { ref: main }", "tokens of corp do not have the claim ref"),
        ("groups: [corp/a], source_identity: ci.x", "its source_identity is of ci, but its groups are of corp"),
        ("groups: [ci/a], source_identity: deploy.x", 'it names agent "deploy.x", but policies see "ci.x"'),
        ("groups: [ci/a], claims: { ref: main }, source_identity: ci.x", ""),
        ("groups: [hub/environment:a], claims: { ref: main }", 'no ref of github_actions can be "main"'),
        (
            "groups: ['hub/ref:refs/heads/a'], claims: { event_name: pull_request }",
            'issuers.hub admits no token whose event_name is "pull_request"',
        ),
        (
            "groups: ['hub/ref:refs/heads/a'], claims: { ref: refs/heads/b }",
            'a token with the group hub/ref:refs/heads/a has no ref "refs/heads/b"',
        ),
        (
            "groups: ['hub/environment:a', 'hub/environment:b']",
            'a token with the group hub/environment:b has no environment "a"',
        ),
        ("groups: ['hub/ref:refs/heads/a'], claims: { ref: refs/heads/a, event_name: push }", ""),
        ("groups: ['corp/role:a', 'corp/role:b']", ""),
        ("groups: [corp/a], human: staff.bob", ""),
        ("groups: [staff/a], kind: human", ""),
        ("groups: [], human: staff.bob, claims: { ref: main }", ""),
    ],
)
def test_pol_11_a_case_about_a_requester_that_no_token_makes_is_refused(tmp_path, members, wrong):
    """Such a case can pass, and would count as a test of its policy."""
    issuers = {
        "ci": {"issuer": "https://ci.example.com", "claims": {"tags": {"ref": "string"}}},
        "deploy": {"issuer": "https://ci.example.com"},
        "hub": {"issuer": "https://token.actions.githubusercontent.com", "provider": "github_actions"},
        "corp": {
            "issuer": "https://corp.example.com",
            "provider": "generic",
            "human_claim": "act.sub",
            "human_issuer": "staff",
            "claims": {"groups": ["role"]},
        },
        "staff": {"issuer": "https://staff.example.com", "kind": "human"},
    }
    case = f"{{ name: one, effect: deny, target: prod, seconds: 60, actions: [a:B], resources: ['*'], {members} }}"
    (tmp_path / "tests.yaml").write_text(f"cases:\n  - {case}\n", encoding="utf-8")
    names = Names.of({"issuers": issuers, "targets": {"prod": {}}})
    if wrong:
        with pytest.raises(ConfigurationError) as refusal:
            cases_in(tmp_path / "tests.yaml", {}, names)
        assert [each.wrong for each in refusal.value.problems] == [wrong]
    else:
        assert len(cases_in(tmp_path / "tests.yaml", {}, names)) == 1


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        (f'@id("x") permit {ANY};\n@id("x") permit {ANY};', "an @id of its own"),
        (f"permit {ANY};", '@id("team/rule")'),
        (f'@id("x") @advise("y") permit {ANY};', "did you mean advice?"),
        (f'@id("x") @approval("owners") permit {ANY};', 'contains("owners") to a condition'),
        ('@id("x") permit (principal, action == Jitney::Action::"ReadOnly", resource);', "action in, resource in"),
        ('@id("x") permit (principal == Jitney::Group::"corp/a", action, resource);', "principal in, action in"),
        (f'@id("x") permit {ANY} when {{ resource.target.getTag("env") == "prod" }};', 'hasTag("env") &&'),
        (f'@id("x") permit {ANY} when {{ principal.getTag("event").string == "push" }};', ".hasTag()"),
        (f'@id("x") permit {ANY} when {{ context.durationSeconds <= "30m" }};', "without quotation marks"),
        (f'@id("x") permit {ANY} when {{ principal.human == "local.a" }};', "ask first: principal has human"),
        (f'@id("x") permit {ANY} when {{ context.call.hasTag("s3:Prefix") }};', "docs/conditions.md"),
        (
            f'@id("x") permit {ANY} when {{ context.call.hasTag("ec2:VolumeSize") }} {TEXT};',
            'context.call.getTag("ec2:VolumeSize").long',
        ),
        (f'@id("x") permit {ANY} when {{ context.way == "gatway" }};', "one of these ways"),
        (f'@id("x") permit {ANY} when {{ context.way like "gate*" }};', 'write context.way == "gateway"'),
        (f'@id("x") permit {ANY} when {{ context.approvals == ["owners"] }};', 'context.approvals.contains("group")'),
        (
            f'@id("x") forbid {ANY} when {{ context.earlierApprovals.contains("owners") }};',
            'context.approvals.contains("group") || context.earlierApprovals.contains("group")',
        ),
        (f'@id("x") permit {ANY} when {{ context.target in Jitney::Target::"prod" }};', "compare texts with =="),
        (f'@id("x") permit {ANY} when {{ resource.account == 444455556666 }};', "texts in quotation marks"),
        (
            '@id("x") permit (principal in [Jitney::Group::"corp/a", Jitney::Group::"corp/b"], action, resource);',
            "when { principal in [Group, Group] }",
        ),
        (
            '@id("x") permit (principal, action == Jitney::Action::"s3:GetObject", resource);',
            'when { context.action == "s3:GetObject" }',
        ),
        ('@id("x") permit (principal is Agent, action, resource);', "did you mean Jitney::Agent?"),
        (f"@id('x') permit {ANY};", "double quotation marks"),
        (f'@id("x") permit {ANY}\n@id("y") permit {ANY};', "before it with ;"),
        (f'@id("x") permit {ANY} when {{ context.risks == ["DataSharing"] }};', 'context.risks.contains("name")'),
        (f'@id("x") permit {ANY} when {{ context.approvals == "owners" }};', '.contains("text")'),
        (f'@id("x") permit {ANY} when {{ context.service in ["s3"] }};', '["a", "b"].contains(...)'),
        (f'@id("x") permit {ANY} when {{ resource.wildcard == "true" }};', "true or false without quotation marks"),
        (f'@id("x") permit {ANY} when {{ resource == principal || true }};', "write resource.arn"),
        (f'@id("x") @call_limits("calls=1") forbid {ANY};', "out of the forbid"),
        (f'@id("x") @call_limits("call=1") permit {ANY};', '@call_limits("calls=100")'),
        (f'@id("x") permit {ANY} when {{ context.reveal and context.onBehalfOfHuman }};', "write && for and"),
        (f'@id("x") permit {ANY} when {{ context.reveal or context.onBehalfOfHuman }};', "write || for or"),
        (f'@id("x") permit {ANY} when {{ context.service = "s3" }};', "write == to compare"),
        (f'# a comment\n@id("x") permit {ANY};', "begin comments with //"),
        (f'/* a comment */ @id("x") permit {ANY};', "begin each line of a comment with //"),
        (f'@id("x") allow {ANY};', "write permit or forbid"),
    ],
)
def test_pol_02_a_common_mistake_in_a_policy_has_its_fix(wrong, text, fix):
    found = wrong(text, replace(NAMES, target_tags={"env": {"prod"}}, claims={"event": "string"}))
    assert any(fix in shown for _, _, shown in found), found


def test_pol_02_a_mistake_about_agents_and_people_is_one_problem(wrong):
    """Cedar reports it for each type of requester."""
    ((_, what, _),) = wrong(f'@id("x") permit {ANY} when {{ principal.getTag("ref").string == "refs/heads/main" }};')
    assert "Jitney::Agent" in what


def test_pol_02_a_wrong_name_in_a_scope_is_one_problem_in_its_place(wrong):
    """To Cedar, such a scope also has no applicable action."""
    ((place, what, _),) = wrong('@id("x") permit (principal, action == Jitney::Action::"s3:GetObject", resource);')
    assert place == "1:55"
    assert "unrecognized action" in what


def test_pol_02_a_literal_that_only_jitney_refuses_has_its_place(wrong):
    ((place, _, _),) = wrong(f'@id("x") permit {ANY}\nwhen {{ context.risks.contains("Deletion") }};')
    assert place == "2:31"


def test_pol_02_a_claim_that_no_issuer_shows_is_one_problem(wrong):
    text = f'@id("x") permit {ANY} when {{ principal.hasTag("evnt") && principal.getTag("evnt").string == "push" }};'
    assert len(wrong(text, NAMES)) == 1


def test_pol_14_a_renamed_file_changes_the_version_and_no_policy(tmp_path):
    texts = [f'@id("{name}") {effect} {ANY};' for name, effect in (("a", "permit"), ("b", "forbid"))]
    read = []
    for folder, names in (("before", "ab"), ("after", "zb")):
        (tmp_path / folder).mkdir()
        for name, text in zip(names, texts, strict=True):
            (tmp_path / folder / f"{name}.cedar").write_text(f"{text}\n", encoding="utf-8")
        read.append(read_policies(tmp_path / folder, NAMES)[0])
    before, after = read
    assert sorted(before.text.splitlines()) == sorted(after.text.splitlines())
    assert before.version != after.version
