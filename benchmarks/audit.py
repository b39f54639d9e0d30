"""`make bench`: how fast secrets are masked, and how fast CloudTrail's events are masked and joined to grants.

The masked answers are AWS's examples from botocore. Their lists are repeated to fill pages of `PAGE` bytes, for every
wire protocol. Bytes are counted as the protocol writes the answer, with members' names as tags in XML. detect-secrets
and a plain round trip of JSON are measured for comparison.

The events are CloudTrail's, one for each example, with members spelt as CloudTrail spells them. The deployed correlator
joins them, from the queue's messages to the published lines. DynamoDB answers at once, from memory.
`lines_written_by_boto3_per_s` is the rate at which boto3 alone can write one line of each event, to a DynamoDB that
answers at once: the function cannot be faster than that.

Times are processor times of one process. Figures are medians over rounds, and each round measures everything. Prints
one JSON object.
"""

import contextlib
import gzip
import importlib
import io
import json
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import boto3
import botocore
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import default_settings
from urllib3 import HTTPResponse

from infra.spec import ALL_FUNCTIONS
from jitney import resources
from jitney.core.access.request import Permission
from jitney.core.masking.aws_masker import EVENT_TEXTS, AwsMasker, CallDirection
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.table import MaskTable

ROUNDS = 5
PAGE = 20_000
MOST_PAGES = 40
"""Pages for one protocol. The services take turns."""
BATCH = 100
"""How many messages the correlator receives at once (`infra.trail`)."""
DETECT_SECRETS_BYTES = 30_000
WRITES = 500
DATA = Path(botocore.__file__).parent / "data"
PROTOCOLS = ("json", "query", "ec2", "rest-json", "rest-xml")
EVENT = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "AssumedRole",
        "principalId": "AROAIOSFODNN7EXAMPLE:g-k3v7q2m5x4tbca",
        "arn": "arn:aws:sts::444455556666:assumed-role/jitney-target-analytics-prod/g-k3v7q2m5x4tbca",
        "accountId": "444455556666",
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "sessionContext": {"attributes": {"creationDate": "2026-01-02T03:04:05Z", "mfaAuthenticated": "false"}},
    },
    "eventTime": "2026-01-02T03:05:06Z",
    "awsRegion": "eu-west-1",
    "sourceIPAddress": "198.51.100.7",
    "userAgent": "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.5",
    "requestID": "9c1f7f0a-3f1c-9b1e-7a39-4b6a8d9d2f9c",
    "eventID": "3f1c9b1e-7a39-4b6a-8d9d-2f9c1f7f0a11",
    "readOnly": False,
    "eventType": "AwsApiCall",
    "managementEvent": True,
    "recipientAccountId": "444455556666",
    "eventCategory": "Management",
}


class Answer(NamedTuple):
    """An operation's answer: as botocore returns it, and as it came over the wire."""

    service: str
    operation: str
    value: Any
    wire: str


def main() -> None:
    """Measure and print."""
    with contextlib.redirect_stdout(io.StringIO()):  # in AWS, the functions' log goes to a pipe
        figures = _measured()
    print(json.dumps(figures, indent=2))


def _measured() -> dict[str, Any]:
    """Return the sizes of the data, and the rate of each part."""
    masks = MaskTable.load(resources.MASKS.read_bytes())
    masker = AwsMasker(masks, MaskTags(lambda: b"k" * 32))
    answers, events = _answers(), list(_events())
    written = [answer.wire for answer in answers["json"]]
    texts = [json.dumps(event) for event in events]
    lines = _lines(written, DETECT_SECRETS_BYTES)
    log = "\n".join(texts)
    measured: dict[str, tuple[Callable[[], Any], int]] = {
        **{
            f"{protocol}_mb_s": (_masking(masker, found), sum(len(each.wire) for each in found))
            for protocol, found in answers.items()
        },
        "text_mb_s": (lambda: UNTAGGED.text(log), len(log)),
        "json_round_trip_mb_s": (lambda: [json.dumps(json.loads(each)) for each in written], sum(map(len, written))),
        "detect_secrets_mb_s": (lambda: _detect(lines), sum(map(len, lines))),
        "events_masked_per_s": (_masking_events(masker, events), len(events)),
        "events_joined_per_s": (_joining(events), len(events)),
        "lines_written_by_boto3_per_s": (_writing(), WRITES),
    }
    for call, _ in measured.values():
        call()
    seconds = {name: [] for name in measured}  # type: dict[str, list[float]]
    for _ in range(ROUNDS):
        for name, (call, _) in measured.items():
            began = time.process_time()
            call()
            seconds[name].append(time.process_time() - began)
    figures = {name: amount / statistics.median(seconds[name]) for name, (_, amount) in measured.items()}
    sizes = {"answers": {name: len(found) for name, found in answers.items()}, "events": len(events)}
    sizes |= {"bytes_per_event": round(len(log) / len(events))}
    return sizes | {name: _rounded(name, figure) for name, figure in figures.items()}


def _rounded(name: str, figure: float) -> float:
    return round(figure / 1_000_000, 2) if name.endswith("mb_s") else round(figure)


def _masking(masker: AwsMasker, answers: list[Answer]) -> Callable[[], Any]:
    return lambda: [masker.call(each.service, each.operation, CallDirection.OUTPUT, each.value) for each in answers]


def _masking_events(masker: AwsMasker, events: list[dict[str, Any]]) -> Callable[[], Any]:
    def mask() -> None:
        EVENT_TEXTS.clear()  # as in a new process
        for event in events:
            masker.event(event)

    return mask


