import pytest

from jitney.core.config import Policies
from jitney.core.policy.cedar import InvalidPolicies, PolicyFault, PolicySet
from jitney.core.policy.literals import read_policy

ANY = "(principal, action, resource)"


def test_what_is_known_about_each_policy(load):
    policies = load(f"""
        @id("a") @advice("Ask.") @approval("owners, oncall") permit {ANY}
        when {{ context.approvals.containsAny(["owners", "oncall"]) && !resource.wildcard }}
        when {{ context.durationSeconds <= 900 || 3600 > context.durationSeconds }};
        @id("b") forbid {ANY};
    """)
    a, b = policies.rules.values()
    assert (a.id, a.permits, a.advice, a.groups, a.mentions) == (
        "a",
        True,
        "Ask.",
        {"owners", "oncall"},
        {"resource.wildcard"},
    )
    assert (b.id, b.permits, b.advice, b.groups, b.mentions) == ("b", False, "", frozenset(), frozenset())
    assert policies.groups == {"owners", "oncall"}
    assert policies.durations == (900, 3600)
    assert policies.version == "v1"


@pytest.mark.parametrize(
    "text", ["", "// only a comment", f"permit {ANY}", "nonsense", "permit (principal, action, resource"]
)
def test_pol_02_empty_or_malformed_policies_are_refused(load, text):
    with pytest.raises(ValueError, match=r".+"):
        load(text)


def test_pol_02_a_schema_that_does_not_parse_is_refused():
    with pytest.raises(ValueError, match="schema"):
        PolicySet.load(Policies(f'@id("a") permit {ANY};', "entity {", "v1"))


