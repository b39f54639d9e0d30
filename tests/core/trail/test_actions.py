"""The actions that authorize the operation in an event."""

import pytest

from tests.cloudtrail_events import EVENT_OPERATIONS


@pytest.mark.parametrize(
    ("name", "asked", "actions"),
    [
        ("DeleteObject", {"bucketName": "b", "key": "k"}, ("s3:DeleteObject",)),
        ("DeleteObject", {"bucketName": "b", "key": "k", "versionId": "v"}, ("s3:DeleteObjectVersion",)),
        # The event does not list the deleted objects; each has an event of its own, too.
        ("DeleteObjects", {"bucketName": "b"}, ("s3:DeleteObject",)),
        ("DeleteObjects", {"bucketName": "b", "delete": ""}, ("s3:DeleteObject",)),
    ],
)
def test_aud_04_an_event_maps_to_its_authorizing_actions(name, asked, actions):
    assert EVENT_OPERATIONS.actions("s3.amazonaws.com", name, asked) == actions
