"""Common values of answers that are no secrets stay unchanged (row MASK 3). Many of each are generated as AWS does."""

import base64
import gzip
import json
import random
import string
import struct
import uuid
import zlib
from collections.abc import Callable

import pytest

from jitney.core.masking.aws_masker import AwsMasker, CallDirection
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.masking.mask_tags import MaskTags
from tests.core.masking.conftest import KEY, MASKS

MASKER = AwsMasker(MASKS, MaskTags(lambda: KEY))
MANY = 300
LETTERS = string.ascii_letters + string.digits


def letters(made: random.Random, count: int, alphabet: str = LETTERS) -> str:
    return "".join(made.choices(alphabet, k=count))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def png(made: random.Random) -> bytes:
    pixels = made.randbytes(made.randrange(30, 400))
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    framed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def hexadecimal(made: random.Random, count: int) -> str:
    return letters(made, count, "0123456789abcdef")


def identifier(made: random.Random) -> str:
    return str(uuid.UUID(int=made.getrandbits(128), version=4))


def page_token(made: random.Random) -> str:
    """Return base64 of JSON, as services encode a position."""
    key = {"pk": {"S": f"ORDER#{made.randrange(10**9)}"}, "sk": {"N": str(made.randrange(10**12))}}
    return b64(json.dumps({"v": 2, "k": key, "u": made.randrange(10**10)}).encode())


MADE: dict[str, Callable[[random.Random], str]] = {
    "UUID": identifier,
    "request id of S3": lambda made: letters(made, 16, string.ascii_uppercase + string.digits),
    "host id of S3": lambda made: b64(made.randbytes(56)),
    "version id": lambda made: letters(made, 32, LETTERS + "._"),
    "ETag": lambda made: f'"{hexadecimal(made, 32)}-{made.randrange(1, 99)}"',
    "SHA-1": lambda made: hexadecimal(made, 40),
    "digest of an image": lambda made: f"sha256:{hexadecimal(made, 64)}",
    "checksum": lambda made: b64(made.randbytes(32)),
    "next token": lambda made: base64.urlsafe_b64encode(made.randbytes(made.randrange(60, 300))).decode(),
    "next token of JSON": page_token,
    "receipt handle": lambda made: "AQEB" + b64(made.randbytes(300)),
    "shard iterator": lambda made: "AAAAAAAAAA" + b64(made.randbytes(200)),
    "ciphertext": lambda made: "AQICAHh" + b64(made.randbytes(150)),
    "ARN": lambda made: f"arn:aws:ecs:eu-west-1:{made.randrange(10**12):012}:task/web/{hexadecimal(made, 32)}",
    "ARN of a secret": lambda made: f"arn:aws:secretsmanager:eu-west-1:444455556666:secret:prod/db-{letters(made, 6)}",
    "ARN of a parameter": lambda made: f"arn:aws:ssm:eu-west-1:444455556666:parameter/prod/password/{letters(made, 8)}",
    "access key's id": lambda made: "AKIA" + letters(made, 16, string.ascii_uppercase + "234567"),
    "unique id": lambda made: "AROA" + letters(made, 17, string.ascii_uppercase + string.digits),
    "EC2's id": lambda made: f"i-0{hexadecimal(made, 16)}",
    "trace id": lambda made: f"1-{hexadecimal(made, 8)}-{hexadecimal(made, 24)}",
    "log stream": lambda made: f"2026/01/02/[$LATEST]{hexadecimal(made, 32)}",
    "domain name": lambda made: f"{letters(made, 14, string.ascii_lowercase)}.cloudfront.net",
    "key of an object": lambda made: f"dt=2026-01-02/part-{made.randrange(10**5):05}-{identifier(made)}.snappy.parquet",
    "public key": lambda made: f"ssh-ed25519 {b64(b'\0\0\0\x0bssh-ed25519\0\0\0 ' + made.randbytes(32))} a@b",
    "certificate": lambda made: (
        f"-----BEGIN CERTIFICATE-----\n{b64(b'0\x82' + made.randbytes(600))}\n-----END CERTIFICATE-----\n"
    ),
    "image": lambda made: b64(png(made)),
    "image in a page": lambda made: f"data:image/png;base64,{b64(png(made))}",
    "compressed": lambda made: b64(gzip.compress(made.randbytes(100), mtime=0)),
    "plain text in base64": lambda made: b64(f"#!/bin/sh\necho {letters(made, 20)}\nexit 0\n".encode()),
    "time": lambda made: f"2026-01-02T{made.randrange(24):02}:{made.randrange(60):02}:06.789Z",
    "policy": lambda made: json.dumps(
        {"Statement": [{"Effect": "Allow", "Action": "sts:GetSessionToken", "Resource": "*", "Sid": letters(made, 12)}]}
    ),
    "log line": lambda made: (
        f"START RequestId: {identifier(made)} user={letters(made, 8)} tokens=512 key={letters(made, 12)}"
    ),
    "URL": lambda made: f"https://b.s3.eu-west-1.amazonaws.com/{letters(made, 40)}?versionId={letters(made, 32)}",
}  # fmt: skip


@pytest.mark.parametrize("kind", MADE)
def test_mask_03_frequent_data_in_answers_is_kept(kind: str):
    made = random.Random(kind)
    values = [MADE[kind](made) for _ in range(MANY)]
    answer = {
        "Items": [
            {"Id": value, "nextToken": value, "ClientToken": value, "Message": f"got {value}."} for value in values
        ],
        "Body": "\n".join(values).encode(),
        "NextToken": values[0],
    }
    masked, paths = MASKER.call("logs", "FilterLogEvents", CallDirection.OUTPUT, answer)
    assert paths == ()
    assert masked is answer
    assert MASKER.event({"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "any": values}).paths == ()
    assert [value for value in values if UNTAGGED.data([value]) != [value]] == []


def test_kept_data_would_be_masked_under_a_secret_name():
    """The masker does look at the places that the test above checks."""
    for kind, make in MADE.items():
        value = make(random.Random(kind))
        named = value.startswith(("arn:", "{"))  # which stand for something that is elsewhere
        assert (UNTAGGED.data({"password": value}) == {"password": value}) == named, kind
