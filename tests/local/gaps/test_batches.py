"""SQS: a caller that may send a message may send several at once."""

import pytest

from tests.local.gaps.contracts import Emulator, refused, role

pytestmark = pytest.mark.slow


def test_batches_by_their_messages(emulator: Emulator) -> None:
    url = emulator.root("sqs").create_queue(QueueName="batches")["QueueUrl"]
    entries = [{"Id": "1", "MessageBody": "x"}]
    for name, action in (("sends", "sqs:SendMessage"), ("receives", "sqs:ReceiveMessage")):
        policy = {"Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}
        arn = role(emulator, name, policy)
        issued = emulator.root("sts").assume_role(RoleArn=arn, RoleSessionName="another")["Credentials"]
        sqs = emulator.session("sqs", issued)
        if name == "sends":
            assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 1
        else:
            refused("AccessDenied", sqs.send_message_batch, QueueUrl=url, Entries=entries)
