"""The parameters that name the account of a call's resources, which must be the target's."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jitney.core.calls.call import AwsCall, AwsLocation
from jitney.core.calls.options import invalid_call
from jitney.core.calls.values import strings_in
from jitney.core.problems import Problem

ACCOUNT_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "apigatewayv2": ("ResourceOwnerAccountId",),
    "backup": ("BackupVaultAccountId",),
    "cloudtrail": ("EventDataStoreOwnerAccountId",),
    "ecr": ("registryId",),
    "glue": ("CatalogId", "CatalogID", "ParentCatalogId", "catalogId"),
    "lakeformation": ("CatalogId", "TableCatalogId"),
    "redshift": ("AccountId", "OwnerAccount", "ResourceOwner"),
    "s3control": ("AccountId", "BucketAccountId"),
    "sqs": ("QueueOwnerAWSAccountId",),
    "ssm": ("AccountId",),
}
"""By botocore's name of the service. Parameters that grant access to an account name no account of a resource."""
_NESTED = frozenset({"glue", "lakeformation"})
"""The services whose parameters name accounts at any depth."""
_LINKS = frozenset({"TargetDatabase", "TargetTable"})
"""What a link in the Glue catalog refers to. Policies decide about the link, by its own name."""
_ACCOUNT = re.compile(r"(\d{12})(?!\d)", re.ASCII)
"""An account, also at the beginning of the id of a Glue catalog within it."""
_CATALOGS = "glue"
"""The service that has catalogs within the account's own catalog.

The ARNs of their databases and tables contain the catalog's name, such as `table/s3tablescatalog/b/d/t`.

https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
"""


def require_own_account(call: AwsCall, place: AwsLocation) -> None:
    """Raise Problem account_mismatch for a call of another account's resources.

    Raise call_invalid for a catalog within the account's own catalog. Otherwise policies would decide about the
    target's resources of the same names.
    """
    service = call.operation.service
    names = ACCOUNT_PARAMETERS.get(service, ())
    for path, value in _named(dict(call.parameters), names, nested=service in _NESTED) if names else ():
        found = _ACCOUNT.match(value)
        if found and found[1] != place.account:
            detail = f"{path} names account {found[1]}, but the target's account is {place.account}."
            raise Problem("account_mismatch", detail, f"Leave out {path}, or name the target's account in it.")
        if service == _CATALOGS and is_within_own_catalog(value, place.account):
            detail = f"{path} names a catalog within the account's catalog, whose resources have other ARNs."
            fix = f"Leave out {path} for the account's own catalog, or request permissions instead of this call."
            raise invalid_call(detail, fix, parameter=path)


def _named(value: Any, names: tuple[str, ...], path: str = "", *, nested: bool) -> Iterator[tuple[str, str]]:
    """Yield the path and each string of the parameters with one of the names."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in names:
                yield from ((f"{path}{name}", each) for each in strings_in(inner))
            if nested and name not in _LINKS:
                yield from _named(inner, names, f"{path}{name}.", nested=True)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner, names, path, nested=nested)


def is_within_own_catalog(catalog: Any, account: str) -> bool:
    """Return whether the id of a Glue catalog is that of a catalog within the account's own."""
    if not isinstance(catalog, str) or catalog == account:
        return False
    found = _ACCOUNT.match(catalog)
    return found is None or found[1] == account
