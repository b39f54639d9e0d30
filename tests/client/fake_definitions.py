"""Fakes of Glue, Athena and CloudFormation, with the definitions that a stack of this version deploys."""

import base64
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from jitney.audit_database.definitions import query_texts, table_inputs

RECORDS, RESULTS = "records", "results"
_TEXT, _END = "/* Presto View: ", " */"


class FakeDefinitions:
    """All three services as one client. `refused` is raised by the operation of that name.

    `tables`, `queries` and `workgroup` are deployed, `template` is the stack's. Pages have three entries.
    """

    PAGE = 3

    def __init__(self) -> None:
        self.tables = table_inputs(RECORDS)
        # Glue adds members, and leaves out empty ones.
        for each in self.tables.values():
            each.update(CatalogId="1", VersionId="3", DatabaseName="jitney", IsRegisteredWithLakeFormation=False)
            each["StorageDescriptor"].update(Compressed=False, NumberOfBuckets=0, SortColumns=[])
        self.queries = [
            {"NamedQueryId": name, "Name": name, "QueryString": sql, "Database": "jitney", "WorkGroup": "jitney"}
            for name, sql in query_texts().items()
        ]
        self.workgroup: dict[str, Any] = {
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {"OutputLocation": f"s3://{RESULTS}/"},
        }
        self.template = self._template()
        self.refused: dict[str, Exception] = {}
        self.asked: list[str] = []

    @staticmethod
    def _template() -> dict[str, Any]:
        """Return the template of the stack, as CDK writes references to the buckets."""
        text = json.dumps(table_inputs("BUCKET"))
        tables = json.loads(text, object_hook=lambda members: {name: _joined(each) for name, each in members.items()})
        queries = {
            name: {"Name": name, "QueryString": sql, "Database": "jitney"} for name, sql in query_texts().items()
        }
        place = {"Fn::Join": ["", ["s3://", {"Ref": "BucketsResults7"}, "/"]]}
        workgroup = {"EnforceWorkGroupConfiguration": True, "ResultConfiguration": {"OutputLocation": place}}
        function = {"Environment": {"Variables": {"JITNEY_VERSION": "0.1.0"}}}
        return {
            "Resources": {
                **{f"T{name}": _resource("Glue::Table", {"TableInput": each}) for name, each in tables.items()},
                **{f"Q{name}": _resource("Athena::NamedQuery", each) for name, each in queries.items()},
                "W": _resource("Athena::WorkGroup", {"Name": "jitney", "WorkGroupConfiguration": workgroup}),
                "F": _resource("Lambda::Function", function),
            }
        }

    def redeploy(self, version: str, change: Callable[["FakeDefinitions"], None]) -> None:
        """Deploy another version: what it deploys and its template are changed."""
        change(self)
        for name, each in self.tables.items():
            self.template["Resources"][f"T{name}"]["Properties"]["TableInput"] = copy.deepcopy(each)
        for each in self.queries:
            self.template["Resources"][f"Q{each['Name']}"] = _resource("Athena::NamedQuery", dict(each))
        self.template["Resources"]["F"]["Properties"]["Environment"]["Variables"]["JITNEY_VERSION"] = version

    def change_view(self, name: str, before: str, after: str) -> None:
        """Replace a text in the SQL of a view, in Athena's form."""

        def changed(text: str) -> str:
            definition = json.loads(text)
            assert before in definition["originalSql"]
            return json.dumps(definition | {"originalSql": definition["originalSql"].replace(before, after)})

        self.rewrite_view(name, changed)

    def rewrite_view(self, name: str, change: Callable[[str], str]) -> None:
        """Change the JSON in the text of a view."""
        view = self.tables[name]
        encoded = view["ViewOriginalText"].removeprefix(_TEXT).removesuffix(_END)
        text = change(base64.b64decode(encoded).decode())
        view["ViewOriginalText"] = f"{_TEXT}{base64.b64encode(text.encode()).decode()}{_END}"

    def query(self, name: str) -> dict[str, str]:
        """Return the named query."""
        return next(each for each in self.queries if each["Name"] == name)

    def get_paginator(self, operation: str) -> Any:
        return _Pages(self, operation)

    def _answer(self, operation: str) -> None:
        self.asked.append(operation)
        if operation in self.refused:
            raise self.refused[operation]

    def pages(self, operation: str) -> Iterator[dict[str, Any]]:
        self._answer(operation)
        listed = (
            list(self.tables.values()) if operation == "get_tables" else [each["NamedQueryId"] for each in self.queries]
        )
        kind = "TableList" if operation == "get_tables" else "NamedQueryIds"
        yield from ({kind: listed[start : start + self.PAGE]} for start in range(0, len(listed), self.PAGE))

    def batch_get_named_query(self, *, NamedQueryIds: list[str]) -> dict[str, Any]:  # noqa: N803
        assert 0 < len(NamedQueryIds) <= 50
        return {"NamedQueries": [each for each in self.queries if each["NamedQueryId"] in NamedQueryIds]}

    def get_work_group(self, *, WorkGroup: str) -> dict[str, Any]:  # noqa: N803
        assert WorkGroup == "jitney"
        self._answer("get_work_group")
        return {"WorkGroup": {"Name": WorkGroup, "Configuration": self.workgroup}}

    def get_template(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == "Jitney"
        self._answer("get_template")
        return {"TemplateBody": self.template}


class _Pages:
    def __init__(self, fake: FakeDefinitions, operation: str) -> None:
        self._fake, self._operation = fake, operation

    def paginate(self, **where: str) -> Iterator[dict[str, Any]]:
        assert where in ({"DatabaseName": "jitney"}, {"WorkGroup": "jitney"})
        return self._fake.pages(self._operation)


def _resource(kind: str, properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def _joined(value: Any) -> Any:
    """Return a text with the bucket as CDK writes it: a join with a reference."""
    if not (isinstance(value, str) and value.startswith("s3://BUCKET/")):
        return value
    return {"Fn::Join": ["", ["s3://", {"Ref": "BucketsRecords5"}, value.removeprefix("s3://BUCKET")]]}
