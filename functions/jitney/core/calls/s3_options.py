"""The options of the AWS CLI's own S3 commands, with their kinds: b flag, s text, l list."""

TRANSFER = {
    **dict.fromkeys(
        ("dryrun", "quiet", "recursive", "follow-symlinks", "no-follow-symlinks", "no-guess-mime-type", "no-progress"),
        "b",
    ),
    **dict.fromkeys(("only-show-errors", "ignore-glacier-warnings", "force-glacier-transfer"), "b"),
    **dict.fromkeys(("include", "exclude", "acl", "sse", "sse-c", "sse-c-key", "sse-kms-key-id", "storage-class"), "s"),
    **dict.fromkeys(("sse-c-copy-source", "sse-c-copy-source-key", "website-redirect", "content-type"), "s"),
    **dict.fromkeys(("cache-control", "content-disposition", "content-encoding", "content-language", "expires"), "s"),
    **dict.fromkeys(("source-region", "page-size", "metadata", "metadata-directive", "expected-size"), "s"),
    **dict.fromkeys(("copy-props", "checksum-mode", "checksum-algorithm", "request-payer"), "s"),
    "grants": "l",
    "validate-same-s3-paths": "b",
}
SYNC = {**TRANSFER, "delete": "b", "size-only": "b", "exact-timestamps": "b"}
LIST = {"recursive": "b", "human-readable": "b", "summarize": "b", "page-size": "s", "request-payer": "s"}
