"""A parameter that names another account names other resources than policies decide about."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import Shape
from botocore.session import get_session

from jitney.core.calls.account_parameters import ACCOUNT_PARAMETERS, require_own_account
from jitney.core.calls.call import AwsCall
from jitney.core.problems import Problem
from tests.core.calls.conftest import OPERATIONS, PLACE

OTHER = "999999999999"
CALLS = [
    ("ecr", "ListImages", "registryId", {"repositoryName": "r"}),
    ("glue", "GetTables", "CatalogId", {"DatabaseName": "d"}),
    ("glue", "BatchGetTableOptimizer", "Entries.catalogId", {}),
    ("glue", "StartDataQualityRulesetEvaluationRun", "DataSource.GlueTable.CatalogId", {}),
    ("lakeformation", "GrantPermissions", "Resource.Database.CatalogId", {"Permissions": ["ALL"]}),
    ("lakeformation", "BatchGrantPermissions", "Entries.Resource.TableWithColumns.CatalogId", {}),
    ("lakeformation", "CreateDataCellsFilter", "TableData.TableCatalogId", {}),
    ("redshift", "AddPartner", "AccountId", {}),
    ("redshift", "RestoreFromClusterSnapshot", "OwnerAccount", {"SnapshotIdentifier": "s"}),
    ("ssm", "CreateOpsItem", "AccountId", {"Title": "t"}),
]


def written(path: str, value: Any, operation: str) -> dict[str, Any]:
    """Return parameters with `value` at `path`. Entries are a list."""
    name, _, rest = path.partition(".")
    inner = written(rest, value, operation) if rest else value
    return {name: [inner] if name == "Entries" else inner}


def check(service: str, operation: str, parameters: dict[str, Any]) -> None:
    require_own_account(AwsCall(OPERATIONS.service(service).operation(operation), parameters), PLACE)


@pytest.mark.parametrize(("service", "operation", "path", "others"), CALLS)
def test_gw_04_no_call_names_another_account_in_a_parameter(
    service: str, operation: str, path: str, others: dict[str, Any]
) -> None:
    with pytest.raises(Problem) as caught:
        check(service, operation, others | written(path, OTHER, operation))
    assert caught.value.code == "account_mismatch"
    assert path in caught.value.detail
    assert f"Leave out {path}" in caught.value.fix
    check(service, operation, others | written(path, PLACE.account, operation))
    check(service, operation, others)


def test_gw_04_the_catalog_of_another_account_has_its_account_in_front() -> None:
    with pytest.raises(Problem, match="account_mismatch"):
        check("glue", "GetTables", {"DatabaseName": "d", "CatalogId": f"{OTHER}:s3tablescatalog/b"})


@pytest.mark.parametrize(
    "catalog", [f"{PLACE.account}:s3tablescatalog/b", "s3tablescatalog/b", "c", f"{PLACE.account} "]
)
@pytest.mark.parametrize(
    ("operation", "path", "others"),
    [
        ("GetTable", "CatalogId", {"DatabaseName": "d", "Name": "t"}),
        ("GetCatalog", "CatalogId", {}),
        ("GetCatalogs", "ParentCatalogId", {}),
        ("BatchGetTableOptimizer", "Entries.catalogId", {}),
    ],
)
def test_gw_04_no_call_names_a_catalog_within_the_accounts_own(
    catalog: str, operation: str, path: str, others: dict[str, Any]
) -> None:
    """AWS authorizes table/s3tablescatalog/b/d/t, and policies would decide about table/d/t."""
    with pytest.raises(Problem, match="call_invalid") as caught:
        check("glue", operation, others | written(path, catalog, operation))
    assert path in caught.value.detail
    check("lakeformation", "GetDataLakeSettings", {"CatalogId": catalog})


def test_gw_04_a_link_to_another_accounts_database_is_decided_by_its_own_name() -> None:
    link = {"Name": "link", "TargetDatabase": {"CatalogId": OTHER, "DatabaseName": "d"}}
    check("glue", "CreateDatabase", {"DatabaseInput": link})
    with pytest.raises(Problem, match="account_mismatch"):
        check("glue", "CreateDatabase", {"DatabaseInput": link, "CatalogId": OTHER})


def members(shape: Shape, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the names of the members of a shape, at any depth."""
    for name, inner in getattr(shape, "members", {}).items() if shape.name not in seen else ():
        yield name
        yield from members(inner, seen | {shape.name})
    if shape.type_name in ("list", "map"):
        yield from members(getattr(shape, "member", None) or shape.value, seen)


@pytest.mark.parametrize("service", ACCOUNT_PARAMETERS)
def test_gw_04_aws_knows_each_account_parameter(service: str) -> None:
    model = get_session().get_service_model(service)
    shapes = [found for each in model.operation_names if (found := model.operation_model(each).input_shape)]
    assert set(ACCOUNT_PARAMETERS[service]) <= {name for shape in shapes for name in members(shape)}
