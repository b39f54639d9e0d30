"""What of a grant was used, denied, never used, and left behind (row AUD 4)."""

from dataclasses import replace
from itertools import permutations

import pytest

from core.access.request import Permission
from core.trail.call import call_of
from core.trail.event import sighting
from core.trail.remains import Remains, left_behind, remains_of
from core.trail.usage import usage
from tests.fakes import GRANT, ROLE_ARN
from tests.trailing import ACCOUNT, ACTIONS_OF, called

WIDE = replace(GRANT, permissions=(Permission(("s3:GetObject", "s3:ListBucket", "s3:PutObject"), ("*",)),))


def call(number, **members):
    event = called(number, **members)
    return call_of(event, sighting(event, {ROLE_ARN: ACCOUNT}), ACTIONS_OF)


def test_aud_04_what_was_used_denied_and_never_used():
    calls = [
        call(1),
        call(2, eventName="ListObjects"),
        call(3, eventName="PutObject", errorCode="AccessDenied"),
        call(4, eventName="DeleteObject", errorCode="AccessDenied"),
        call(5, errorCode="NoSuchKey"),
    ]
    for each in permutations(calls):
        found = usage(WIDE, each)
        assert found.used == ("s3:GetObject", "s3:ListBucket")
        assert found.never_used == ("s3:PutObject",)
        assert found.denied == ("s3:DeleteObject", "s3:PutObject")


@pytest.mark.parametrize(
    ("name", "asked", "action"),
    [
        ("GetObject", {"bucketName": "b", "key": "k"}, "s3:GetObject"),
        ("GetObject", {"bucketName": "b", "key": "k", "versionId": "1"}, "s3:GetObjectVersion"),
        ("HeadObject", {"bucketName": "b", "key": "k"}, "s3:GetObject"),
        ("NoSuchOperation", {}, "s3:NoSuchOperation"),
    ],
)
def test_aud_04_an_event_is_told_by_the_action_that_authorizes_it(name, asked, action):
    assert call(1, eventName=name, requestParameters=asked).actions == (action,)


def test_aud_04_versions_in_the_names_of_events_are_no_part_of_the_action():
    made = call(1, eventSource="lambda.amazonaws.com", eventName="CreateFunction20150331v2", requestParameters={})
    assert made.actions == ("lambda:CreateFunction",)


def test_aud_04_what_was_made_and_not_taken_away_is_left_behind_whatever_the_order():
    first, second = Remains(("user x", "role y"), ()), Remains((), ("role y",))
    again, late = Remains(("bucket z",), ()), Remains((), ("bucket z",))
    for each in permutations([(1, first), (2, second), (5, again), (3, late)]):
        assert left_behind(each) == ("bucket z", "user x")


@pytest.mark.parametrize(
    ("service", "operation", "event", "made"),
    [
        ("iam", "CreateUser", {"requestParameters": {"userName": "x"}}, ("user x",)),
        ("iam", "CreateAccessKey", {"responseElements": {"accessKey": {"accessKeyId": "AKIA"}}}, ("access key AKIA",)),
        ("iam", "CreatePolicy", {"responseElements": {"policy": {"arn": "arn:p"}}}, ("policy arn:p",)),
        ("lambda", "CreateFunction20150331", {"requestParameters": {"functionName": "f"}}, ("function f",)),
        ("iam", "CreateUser", {"requestParameters": {"userName": "x"}, "errorCode": "AccessDenied"}, ()),
        ("iam", "CreateUser", {"requestParameters": None}, ()),
        ("iam", "CreateUser", {"requestParameters": {"userName": ["x"]}}, ()),
    ],
)
def test_aud_04_what_a_call_made(service, operation, event, made):
    assert remains_of(event, service, operation).made == made
