"""The external id of a target: made here, from what makes the target one of its kind.

Nobody chooses it, so nobody can choose another's: a target that somebody has configured with the account and role of
another, which trusts this broker too, has another external id than that role's trust, and is refused (the confused
deputy). AWS does not treat it as a secret; it has to be unique, and to be made by whoever takes the role.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
"""

import hashlib

from jitney.configuration.arns import partition_of
from jitney.configuration.settings import TargetSettings


def external_id(alias: str, target: TargetSettings, broker_account: str) -> str:
    """The external id of the target `alias` of the broker in that account; an account has one broker."""
    # None of these holds a colon, so that no two targets spell the same.
    whole = ":".join((partition_of(target.region), broker_account, alias, target.account, target.role_name))
    return f"jitney-{hashlib.sha256(whole.encode()).hexdigest()[:32]}"
