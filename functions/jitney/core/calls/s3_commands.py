"""The AWS CLI's own S3 commands: `aws s3 cp`, `mv`, `sync`, `ls`, `rm`, `mb`, `rb`, `presign`, `website`.

Each command makes many API calls. Its paths and a few options determine what it needs.
https://docs.aws.amazon.com/cli/latest/reference/s3/
"""

import difflib
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from jitney.core.access.request import ExplainedAction, PossibleAction
from jitney.core.calls.arns import fill_template
from jitney.core.calls.buckets import ACCESS_POINT_PATH, of_bucket
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.call_conditions import listed_prefix
from jitney.core.calls.operations import OperationTable
from jitney.core.calls.options import ParsedOptions, first_word, invalid_call, read_options
from jitney.core.calls.s3_options import LIST, SYNC, TRANSFER
from jitney.core.calls.templates import condition_holds
from jitney.core.patterns import has_wildcard
from jitney.core.problems import Problem

_KEY = "arn:${Partition}:kms:${key|named_key}"
_TAGS = tuple(
    PossibleAction(action, "if the original has tags") for action in ("s3:GetObjectTagging", "s3:PutObjectTagging")
)
ALL_BUCKETS = "s3://"
"""A path that only `aws s3 ls` accepts: all buckets."""

# No bucket has fewer than three characters, but examples do, such as s3://b/k, and they cannot harm.
_BUCKET = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", re.ASCII)
_NO_BUCKET_NAME = (
    "Use at most 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends. "
    "Write an access point as its ARN. For an older bucket, request permissions on its ARN instead of a call."
)


@dataclass(frozen=True, slots=True)
class S3Path:
    """One path of a command. For a local path, `bucket` is "" and `key` is the path."""

    bucket: str
    key: str

    @property
    def folder(self) -> str:
        """The prefix below which the command works, with the slash that the CLI appends; "" for the whole bucket."""
        return self.key if not self.key or self.key.endswith("/") else f"{self.key}/"


@dataclass(frozen=True, slots=True)
class S3Command:
    """One command to explain: its text for records, its options, its paths and its location."""

    shown: str
    read: ParsedOptions
    paths: tuple[S3Path, ...]
    place: AwsLocation

    def has(self, option: str) -> bool:
        """Return whether the flag or option is given."""
        return option in self.read.options

    def need(self, action: str, resource: str, why: str) -> ExplainedAction:
        """Return one action on one resource: "bucket", "bucket/key", or "*"."""
        if resource == "*":
            return ExplainedAction(self.shown, action, ("*",), why)
        return ExplainedAction(self.shown, *of_bucket(action, resource, why, self.place))

    def listing(self, bucket: str, prefix: str, why: str) -> ExplainedAction:
        """Return the need to list `prefix` in a bucket; "" is the whole bucket."""
        narrowed = listed_prefix(prefix)
        listed = self.need("s3:ListBucket", bucket, f"{why}; {narrowed.note}")
        # A directory bucket is listed in a session, whose action has no prefix.
        is_session = listed.action != "s3:ListBucket"
        return (
            self.need("s3:ListBucket", bucket, why) if is_session else listed._replace(conditions=narrowed.conditions)
        )

    def key(self) -> Iterator[ExplainedAction]:
        """Yield the needs of encryption with the key of --sse-kms-key-id, if the option has the key's id or ARN."""
        for given in self.read.options.get("sse-kms-key-id", []):
            if arns := tuple(fill_template(_KEY, {"key": given}, self.place)):
                yield ExplainedAction(self.shown, "kms:GenerateDataKey", arns, "--sse-kms-key-id encrypts")
                yield ExplainedAction(self.shown, "kms:Decrypt", arns, "parts of a large object are joined")

    def with_possible(
        self, found: tuple[ExplainedAction, ...], operations: OperationTable
    ) -> tuple[ExplainedAction, ...]:
        """Return the needs of the command, with the actions that its operations may need."""
        given = self.read.options.get("sse-kms-key-id")
        parameters = {"SSEKMSKeyId": given[0]} if given else {}
        have = {each.action for each in found}
        mentioned = {
            each.action: PossibleAction(each.action, each.why)
            for name in have
            for each in operations.mentioned_by("s3", name)
            if each.action not in have and condition_holds(each.when, parameters, self.place)
        }
        between = len(self.paths) > 1 and all(path.bucket for path in self.paths)
        possible = (*(mentioned[name] for name in sorted(mentioned)), *(_TAGS if between else ()))
        return (found[0]._replace(may_need=possible), *found[1:])


