"""Explains the AWS CLI's own examples, and writes docs/calls-examples.md: `python -m data.example_report [FOLDER]`.

FOLDER holds the examples of another AWS CLI, such as `awscli/examples` of its source. Without it, the examples of the
AWS CLI in `.local/aws-cli` are used.
"""

import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.cli_examples import FILE, NotPlainError, examples, words_of
from data.sources import HERE
from jitney.core.access.request import ExplainedAction
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.explainer import explain_line
from jitney.core.calls.file_contents import UnreadFileError, insert_contents
from jitney.core.calls.operations import OperationTable
from jitney.core.problems import Problem
from jitney.resources import OPERATIONS

PAGE = HERE.parent / "docs" / "calls-examples.md"
AWS_CLI = HERE.parent / ".local" / "aws-cli"
PLACE = AwsLocation("aws", "us-west-2", "123456789012")
# Examples name various accounts, also as 12345EXAMPLE, and as account in an ARN. All stand for the caller's own.
_ACCOUNT = re.compile(r"(?<![\dA-Za-z])(?:\d{12}|\d{5}EXAMPLE)(?![\dA-Za-z])")
_PLACE = re.compile(r"(?<=:)region:account(?=:)")

NOT_PLAIN = "A placeholder or a substitution of the shell stands for a value."
IN_FILE = "The parameters are in a file, which the page does not show."
NOT_SHOWN = "is not on the page"
TYPO = "An option, a word or a value is missing or wrong."
REASONS: Mapping[str, str] = {
    "": NOT_PLAIN,
    NOT_SHOWN: IN_FILE,
    r"does not call AWS|is not supported in calls": "The command makes no call of AWS itself, or names an endpoint.",
    r"is not in account": "An ARN has no valid account.",
    r"has no command|does not know which action": "The command or its action is unknown.",
    r"names no resource|is not a bucket name|names a resource, but is empty|pattern|another kind": (
        "A parameter that names a resource is not understood."
    ),
    r".": TYPO,
}
"""The reasons for which examples are refused, by what the problem says. The first one counts."""

HEAD = """# The AWS CLI's examples

The AWS CLI's documentation has examples for its commands. Jitney derives the permissions of each example for the
services in [calls.md](calls.md). `make examples` repeats this and writes the page, from AWS CLI {version}. Jitney reads
the account in each example as the target's account, even if it is written as `account` or `12345EXAMPLE`. The words of
an example are those that a POSIX shell passes to `aws`. A file has the content that the page of the example shows.

| examples | number | share |
| --- | ---: | ---: |
| all | {total} | 100 % |
| accepted | {accepted} | {share:.1f} % |
| accepted with a file | {from_files} | {files_share:.1f} % |
| accepted with the ARN of a resource | {with_arn} | {arn_share:.1f} % |
| valid and complete | {valid} | |
| accepted, of the valid and complete ones | {accepted} | {valid_share:.1f} % |

Two kinds of examples do not count as valid and complete: those that both Jitney and the AWS CLI's own parser refuse,
and those with placeholders, or with parameters in a file that the page does not show. The refused examples, by reason:

| reason | examples | refused by the AWS CLI |
| --- | ---: | ---: |
"""


@dataclass(frozen=True, slots=True)
class PlainExample:
    """The words of an example, and the contents of its files that the page shows, by path."""

    words: tuple[str, ...]
    files: Mapping[str, str]

    def read(self, path: str) -> str:
        """Return the content of a file. Raises UnreadFileError."""
        if path not in self.files:
            raise UnreadFileError(f"{path} {NOT_SHOWN}.")
        return self.files[path]

    @property
    def whole(self) -> list[str]:
        """The words, with the content of each file that the page shows in place of its name."""
        return [self.files.get(word.removeprefix(FILE), word) if word.startswith(FILE) else word for word in self.words]


@dataclass(slots=True)
class ExampleReport:
    """How many examples were accepted, how many of those have a file or an ARN, and the words of refused ones.

    The words are None for an example that is not one plain command line.
    """

    accepted: int = 0
    from_files: int = 0
    with_arn: int = 0
    refused: dict[str, list[list[str] | None]] = field(default_factory=lambda: {each: [] for each in REASONS.values()})

    @property
    def total(self) -> int:
        """The number of all examples."""
        return self.accepted + sum(map(len, self.refused.values()))


