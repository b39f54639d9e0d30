"""docs/policy-suggestions.md and docs/policy-shadow.md: their commands print what the pages show (row POL 14)."""

import json
import re
import shlex
import shutil
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from tests.cli import invoke
from tests.configuration.test_policy_pages import DOCS, blocks
from tests.core.policy_suggestion.histories import published
from tests.core.replay.test_policy_replay import GOOD, Permission, agent, asked, with_detail

ROOT = DOCS.parent
SUGGESTIONS = (DOCS / "policy-suggestions.md").read_text(encoding="utf-8")
SHADOW = (DOCS / "policy-shadow.md").read_text(encoding="utf-8")
KEY = "arn:aws:s3:::reports/2026/"
BUCKET = "arn:aws:s3:::reports"
UNUSED = tuple(
    f"s3:GetBucket{name}" for name in ("Location", "Tagging", "Versioning", "Acl", "Logging", "Notification", "Policy")
)
# The sample system's names for those of the tests.
NAMES = {
    "corp.a": "local.agent-7",
    "corp/readers": "local/data-readers",
    "corp/writers": "local/data-writers",
    '"prod"': '"analytics-prod"',
    "g-00000000000041": "g-v6iwe2uuhc5ssg",
    "because": "nightly report",
}


def run(line: str) -> tuple[int, str, str]:
    result = invoke(shlex.split(line)[1:])
    return result.exit_code, result.stdout, result.stderr


def publish(folder: Path, day: str, lines: Any) -> None:
    (folder / f"dt={day}").mkdir(parents=True)
    text = "\n".join(map(json.dumps, lines))
    for old, new in NAMES.items():
        text = text.replace(old, new)
    (folder / f"dt={day}" / "1").write_text(text)


@pytest.fixture
def project(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample configuration, in the working directory."""
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    shutil.copy(ROOT / "jitney.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def history() -> list[Any]:
    """Two grants that were not used, two writes, and 38 reads of 31 keys."""
    who = agent(frozenset({"corp/readers", "corp/writers"}))
    described = Permission(UNUSED, (BUCKET,))
    reads = Permission(("s3:GetObject",), (f"{KEY}*",))
    writes = Permission(("s3:PutObject",), (f"{KEY}q1.csv",))
    unused = [published(number, who, asked(described)) for number in range(2)]
    written = [published(number, who, asked(writes), [("s3:PutObject", f"{KEY}q1.csv")]) for number in (2, 3)]
    read = [
        published(
            number, who, asked(reads, seconds=(300, 600, 900)[number % 3]), [("s3:GetObject", f"{KEY}q{key}.csv")]
        )
        for number, key in ((number, 10 + number % 31 if number % 31 else 1) for number in range(4, 42))
    ]
    return [*unused, *written, *read]


def test_pol_14_a_suggestion_is_as_on_the_page(project: Path):
    made = history()
    for name, place in (("records", 0), ("calls", 1)):
        publish(project / name, "2026-11-27", [each for lines in made for each in lines[place]])
    command = next(each for each in blocks(SUGGESTIONS, "sh")[0].splitlines() if each.startswith("jitney"))
    code, out, err = run(command.replace("30d", "2026-10-29"))
    assert code == 0, err
    assert blocks(SUGGESTIONS, "cedar")[0].strip() in out
    assert dedent(err).splitlines() == blocks(SUGGESTIONS, "text")[0].splitlines()


def test_pol_14_shadow_policies_are_tested_and_shown_as_on_the_page(project: Path):
    option = yaml.safe_load(blocks(SHADOW, "yaml")[0])
    shutil.copytree("policies", option["shadow_policies"])
    # The commented option of the sample configuration is the page's.
    text = (project / "jitney.yaml").read_text()
    assert f"# shadow_policies: {option['shadow_policies']}" in text
    (expression,) = re.findall(r"sed '(s/.*/)'", SHADOW)
    _, pattern, new, _ = expression.split("/")
    (project / "next.yaml").write_text(re.sub(pattern, new, text, flags=re.MULTILINE))
    assert yaml.safe_load((project / "next.yaml").read_text())["policies"] == option["shadow_policies"]
    command = next(each for each in blocks(SHADOW, "sh")[2].splitlines() if each.startswith("jitney"))
    assert run(command)[:2] == (0, f"Passed  policies-next/tests.yaml\n  cases     {cases(project)}\n")

    version = {"policy_version": "3f9a1c07d2b4" + "0" * 52}
    answers = [{"effect": "review", "policies": ["new"], "reviews": [["data-owners"]]}] * 40
    answers += [{"effect": "deny", "policies": ["new"]}] * 2 + [{}] * (18_210 - 42)
    lines = [with_detail({**GOOD, "chain": f"r-{n}"}, shadow=version | each) for n, each in enumerate(answers)]
    publish(project / "records", "2026-11-27", lines)
    command = next(each for each in blocks(SHADOW, "sh")[1].splitlines() if each.startswith("jitney"))
    code, out, _ = run(command.replace("7d", "2026-11-21"))
    shown = blocks(SHADOW, "text")[0]
    assert (code, out[: len(shown)]) == (0, shown)


def cases(project: Path) -> int:
    return len(yaml.safe_load((project / "policies" / "tests.yaml").read_text())["cases"])
