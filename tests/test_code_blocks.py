"""Every code block and every inline command of the documentation is valid, or listed here with a reason.

The commands of the README, agent.md and targets.md also run: tests/system/test_readme.py, tests/client/test_docs.py.
"""

import itertools
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cedarpy
import duckdb
import pytest
import typer.main
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from jitney.client.cli import build_app
from jitney.core.calls.explainer import WITHOUT_CALLS, explain_words
from jitney.core.calls.options import first_word
from jitney.core.calls.parser import read_command
from local.agent_shell import AUDITOR, DEVELOPER
from local.identity import AGENTS
from tests.core.calls.conftest import OPERATIONS, PLACE

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
NOT_OURS = {
    "base64": "coreutils",
    "cd": "the shell",
    "cdk": "the CDK CLI",
    "curl": "curl",
    "cut": "coreutils",
    "do": "the shell",
    "done": "the shell",
    "dbus-run-session": "dbus",
    "export": "the shell",
    "for": "the shell",
    "git": "git",
    "jq": "jq",
    "openssl": "OpenSSL",
    "pip": "pip",
    "pipx": "pipx",
    "python": "an interpreter",
    "python3": "an interpreter",
    "sed": "the shell's tools",
    "sort": "coreutils",
    "sudo": "the system's",
    "sha256sum": "coreutils",
    "uvx": "uv",
}
"""First words of command lines that no test parses, because their programs' versions are not ours to choose."""
UNCHECKED = {
    "mermaid": "GitHub renders it; its only parser needs a browser",
    "text": "a picture, or the output of a command",
}
"""Languages that no test parses, with the reason."""
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
SHELLS = {f".local/{name}.env" for name in (*AGENTS, DEVELOPER, AUDITOR)}
SCHEMA = (ROOT / "functions" / "jitney" / "schema.cedarschema").read_text("utf-8")
NEED_REASON = ("request", "run", "serve", "credentials", "profile")
"""The commands that refuse a request without --reason."""
UNKNOWN_SERVICES = {"codeartifact", "cognito-identity", "emr", "iotsecuretunneling", "memorydb", "ram"}
"""Services of the AWS CLI whose operations Jitney does not know, so that no test parses these commands."""
BUCKET = re.compile(r"(?<=s3://)\$?[A-Z_-]+")
JITNEY: Any = typer.main.get_command(build_app())


class Block(NamedTuple):
    """A code block of a page, or an inline command."""

    line: int
    language: str
    text: str


def blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    """Yield every fenced or indented code block. An indented one is a shell's."""
    for token in tokens:
        if token.type in ("fence", "code_block"):
            language = token.info.strip() or ("" if token.type == "fence" else "sh")
            yield Block((token.map or [0])[0] + 1, language, token.content)


def inline_commands(tokens: Sequence[Token]) -> Iterator[Block]:
    """Yield every code span that begins with `jitney` or `make` and has more words, or is a call by the AWS CLI."""
    for token in tokens:
        for child in token.children or ():
            if child.type == "code_inline" and re.match(r"(jitney|make) \S|aws .*--\S+ \S", child.content):
                yield Block((token.map or [0])[0] + 1, "inline", child.content)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each simple command of a shell text, without what follows a redirection."""
    text = re.sub(r"(?m)(?:^|(?<=\s))#.*$", "", text).replace("\\\n", " ")
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    for word in [*lexer, "\n"]:
        if not set(word) <= set("|&;\n"):
            words.append(word)
            continue
        if words:
            yield words[: next((at for at, each in enumerate(words) if set(each) <= set("<>")), None)]
        words = []


def check_shell(text: str) -> None:
    found = list(commands(text))
    assert found
    for words in found:
        check_command(words)


def check_console(text: str) -> None:
    """Check the lines that a person types, which begin with `$`. The other lines are output."""
    check_shell("\n".join(line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")))


def check_command(words: list[str]) -> None:
    program, *arguments = itertools.dropwhile(re.compile(r"[A-Z_]+=").match, words)
    if program == "jitney":
        parse_jitney(arguments)
    elif program == "make":
        goals = [each for each in arguments if not each.startswith("-") and "=" not in each]
        assert set(goals) <= TARGETS
    elif program == "aws":
        parse_aws(arguments)
    elif program == ".":
        assert set(arguments) <= SHELLS
    else:
        assert program in NOT_OURS, f"{program}: parse it, or list it in NOT_OURS with a reason"


def parse_jitney(arguments: list[str]) -> None:
    """Parse a command line as the command does, without running it. Raises for a line that it would refuse."""
    command, name, parent = JITNEY, "jitney", None
    while hasattr(command, "resolve_command"):
        context = command.make_context(name, arguments[:1], parent=parent, resilient_parsing=True)
        name, command, arguments = command.resolve_command(context, arguments)
        assert command, f"no command {name}"
        parent = context
    given = command.make_context(name, arguments, parent=parent).params
    if name in NEED_REASON and not any(given.get(instead) for instead in ("grant", "stop")):
        assert given["reason"], "--reason is missing"


def parse_aws(arguments: list[str]) -> None:
    """Parse a command line of the AWS CLI. Raises Problem for an unknown or missing option.

    The names of buckets in capitals, which readers replace, count as names of buckets.
    """
    words = [BUCKET.sub(lambda found: found[0].lower().strip("$").replace("_", "-"), word) for word in arguments]
    service, rest = first_word(words[2:] if words[0] == "--profile" else words)
    if service == "s3":
        explain_words(["aws", service, *rest], PLACE, OPERATIONS)
    elif service not in WITHOUT_CALLS | UNKNOWN_SERVICES:
        read_command(service, rest, OPERATIONS)


def check_yaml(text: str) -> None:
    """Check a YAML file, and the command lines of `jitney` in it, such as those of a CI job."""
    for document in yaml.safe_load_all(text):
        for line in texts(document):
            if line.startswith("jitney "):
                check_command(shlex.split(line))


def texts(value: Any) -> Iterator[str]:
    """Yield each text in a document, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def check_cedar(text: str) -> None:
    result = cedarpy.validate_policies(text, SCHEMA)
    assert result.validation_passed, result.errors