FAULTS = {
    "unknown attribute": ('when { resource.bucket == "b" }', "bucket"),
    "wrong type": ('when { context.durationSeconds == "300" }', "a:"),
    "unknown group type": ('when { principal in Jitney::Team::"x" }', "Team"),
    "optional attribute without has": ('when { principal.human == "x" }', "human"),
    "tag without hasTag": ('when { resource.target.getTag("env") == "prod" }', "tag"),
    "misspelt annotation": ("", "@advise"),
    "approval that no condition asks for": ('when { context.approvals.contains("others") }', "owners"),
    "computed comparison": ("when { resource.arn == context.action }", "resource.arn"),
    "computed membership": ("when { [context.action].contains(resource.arn) }", "resource.arn"),
    "arn in a set": ('when { ["x"].containsAny([resource.arn]) }', "resource.arn"),
    "region compared with service": ("when { resource.region == resource.service }", "resource.region"),
    "resource as a value": ("when { [resource].contains(resource) }", "`resource` itself"),
    "resource in a record": ('when { {"Var": resource.arn}["Var"] == "x" }', "resource.arn"),
    "type and parent": ('when { resource is Jitney::Resource in Jitney::Resource::"x" }', "`resource` itself"),
    "hidden in a branch": (
        'when { if resource.arn == "x" then resource.account == principal.issuer else true }',
        "resource.account",
    ),
    "approval without a group": ("", "@approval must name"),
    "unknown action": ('when { action == Jitney::Action::"Reed" }', "Reed"),
    "approvals in general": ("when { !context.approvals.isEmpty() }", "context.approvals"),
    "context as a value": ('when { {a: context}.a.action == "s3:GetObject" }', "`context` itself"),
    "call compared": ('when { context.call == Jitney::Call::"x" }', "context.call"),
    "call in a record": ('when { {a: context.call}.a.hasTag("s3:prefix") }', "context.call"),
    "computed key": ("when { context.call.hasTag(context.action) }", "context.call"),
    "computed value": (
        'when { context.call.hasTag("s3:prefix") && context.call.getTag("s3:prefix").string == context.action }',
        "context.call",
    ),
    "value as a whole": (
        'when { context.call.hasTag("s3:prefix") && context.call.getTag("s3:prefix") == {string: "a", long: 0} }',
        "context.call",
    ),
    "misspelt key": ('when { context.call.hasTag("s3:prefx") }', "did you mean s3:prefix"),
    "unsupported key": ('when { context.call.hasTag("aws:SourceIp") }', "is not supported"),
    "text of a number": (
        'when { context.call.hasTag("s3:max-keys") && context.call.getTag("s3:max-keys").string == "9" }',
        "is in .long",
    ),
    "number of a text": (
        'when { context.call.hasTag("s3:prefix") && context.call.getTag("s3:prefix").long < 9 }',
        "is in .string",
    ),
    "unknown way": ('when { context.way == "gatway" }', "'gatway' does not exist; the ways are credentials, gateway"),
    "unknown way in a list": ('when { ["gateway", "proxy"].contains(context.way) }', "'proxy' does not exist"),
    "way by a pattern": ('when { context.way like "gate*" }', "uses context.way other than"),
    "computed way": ("when { context.way == context.action }", "uses context.way other than"),
    "revealed credentials": ('when { context.reveal && context.way == "credentials" }', "only with way gateway"),
    "revealed credentials in two conditions": (
        'when { context.way != "gateway" } when { context.service == "s3" && context.reveal == true }',
        "only with way gateway",
    ),
    "revealed unless gateway": ('when { context.reveal } unless { context.way == "gateway" }', "only with way gateway"),
    "revealed in a branch": (
        'when { if context.reveal then context.way == "credentials" else !["gateway"].contains(context.way) && false }',
        "only with way gateway",
    ),
    "reveal as a text": ('when { context.reveal == "true" }', "a:"),
    "operation as a number": (
        'when { context.call.hasTag("operation") && context.call.getTag("operation").long == 1 }',
        "is in .string",
    ),
    "misspelt operation tag": ('when { context.call.hasTag("Operation") }', "'Operation' is not supported"),
    "approvals compared": ('when { context.approvals == ["owners"] }', "context.approvals"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_pol_02_policies_that_cannot_be_decided_are_refused_at_load(load, fault):
    conditions, message = FAULTS[fault]
    annotation = {"misspelt annotation": '@advise("x")', "approval that no condition asks for": '@approval("owners")'}
    annotation["approval without a group"] = '@approval("")'
    with pytest.raises(ValueError, match=r"(?m)^a: ") as caught:
        load(f'@id("a") {annotation.get(fault, "")} permit {ANY} {conditions};')
    assert message in str(caught.value)


def test_all_faults_are_reported_at_once(load):
    with pytest.raises(ValueError, match=r".+") as caught:
        load(f"""
            permit {ANY};
            @id("twice") permit {ANY};
            @id("twice") forbid {ANY} when {{ resource.nothing }};
            @id("bad id:") permit {ANY} when {{ resource.arn == context.action }};
            @id("linked") permit (principal == ?principal, action, resource);
        """)
    message = str(caught.value)
    for part in ("policy number 1: it needs an @id", "twice: the @id is used more than once", "nothing"):
        assert part in message
    for part in ("bad id:: it needs an @id", "resource.arn other than", "templates"):
        assert part in message


def test_a_fault_for_several_actions_is_reported_once_without_cedars_names(load):
    with pytest.raises(InvalidPolicies) as caught:
        load(f'@id("a") permit {ANY}; @id("b") permit {ANY} when {{ context.duration == 1 }};')
    assert caught.value.faults == (PolicyFault("policy1", "b", "attribute `duration` in context not found"),)


def test_a_template_alone_is_refused(load):
    with pytest.raises(ValueError, match="templates"):
        load('@id("linked") permit (principal == ?principal, action, resource);')


@pytest.mark.parametrize(
    "condition",
    [
        'resource.arn like "a*"',
        '!("x" != resource.arn)',
        '["x", "y"].contains(resource.region)',
        "resource is Jitney::Resource",
        "resource has arn",
        'resource in Jitney::Target::"t"',
        'resource.target == Jitney::Target::"t"',
        'if resource.wildcard then context.service == "s3" else resource.service == "s3"',
    ],
)
def test_comparisons_with_literals_are_accepted(load, condition):
    assert load(f'@id("a") permit {ANY} when {{ {condition} }};').rules.keys() == {"a"}


@pytest.mark.parametrize("scope", ["==", "in", "is Jitney::Resource in"])
def test_pol_03_the_policys_scope_is_read_too(load, scope):
    policies = load(f'@id("a") forbid (principal, action, resource {scope} Jitney::Resource::"arn:aws:s3:::b/x");')
    (pattern,) = policies.resources
    assert pattern.matches("arn:aws:s3:::b/x")


def test_operands_are_not_mistaken_for_operators():
    """A record's members may be named like Cedar's operators."""
    record = {"Record": {"==": {"Value": 1}, "like": {"Var": "resource"}, "in": {"Value": 2}}}
    found = read_policy({"resource": {"op": "All"}, "action": {"op": "All"}, "conditions": [{"body": record}]})
    assert len(found.faults) == 1