def explain_s3(words: Sequence[str], place: AwsLocation, operations: OperationTable) -> tuple[ExplainedAction, ...]:
    """Return what `aws s3 WORDS...` needs. Raises Problem call_invalid or operation_unknown."""
    name, rest = first_word(words)
    if name not in COMMANDS:
        near = difflib.get_close_matches(name[:100], COMMANDS, n=3)
        fix = f"Did you mean aws s3 {', or '.join(near)}?" if near else f"Use one of {', '.join(COMMANDS)}."
        raise Problem("operation_unknown", f"aws s3 has no command {name[:60]!a}.", fix, {"alternatives": near})
    kinds, count, explain = COMMANDS[name]
    read = read_options(*_without_filters(rest, kinds))
    if len(read.positional) not in count:
        wanted = f"{count[0]} to {count[-1]} paths" if len(count) > 1 else f"{count[0]} path{'s' * (count[0] > 1)}"
        raise invalid_call(
            f"aws s3 {name} takes {wanted}, but the call has {len(read.positional)}.",
            f"See aws s3 {name} help for its form. Put a path with spaces in quotes.",
        )
    flags = [f"--{option}" for option, values in read.options.items() if not values]
    shown = shlex.join(["aws", "s3", name, *read.positional, *flags])[:1024]
    paths = () if (name, *read.positional) == ("ls", ALL_BUCKETS) else read.positional
    where = replace(place, region=read.region or place.region)
    command = S3Command(shown, read, tuple(_path(text) for text in paths), where)
    return command.with_possible(tuple(explain(command)), operations)


def _without_filters(words: list[str], kinds: Mapping[str, str]) -> tuple[list[str], Mapping[str, str]]:
    """Return the words without --include and --exclude.

    These options may be repeated, and do not change what IAM checks.
    """
    kept: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option, equals, _ = word.partition("=")
        if option not in ("--include", "--exclude") or option[2:] not in kinds or not (equals or rest):
            kept.append(word)
        elif not equals:
            rest.pop(0)
    return kept, kinds


def _path(text: str) -> S3Path:
    if not text.startswith("s3://"):
        return S3Path("", text)
    if found := ACCESS_POINT_PATH.fullmatch(text.removeprefix("s3://")):
        return S3Path(found[1], _exact(found[2] or ""))
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if not bucket:
        raise invalid_call(f"{text[:70]!a} names no bucket.", "Write s3://BUCKET/KEY.")
    if not _BUCKET.fullmatch(bucket):
        raise invalid_call(f"{bucket[:70]!a} is not a bucket name.", _NO_BUCKET_NAME)
    return S3Path(bucket, _exact(key))


def _exact(key: str) -> str:
    if has_wildcard(key) or "${" in key:
        fix = "Use --recursive for everything below a prefix. A session policy cannot name a key with * ? ${ exactly."
        raise invalid_call("The key holds a character that IAM would read as a pattern.", fix)
    return key


def _transfer(command: S3Command, *, moves: bool = False) -> Iterator[ExplainedAction]:
    source, target = command.paths
    if not source.bucket and not target.bucket:
        raise invalid_call("Neither path is in S3.", "Write one of them as s3://BUCKET/KEY.")
    if command.has("recursive"):
        yield from _copy_below(command, source, target)
        if moves and source.bucket:
            yield command.need("s3:DeleteObject", f"{source.bucket}/{source.folder}*", "moved objects are deleted")
        return
    if source.bucket:
        key = _key(source)
        yield command.need("s3:GetObject", f"{source.bucket}/{key}", "the object is read, after a HeadObject")
    if target.bucket:
        below = not target.key or target.key.endswith("/")
        key = f"{target.key}{_name(source)}" if below else target.key
        yield from _writes(command, f"{target.bucket}/{_key(S3Path(target.bucket, _exact(key)))}")
    if moves and source.bucket:
        yield command.need("s3:DeleteObject", f"{source.bucket}/{_key(source)}", "the moved object is deleted")


def _name(path: S3Path) -> str:
    """Return the last part of a path, which the copy keeps as its name."""
    if not path.bucket and "\\" in path.key:  # separates folders on Windows only, and the call does not name a system
        raise invalid_call("The file's path holds a backslash.", "Write the whole key: s3://BUCKET/KEY.")
    return path.key.rpartition("/")[2]


def _key(path: S3Path) -> str:
    if not path.key or path.key.endswith("/"):
        raise invalid_call(f"s3://{path.bucket}/{path.key} names no object.", "Name the object, or add --recursive.")
    return path.key


