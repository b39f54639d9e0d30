"""The AWS configuration file: quoting, and that all other bytes stay."""

import configparser
import os
import shlex
import stat
import subprocess
import tempfile
from itertools import starmap
from operator import add
from pathlib import Path
from typing import Any

import botocore.configloader
import botocore.exceptions
import pytest
from botocore.compat import compat_shell_split
from hypothesis import given
from hypothesis import strategies as st

from jitney.client.problems import Invalid
from jitney.client.profiles.aws_profile import (
    checked_region,
    command_line,
    gives_credentials,
    merged,
    require_own_credentials,
    section_name,
    stanza,
    write,
)

OURS = {"credential_process": "jitney credentials analytics-prod"}
writable = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20)
HARD = ["*", "it's #1", "a ;b", ' " ', "$HOME `id`", "%(x)s", "\\", "", "= : [x]", " #", "' #'"]


@given(st.lists(writable | st.sampled_from(HARD), min_size=1, max_size=5))
def test_botocore_reads_the_command_line_as_it_was_meant(words: list[str]):
    line = command_line(["jitney", *words])
    assert compat_shell_split(line) == ["jitney", *words]
    assert " #" not in line
    assert " ;" not in line


def test_a_shell_reads_it_alike():
    printed = subprocess.run(
        ["sh", "-c", command_line(["printf", "%s\\n", *HARD])],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": "/x"},
    )
    assert printed.stdout.splitlines() == HARD


@given(st.lists(writable | st.sampled_from(HARD), min_size=1, max_size=5))
def test_a_profile_survives_the_configuration_parser(words: list[str]):
    parser = configparser.RawConfigParser(default_section="")
    parser.read_string(stanza("x", {"credential_process": command_line(["jitney", *words])}))
    assert shlex.split(parser["profile x"]["credential_process"]) == ["jitney", *words]


@pytest.mark.parametrize("word", ["a\nb", "a\rb", "\x00", "\t", "\x7f", "caf\udce9"])
def test_neither_a_line_break_nor_what_is_no_text_can_get_in(word: str):
    with pytest.raises(Invalid, match="control character"):
        command_line(["jitney", word])


@pytest.mark.parametrize("name", ["", "a b", "a]b", "a\n[default]", "a#b", "é", "x" * 129])
def test_unusual_names_are_refused(name: str):
    with pytest.raises(Invalid, match="not a profile name"):
        section_name(name)


def test_the_default_profile_has_no_prefix():
    assert stanza("default", OURS).startswith("[default]\n")


EXISTING = """\
# my own comment
[default]
region = us-east-1
s3 =
    max_concurrent_requests = 20

[profile reports]
region=eu-west-1
credential_process = old --with
    continuation
# kept too

[profile reports-2]
credential_process = theirs
"""


def test_a_new_profile_is_added_after_everything_else():
    assert (
        merged(EXISTING, "new", OURS)
        == EXISTING + "\n[profile new]\n" + f"credential_process = {OURS['credential_process']}\n"
    )


def test_only_line_breaks_end_a_line():
    text = stanza("x", {"credential_process": "say '\u2028[profile y]\x85[profile z]'"})
    assert merged(text, "y", OURS).startswith(text + "\n[profile y]\n")


def test_an_existing_profile_changes_in_that_setting_only():
    expected = EXISTING.replace(
        "region=eu-west-1\ncredential_process = old --with\n    continuation\n", "region=eu-west-1\n"
    )
    expected = expected.replace(
        "[profile reports]\n", f"[profile reports]\ncredential_process = {OURS['credential_process']}\n"
    )
    assert merged(EXISTING, "reports", OURS) == expected


def test_an_indented_profile_keeps_its_other_lines():
    text = "[profile x]\n  region = y\n    z\n\n  # kept\n  output = json\n[default]\n"
    ours = {"region": "eu-west-1"}
    assert merged(text, "x", ours) == text.replace("region = y\n    z\n", "region = eu-west-1\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[default]\nregion = x",
        EXISTING,
        "[profile  x ]\r\nregion = y\r\n",
        "[profile x]",
        "[profile x]\n    output = json\n",
        "  [profile x]\n  # note\n  credential_process = old\n    continued\n  # note\n output = json\n",
        "[profile x]\n\toutput = json\n\ts3 =\n\t\tcredential_process = 1\n",
    ],
)
def test_writing_twice_is_writing_once_and_botocore_reads_it(tmp_path: Path, text: str):
    once = merged(text, "x", OURS)
    assert merged(once, "x", OURS) == once
    before = profiles_in(tmp_path, text).get("x", {})
    assert profiles_in(tmp_path, once)["x"] == before | OURS


