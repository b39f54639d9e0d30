"""Compares tables, views, named queries and the workgroup: deployed, in the stack's template, and in this package."""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

from jitney.audit_database.definitions import DATABASE, WORKGROUP, query_texts, table_inputs
from jitney.core.quantities import format_list
from jitney.core.review.safe_text import escape_invisible

Facts: TypeAlias = Mapping[str, str]
"""What can be compared of one definition. Only parameters can be empty without being missing."""
DefinitionTable: TypeAlias = Mapping[str, Facts]
"""The facts of definitions by kind and name, such as "View bypasses"."""
MOST_SHOWN, MOST_NAMED, MOST_FACTS = 80, 5, 5
_VIEW, _TEXT = "VIRTUAL_VIEW", "/* Presto View: "
_SQL, _COPIES = "SQL", "number of queries with this name"
PLACE = "place of results"
"""The fact of the workgroup that names the bucket of results."""
_FURTHER = (
    (
        *("TargetTable", "FederatedTable", "ViewDefinition", "IsMultiDialectView", "IsMaterializedView"),
        *("IcebergTableMetadata", "RLSProperties"),
    ),
    ("AdditionalLocations", "SchemaReference", "BucketColumns"),
)
"""What the stack never sets, in a table and in its storage.

It names other tables, locations, columns or SQL than the table's own, filters rows, or has Athena skip files (buckets).
"""
_RESTORE = "docs/query-definitions.md says how to restore it."


@dataclass(frozen=True, slots=True)
class DefinitionFindings:
    """What differs: `changed` after the deployment, and `unverified`, with the reason. `compared` counts definitions.

    Both are sentences.
    """

    changed: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    compared: int = 0


def own_definitions(records: str, results: str) -> DefinitionTable:
    """Return the definitions that this version deploys, with the names of the buckets of records and of results."""
    tables = table_inputs(records).values()
    queries = [{"Name": name, "QueryString": sql, "Database": DATABASE} for name, sql in query_texts().items()]
    workgroup = {
        "EnforceWorkGroupConfiguration": True,
        "ResultConfiguration": {"OutputLocation": f"s3://{results}/"},
    }
    return definition_table(tables, queries, workgroup)


def definition_table(
    tables: Iterable[Mapping[str, Any]], queries: Iterable[Mapping[str, Any]], workgroup: Mapping[str, Any]
) -> DefinitionTable:
    """Return the facts of Glue's tables, of Athena's named queries, and of the workgroup's configuration."""
    found: dict[str, Facts] = {}
    for each in tables:
        kind = "View" if each.get("TableType") == _VIEW else "Table"
        found[f"{kind} {each.get('Name')}"] = {
            **{name: text for name, text in _table_facts(each) if text},
            **dict(_parameters(each)),
        }
    for each in queries:
        name = f"Query {each.get('Name')}"
        copies = int(found.get(name, {}).get(_COPIES, "0")) + 1
        found[name] = {_SQL: str(each.get("QueryString")), "database": str(each.get("Database")), _COPIES: str(copies)}
    found[f"Workgroup {WORKGROUP}"] = {
        PLACE: str((workgroup.get("ResultConfiguration") or {}).get("OutputLocation")),
        "enforcement of that place": str(workgroup.get("EnforceWorkGroupConfiguration")).lower(),
    }
    return found


