"""An agent's loop, for `jitney run -- python loop.py BUCKET KEY`: reads one object again and again until refused.

Writes a JSON object a call: which call, when it had ended (epoch seconds), and AWS's words if it was denied. After the
first denial it goes on for some calls, as programs do that retry. Exits 1 when nobody denies it.
"""

import json
import sys
import time

import boto3
from botocore.exceptions import ClientError

PAUSE_SECONDS = 0.03
MORE_CALLS = 5
PATIENCE_SECONDS = 300


def main(bucket: str, key: str) -> int:
    """The loop."""
    s3 = boto3.client("s3")
    ends = time.monotonic() + PATIENCE_SECONDS
    call = denials = 0
    while denials <= MORE_CALLS and time.monotonic() < ends:
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
