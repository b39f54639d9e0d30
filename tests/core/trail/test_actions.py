"""The actions that authorize the operation in an event."""

import pytest

from tests.cloudtrail_events import EVENT_OPERATIONS


@pytest.mark.parametrize(
    ("source", "name", "asked", "actions"),
    [
        ("s3", "DeleteObject", {"bucketName": "b", "key": "k"}, ("s3:DeleteObject",)),
        ("s3", "DeleteObject", {"bucketName": "b", "key": "k", "versionId": "v"}, ("s3:DeleteObjectVersion",)),
        # The event does not list the deleted objects; each has an event of its own, too.
        ("s3", "DeleteObjects", {"bucketName": "b"}, ("s3:DeleteObject",)),
        ("s3", "DeleteObjects", {"bucketName": "b", "delete": ""}, ("s3:DeleteObject",)),
        ("s3", "PutBucketPublicAccessBlock", {"bucketName": "b"}, ("s3:PutBucketPublicAccessBlock",)),
        ("s3", "DeleteAccountPublicAccessBlock", {"Host": ["1.s3-control"]}, ("s3:PutAccountPublicAccessBlock",)),
        ("s3", "CreateBucket", {"bucketName": "b"}, ("s3:CreateBucket",)),
        ("s3express", "ListDirectoryBuckets", {}, ("s3express:ListAllMyDirectoryBuckets",)),
        ("s3express", "CreateSession", {"bucketName": "b--euw1-az1--x-s3"}, ("s3express:CreateSession",)),
        ("s3express", "PutBucketPolicy", {"bucketName": "b--euw1-az1--x-s3"}, ("s3express:PutBucketPolicy",)),
        # Services whose source is another service's, or is no name of their endpoint.
        ("autoscaling", "RegisterScalableTarget", {}, ("application-autoscaling:RegisterScalableTarget",)),
        ("autoscaling", "PutScalingPolicy", {"autoScalingGroupName": "g"}, ("autoscaling:PutScalingPolicy",)),
        (
            "autoscaling",
            "PutScalingPolicy",
            {"serviceNamespace": "ecs", "resourceId": "service/a/b"},
            ("application-autoscaling:PutScalingPolicy",),
        ),
        ("rdsdataapi", "ExecuteStatement", {"sql": "**********"}, ("rds-data:ExecuteStatement",)),
        # An event does not show which kind of API has the tags.
        ("apigateway", "TagResource", {"resourceArn": "a", "tags": {}}, ("apigateway:PUT", "apigateway:POST")),
        # Operations that the table does not know: the action has IAM's prefix.
        ("amazonmq", "CreateBroker", {"brokerName": "b"}, ("mq:CreateBroker",)),
        ("servicecatalog-appregistry", "ListApplications", {}, ("servicecatalog:ListApplications",)),
        ("chime-sdk-voice", "CreateVoiceConnector", {}, ("chime:CreateVoiceConnector",)),
        ("agreement-marketplace", "AcceptAgreementRequest", {}, ("aws-marketplace:AcceptAgreementRequest",)),
        ("cloud9", "CreateEnvironmentEC2", {}, ("cloud9:CreateEnvironmentEC2",)),
        # No API operation: a file system was mounted.
        ("elasticfilesystem", "NewClientConnection", {}, ("elasticfilesystem:ClientMount",)),
        ("newservice", "DoSomething", {}, ("newservice:DoSomething",)),
    ],
)
def test_aud_04_an_event_maps_to_its_authorizing_actions(source, name, asked, actions):
    assert EVENT_OPERATIONS.actions(f"{source}.amazonaws.com", name, asked) == actions
