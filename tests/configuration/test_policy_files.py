"""Files of policies that Jitney does not read, or that a reviewer does not see (row POL 2)."""

import pytest

from jitney.configuration.load import ConfigurationError
from jitney.configuration.names import Names
from jitney.configuration.policies import read_policies
from tests.configuration.test_load import changed, compiled, write_policies

__all__ = ["compiled"]  # a fixture

FORBID = '@id("never") forbid (principal, action, resource);'


@pytest.fixture
def faults(tmp_path):
    """Return the faults of a folder with one file of policies, and another one with the name."""

    def read(name, text=FORBID):
        write_policies(tmp_path / "p")
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / name).write_text(text)
        _, problems = read_policies(tmp_path / "p", Names())
        return [(each.place.removeprefix(f"{tmp_path}/p/"), each.wrong, each.fix) for each in problems]

    return read


@pytest.mark.parametrize("name", ["team/b.cedar", "team/never/b.cedar", "team/B.CEDAR", "team/b.cedar.txt"])
def test_pol_02_policies_in_a_subfolder_are_a_problem(faults, name):
    assert faults(name) == [(name, "policies in a subfolder are not read", "move the file to p/")]


@pytest.mark.parametrize("name", ["b.Cedar", "b.CEDAR", "b.cedar.txt", "B.cedar.TXT"])
def test_pol_02_a_file_with_another_ending_is_a_problem(faults, name):
    wrong = "only files whose names end with .cedar are read"
    assert faults(name) == [(name, wrong, "rename it to b.cedar")]


def test_pol_02_a_hidden_file_is_a_problem(faults):
    ((name, wrong, _),) = faults(".b.cedar")
    assert (name, wrong) == (".b.cedar", "the name begins with a full stop, so lists of files do not show it")


@pytest.mark.parametrize("exists", [True, False])
def test_pol_02_a_link_is_a_problem(tmp_path, exists):
    write_policies(tmp_path / "p")
    if exists:
        (tmp_path / "b.cedar").write_text(FORBID)
    (tmp_path / "p" / "b.cedar").symlink_to(tmp_path / "b.cedar")
    _, problems = read_policies(tmp_path / "p", Names())
    assert [each.fix for each in problems] == ["write the policies here"]


def test_pol_02_policies_behind_a_link_to_a_folder_are_a_problem(tmp_path):
    write_policies(tmp_path / "p")
    write_policies(tmp_path / "team", FORBID)
    (tmp_path / "p" / "team").symlink_to(tmp_path / "team")
    _, problems = read_policies(tmp_path / "p", Names())
    assert [each.place for each in problems] == [str(tmp_path / "p" / "team" / "a.cedar")]


@pytest.mark.parametrize("name", ["tests.yaml", "README.md", "a.cedar.bak", "a.cedar~", ".git/b.cedar", "team/x.md"])
def test_other_files_are_no_policies(faults, name):
    assert faults(name, "") == []


@pytest.mark.parametrize("outer", ["policies", "shadow_policies"])
def test_the_other_folder_of_policies_may_be_below(compiled, tmp_path, outer):
    inner = "shadow_policies" if outer == "policies" else "policies"
    write_policies(tmp_path / "rules")
    write_policies(tmp_path / "rules" / "next")
    loaded = compiled(changed((outer, "rules"), (inner, "rules/next")))
    assert loaded.shadow_policies
    write_policies(tmp_path / "rules" / "team")
    with pytest.raises(ConfigurationError, match="policies in a subfolder are not read"):
        compiled(changed((outer, "rules"), (inner, "rules/next")))
