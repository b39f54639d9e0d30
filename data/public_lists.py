"""`python -m data.public_lists FOLDER`: compare the action table with public lists of dangerous actions.

FOLDER holds four repositories: `pathfinding.cloud` (DataDog), `AWS-IAM-Privilege-Escalation` (Rhino Security Labs),
`iam-vulnerable` (BishopFox) and `sensitive_iam_actions` (primeharbor). It also holds the unpacked packages
`cloudsplaining` and `policy_sentry`. Their texts are not copied: only names of actions are read.

The comparison writes docs/risks.md. It fails if an entry is not found and public_lists.yaml gives no reason.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from data.sources import HERE
from jitney.core.actions import AccessLevel, Action, ActionTable
from jitney.core.outliving import OUTLIVES_GRANT
from jitney.core.policy.risks import HARM_LEVELS, RISK_PHRASES, completed_escalations
from jitney.resources import ACTIONS

PAGE = HERE.parent / "docs" / "risks.md"
_ACTION = re.compile(r"\b[a-z0-9-]+:[A-Za-z0-9*]+\b")
_TERRAFORM_ACTIONS = re.compile(r"Action\"?\s*[=:]\s*(\[.*?\]|\"[^\"]*\")", re.DOTALL)

Entry = tuple[str, tuple[str, ...]]
"""The name of an entry and its actions."""


class PublicList(NamedTuple):
    """One list: its name, its kind (a key of `FOUND`), and how to read its entries from the folder."""

    name: str
    kind: str
    read: Callable[[Path], Iterable[Entry]]


class Comparison(NamedTuple):
    """The entries of one list: how many are found, and the names of those that are not or that AWS does not have."""

    name: str
    kind: str
    found: int
    unknown: tuple[str, ...]
    missing: tuple[str, ...]


def _escalates(actions: tuple[Action, ...], table: ActionTable) -> bool:
    return bool(completed_escalations([each.name for each in actions], (), table.escalations))


def _single(holds: Callable[[Action], bool]) -> Callable[[tuple[Action, ...], ActionTable], bool]:
    return lambda actions, _: all(map(holds, actions))


FOUND: Mapping[str, Callable[[tuple[Action, ...], ActionTable], bool]] = {
    "escalations": _escalates,
    "parts of escalations": lambda actions, table: all(
        each.name in table.escalation_actions or each.level is AccessLevel.PERMISSIONS_MANAGEMENT for each in actions
    ),
    "credentials": _single(lambda action: "CredentialExposure" in action.risks),
    "exposure": _single(
        lambda action: action.level is AccessLevel.PERMISSIONS_MANAGEMENT or "DataSharing" in action.risks
    ),
    "data": _single(lambda action: bool({"DataExfiltration", "CredentialExposure"} & action.risks)),
}
"""Whether an entry is found: a risk of its kind is on a request for its actions."""


def _pathfinding(folder: Path) -> Iterator[Entry]:
    for path in sorted((folder / "pathfinding.cloud" / "data" / "paths").rglob("*.yaml")):
        described = yaml.safe_load(path.read_text("utf-8"))
        yield described["id"], tuple(each["permission"] for each in described["permissions"]["required"])


def _rhino(folder: Path) -> Iterator[Entry]:
    text = (folder / "AWS-IAM-Privilege-Escalation" / "README.md").read_text("utf-8")
    for number, section in enumerate(re.split(r"^## \d+\. ", text, flags=re.MULTILINE)[1:], 1):
        required = section.partition("### Required Permission(s)")[2].partition("###")[0]
        lines = [line for line in required.splitlines() if "(possibly)" not in line]
        yield f"method {number}", tuple(_ACTION.findall("\n".join(lines)))


def _iam_vulnerable(folder: Path) -> Iterator[Entry]:
    for path in sorted((folder / "iam-vulnerable").rglob("privesc-paths/privesc*.tf")):
        policy = path.read_text("utf-8").partition('resource "aws_iam_policy"')[2].partition('resource "aws_')[0]
        found = _TERRAFORM_ACTIONS.findall(policy)
        yield path.stem, tuple(_ACTION.findall(" ".join(found)))


def _cloudsplaining(name: str) -> Callable[[Path], Iterator[Entry]]:
    def read(folder: Path) -> Iterator[Entry]:
        constants = folder / "cloudsplaining" / "shared" / "constants.py"
        for node in ast.parse(constants.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
                value: Any = ast.literal_eval(node.value)
                pairs = value.items() if isinstance(value, dict) else ((each, [each]) for each in value)
                yield from ((title, tuple(actions)) for title, actions in pairs)

    return read


def _policy_sentry(name: str) -> Callable[[Path], Iterator[Entry]]:
    def read(folder: Path) -> Iterator[Entry]:
        text = (folder / "policy_sentry" / "shared" / "data" / "audit" / f"{name}.txt").read_text("utf-8")
        yield from ((line.strip(), (line.strip(),)) for line in text.splitlines() if line.strip())

    return read


def _primeharbor(category: str) -> Callable[[Path], Iterator[Entry]]:
    def read(folder: Path) -> Iterator[Entry]:
        listed = yaml.safe_load((folder / "sensitive_iam_actions" / "actions.yaml").read_text("utf-8"))
        yield from ((name, (name,)) for name in listed[category]["Actions"])

    return read


LISTS = (
    PublicList("pathfinding.cloud", "escalations", _pathfinding),
    PublicList("Rhino Security Labs", "escalations", _rhino),
    PublicList("BishopFox iam-vulnerable", "escalations", _iam_vulnerable),
    PublicList("cloudsplaining, methods", "escalations", _cloudsplaining("PRIVILEGE_ESCALATION_METHODS")),
    PublicList("policy_sentry, privilege-escalation", "parts of escalations", _policy_sentry("privilege-escalation")),
    PublicList("primeharbor, PrivEsc", "parts of escalations", _primeharbor("PrivEsc")),
    PublicList("cloudsplaining, credentials", "credentials", _cloudsplaining("ACTIONS_THAT_RETURN_CREDENTIALS")),
    PublicList("policy_sentry, credentials-exposure", "credentials", _policy_sentry("credentials-exposure")),
    PublicList("primeharbor, CredentialExposure", "credentials", _primeharbor("CredentialExposure")),
    PublicList("policy_sentry, resource-exposure", "exposure", _policy_sentry("resource-exposure")),
    PublicList("primeharbor, ResourceExposure", "exposure", _primeharbor("ResourceExposure")),
    PublicList("cloudsplaining, exfiltration", "data", _cloudsplaining("READ_ONLY_DATA_EXFILTRATION_ACTIONS")),
    PublicList("primeharbor, DataAccess", "data", _primeharbor("DataAccess")),
)


def compare(listed: PublicList, entries: Iterable[Entry], table: ActionTable) -> Comparison:
    """Return which entries of a list are found in the table."""
    found, unknown, missing = 0, list[str](), list[str]()
    for name, actions in entries:
        known = tuple(action for each in actions if (action := table.get(each)))
        if len(known) < len(actions) or not actions:
            unknown.append(name)
        elif FOUND[listed.kind](known, table):
            found += 1
        else:
            missing.append(name)
    return Comparison(listed.name, listed.kind, found, tuple(unknown), tuple(missing))


def reasoned(left_out: Iterable[str], reasons: Mapping[str, Iterable[str]]) -> tuple[Counter[str], list[str]]:
    """Return how many entries have each reason, and what is wrong: entries without one, and patterns without entries.

    `reasons` maps each reason to patterns of entries. The first that matches counts.
    """
    patterns = [(reason, pattern) for reason, listed in reasons.items() for pattern in listed]
    counts, faults, used = Counter[str](), [], set[str]()
    for name in left_out:
        matching = [(reason, pattern) for reason, pattern in patterns if fnmatchcase(name, pattern)]
        used |= {pattern for _, pattern in matching}
        if matching:
            counts[matching[0][0]] += 1
        else:
            faults.append(f"{name} is not found and has no reason")
    return counts, faults + [f"{pattern} matches no entry" for _, pattern in patterns if pattern not in used]


def main(folder: Path) -> int:
    """Write the page, print the faults, and return 1 if there are any."""
    table = ActionTable.load(ACTIONS.read_bytes())
    reasons: dict[str, dict[str, list[str]]] = yaml.safe_load((HERE / "public_lists.yaml").read_text("utf-8"))
    results = [compare(each, each.read(folder), table) for each in LISTS]
    counts, faults = {}, []
    for each in results:
        counts[each.name], found = reasoned((*each.unknown, *each.missing), reasons.get(each.name, {}))
        faults += [f"{each.name}: {fault}" for fault in found]
    print(*faults, sep="\n")  # noqa: T201
    if not faults:
        PAGE.write_text(risks_page(table, results, counts), "utf-8")
    return 1 if faults else 0


HEAD = """# Risks

