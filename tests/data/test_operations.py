"""The checked-in operation table: how much of AWS it knows, and that it cannot get worse unnoticed."""

import re

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from data import operations
from data.__main__ import DEPENDENTS, OPERATIONS, PAGE, TABLE, build_operations
from data.dependents import DependentActions
from data.operations import FROM_TARGET
from data.rules import Rules
from jitney.core.actions import ActionTable
from jitney.core.calls.operations import OperationTable
from jitney.core.calls.templates import name_parameters, templates_of
from jitney.core.calls.transforms import TRANSFORMS

CHECKED_IN = OperationTable.load(OPERATIONS.read_bytes())
ACTIONS = ActionTable.load(TABLE.read_bytes())
EVERY = [
    (service, CHECKED_IN.service(service).operation(name))
    for service in CHECKED_IN.services()
    for name in CHECKED_IN.service(service).names()
]
OWN = [
    (service, CHECKED_IN.service(service).by_command(command))
    for service in CHECKED_IN.services()
    for command in CHECKED_IN.service(service).own_commands()
]
# What is known at least; raise these when the table gets better. Every operation of the services is in one of three.
LEAST = {"by_name": 5148, "by_exception": 382, "derived": 3687, "further": 609, "mentioned": 432}
MOST_UNKNOWN = 326


def test_it_knows_as_much_as_it_did():
    report = CHECKED_IN.report
    assert len(CHECKED_IN.services()) >= 67
    assert all(report[count] >= least for count, least in LEAST.items()), report
    assert report["unknown"] <= MOST_UNKNOWN
    assert report["by_name"] + report["by_exception"] + report["unknown"] == len(EVERY)
    assert sum(not operation.needs for _, operation in EVERY) == report["unknown"]


def test_what_is_derived_can_be_filled():
    """An operation counts only if each type of resource that its action requires has an ARN."""
    first = [operation.needs[0] for _, operation in EVERY if operation.needs]
    named = [
        need
        for need in first
        if need.types and all(kind.arns or kind.otherwise for kind in need.types if kind.required)
    ]
    assert len(named) == CHECKED_IN.report["derived"]
    kinds = {need.action: ACTIONS.get(need.action).resource_types for need in first}
    assert sum(bool(kinds[need.action]) for need in first if need not in named) == CHECKED_IN.report["unnamed"]


def test_what_the_cli_fills_in_may_be_left_out():
    """These are members that botocore's models call idempotency tokens."""
    tokens = 0
    for service in CHECKED_IN.services():
        model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
        for name in CHECKED_IN.service(service).names():
            filled_in = set(model.operation_model(name).idempotent_members)
            required = {each.name for each in CHECKED_IN.service(service).operation(name).members if each.required}
            assert not filled_in & required, (service, name)
            tokens += len(filled_in)
    assert tokens > 250


def test_every_action_of_a_row_is_in_the_table_of_actions():
    named = {need.action for _, operation in EVERY for need in operation.needs}
    assert not {name for name in named if ACTIONS.get(name) is None}


def test_every_template_is_filled_from_its_own_operations_parameters():
    for service, operation in [*EVERY, *OWN]:
        members = {member.name for member in operation.members}
        for need in operation.needs:
            for template in templates_of(need):
                assert not re.search(r"(?<!\$)\{", template), template
                assert name_parameters(template) <= members, (service, operation.name, template)
                for reading in (re.split("[} ]", part)[0] for part in template.split("|")[1:]):
                    assert reading in TRANSFORMS, template
            for name, _, reading in (each.removeprefix("!").partition("|") for each in need.when.split()):
                assert name in members, (service, operation.name, need.when)
                assert not reading or reading in TRANSFORMS, need.when


VARIABLE = re.compile(r"\$\{([^}]+)\}")
EITHER = {("ssm", frozenset({"InstanceId"})), ("ssm", frozenset({"InstanceIds"}))}
"""The same id may be of an EC2 instance or of a managed instance."""


def filling(template):
    """Return what fills a template's variables, without the target's values."""
    return [] if template.startswith("@") else [name for name in VARIABLE.findall(template) if name not in FROM_TARGET]


def test_a_parameter_names_one_thing():
    """No parameter names two parts of one ARN, such as a schedule's group and its name, or resources of two types."""
    assert [found for service in CHECKED_IN.services() for found in named_twice(service)] == []


def named_twice(service):
    """Yield the service's parameters that fill two parts of an ARN, or name resources of two types."""
    for name in CHECKED_IN.service(service).names():
        for need in CHECKED_IN.service(service).operation(name).needs:
            types = [[filling(template) for template in kind.arns] for kind in need.types or ()]
            for filled in (names for kind in types for names in kind):
                said = [each for each in filled if not each.startswith("=")]
                if len(set(said)) < len(said):
                    yield service, name, filled
            by_type = [names for kind in types for names in {frozenset(each) for each in kind if each}]
            by_type = [names for names in by_type if not all(each == "=*" or "|open" in each for each in names)]
            twice = {(service, names) for names in by_type if by_type.count(names) > 1}
            if not twice <= EITHER:
                yield service, name, twice


def test_it_is_small():
    assert OPERATIONS.stat().st_size < 300_000


def test_a_table_that_knows_less_is_refused():
    before = {"by_name": 1000, "derived": 100}
    assert operations.faults(before, before) == []
    assert operations.faults({"by_name": 989, "derived": 100}, before) == [
        "there were 1000 operations with an action by name and are 989"
    ]


def test_a_rule_for_what_is_not_there_is_refused():
    def encode(actions):
        rules = Rules({"sqs": {"actions": actions}})
        cli = {"version": "1", "commands": {}, "options": {}, "words": {}, "without": {}}
        operations.encode(rules, ACTIONS, DependentActions.load(DEPENDENTS), cli)

    with pytest.raises(ValueError, match="NoSuchOperation"):
        encode({"NoSuchOperation": "sqs:SendMessage"})
    with pytest.raises(ValueError, match="no action"):
        encode({"SendMessageBatch": "sqs:SendMesage"})


@pytest.mark.slow
def test_the_checked_in_table_is_what_its_sources_make():
    """This also checks botocore and the AWS CLI in the lock files. Run `make data` after a change of either."""
    encoded, pages = build_operations(ACTIONS)
    assert encoded == OPERATIONS.read_bytes()
    assert all(text == page.read_text("utf-8") for page, text in pages.items())


def test_the_page_counts_what_the_table_has():
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    commands = {f"`{CHECKED_IN.service(name).command}`": CHECKED_IN.service(name) for name in CHECKED_IN.services()}
    assert [row[0] for row in rows if row[0] != "`aws …`"] == list(commands)
    for command, *counts in rows[1:]:
        service = commands[command]
        every = [service.operation(name) for name in service.names()]
        total, by_name, by_exception, unknown, derived, unnamed, further, mentioned = map(int, counts)
        assert mentioned == sum(bool(each.may) for each in every)
        assert further <= sum(len(each.needs) > 1 for each in every)
        assert (total, unknown) == (len(every), sum(not each.needs for each in every))
        assert total == by_name + by_exception + unknown
        assert derived + unnamed <= by_name + by_exception
