"""The seals: signed by KMS, and added to a bucket whose Object Lock lets nobody take them away."""

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
_THERE_ALREADY = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class Seals:
    """Reads and adds seals. Every method raises Problem unavailable when S3 or KMS does not answer."""

    def __init__(self, s3: "S3Client", kms: "KMSClient", bucket: str, key_arn: str) -> None:
        self._s3 = s3
        self._kms = kms
        self._bucket = bucket
        self._key_arn = key_arn

    def newest(self) -> Seal | None:
        """The last seal, None when there is none yet. Raises ValueError when what is in its place is no seal."""
        with aws_errors_as_unavailable("The seals' bucket"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=FOLDER)
            numbers = [number_of(each["Key"]) for page in pages for each in page.get("Contents", [])]
        known = [number for number in numbers if number is not None]
        return self.read(max(known)) if known else None

    def read(self, number: int) -> Seal:
        """The seal of that number. Raises ValueError when what is in its place is no seal."""
        with aws_errors_as_unavailable("The seals' bucket"):
            return read_seal(self._s3.get_object(Bucket=self._bucket, Key=seal_key(number))["Body"].read()).seal

    def signer(self) -> str:
        """The fingerprint of the key that signs; a copy of its public half is put beside the seals."""
        with aws_errors_as_unavailable("The seals' key"):
            der = self._kms.get_public_key(KeyId=self._key_arn)["PublicKey"]
        fingerprint = fingerprint_of(der)
        lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
        pem = "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
        self._add(public_key_path(fingerprint), pem)
        return fingerprint

    def add(self, seal: Seal) -> bool:
        """Sign the seal and add it; False when another seal has its number, and then nothing was changed."""
        with aws_errors_as_unavailable("The seals' key"):
            signed = self._kms.sign(
                KeyId=self._key_arn, Message=seal.digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
            )
        added = self._add(seal_key(seal.number), SignedSeal(seal, signed["Signature"]).text)
        # An answer that got lost is asked for again, and then this very seal is there already.
        return added or self.read(seal.number) == seal

    def _add(self, key: str, text: str) -> bool:
        """Write an object where none is; False when one is."""
        with aws_errors_as_unavailable("The seals' bucket"):
            try:
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=text.encode(), IfNoneMatch="*")
            except ClientError as error:
                if error.response["Error"]["Code"] in _THERE_ALREADY:
                    return False
                raise
        return True
