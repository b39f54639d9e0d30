"""`python -m data`: build the tables of actions, operations and masks from their sources.

If a new table fails its checks, the old one is kept, and the exit code is 1.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from data import masks, models, operations, table
from data.dependents import DependentActions
from data.escalations import Escalations, escalations
from data.escalations import faults as escalation_faults
from data.harms import Harms, service_aliases
from data.levels import Corrections
from data.outliving import Outliving
from data.pages import after_page, calls_page, further_page
from data.rules import Rules
from data.sources import HERE, Sources, fetch
from jitney.adapters.aws_models import AwsModels
from jitney.core.actions import ActionTable
from jitney.core.calls.operations import OperationTable
from jitney.core.masking.table import MaskTable
from jitney.resources import ACTIONS, MASKS, MODELS, OPERATIONS

TABLE = ACTIONS
DEPENDENTS = HERE / "dependents.json"
PAGE = HERE.parent / "docs" / "calls.md"
FURTHER = HERE.parent / "docs" / "further-permissions.md"
AFTER_PAGE = HERE.parent / "docs" / "after-a-grant.md"
AWS_CLI = HERE.parent / ".local" / "aws-cli" / "bin" / "python"


type Service = tuple[str, Mapping[str, Any], Mapping[str, Any]]
"""A prefix, its actions and its resource types."""


class Built(NamedTuple):
    """A new table, its privilege escalations, and the faults for which it must not be used."""

    encoded: bytes
    escalations: Escalations
    faults: list[str]


def build(sources: Sources, old: ActionTable | None, harms: Harms, outliving: Outliving) -> Built:
    """Return the new table, compared with the old one. Raises KeyError for an access level that is new in AWS."""
    lists, ours = sources.risk_lists(), _yaml("escalations.yaml")
    services, overtaken = _services(sources)
    known = {
        f"{prefix}:{each['name']}".lower(): f"{prefix}:{each['name']}"
        for prefix, actions, _ in services
        for each in actions.values()
    }
    corrections = Corrections(
        sources.overrides(),
        [*(name for names in _yaml("corrections.yaml").values() for name in names), *_credentials(lists, ours, known)],
        lists["READ_ONLY_DATA_EXFILTRATION_ACTIONS"],
        harms,
    )
    blocks = {
        prefix: table.service_block(prefix, actions, types, corrections, outliving)
        for prefix, actions, types in services
    }
    encode = partial(
        table.encode, outliving=[list(effect) for effect in outliving.effects], aliases=service_aliases(blocks)
    )
    found = escalations(lists, ours, ActionTable.load(encode({}, blocks, escalations=[])))
    encoded = encode(sources.about(), blocks, escalations=found.rows(), unknown=found.unknown)
    faults = [
        *(f"ahead.yaml names {name}, which the sources have now" for name in overtaken),
        *table.faults(
            ActionTable.load(encoded), old, _yaml("sentinels.yaml"), [*corrections.unused(), *outliving.unused()]
        ),
        *escalation_faults(found, ours["unknown"]),
    ]
    return Built(encoded, found, faults)


def _services(sources: Sources) -> tuple[list[Service], list[str]]:
    """Return the services with the actions that ahead.yaml adds, and which of these actions the sources now have."""
    ahead: dict[str, dict[str, str]] = _yaml("ahead.yaml")
    services, overtaken = [], []
    for prefix, actions, types in sources.services():
        more = ahead.get(prefix, {})
        overtaken += [f"{prefix}:{name}" for name in more if name.lower() in actions]
        services.append((prefix, table.with_more(actions, more), types))
    return services, overtaken


def _credentials(lists: Mapping[str, Any], ours: Mapping[str, Any], known: Mapping[str, str]) -> Iterator[str]:
    """Yield cloudsplaining's actions that return credentials, if AWS has them."""
    public = {name.lower() for name in ours["not_credentials"]}
    return (known[name] for name in lists["ACTIONS_THAT_RETURN_CREDENTIALS"] if name in known and name not in public)


def _yaml(name: str) -> Any:
    return yaml.safe_load((HERE / name).read_text("utf-8"))


