"""The external id of a target, derived from the values that make it unique.

It prevents the confused deputy. A target may be configured with the account and role of another target of this broker.
Then its external id differs from the external id in the role's trust policy, and AWS refuses it. An external id is not
a secret. It must be unique, and the party that assumes the role must choose it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
"""

import hashlib

from jitney.configuration.partitions import partition_of
from jitney.configuration.settings import TargetSettings


def external_id(alias: str, target: TargetSettings, broker_account: str) -> str:
    """Return the external id of the target `alias`, for the broker in that account. An account has one broker."""
    # None of these contains a colon, so no two targets give the same text.
    whole = ":".join((partition_of(target.region), broker_account, alias, target.account, target.role_name))
    return f"jitney-{hashlib.sha256(whole.encode()).hexdigest()[:32]}"
