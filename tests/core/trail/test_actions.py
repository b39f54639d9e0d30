"""Which actions authorize what an event tells of."""

import pytest

from tests.cloudtrail_events import ACTIONS_OF


@pytest.mark.parametrize(
    ("name", "asked", "actions"),
    [
        ("DeleteObject", {"bucketName": "b", "key": "k"}, ("s3:DeleteObject",)),
        ("DeleteObject", {"bucketName": "b", "key": "k", "versionId": "v"}, ("s3:DeleteObjectVersion",)),
        # Which objects were deleted it does not tell; each is an event of its own besides.
        ("DeleteObjects", {"bucketName": "b"}, ("s3:DeleteObject",)),
        ("DeleteObjects", {"bucketName": "b", "delete": ""}, ("s3:DeleteObject",)),
    ],
)
def test_aud_04_an_event_maps_to_its_authorizing_actions(name, asked, actions):
    assert ACTIONS_OF("s3.amazonaws.com", name, asked) == actions
