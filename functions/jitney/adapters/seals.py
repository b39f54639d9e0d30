"""The seals in S3, signed by KMS. Object Lock prevents their deletion."""

import base64
import textwrap
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.integrity.seals import (
    FOLDER,
    Seal,
    SignedSeal,
    fingerprint_of,
    number_of,
    public_key_path,
    read_seal,
    seal_key,
)

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient
    from types_boto3_s3 import S3Client

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_EXISTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class SealReader:
    """Reads seals. Every method raises Problem unavailable if S3 does not answer."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def last(self, most: int) -> list[Seal]:
        """Return at most `most` of the last seals, the newest first.

        The number of list requests grows with the logarithm of the number of seals.

        Raises ValueError if an object is not a seal.
        """
        if not self._any_from(0):
            return []
        beyond = 1
        while self._any_from(beyond):
            beyond *= 2
        newest = beyond // 2
        while beyond - newest > 1:
            middle = (newest + beyond) // 2
            newest, beyond = (middle, beyond) if self._any_from(middle) else (newest, middle)
        return [self.read(number) for number in range(newest, max(newest - most, -1), -1)]

    def _any_from(self, number: int) -> bool:
        """Return whether there is a seal with that number or a later one. Seals are numbered without gaps."""
        before = {"StartAfter": seal_key(number - 1)} if number else {}
        with aws_errors_as_unavailable("The seals' bucket"):
            answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=FOLDER, MaxKeys=1, **before)  # type: ignore[arg-type]
        return any(number_of(each["Key"]) is not None for each in answer.get("Contents", []))

    def newest(self) -> Seal | None:
        """Return the last seal, or None. Raises ValueError if the object is not a seal."""
        with aws_errors_as_unavailable("The seals' bucket"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=FOLDER)
            numbers = [number_of(each["Key"]) for page in pages for each in page.get("Contents", [])]
        known = [number for number in numbers if number is not None]
        return self.read(max(known)) if known else None

    def read(self, number: int) -> Seal:
        """Return the seal with that number. Raises ValueError if the object is not a seal."""
        with aws_errors_as_unavailable("The seals' bucket"):
            return read_seal(self._s3.get_object(Bucket=self._bucket, Key=seal_key(number))["Body"].read()).seal


class Seals(SealReader):
    """Reads and adds seals. Every method raises Problem unavailable if S3 or KMS does not answer."""

    def __init__(self, s3: "S3Client", kms: "KMSClient", bucket: str, key_arn: str) -> None:
        super().__init__(s3, bucket)
        self._kms = kms
        self._key_arn = key_arn

    def signer(self) -> str:
        """Return the fingerprint of the signing key. Store a copy of the public key beside the seals."""
        with aws_errors_as_unavailable("The seals' key"):
            der = self._kms.get_public_key(KeyId=self._key_arn)["PublicKey"]
        fingerprint = fingerprint_of(der)
        lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
        pem = "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
        self._add(public_key_path(fingerprint), pem)
        return fingerprint

    def add(self, seal: Seal) -> bool:
        """Sign and add the seal. If another seal has its number, change nothing and return False."""
        with aws_errors_as_unavailable("The seals' key"):
            signed = self._kms.sign(
                KeyId=self._key_arn, Message=seal.digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
            )
        added = self._add(seal_key(seal.number), SignedSeal(seal, signed["Signature"]).text)
        # After a lost answer, a retry finds its own seal there.
        return added or self.read(seal.number) == seal

    def _add(self, key: str, text: str) -> bool:
        """Write an object unless it exists. Return whether it was written."""
        with aws_errors_as_unavailable("The seals' bucket"):
            try:
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=text.encode(), IfNoneMatch="*")
            except ClientError as error:
                if error.response["Error"]["Code"] in _EXISTS:
                    return False
                raise
        return True
