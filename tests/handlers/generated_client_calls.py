"""Requests a grant and renews its credentials with a generated client. Runs in the generator's environment.

Arguments: the folder of the generated package, the API's address, a token. Prints the key ids and the state as JSON.
"""

import json
import sys
from pathlib import Path

folder, address, token = sys.argv[1:]
sys.path.insert(0, str(Path(folder).parent))

from generated.api.grants import create_credentials, create_grant, get_grant  # noqa: E402
from generated.client import AuthenticatedClient  # noqa: E402
from generated.models import (  # noqa: E402
    AccessRequest,
    CallRequest,
    IssuedGrant,
    Permission,
    Problem,
    ShownGrant,
)

REQUEST = AccessRequest(
    target="analytics-prod",
    permissions=[Permission(actions=["s3:GetObject"], resources=["arn:aws:s3:::reports/2026/*"])],
    duration_seconds=300,
    reason="monthly report",
)

with AuthenticatedClient(base_url=address, token=token) as client:
    made = create_grant.sync(client=client, body=REQUEST, idempotency_key="key-1")
    assert isinstance(made, IssuedGrant), made
    renewed = create_credentials.sync(made.grant.id, client=client)
    assert isinstance(renewed, IssuedGrant), renewed
    shown = get_grant.sync(made.grant.id, client=client)
    assert isinstance(shown, ShownGrant), shown
    unknown = get_grant.sync("g-aaaaaaaaaaaaaa", client=client)
    assert isinstance(unknown, Problem), unknown
    # A call in a grant has no member of a request. A client that fills in defaults would send one.
    call = CallRequest(service="s3", operation="ListBuckets", grant=made.grant.id).to_dict()
    assert call.keys() == {"service", "operation", "grant"}, call
    key_id = renewed.credentials.access_key_id
    sys.stdout.write(json.dumps([made.grant.id, renewed.grant.id, key_id, shown.grant.state, unknown.code]))
