r"""The AWS source identity of a principal: a name that CloudTrail shows, one-to-one with issuer and subject.

Two forms, and no value has both:

    local.reader-agent                           issuer alias, full stop, subject: when that fits and reads back
    corp.alice-example.com=k5ozq2q7zvfx4hqmmqgpm3b7iy
                                                 a readable beginning, "=", 26 characters of SHA-256

The first form is taken apart at its first full stop, since an alias in it has none, and aliases are unique in a
configuration. The second ends in "=" and 26 base32 characters (128 bits over issuer and subject, each with its length);
a subject that would make the first form look like that gets the second. The readable beginning identifies nobody.

AWS takes 2 to 64 characters of `[\w+=,.@-]` that do not begin with "aws:" (AssumeRole, parameter SourceIdentity). The
comma is left out: the session tag that carries the same name may not hold one (AssumeRole, Tag).
"""

import base64
import hashlib
import re

MAX_CHARACTERS = 64
MOST_SUBJECT_CHARACTERS = 255  # OpenID Connect Core section 2

_ALIAS = re.compile(r"[A-Za-z0-9_+=@-]+")
_SUBJECT = re.compile(r"[A-Za-z0-9_+=.@-]+")
_UNREADABLE = re.compile(r"[^A-Za-z0-9_+.@-]")
_DIGEST_CHARACTERS = 26
_HASHED = re.compile(rf".*=[a-z2-7]{{{_DIGEST_CHARACTERS}}}")


def is_nameable(text: str) -> bool:
    """Whether `text` can stand for somebody: 1 to 255 characters, all printable.

    `str.isprintable` is false for control characters, NUL, line breaks, bidi marks and lone surrogates.
    """
    return 0 < len(text) <= MOST_SUBJECT_CHARACTERS and text.isprintable()


def source_identity(issuer_name: str, issuer: str, subject: str) -> str:
    """The source identity of `subject` at `issuer`, which the configuration calls `issuer_name`."""
    plain = f"{issuer_name}.{subject}"
    if (
        len(plain) <= MAX_CHARACTERS
        and _ALIAS.fullmatch(issuer_name)
        and _SUBJECT.fullmatch(subject)
        and not _HASHED.fullmatch(plain)
    ):
        return plain
    readable = _UNREADABLE.sub("-", plain)[: MAX_CHARACTERS - _DIGEST_CHARACTERS - 1]
    return f"{readable}={_digest(issuer, subject)}"


def _digest(issuer: str, subject: str) -> str:
    pair = f"{len(issuer)}:{issuer}{subject}".encode()
    return base64.b32encode(hashlib.sha256(pair).digest()[:16]).decode("ascii").rstrip("=").lower()