def _table_facts(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    storage = table.get("StorageDescriptor") or {}
    reader = storage.get("SerdeInfo") or {}
    yield "type", str(table.get("TableType") or "")
    yield "list of columns", _columns(storage.get("Columns"))
    yield "list of partition keys", _columns(table.get("PartitionKeys"))
    yield "location", str(storage.get("Location") or "")
    yield "input format", str(storage.get("InputFormat") or "")
    yield "output format", str(storage.get("OutputFormat") or "")
    yield "SerDe", str(reader.get("SerializationLibrary") or "")
    for names, named in zip(_FURTHER, (table, storage), strict=True):
        yield from ((name, json.dumps(named[name], sort_keys=True)) for name in names if named.get(name))
    # With Lake Formation, filters of rows and columns can apply to a table.
    yield "registration with Lake Formation", "yes" if table.get("IsRegisteredWithLakeFormation") else ""
    if text := table.get("ViewOriginalText"):
        yield from _view_facts(str(text))
        yield "expanded text", str(table.get("ViewExpandedText") or "")


def _parameters(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the parameters. The SerDe's `mapping.outcome` has an effect even if its value is empty."""
    storage = table.get("StorageDescriptor") or {}
    for kind, named in (("", table), ("storage ", storage), ("SerDe ", storage.get("SerdeInfo") or {})):
        for name, value in (named.get("Parameters") or {}).items():
            yield f"{kind}parameter {name}", str(value)


def _columns(columns: Any) -> str:
    listed = (f"{each.get('Name')} {each.get('Type')}" for each in columns or ())
    return ", ".join(json.dumps(each) if "," in each else each for each in listed)


def _view_facts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the SQL of a view's text in Glue, and the other members of its definition."""
    try:
        encoded = text.removeprefix(_TEXT).removesuffix(" */")
        members = json.loads(base64.b64decode(encoded, validate=True), object_pairs_hook=_object)
    except (binascii.Error, ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        yield _SQL, text
        return
    yield _SQL, str(members.pop("originalSql", ""))
    for name, value in members.items():
        yield f"definition's {name}", json.dumps(value, sort_keys=True)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("parsers differ in which of two members with the same name they return")
    return members


def in_template(template: Mapping[str, Any], records: str, results: str) -> DefinitionTable:
    """Return the definitions in the template of the stack. A reference to a bucket becomes its name."""
    tables, queries, workgroup = [], [], {}
    for resource in (template.get("Resources") or {}).values():
        kind, properties = resource.get("Type"), resource.get("Properties") or {}
        if kind == "AWS::Glue::Table":
            tables.append(_resolved(properties.get("TableInput") or {}, records))
        elif kind == "AWS::Athena::NamedQuery":
            queries.append(_resolved(properties, records))
        elif kind == "AWS::Athena::WorkGroup":
            workgroup = _resolved(properties.get("WorkGroupConfiguration") or {}, results)
    return definition_table(tables, queries, workgroup)


def version_in(template: Mapping[str, Any]) -> str:
    """Return the version of Jitney that the template deploys; "" if it names none."""
    for resource in (template.get("Resources") or {}).values():
        environment = (resource.get("Properties") or {}).get("Environment") or {}
        if resource.get("Type") == "AWS::Lambda::Function" and (
            version := (environment.get("Variables") or {}).get("JITNEY_VERSION")
        ):
            return str(version)
    return ""


def _resolved(value: Any, bucket: str) -> Any:
    """Return a value of a template with `bucket` for references, and with joined texts."""
    if isinstance(value, Mapping):
        if set(value) == {"Ref"} or set(value) == {"Fn::GetAtt"}:
            return bucket
        if set(value) == {"Fn::Join"}:
            separator, parts = value["Fn::Join"]
            return str(separator).join(str(_resolved(each, bucket)) for each in parts)
        return {name: _resolved(each, bucket) for name, each in value.items()}
    return [_resolved(each, bucket) for each in value] if isinstance(value, list) else value


def differences(found: DefinitionTable, expected: DefinitionTable) -> dict[str, str]:
    """Return what differs in `found`, in words by definition. Definitions that only `found` has are left out."""
    differing = {}
    for name, facts in expected.items():
        known = found.get(name)
        if known is None:
            differing[name] = "it is missing"
        elif found_words := list(_fact_differences(known, facts)):
            more = len(found_words) - MOST_FACTS
            differing[name] = "; ".join(found_words[:MOST_FACTS]) + (f"; and {more} more" if more > 0 else "")
    return differing


def _fact_differences(found: Facts, expected: Facts) -> Iterator[str]:
    for fact in (*expected, *(each for each in found if each not in expected)):
        is_now, was = found.get(fact), expected.get(fact)
        if is_now == was:
            continue
        if fact != _SQL:
            yield f"its {_cut(fact)} is {_shown(is_now)} instead of {_shown(was)}"
            continue
        is_now, was = is_now or "", was or ""
        lines = zip_longest(is_now.splitlines(), was.splitlines(), fillvalue="")
        changed = ((at, now, before) for at, (now, before) in enumerate(lines, 1) if now != before)
        at, now, before = next(changed, (1, is_now, was))
        yield f"line {at} of its SQL is {_shown(now or None)} instead of {_shown(before or None)}"


def _shown(text: str | None) -> str:
    """Return the text in quotation marks, on one line and not too long. None is shown as empty."""
    return "empty" if text is None else '"' + _cut(text).replace('"', "'") + '"'


def _cut(text: str) -> str:
    """Return the text on one line, not too long, and without invisible characters."""
    line = escape_invisible(text)
    return f"{line[:MOST_SHOWN]}…" if len(line) > MOST_SHOWN else line


def changed_sentences(changes: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each definition that is not as the stack deployed it."""
    return tuple(f"{name} was changed after its deployment: {words}. {_RESTORE}" for name, words in changes.items())


def other_version(names: Sequence[str], stack_version: str, own_version: str) -> str:
    """Return the sentence about a stack whose template has other definitions than this package."""
    differ = f"{format_list(names, MOST_NAMED)} {'differs' if len(names) == 1 else 'differ'}"
    if stack_version == own_version:
        which = f"The stack was deployed with other queries than this command's, both of version {own_version}"
        return f"{which}: {differ}. Install `jitney` from the deployed commit, and check again."
    version = escape_invisible(stack_version[:40]) or "an unknown version"
    which = f"The stack runs {version}, and this command is {own_version}"
    return f"{which}: {differ}. Install the stack's version of `jitney`, and check again."
