"""The parameters that name the account of a call's resources, which must be the target's."""

import re
from collections.abc import Mapping

from jitney.core.calls.call import AwsCall, AwsLocation
from jitney.core.calls.values import strings_in, wrong_account

_ACCOUNT_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "apigatewayv2": ("ResourceOwnerAccountId",),
    "backup": ("BackupVaultAccountId",),
    "cloudtrail": ("EventDataStoreOwnerAccountId",),
    "ecr": ("registryId",),
    "glue": ("CatalogId", "CatalogID", "ParentCatalogId"),
    "lakeformation": ("CatalogId", "TableCatalogId"),
    "s3control": ("AccountId",),
    "sqs": ("QueueOwnerAWSAccountId",),
}
"""By botocore's name of the service. Parameters that only filter or grant access name no account of a resource."""
_ACCOUNT = re.compile(r"(\d{12})(?!\d)", re.ASCII)
"""An account, also at the beginning of the id of a Glue catalog within it."""


def require_own_account(call: AwsCall, place: AwsLocation) -> None:
    """Raise Problem account_mismatch for a call of another account's resources.

    Otherwise policies would decide about the target's resources of the same names.
    """
    for name in _ACCOUNT_PARAMETERS.get(call.operation.service, ()):
        for value in strings_in(call.parameters.get(name)):
            found = _ACCOUNT.match(value)
            if found and found[1] != place.account:
                raise wrong_account(value, place)
