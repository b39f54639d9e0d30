"""An agent's loop, run as `jitney run -- python loop.py BUCKET KEY`. It reads one object until AWS denies it.

It writes a JSON object for each call: its number, its end in epoch seconds, and AWS's message if it was denied. After
the first denial, it makes some more calls, like a program that retries.
"""

import json
import sys
import time

import boto3
from botocore.exceptions import ClientError

PAUSE_SECONDS = 0.03
MORE_CALLS = 5
MOST_CALLS = 20_000
"""How many calls a loop makes if AWS denies no call. It is a number and not a time, because machines may be slow."""


def main(bucket: str, key: str) -> int:
    """Read until a call is denied, and return 0. Return 1 if no call was denied."""
    s3 = boto3.client("s3")
    call = denials = 0
    while denials <= MORE_CALLS and call < MOST_CALLS:
        call, denied = call + 1, ""
        try:
            s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            denied = str(error)
            denials += 1
        print(json.dumps({"call": call, "at": time.time(), "denied": denied}), flush=True)  # noqa: T201
        time.sleep(PAUSE_SECONDS)
    return 0 if denials else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