def replace(path: Path, page: Path, sources: Sources, harms: Harms, outliving: Outliving) -> tuple[bool, list[str]]:
    """Write the new table to `path` and its `page` unless it has faults.

    Returns whether they were written, and lines to print.
    """
    old = ActionTable.load(path.read_bytes()) if path.exists() else None
    encoded, found, faults = build(sources, old, harms, outliving)
    new = ActionTable.load(encoded)
    if not faults:
        path.write_bytes(encoded)
        page.write_text(after_page(new), "utf-8")
    about = ", ".join(f"{name} {version}" for name, version in new.about.items())
    summary = f"{path.name}: {len(encoded)} bytes of {about}: {'not written' if faults else 'written'}"
    single = sum(len(method.actions) == 1 for method in found.methods)
    lines = [
        *(table.changes(new, old) if old else ()),
        *(f"unknown to AWS: {name}" for name in found.unknown),
        *(f"left out: {way}" for way in found.left_out),
        f"ways to gain permissions: {single} of one action, {len(found.methods) - single} of several",
    ]
    return not faults, [*lines, *(f"FAULT: {fault}" for fault in faults), summary]


def build_operations(actions: ActionTable) -> tuple[bytes, dict[Path, str]]:
    """Return the operation table, and the pages about its operations.

    Raises ValueError when operations.yaml names an unknown operation or member.
    """
    rules = Rules(**_yaml("operations.yaml"))
    dependents = DependentActions.load(DEPENDENTS)
    command = [str(AWS_CLI), str(HERE / "aws_cli.py"), *rules.services]
    cli = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)  # noqa: S603
    encoded, reports = operations.encode(rules, actions, dependents, cli)
    pages = {PAGE: calls_page(OperationTable.load(encoded), reports), FURTHER: further_page(reports, dependents)}
    return encoded, pages


def replace_operations(path: Path, actions: ActionTable) -> tuple[bool, list[str]]:
    """Write the table to `path`, and its pages.

    If fewer operations have a known action than before, write neither.
    """
    encoded, pages = build_operations(actions)
    old = OperationTable.load(path.read_bytes()).report if path.exists() else {}
    faults = operations.faults(OperationTable.load(encoded).report, old)
    if not faults:
        path.write_bytes(encoded)
        for page, text in pages.items():
            page.write_text(text, "utf-8")
    summary = f"{path.name} and its pages: {len(encoded)} bytes: {'not written' if faults else 'written'}"
    return not faults, [*(f"FAULT: {fault}" for fault in faults), summary]


def replace_masks(path: Path) -> tuple[bool, list[str]]:
    """Write the mask table to `path` unless it has faults. An unreviewed member is a fault."""
    listed = _yaml("masks.yaml")
    encoded, left = masks.encode(listed)
    new = MaskTable.load(encoded)
    old = MaskTable.load(path.read_bytes()) if path.exists() else None
    faults = masks.faults(new, old, listed["sentinels"], left)
    if not faults:
        path.write_bytes(encoded)
    about = f"{path.name}: {len(encoded)} bytes of botocore {new.about['botocore']}"
    counts = ", ".join(f"{count} {what}" for what, count in masks.counts(new).items())
    summary = f"{about} ({counts}): {'not written' if faults else 'written'}"
    return not faults, [*(f"FAULT: {fault}" for fault in faults), summary]


def replace_models(path: Path, services: Iterable[str]) -> str:
    """Write the table of models of `services` to `path`. Return a line to print."""
    encoded = models.encode(services)
    path.write_bytes(encoded)
    table_of_models = AwsModels.load(encoded)
    count = sum(len(table_of_models.operations(service)) for service in table_of_models.services())
    return f"{path.name}: {len(encoded)} bytes of botocore {table_of_models.about['botocore']} ({count} operations)"


def main() -> int:
    """Fetch the sources, build the tables, and print what changed."""
    scratch = Path(os.environ.get("JITNEY_LOCAL_DIR", ".local")) / "data"
    masked, most = replace_masks(MASKS)  # first, because its credentials are risks of actions
    harms = Harms.of_models(_yaml("harms.yaml"), MaskTable.load(MASKS.read_bytes()))
    outliving = Outliving.of_models(_yaml("outliving.yaml"))
    sources = fetch(scratch.resolve())
    written, lines = replace(TABLE, AFTER_PAGE, sources, harms, outliving)
    sources.dependents(Rules(**_yaml("operations.yaml")).all_prefixes()).write(DEPENDENTS)
    also, more = replace_operations(OPERATIONS, ActionTable.load(TABLE.read_bytes()))
    sliced = replace_models(MODELS, OperationTable.load(OPERATIONS.read_bytes()).services())
    print(*lines, *more, *most, sliced, sep="\n")  # noqa: T201
    return 0 if written and also and masked else 1


if __name__ == "__main__":
    sys.exit(main())