def check_inline(text: str) -> None:
    program, *words = text.split()
    if program in ("aws", "make"):
        check_command(shlex.split(text))
        return
    command, context = JITNEY, JITNEY.make_context("jitney", [], resilient_parsing=True)
    while words and hasattr(command, "get_command") and words[0][0].isalpha():
        command = command.get_command(context, words.pop(0))
        assert command, "no such command"
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    own = words[: words.index("--")] if "--" in words else words
    unknown = {word.partition("=")[0] for word in own if word.startswith("--")} - known
    assert not unknown, f"no such options: {sorted(unknown)}"


CHECKS: dict[str, Callable[[str], Any]] = {
    "bash": check_shell,
    "cedar": check_cedar,
    "console": check_console,
    "inline": check_inline,
    "json": json.loads,
    "python": lambda text: compile(text, "page", "exec"),
    "sh": check_shell,
    "sql": duckdb.extract_statements,
    "toml": tomllib.loads,
    "yaml": check_yaml,
}


def faults(text: str) -> Iterator[str]:
    """Yield what is wrong with the code blocks and the inline commands of a page, with their lines."""
    tokens = MarkdownIt().enable("table").parse(text)
    for block in (*blocks(tokens), *inline_commands(tokens)):
        if block.language not in CHECKS.keys() | UNCHECKED.keys():
            yield f"line {block.line}: no check for a block in {block.language!r}"
            continue
        try:
            CHECKS.get(block.language, str)(block.text)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - of several libraries
            yield f"line {block.line}: {block.text.strip()}: {error!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_code_block_and_inline_command_of_a_page_is_valid(page: Path):
    assert list(faults(page.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("```yaml\na: [\n```\n\n```toml\na: 1\n```\n", [1, 5]),
        ("```json\n{}\n```\n", []),
        ("```yaml\nscript: [jitney run analytics-prod -- aws s3 ls s3://reports]\n```\n", [1]),
        ("```yaml\nscript: [jitney run analytics-prod --reason x -- aws s3 ls s3://reports]\n```\n", []),
        ("```jsn\n{}\n```\n", [1]),
        ("```\n```\n", [1]),
        ("Text:\n\n    jitney requets analytics-prod\n", [3]),
        ("- Run `make dmeo`.\n\n| a |\n| --- |\n| `jitney request --acton s3:GetObject` |\n", [1, 5]),
        ("`make demo`, `jitney request --action s3:GetObject` and `jitney`", []),
    ],
)
def test_the_faults_of_a_page_are_found_with_their_lines(text: str, lines: list[int]):
    assert [each.partition(":")[0] for each in faults(text)] == [f"line {line}" for line in lines]


@pytest.mark.parametrize(
    "text",
    [
        "jitney requets analytics-prod",
        "jitney request analytics-prod --acton s3:GetObject",
        "jitney request",
        "jitney request analytics-prod --action s3:GetObject --resource arn:aws:s3:::reports/*",
        "make dmeo",
        ". .local/nobody.env",
        "suod make up",
        "aws athena get-query-results --query-id 1",
        "aws athena get-query-results",
        "aws atena get-query-results --query-execution-id 1",
        "aws --profile reports s3 cp s3://$REPORTS_BUCKET/a.csv . --recursve",
    ],
)
def test_a_wrong_command_line_is_found(text: str):
    with pytest.raises(Exception):  # noqa: B017, PT011 - of several libraries
        check_shell(text)