Every action of the action table has the risks that the rules of `data/harms.yaml` give it. If no rule
assesses an action that changes something, the action has the risk `NotAssessed`. Policies see risks in
`context.risks`. Reviewers see them as sentences, the worst first. Combinations of actions, the wildcards of a request,
and the exceptions of a target ([target-permissions.md](target-permissions.md)) add risks.
`functions/jitney/schema.cedarschema` lists all of them. A level is `severe`, `high` or `moderate`, or `unknown` for
`NotAssessed`.

## Actions by risk

| risk | level | what such an action does | actions |
| --- | --- | --- | ---: |
"""
LISTS_HEAD = """
## Public lists

`python -m data.public_lists FOLDER` compares the table with public lists of dangerous actions. An entry counts as
found if the table gives its actions a risk of the list's kind.

| list | kind | entries | found |
| --- | --- | ---: | ---: |
"""
LEFT_HEAD = """
The other entries, with the reason in `data/public_lists.yaml`:

| list | reason | entries |
| --- | --- | ---: |
"""


def risk_rows(table: ActionTable) -> list[str]:
    """Return a row of the page for each risk that single actions have."""
    actions = [action for prefix in table.services() for action in table.of_service(prefix)]
    counts = Counter(risk for action in actions for risk in action.risks)
    changes = sum(action.level is AccessLevel.PERMISSIONS_MANAGEMENT for action in actions)
    phrases = {name: one for name, (one, _) in RISK_PHRASES.items() if name in counts}
    rows = [
        ("PrivilegeEscalation", "is part of a known privilege escalation", len(table.escalation_actions)),
        *((name, phrase, counts[name]) for name, phrase in phrases.items()),
        ("ResourceExposure", RISK_PHRASES["ResourceExposure"][0], changes),
        (OUTLIVES_GRANT, "can create what [outlives the grant](after-a-grant.md)", counts[OUTLIVES_GRANT]),
    ]
    return [f"| `{name}` | {HARM_LEVELS[name]} | {phrase} | {count:,} |" for name, phrase, count in rows]


def risks_page(table: ActionTable, results: Iterable[Comparison], reasons: Mapping[str, Counter[str]]) -> str:
    """Return docs/risks.md. `reasons` counts the entries of each list that are not found, by reason."""
    lists, left = [], []
    for each in results:
        entries = each.found + len(each.unknown) + len(each.missing)
        lists.append(f"| {each.name} | {each.kind} | {entries} | {each.found} |")
        left += [f"| {each.name} | {reason} | {count} |" for reason, count in reasons[each.name].items()]
    parts = (HEAD + "\n".join(risk_rows(table)), LISTS_HEAD + "\n".join(lists), LEFT_HEAD + "\n".join(left))
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
