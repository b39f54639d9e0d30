r"""The AWS source identity of a principal: a readable name in CloudTrail, one-to-one with issuer and subject.

It has one of two forms, which never overlap:

    local.reader-agent                           issuer alias, full stop, subject: if that fits and is unambiguous
    corp.alice-example.com=k5ozq2q7zvfx4hqmmqgpm3b7iy
                                                 a readable prefix, "=", 26 characters of SHA-256

The first form splits at its first full stop, because aliases contain none and are unique in a configuration. The second
ends in "=" and 26 base32 characters (128 bits over issuer and subject, each with its length). A subject also gets the
second form if its first form would look like a second form. The readable prefix does not identify the subject.

AWS accepts 2 to 64 characters of `[\w+=,.@-]` that do not begin with "aws:" (AssumeRole, parameter SourceIdentity). The
comma is not used, because the session tag with the same name may not hold one (AssumeRole, Tag).
"""

import re

from jitney.core.stored_identity import DIGEST_CHARACTERS, digest_of, is_hashed

MAX_CHARACTERS = 64
MAX_SUBJECT_CHARACTERS = 255  # OpenID Connect Core section 2
MAX_ALIAS_CHARACTERS = 36
"""Limits aliases so that the readable prefix of a hashed identity contains the whole alias and its full stop."""

_ALIAS = re.compile(r"[A-Za-z0-9_+=@-]+")
_SUBJECT = re.compile(r"[A-Za-z0-9_+=.@-]+")
_UNREADABLE = re.compile(r"[^A-Za-z0-9_+.@-]")


def is_nameable(text: str) -> bool:
    """Return whether `text` can be a subject: 1 to 255 characters, all printable.

    `str.isprintable` is false for control characters, NUL, line breaks, bidi marks and lone surrogates.
    """
    return 0 < len(text) <= MAX_SUBJECT_CHARACTERS and text.isprintable()


def source_identity(issuer_name: str, issuer: str, subject: str) -> str:
    """Return the source identity of `subject` at `issuer`. `issuer_name` is the issuer's name in the configuration."""
    plain = f"{issuer_name}.{subject}"
    if (
        len(plain) <= MAX_CHARACTERS
        and _ALIAS.fullmatch(issuer_name)
        and _SUBJECT.fullmatch(subject)
        and not is_hashed(plain)
    ):
        return plain
    readable = _UNREADABLE.sub("-", plain)[: MAX_CHARACTERS - DIGEST_CHARACTERS - 1]
    return f"{readable}={digest_of(issuer, subject)}"


def identity_prefix(issuer_name: str) -> str:
    """Return the prefix that only this issuer's source identities have (`MAX_ALIAS_CHARACTERS`)."""
    return f"{issuer_name}."