def example_folder() -> Path:
    """Return the folder of the installed AWS CLI's examples."""
    (found,) = AWS_CLI.glob("lib/python*/site-packages/awscli/examples")
    return found


def read_examples(folder: Path, operations: OperationTable) -> tuple[list[PlainExample], int]:
    """Return each plain example of the supported services, and how many others there are."""
    services = {operations.service(name).command for name in operations.services()} | {"s3"}
    plain: list[PlainExample] = []
    others = 0
    for example in examples(folder, services):
        try:
            words = tuple(_own(word) for word in words_of(example.command))
        except NotPlainError:
            others += 1
        else:
            plain.append(PlainExample(words, {path: _own(text) for path, text in example.files.items()}))
    return plain, others


def _own(text: str) -> str:
    return _ACCOUNT.sub(PLACE.account, _PLACE.sub(f"{PLACE.region}:{PLACE.account}", text))


def explain_example(example: PlainExample, operations: OperationTable) -> tuple[ExplainedAction, ...]:
    """Return what an example needs, with its files as the page shows them. Raises Problem."""
    return explain_line(insert_contents(shlex.join(example.words), example.read, operations), PLACE, operations)


def report_examples(folder: Path, operations: OperationTable) -> ExampleReport:
    """Return what becomes of each example."""
    report = ExampleReport()
    plain, others = read_examples(folder, operations)
    report.refused[NOT_PLAIN] = [None] * others
    for example in plain:
        try:
            explained = explain_example(example, operations)
        except Problem as problem:
            reason = next(reason for said, reason in REASONS.items() if said and re.search(said, problem.detail))
            report.refused[reason].append(example.whole)
        else:
            report.accepted += 1
            report.from_files += bool(example.files)
            report.with_arn += any(each.resources != ("*",) for each in explained)
    return report


def requests_of(commands: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Return what the AWS CLI would send for each command, as `data.cli_requests` prints it."""
    lines = "".join(f"{json.dumps(words)}\n" for words in commands)
    command = [AWS_CLI / "bin" / "python", HERE / "cli_requests.py"]
    found = subprocess.run(command, input=lines, stdout=subprocess.PIPE, check=True, encoding="utf-8")  # noqa: S603
    return [json.loads(line) for line in found.stdout.splitlines()]


def examples_page(report: ExampleReport, refused_too: Mapping[str, int], version: str) -> str:
    """Return the page. `refused_too` counts by reason what the AWS CLI refuses too."""
    valid = report.accepted + sum(
        len(refused) - refused_too[reason]
        for reason, refused in report.refused.items()
        if reason not in (NOT_PLAIN, IN_FILE)
    )
    head = HEAD.format(
        version=version,
        total=report.total,
        accepted=report.accepted,
        share=100 * report.accepted / report.total,
        from_files=report.from_files,
        files_share=100 * report.from_files / report.total,
        with_arn=report.with_arn,
        arn_share=100 * report.with_arn / report.total,
        valid=valid,
        valid_share=100 * report.accepted / valid,
    )
    rows = [
        f"| {reason} | {len(refused)} | {refused_too[reason] if None not in refused else ''} |"
        for reason, refused in sorted(report.refused.items(), key=lambda each: -len(each[1]))
    ]
    return head + "\n".join([*rows, ""])


def main(folder: Path) -> None:
    """Write the page, and print each refused example with its reason."""
    operations = OperationTable.load(OPERATIONS.read_bytes())
    report = report_examples(folder, operations)
    refused_too: Counter[str] = Counter()
    for reason, refused in report.refused.items():
        plain = [words for words in refused if words is not None]
        for words, request in zip(plain, requests_of(plain), strict=True):
            refused_too[reason] += "error" in request
            print(f"{reason}{' The AWS CLI refuses it too.' * ('error' in request)} {shlex.join(words)}")  # noqa: T201
    PAGE.write_text(examples_page(report, refused_too, operations.about["aws-cli"]), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else example_folder())
