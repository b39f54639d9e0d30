"""The table of what outlives a grant: its rules, its page and its commands."""

import re
import shlex

import pytest
import yaml
from botocore import xform_name
from botocore.session import Session

from data.__main__ import AFTER_PAGE, TABLE
from data.outliving import Outliving
from data.pages import after_page
from data.sources import HERE
from jitney.core.actions import AccessLevel, ActionTable

ACTIONS = ActionTable.load(TABLE.read_bytes())
RULES = yaml.safe_load((HERE / "outliving.yaml").read_text("utf-8"))
COMMANDS = sorted({each for effect in ACTIONS.outliving for each in re.findall("`(aws [^`]+)`", effect.left_to_do)})
# The AWS CLI's names of services, where they differ from botocore's.
SERVICES = {"deploy": "codedeploy"}
# The AWS CLI's own command. https://docs.aws.amazon.com/cli/latest/reference/emr/terminate-clusters.html
OWN = {("emr", "terminate-clusters"): {"cluster-ids"}}
EFFECT = {"what": "a thing", "left_to_do": "Nothing.", "source": "https://docs.aws.amazon.com"}


def test_end_05_the_checked_in_table_has_the_rows_of_the_file():
    assert [each.name for each in ACTIONS.outliving] == list(RULES)
    assert [each.left_to_do for each in ACTIONS.outliving] == [each["left_to_do"].strip() for each in RULES.values()]


def test_end_05_every_row_has_an_action():
    used = {
        action.outliving.name
        for prefix in ACTIONS.services()
        for action in ACTIONS.of_service(prefix)
        if action.outliving
    }
    assert used == set(RULES)


def test_end_05_the_page_is_what_make_data_writes():
    assert AFTER_PAGE.read_text("utf-8") == after_page(ACTIONS)


@pytest.mark.parametrize("command", COMMANDS)
def test_end_05_the_command_exists_with_its_options(command):
    _, service, operation, *words = shlex.split(command)
    if (service, operation) in OWN:
        options = OWN[service, operation]
    else:
        model = Session().get_service_model(SERVICES.get(service, service))
        names = {xform_name(name, "-"): name for name in model.operation_names}
        assert operation in names
        options = {xform_name(name, "-") for name in model.operation_model(names[operation]).input_shape.members}
    assert {word.removeprefix("--") for word in words if word.startswith("--")} <= options


def test_an_exact_name_is_preferred_to_a_wildcard_and_a_wildcard_to_a_rule():
    table = Outliving(
        {
            "rule": {**EFFECT, "rules": ["DataSharing", "PassesRole"]},
            "wild": {**EFFECT, "actions": ["svc:Start*"]},
            "exact": {**EFFECT, "actions": ["svc:StartIt", "svc:Look"]},
        },
        {"svc:create"},
    )
    index = {name: number for number, name in enumerate(("rule", "wild", "exact"))}
    write = AccessLevel.WRITE
    assert table.index_of("svc:StartIt", write, {"DataSharing"}) == index["exact"]
    assert table.index_of("svc:Start", write, {"DataSharing"}) == index["wild"]
    assert table.index_of("svc:Share", write, {"DataSharing"}) == index["rule"]
    assert table.index_of("svc:Create", write, ()) == index["rule"]
    assert table.index_of("svc:Look", AccessLevel.READ, ()) == index["exact"]
    assert table.unused() == []


@pytest.mark.parametrize(("name", "level"), [("svc:StopIt", AccessLevel.WRITE), ("svc:Show", AccessLevel.READ)])
def test_a_wildcard_matches_nothing_that_reads_or_ends(name, level):
    table = Outliving({"all": {**EFFECT, "actions": ["svc:*"], "rules": ["DataSharing"]}}, ())
    assert table.index_of(name, level, {"DataSharing"}) is None


def test_a_pattern_or_rule_that_nothing_matches_is_reported():
    table = Outliving({"all": {**EFFECT, "actions": ["svc:Start*"], "rules": ["DataSharing"]}}, ())
    table.index_of("svc:Brew", AccessLevel.WRITE, ())
    assert table.unused() == ["DataSharing", "svc:Start*"]
