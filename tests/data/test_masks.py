"""The review of all members of all operations (rows MASK 1-3): no member that looks like a secret is unjudged."""

import copy

import pytest
import yaml

from data import __main__ as command
from data import masks
from data.__main__ import MASKS, replace_masks
from data.sources import HERE
from jitney.core.masking.table import MaskTable

LISTED = yaml.safe_load((HERE / "masks.yaml").read_text("utf-8"))
TABLE = MaskTable.load(MASKS.read_bytes())


@pytest.fixture(scope="module")
def built():
    return masks.encode(LISTED)


@pytest.mark.slow
def test_mask_02_every_member_that_looks_like_a_secret_is_in_one_list_and_every_entry_fits_one(built):
    """A new botocore, or an error in masks.yaml, fails here. Put the listed members into a list, with the reason."""
    assert built[1] == []


def test_mask_02_the_checked_in_table_is_that_of_the_lists_and_of_the_installed_models(built):
    assert built[0] == MASKS.read_bytes(), "run make data"
    assert masks.faults(MaskTable.load(built[0]), TABLE, LISTED["sentinels"], built[1]) == []


MODEL = {
    "metadata": {"endpointPrefix": "api.new", "signingName": "new"},
    "operations": {
        "Get": {"output": {"shape": "Answer"}},
        "Put": {"input": {"shape": "Asked"}},
        "Plain": {"input": {"shape": "Name"}},
    },
    "shapes": {
        "Answer": {
            "type": "structure",
            "members": {
                "Tree": {"shape": "Tree"},
                "NextToken": {"shape": "Marked"},
                "Notes": {"shape": "Marked"},
                "Rest": {"shape": "Name"},
            },
        },
        "Tree": {"type": "structure", "members": {"Branches": {"shape": "Trees"}, "Password": {"shape": "Text"}}},
        "Trees": {"type": "list", "member": {"shape": "Tree"}},
        "Asked": {"type": "structure", "members": {"AccessTokens": {"shape": "Map"}, "Name": {"shape": "Name"}}},
        "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
        "Name": {"type": "structure", "members": {"Name": {"shape": "Text"}}},
        "Text": {"type": "string"},
        "Marked": {"type": "string", "sensitive": True},
    },
}


def block(listed=LISTED):
    review = masks.MaskReview(listed)
    made = masks.ServiceMasks("new", MODEL, review)
    return made.block(), review


def test_mask_02_an_unreviewed_member_is_reported():
    _, review = block()
    assert review.unreviewed == ["new Asked.AccessTokens looks like a secret and belongs to no list"]


def test_mask_02_a_member_in_two_lists_is_reported():
    twice = copy.deepcopy(LISTED)
    twice["look_alikes"]["names"]["a slip"] = ["password"]
    assert (
        "new Tree.Password looks like a secret and belongs to ['credentials', 'look_alikes']"
        in block(twice)[1].unreviewed
    )


def test_a_block_holds_what_leads_to_masked_members_however_deep():
    made, _ = block()
    tree = made["shapes"][1]
    assert made["operations"] == {"Get": [None, 0], "Plain": [None, None], "Put": [None, None]}
    assert made["shapes"][0] == {"Tree": 1, "NextToken": "l", "Notes": "s"}
    assert tree == {"Branches": 2, "Password": "c"}
    assert made["shapes"][2] == {"*": 1}


def test_the_build_fails_when_the_table_shrinks_or_a_sentinel_changes(tmp_path, monkeypatch):
    fewer = copy.copy(TABLE)
    fewer.counts = {**TABLE.counts, "c": TABLE.counts["c"] // 2}
    assert masks.faults(fewer, TABLE, [], []) == [
        f"there were {TABLE.counts['c']} credentials and are {TABLE.counts['c'] // 2}"
    ]
    changed = masks.faults(TABLE, None, ["sts AssumeRole output Credentials.AccessKeyId c", "sts No input A c"], [])
    assert changed == [
        "sts AssumeRole output Credentials.AccessKeyId should be c and is None",
        "sts No input A should be c and is None",
    ]


def test_a_table_with_faults_leaves_the_old_one(built, tmp_path, monkeypatch):
    path = tmp_path / "masks.bin"
    path.write_bytes(b"JMT1" + built[0][4:])
    monkeypatch.setattr(masks, "encode", lambda _: (built[0], ["x Y.z looks like a secret and belongs to no list"]))
    written, lines = replace_masks(path)
    assert not written
    assert lines[0] == "FAULT: x Y.z looks like a secret and belongs to no list"
    assert lines[-1].endswith("not written")


def test_all_services_and_operations_of_botocore_are_in_the_table():
    assert len(TABLE.services()) > 400
    for name, model in masks.models():
        assert set(TABLE.operations(name)) == set(model["operations"]), name


def test_the_table_of_masks_is_built_before_the_risks_that_are_read_from_it(monkeypatch):
    class Stop(Exception):
        """The risks are read."""

    def read(*_):
        raise Stop

    built = []
    monkeypatch.setattr(command, "replace_masks", lambda path: (True, built.append(path) or []))
    monkeypatch.setattr(command.Harms, "of_models", read)
    with pytest.raises(Stop):
        command.main()
    assert built == [MASKS]