def _joining(events: list[dict[str, Any]]) -> Callable[[], Any]:
    """Let a new correlator process the events as calls of one grant's session, after the start of that session."""
    os.environ |= ALL_FUNCTIONS
    made, tested = (
        importlib.import_module(f"tests.{each}") for each in ("cloudtrail_events", "handlers.test_correlator")
    )
    receive = importlib.import_module("jitney.handlers.correlator").receive
    calls = (made.call_event(number) for number in range(1, len(events) + 1))
    own = ("eventID", "eventTime", "userIdentity", "recipientAccountId")
    of_session = [event | {name: call[name] for name in own} for event, call in zip(events, calls, strict=True)]
    bodies = [made.forwarded_event(each) for each in (made.assume_role_event(0), *of_session)]
    batches = [made.delivered(bodies[start : start + BATCH]) for start in range(0, len(bodies), BATCH)]

    actions_of = made.EVENT_OPERATIONS.actions
    needed = {
        action: None
        for each in events
        for action in actions_of(each["eventSource"], each["eventName"], each["requestParameters"] or {})
    }
    grant = replace(made.GRANT, permissions=(Permission(tuple(needed), ("arn:aws:*",)),))

    def join() -> None:
        correlator = tested.Correlator(grant)
        EVENT_TEXTS.clear()  # as in a new process
        failed = [each for batch in batches for each in receive(batch, correlator.ports)["batchItemFailures"]]
        judged = sum(sk.startswith(("EXPLAINED#", "BEYOND#")) for _, sk in correlator.table.items)
        if failed or judged != len(bodies):
            raise SystemExit(f"{len(bodies)} events: {len(failed)} failed, {judged} were joined to the grant")

    return join


def _writing() -> Callable[[], Any]:
    """Let boto3 write a line conditionally, without a network."""
    client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
    client.meta.events.register("before-send", _written)
    tables = importlib.import_module("jitney.adapters.trail")
    call = importlib.import_module("jitney.core.trail.call")
    trail = tables.Trail(client, "audit")
    seen = call.CloudTrailCall(*["x" * 24] * 26)
    line = json.dumps(EVENT)

    def write() -> None:
        for _ in range(WRITES):
            trail.save_verdict(seen, (), line, 0)

    return write


def _written(**_: Any) -> Any:
    return AWSResponse("", 200, HTTPHeaders(), HTTPResponse(io.BytesIO(b"{}"), preload_content=False))


def _detect(lines: list[str]) -> None:
    with default_settings():
        for line in lines:
            list(scan_line(line))


def _lines(texts: list[str], most: int) -> list[str]:
    """Return the first lines of the texts, laid out as in an editor, because detect-secrets reads lines."""
    lines: list[str] = []
    size = 0
    for text in texts:
        for line in json.dumps(json.loads(text), indent=1).splitlines():
            size += len(line)
            if size > most:
                return lines
            lines.append(line)
    return lines


def _answers() -> dict[str, list[Answer]]:
    """Return pages of answers by protocol, from all services that have examples."""
    found: dict[str, list[list[Answer]]] = defaultdict(list)
    for path, service, model in _services():
        protocol = model["metadata"]["protocol"]
        pages = []
        for operation, listed in _examples(path).items():
            for value in (each["output"] for each in listed if each.get("output")):
                page = _page(value)
                wire = json.dumps(page) if "json" in protocol else _xml(page)
                pages.append(Answer(service, operation, page, wire))
        found[protocol].append(pages)
    taken: dict[str, list[Answer]] = {}
    for protocol in PROTOCOLS:
        turns = [page for turn in range(MOST_PAGES) for pages in found[protocol] for page in pages[turn : turn + 1]]
        taken[protocol] = turns[:MOST_PAGES]
    return taken


def _page(value: Any) -> Any:
    """Return the answer with its lists repeated until it fills a page."""
    times = max(1, PAGE // len(json.dumps(value)))
    return {name: each * times if isinstance(each, list) else each for name, each in value.items()}


def _xml(value: Any, name: str = "Response") -> str:
    if isinstance(value, dict):
        return f"<{name}>{''.join(_xml(each, str(key)) for key, each in value.items())}</{name}>"
    if isinstance(value, list):
        return f"<{name}>{''.join(_xml(each, 'member') for each in value)}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>"


def _events() -> Iterator[dict[str, Any]]:
    """Yield an event for each example."""
    for path, service, model in _services():
        source = f"{model['metadata']['endpointPrefix']}.amazonaws.com"
        for operation, listed in _examples(path).items():
            for each in listed:
                parts = {"requestParameters": each.get("input"), "responseElements": each.get("output")}
                spelt = {part: _spelt(value) for part, value in parts.items()}
                yield EVENT | {"eventSource": source, "eventName": operation, "service": service} | spelt


def _spelt(value: Any) -> Any:
    """Return the members with a small first letter in their names, as CloudTrail writes them."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _spelt(each) for name, each in value.items()}
    return [_spelt(each) for each in value] if isinstance(value, list) else value or None


def _services() -> Iterator[tuple[Path, str, Any]]:
    for path in sorted(DATA.glob("*/*/examples-1.json*")):
        for model in path.parent.glob("service-2.json*"):
            yield path, path.parts[-3], _read(model)


def _examples(path: Path) -> dict[str, Any]:
    examples: dict[str, Any] = _read(path)["examples"]
    return examples


def _read(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


if __name__ == "__main__":
    main()