def profiles_in(folder: Path, text: str) -> dict[str, dict[str, Any]]:
    """Return the profiles that botocore reads in the configuration file `text`."""
    (folder / "config").write_text(text, newline="")
    return botocore.configloader.load_config(str(folder / "config"))["profiles"]


LINES = [
    "[default]",
    " [default]",
    "[profile default]",
    "[profiles 'default']",
    "[DEFAULT]",
    "[x]",
    "",
    "# note",
    "region = y",
    "s3 =",
]
KEYS = ["aws_access_key_id = A", "credential_process: x", "ROLE_ARN=a", "sso_session = s"]
indents = st.sampled_from(["", " ", "    ", "\t"])


@given(
    st.lists(st.tuples(indents, st.sampled_from(LINES + KEYS)), max_size=8).map(lambda lines: list(starmap(add, lines)))
)
def test_cli_04_credentials_of_a_default_profile_are_found_where_botocore_finds_them(lines: list[str]):
    with tempfile.TemporaryDirectory() as folder:
        try:
            read = profiles_in(Path(folder), "\n".join(lines)).get("default", {})
        except botocore.exceptions.ConfigParseError:
            return
        names = {"aws_access_key_id", "credential_process", "role_arn", "sso_session"}
        assert gives_credentials(Path(folder) / "config", "default") or not names & read.keys()


@pytest.mark.parametrize(
    "key",
    ["role_arn", "source_profile", "sso_session", "sso_account_id", "aws_access_key_id", "login_session", "ROLE_ARN"],
)
def test_a_profile_that_has_other_credentials_is_left_alone(key: str):
    with pytest.raises(Invalid, match=key.lower()):
        merged(f"[profile x]\n{key} = y\n[profile z]\n", "x", OURS)
    with pytest.raises(Invalid, match=key.lower()):
        merged(f"[profile x]\n  output = json\n  {key} = y\n", "x", OURS)
    assert merged(f"[profile x]\n[profile z]\n{key} = y\n", "x", OURS)


def test_a_new_file_is_its_owners_alone(tmp_path: Path):
    write(tmp_path / ".aws" / "config", "x", OURS)
    assert stat.S_IMODE((tmp_path / ".aws" / "config").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / ".aws").iterdir()] == ["config"]


