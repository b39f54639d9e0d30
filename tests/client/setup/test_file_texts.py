"""The files of clients are changed by insertions only, and taking these out gives the same bytes."""

import json

import json5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.client.setup.insertions import inserted, without
from jitney.client.setup.json_file import JsonText
from jitney.client.setup.profile_file import ProfileText
from jitney.client.setup.toml_file import TomlText
from tests.examples import examples

SERVER = {"type": "stdio", "command": "jitney", "args": ["mcp", "--api", "https://jitney.example.com"]}
PLACE = ("mcpServers", "jitney")
JSON_TEXTS = [
    "",
    "\n",
    "{}",
    "{ }",
    "{\n}",
    "{}\n",
    '{"mcpServers":{}}',
    '{"mcpServers": {"a": {"x":1}}}',
    '{"mcpServers": {"a": {}, "b": 2}, "mcp": {}}',
    '{\r\n  // c\r\n  "mcpServers": {\r\n\t"a": {"x": 1,}, /* z */\r\n  }, "k": [1,2]\r\n}\r\n',
    '{\n\t"mcpServers": {\n\t\t"a": {"x": 1} // last\n\t},\n\t"z": [{"q": {}}]\n}',
    '// top\n{\n    "z": 1 // one\n    // end\n}\n// after\n',
    '{\r\n  "a": 1 // x\r\n}',
    '{\n  "mcpServers": {\n    // nothing yet\n  }\n}\n',
    '{\n  "mcpServers": {\n    "a": {},\n  },\n}\n',
    '{"a": "}\\"{", "caf\u00e9": "//"}',
]


@pytest.mark.parametrize("text", JSON_TEXTS)
def test_cli_07_a_json_file_gets_its_bytes_back(text: str):
    changed, spans = inserted(text, JsonText(text).insertions(PLACE, SERVER))
    assert JsonText(changed).entry(PLACE) == SERVER
    assert without(changed, spans) == text
    assert ("\r\n" in text) == ("\r\n" in changed)
    assert not ("\r\n" in text and "\n" in changed.replace("\r\n", ""))


@pytest.mark.parametrize("text", JSON_TEXTS)
def test_cli_07_only_the_entry_is_removed_from_a_json_file_that_changed(text: str):
    changed, _ = inserted(text, JsonText(text).insertions(PLACE, SERVER))
    left = JsonText(changed).without(PLACE)
    expected = JsonText(changed).document
    del expected["mcpServers"]["jitney"]
    assert JsonText(left).document == expected
    comments = [comment for comment in ("// c", "/* z */", "// last", "// one", "// end", "// top") if comment in text]
    assert [comment for comment in comments if comment not in left] == []


NAMES = st.text('ab"\\/*{}[]:,é', max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=examples(60))
@given(st.dictionaries(NAMES, VALUES, max_size=3), st.none() | st.dictionaries(NAMES, VALUES, max_size=3), st.data())
def test_cli_07_any_json_file_gets_its_bytes_back(document: dict, servers: dict | None, data: st.DataObject):
    if servers is not None:
        document |= {"mcpServers": servers}
    text = json.dumps(document, indent=data.draw(st.sampled_from([None, 2, 4, "\t"])), ensure_ascii=False)
    changed, spans = inserted(text, JsonText(text).insertions(PLACE, SERVER))
    assert without(changed, spans) == text
    expected = document | {"mcpServers": (servers or {}) | {"jitney": SERVER}}
    assert json.loads(changed) == expected
    del expected["mcpServers"]["jitney"]
    assert json5.loads(JsonText(changed).without(PLACE)) == expected


@pytest.mark.parametrize(
    "text", ["[]", "1", '{"a": 1', '{"a": 1, "a": 2}', '{"mcpServers": {"a": {}, "a": {}}}', "{}}"]
)
def test_cli_07_a_file_that_is_no_json_object_is_refused(text: str):
    with pytest.raises(ValueError):  # noqa: PT011 - any of them is shown
        JsonText(text)


@pytest.mark.parametrize("text", ['{"mcpServers": []}', '{"mcpServers": null}', '{"mcpServers": "x"}'])
def test_cli_07_a_place_that_is_no_object_is_refused(text: str):
    with pytest.raises(ValueError, match="not an object"):
        JsonText(text).insertions(PLACE, SERVER)


TOML_TEXTS = [
    "",
    "\n",
    'model = "o9"',
    'model = "o9"\n# last\n',
    'model = "o9"\r\n\r\n[mcp_servers.docs] # theirs\r\ncommand = "docs"\r\n',
    "[mcp_servers]\n",
    '[mcp_servers.docs]\ncommand = "docs"\n\n[profiles.x]\na = 1\n\n\n',
]


@pytest.mark.parametrize("text", TOML_TEXTS)
def test_cli_07_a_toml_file_gets_its_bytes_back(text: str):
    place = ("mcp_servers", "jitney")
    changed, spans = inserted(text, TomlText(text).insertions(place, SERVER))
    assert TomlText(changed).entry(place) == SERVER
    assert without(changed, spans) == text
    assert not ("\r\n" in text and "\n" in changed.replace("\r\n", ""))
    left = TomlText(TomlText(changed).without(place))
    assert left.entry(place) is None
    assert left.entry(("mcp_servers", "docs")) == TomlText(text).entry(("mcp_servers", "docs"))


@pytest.mark.parametrize(
    "text", ["mcp_servers = {}\n", 'mcp_servers = {docs = {command = "docs"}}\n', "mcp_servers = 1\n"]
)
def test_cli_07_a_toml_file_that_cannot_grow_is_refused(text: str):
    with pytest.raises(ValueError):  # noqa: PT011 - tomlkit's own
        TomlText(text).insertions(("mcp_servers", "jitney"), SERVER)


@pytest.mark.parametrize(
    "text", ["", "[default]\nregion = eu-west-1", "[profile a]\nx = y\n# end\n", "[profile a]\r\n"]
)
def test_cli_07_an_aws_file_gets_its_bytes_back(text: str):
    wanted = {"credential_process": "jitney credentials analytics-prod --reason 'q3 report'"}
    changed, spans = inserted(text, ProfileText(text).insertions(("profile q3",), wanted))
    assert ProfileText(changed).entry(("profile q3",)) == wanted
    assert without(changed, spans) == text
    assert ProfileText(ProfileText(changed).without(("profile q3",))).entry(("profile q3",)) is None


def test_cli_07_an_aws_file_that_botocore_cannot_read_is_refused():
    with pytest.raises(ValueError, match="no section headers"):
        ProfileText("region = eu-west-1\n")
