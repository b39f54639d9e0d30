"""Reads what is deployed in Glue and Athena, and compares it with this package. Imports boto3."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

import jitney
from jitney.audit_database.definitions import DATABASE, WORKGROUP
from jitney.client.audit.athena import named_queries
from jitney.client.audit.aws import aws_clients, code_of, explaining, fix_of
from jitney.client.audit.definition_comparison import (
    PLACE,
    DefinitionFindings,
    DefinitionTable,
    changed_sentences,
    definition_table,
    differences,
    in_template,
    other_version,
    own_definitions,
    version_in,
)
from jitney.client.problems import ClientProblem, Invalid

STACK = "Jitney"
AT_ONCE = 3
_TITLE = "The queries were not compared"
_PERMISSIONS = "docs/query-definitions.md lists the permissions."


class DefinitionSources(NamedTuple):
    """The workgroup and database, and the buckets of records and of results that they must name.

    With "" as `results`, the place of results is not compared.
    """

    workgroup: str = WORKGROUP
    database: str = DATABASE
    records: str = ""
    results: str = ""


class DeployedDefinitions:
    """Reads Glue, Athena and CloudFormation with the environment's AWS credentials. Raises Invalid."""

    def __init__(self, sources: DefinitionSources) -> None:
        self._sources = sources
        self._athena, self._glue, self._cloudformation = aws_clients(_TITLE, "athena", "glue", "cloudformation")

    def deployed(self) -> DefinitionTable:
        """Return the definitions in Glue and Athena. Raises Invalid or Unavailable."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            parts = [pool.submit(each) for each in (self._tables, self._queries, self._workgroup)]
            tables, queries, workgroup = (each.result() for each in parts)
        return definition_table(tables, queries, workgroup)

    def template(self) -> Mapping[str, Any]:
        """Return the template of Jitney's stack. Raises Invalid or Unavailable."""
        with _explained("GetTemplate"):
            template = self._cloudformation.get_template(StackName=STACK)["TemplateBody"]
        if not isinstance(template, Mapping):
            raise Invalid("template_unreadable", _TITLE, f"The template of stack {STACK} is not JSON.", "")
        return template

    def _tables(self) -> list[Any]:
        with _explained("GetTables"):
            pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=self._sources.database)
            return [each for page in pages for each in page["TableList"]]

    def _queries(self) -> list[Any]:
        with _explained("ListNamedQueries and BatchGetNamedQuery"):
            return named_queries(self._athena, self._sources.workgroup)

    def _workgroup(self) -> Any:
        with _explained("GetWorkGroup"):
            return self._athena.get_work_group(WorkGroup=self._sources.workgroup)["WorkGroup"].get("Configuration", {})


def _explained(operation: str) -> AbstractContextManager[None]:
    def refused(error: ClientError) -> Invalid:
        code = code_of(error)
        detail = f"The queries were not compared with this version's: AWS answered {code} to {operation}."
        return Invalid("definitions_unreadable", _TITLE, detail, fix_of(code, _PERMISSIONS))

    return explaining(_TITLE, refused)


def check_definitions(sources: DefinitionSources) -> DefinitionFindings:
    """Return how the deployed definitions differ from the stack's template, and that from this package.

    The template is read only if the deployed definitions are not those of this package. Definitions that cannot be read
    are unverified. Nothing is compared in another workgroup or database than the stack's.
    """
    if (sources.workgroup, sources.database) != (WORKGROUP, DATABASE):
        return DefinitionFindings()
    try:
        reader = DeployedDefinitions(sources)
        deployed = reader.deployed()
        place = deployed[f"Workgroup {WORKGROUP}"][PLACE]
        results = sources.results or place.removeprefix("s3://").removesuffix("/")
        own = own_definitions(sources.records, results)
        if not differences(deployed, own):
            return DefinitionFindings(compared=len(own))
        template = reader.template()
        stack = in_template(template, sources.records, results)
        others = tuple(differences(stack, own))
    except ClientProblem as problem:
        return DefinitionFindings(unverified=(f"{problem.detail} {problem.fix}".strip(),))
    changed = changed_sentences(differences(deployed, stack))
    other = (other_version(others, version_in(template), jitney.__version__),) if others else ()
    return DefinitionFindings(changed, other, len(stack))