def test_a_file_keeps_its_mode_and_its_link(tmp_path: Path):
    real, link = tmp_path / "dotfiles", tmp_path / "config"
    real.write_text(EXISTING)
    real.chmod(0o640)
    link.symlink_to(real)
    write(link, "x", OURS)
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert real.read_text().startswith(EXISTING)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_keeps_its_owner(tmp_path: Path):
    """As with the home folder of a user of the host, in a container that runs as root."""
    (tmp_path / "config").write_text(EXISTING)
    os.chown(tmp_path / "config", 12345, 54321)
    write(tmp_path / "config", "x", OURS)
    found = (tmp_path / "config").stat()
    assert (found.st_uid, found.st_gid) == (12345, 54321)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_gw_13_a_link_in_place_of_the_new_file_gives_no_file_of_root_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As when root writes into the folder of a user who waits for the file."""
    roots, config = tmp_path / "roots", tmp_path / "home" / "config"
    roots.touch(0o600)
    config.parent.mkdir()
    config.write_text(EXISTING)
    config.chmod(0o666)
    os.chown(config, 12345, 54321)

    def replaced(**where: Any) -> tuple[int, str]:
        descriptor, path = real_mkstemp(**where)
        Path(path).unlink()
        Path(path).symlink_to(roots)
        return descriptor, path

    real_mkstemp = tempfile.mkstemp
    monkeypatch.setattr(tempfile, "mkstemp", replaced)
    write(config, "x", OURS)
    found = roots.stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file another group")
def test_a_file_whose_group_a_user_cannot_keep_is_closed_to_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(*_: int) -> None:
        raise PermissionError

    (tmp_path / "config").write_text(EXISTING)
    (tmp_path / "config").chmod(0o664)
    os.chown(tmp_path / "config", 0, 54321)
    monkeypatch.setattr(os, "fchown", refused)
    write(tmp_path / "config", "x", OURS)
    assert stat.S_IMODE((tmp_path / "config").stat().st_mode) == 0o604


@pytest.mark.parametrize("heading", ['[profile "x"]', "[profile 'x']", "[ profile  x ]"])
def test_a_profile_is_found_as_sdks_read_its_heading(heading: str):
    assert merged(f"{heading}\nregion = y\n", "x", OURS).count("profile") == 1
    with pytest.raises(Invalid, match="role_arn"):
        merged(f"{heading}\nrole_arn = y\n", "x", OURS)


def test_a_file_that_is_not_utf_8_is_left_as_it_is(tmp_path: Path):
    file = tmp_path / "config"
    content = EXISTING.encode() + b"# caf\xe9\n"
    file.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        write(file, "x", OURS)
    assert refused.value.code == "profile_unwritable"
    assert f"{file} is not UTF-8: line {EXISTING.count('\n') + 1} holds the byte 0xe9." in refused.value.detail
    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("region = eu-west-1\n", "line 1 is in no section"),
        ("[default]\naws_secret_access_key canary\n", "line 2 has neither = nor :"),
        ("[profile a]\nregion = b\n[profile a]\n", "line 3 repeats a section"),
        ("[profile a]\nregion = b\nregion = canary\n", "line 3 repeats a setting of its section"),
        ("[profile a\nregion = b\n", "line 1 is in no section"),
    ],
)
def test_cli_01_a_file_that_the_aws_cli_refuses_is_left_as_it_is(tmp_path: Path, content: str, why: str):
    file = tmp_path / "config"
    file.write_text(content)
    with pytest.raises(botocore.exceptions.ConfigParseError):
        botocore.configloader.load_config(str(file))
    with pytest.raises(Invalid) as refused:
        write(file, "x", OURS)
    assert refused.value.detail == f"{file} is not a configuration file: {why}."
    assert file.read_text() == content
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("/proc/nowhere/config", "No such file or directory"),
        ("{here}/file/config", "Not a directory"),
        ("{here}", "Is a directory"),
    ],
)
def test_an_unwritable_place_is_named_and_nothing_stays_there(tmp_path: Path, place: str, why: str):
    (tmp_path / "file").write_text("kept")
    path = place.format(here=tmp_path)
    with pytest.raises(Invalid, match=f"{path} cannot be written: {why}") as refused:
        write(Path(path), "x", OURS)
    assert (refused.value.code, refused.value.exit_code) == ("profile_unwritable", 2)
    assert "AWS_CONFIG_FILE" in refused.value.fix
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("file", "kept")]


def test_a_file_that_cannot_be_replaced_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "config"
    file.write_text(EXISTING)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(Invalid, match="No space left on device"):
        write(file, "x", OURS)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("config", EXISTING)]


@pytest.mark.parametrize("text", ["", "eu-west-1\ncredential_process = x", "eu-west-1 ", "[default]"])
def test_a_region_begins_no_other_setting(text: str):
    assert checked_region("eu-west-1") == "eu-west-1"
    with pytest.raises(Invalid, match="is not a Region"):
        checked_region(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x", "[profile x]\n[profile  x]\naws_access_key_id = A\n"),
        ("x", "[profile 'x']\n[z]\n[profile x]\n"),
        ("x", "[profile.x]\naws_access_key_id = A\n"),
        ("x", "[x]\naws_access_key_id = A\n"),
        ("default", "[profile default]\naws_access_key_id = A\n"),
    ],
)
def test_a_profile_that_sdks_may_read_in_another_section_is_refused(name: str, text: str):
    """boto3 takes the last such section. Others prefer [profile default] to [default], and Ruby reads [x]."""
    with pytest.raises(Invalid, match="read as the profile"):
        merged(text, name, OURS)


@pytest.mark.parametrize("content", ["aws_access_key_id = A\naws_secret_access_key = s\n", "  role_arn = a\n"])
def test_a_profile_with_credentials_in_the_credentials_file_is_refused(tmp_path: Path, content: str):
    (tmp_path / "keys").write_text(f"[x]\n{content}")
    variables = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "keys")}
    with pytest.raises(Invalid, match="SDKs prefer these"):
        require_own_credentials(variables, "x")
    require_own_credentials(variables, "y")
    require_own_credentials({"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}, "x")
