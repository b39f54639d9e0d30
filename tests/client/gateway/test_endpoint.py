"""boto3 through the local endpoint, over a socket, to moto."""

import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError

from tests.client.gateway.conftest import Served


def test_gw_06_s3_works_with_paths_keys_and_bodies(served: Served):
    s3 = served.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    keys = ["plain.txt", "a/b//c d+e%20.txt", "/leading", "grüße/☃", "trailing/", "dots/.../x"]
    for key in keys:
        s3.put_object(Bucket="reports", Key=key, Body=key.encode(), Metadata={"note": "x y"}, ContentType="text/plain")
    found = s3.list_objects_v2(Bucket="reports")
    assert sorted(each["Key"] for each in found["Contents"]) == sorted(keys)
    for key in keys:
        answer = s3.get_object(Bucket="reports", Key=key)
        assert (answer["Body"].read(), answer["Metadata"], answer["ContentType"]) == (
            key.encode(),
            {"note": "x y"},
            "text/plain",
        )
    head = s3.head_object(Bucket="reports", Key="plain.txt")
    assert head["ContentLength"] == len("plain.txt")
    s3.copy_object(Bucket="reports", Key="copy", CopySource={"Bucket": "reports", "Key": "a/b//c d+e%20.txt"})
    assert s3.get_object(Bucket="reports", Key="copy", Range="bytes=0-2")["Body"].read() == b"a/b"
    s3.delete_objects(Bucket="reports", Delete={"Objects": [{"Key": key} for key in keys]})
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="reports")["Contents"]] == ["copy"]
    assert "s3:CopyObject" in served.broker.sent


def test_gw_06_errors_of_aws_arrive_as_they_are(served: Served):
    with pytest.raises(ClientError) as caught:
        served.client("s3").get_object(Bucket="no-such-bucket", Key="k")
    assert caught.value.response["Error"]["Code"] == "NoSuchBucket"
    with pytest.raises(ClientError) as caught:
        served.client("dynamodb").describe_table(TableName="missing")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert len(served.broker.calls) == 2


def test_gw_06_multipart_uploads_paginators_and_waiters_work(served: Served):
    s3 = served.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.get_waiter("bucket_exists").wait(Bucket="reports")
    upload = s3.create_multipart_upload(Bucket="reports", Key="large")["UploadId"]
    part = s3.upload_part(Bucket="reports", Key="large", PartNumber=1, UploadId=upload, Body=b"x" * 3_000_000)
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(Bucket="reports", Key="large", UploadId=upload, MultipartUpload=parts)
    assert s3.head_object(Bucket="reports", Key="large")["ContentLength"] == 3_000_000
    for number in range(5):
        s3.put_object(Bucket="reports", Key=f"n/{number}", Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="reports", PaginationConfig={"PageSize": 2})
    assert len([each for page in pages for each in page["Contents"]]) == 6


def test_gw_06_virtual_hosted_buckets_have_the_bucket_in_the_host(served: Served):
    s3 = served.client("s3", s3={"addressing_style": "path"})
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="reports", Key="a b", Body=b"content")
    signed = signed_for_host(served, "GET", f"reports.s3.localhost:{served.port}", "/a%20b", "s3")
    assert signed == (200, b"content")
    assert signed_for_host(served, "GET", f"reports.localhost:{served.port}", "/", "s3")[0] == 200


def test_gw_06_queue_addresses_are_the_endpoints_for_the_child_and_aws_for_the_broker(served: Served):
    sqs = served.client("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    assert url.startswith(f"{served.url}/.queue/sqs.eu-west-1.amazonaws.com/")
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    assert served.broker.calls[-1][0]["parameters"]["QueueUrl"].startswith("https://sqs.eu-west-1.amazonaws.com/")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"
    assert sqs.list_queues()["QueueUrls"] == [url]
    assert sqs.get_queue_url(QueueName="jobs")["QueueUrl"] == url


def test_gw_06_every_protocol_works(served: Served):
    dynamodb = served.client("dynamodb")
    key = {"AttributeName": "id", "KeyType": "HASH"}
    dynamodb.create_table(
        TableName="t",
        KeySchema=[key],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="t", Item={"id": {"S": "1"}, "blob": {"B": b"\x00\xff"}, "none": {"NULL": True}})
    assert dynamodb.get_item(TableName="t", Key={"id": {"S": "1"}})["Item"]["blob"]["B"] == b"\x00\xff"
    iam = served.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust, Tags=[{"Key": "a b", "Value": "c&d"}])
    assert iam.get_role(RoleName="worker")["Role"]["Tags"] == [{"Key": "a b", "Value": "c&d"}]
    ec2 = served.client("ec2")
    image = ec2.describe_images(Filters=[{"Name": "architecture", "Values": ["x86_64", "arm64"]}])["Images"][0]
    started = ec2.run_instances(ImageId=image["ImageId"], MinCount=1, MaxCount=1, UserData="#!/bin/sh")
    assert len(started["Instances"]) == 1
    route53 = served.client("route53")
    zone = route53.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
    assert route53.get_hosted_zone(Id=zone)["HostedZone"]["Name"] == "example.com."
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("f.py", "def handler(event, context): return event")
    role = iam.get_role(RoleName="worker")["Role"]["Arn"]
    functions = served.client("lambda")
    functions.create_function(
        FunctionName="f", Runtime="python3.13", Role=role, Handler="f.handler", Code={"ZipFile": archive.getvalue()}
    )
    assert functions.list_functions()["Functions"][0]["FunctionName"] == "f"
    assert served.client("sts").get_caller_identity()["Account"] == "123456789012"


def signed_for_host(served: Served, method: str, host: str, path: str, service: str) -> tuple[int, bytes]:
    """Return the status and the body for a request that is signed for `host` and sent to the endpoint."""
    import http.client

    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(method, f"http://{host}{path}")
    S3SigV4Auth(Credentials(served.keys.access_key_id, served.keys.secret), service, "eu-west-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.request(method, path, headers={**dict(request.headers.items()), "Host": host})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content