def _copy_below(command: S3Command, source: S3Path, target: S3Path) -> Iterator[ExplainedAction]:
    """Yield what copying a whole prefix needs."""
    if source.bucket:
        yield command.listing(source.bucket, source.folder, "the objects to copy are listed")
        yield command.need("s3:GetObject", f"{source.bucket}/{source.folder}*", "each of them is read")
    if target.bucket:
        yield from _writes(command, f"{target.bucket}/{target.folder}*")


def _writes(command: S3Command, objects: str) -> Iterator[ExplainedAction]:
    yield command.need("s3:PutObject", objects, "the object is written, in parts if it is large")
    yield from command.key()
    if command.has("acl") or command.has("grants"):
        yield command.need("s3:PutObjectAcl", objects, "--acl and --grants set who may access it")


def _move(command: S3Command) -> Iterator[ExplainedAction]:
    yield from _transfer(command, moves=True)


def _sync(command: S3Command) -> Iterator[ExplainedAction]:
    source, target = command.paths
    if not source.bucket and not target.bucket:
        raise invalid_call("Neither path is in S3.", "Write one of them as s3://BUCKET/PREFIX.")
    if target.bucket and (target.bucket, target.folder) != (source.bucket, source.folder):
        yield command.listing(target.bucket, target.folder, "existing objects are listed")
    yield from _copy_below(command, source, target)
    if target.bucket and command.has("delete"):
        objects = f"{target.bucket}/{target.folder}*"
        yield command.need("s3:DeleteObject", objects, "--delete removes what the source does not have")


def _list(command: S3Command) -> Iterator[ExplainedAction]:
    if not command.paths:
        yield command.need("s3:ListAllMyBuckets", "*", "buckets are listed; the action has no resource")
        return
    path = _bucket_path(command)
    yield command.listing(path.bucket, path.key, "objects are listed")


def _bucket_path(command: S3Command) -> S3Path:
    """Return the path of a command that also accepts a bucket without s3://."""
    path = command.paths[0]
    return path if path.bucket else _path(f"s3://{path.key}")


def _remove(command: S3Command) -> Iterator[ExplainedAction]:
    path = _in_s3(command)
    if command.has("recursive"):
        yield command.listing(path.bucket, path.folder, "the objects to delete are listed")
        yield command.need("s3:DeleteObject", f"{path.bucket}/{path.folder}*", "each of them is deleted")
    else:
        yield command.need("s3:DeleteObject", f"{path.bucket}/{_key(path)}", "the object is deleted")


def _make_bucket(command: S3Command) -> Iterator[ExplainedAction]:
    bucket = _in_s3(command).bucket
    yield command.need("s3:CreateBucket", bucket, "the bucket is created")
    if command.has("tags"):
        yield command.need("s3:TagResource", bucket, "--tags sets tags while creating")


def _remove_bucket(command: S3Command) -> Iterator[ExplainedAction]:
    bucket = _in_s3(command).bucket
    if command.has("force"):
        yield command.listing(bucket, "", "--force lists the bucket's objects")
        yield command.need("s3:DeleteObject", f"{bucket}/*", "--force deletes the bucket's objects")
    yield command.need("s3:DeleteBucket", bucket, "the bucket is deleted")


def _presign(command: S3Command) -> Iterator[ExplainedAction]:
    path = _in_s3(command)
    made = "the URL is made locally: not through the gateway"
    why = f"any holder of the URL reads the object as this grant, until the grant ends; {made}"
    yield command.need("s3:GetObject", f"{path.bucket}/{_key(path)}", why)


def _website(command: S3Command) -> Iterator[ExplainedAction]:
    yield command.need("s3:PutBucketWebsite", _bucket_path(command).bucket, "the bucket's website is set")


def _in_s3(command: S3Command) -> S3Path:
    if not command.paths[0].bucket:
        raise invalid_call("The path is not in S3.", "Write it as s3://BUCKET/KEY.")
    return command.paths[0]


COMMANDS: Mapping[str, tuple[Mapping[str, str], range, Callable[[S3Command], Iterator[ExplainedAction]]]] = {
    "cp": (TRANSFER, range(2, 3), _transfer),
    "mv": (TRANSFER, range(2, 3), _move),
    "sync": (SYNC, range(2, 3), _sync),
    "ls": (LIST, range(2), _list),
    "rm": (TRANSFER, range(1, 2), _remove),
    "mb": ({"tags": "p"}, range(1, 2), _make_bucket),
    "rb": ({"force": "b"}, range(1, 2), _remove_bucket),
    "presign": ({"expires-in": "s"}, range(1, 2), _presign),
    "website": ({"index-document": "s", "error-document": "s"}, range(1, 2), _website),
}
"""The commands. Each has its options, the number of its paths, and what it needs."""
