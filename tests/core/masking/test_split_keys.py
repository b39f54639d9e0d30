"""A private key whose lines are in several texts, such as the events of a log, is masked (rows MASK 1 and MASK 3)."""

import base64
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.masking.aws_masker import AwsMasker, CallDirection
from jitney.core.masking.generic_masker import UNTAGGED, GenericMasker
from jitney.core.masking.mask_tags import NO_TAGS
from jitney.core.masking.text import Sought, mask_texts, suspects
from tests.cpu_time import within_cpu_seconds

KINDS = ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")
MASK = "[masked credential]"


def key_of(size: int, width: int = 64, kind: str = "RSA ") -> list[str]:
    """Return the lines of a key of this many bytes."""
    text = base64.b64encode(Random(size).randbytes(size)).decode()
    body = [text[at : at + width] for at in range(0, len(text), width)]
    return [f"-----BEGIN {kind}PRIVATE KEY-----", *body, f"-----END {kind}PRIVATE KEY-----"]


def events(lines: Sequence[str]) -> Any:
    """Return the lines as FilterLogEvents does."""
    named = {"logStreamName": "ecs/App/0a1b2c3d4e5f60718293a4b5c6d7e8f9", "eventId": "3812" * 14, "timestamp": 1}
    return {"events": [named | {"message": line} for line in lines], "nextToken": "Bxkq6kVGFtq2y_Moig" * 12}


def rows(lines: Sequence[str]) -> Any:
    """Return the lines as GetQueryResults does."""
    pointer = {"field": "@ptr", "value": "CmEKJgoiMTExMTIyMjIzMzMzOmFwcC1sb2dzEAAS" * 3}
    return {"results": [[{"field": "@message", "value": line}, pointer] for line in lines], "status": "Complete"}


def of_kubernetes(lines: Sequence[str]) -> Any:
    """Return the lines as Fluent Bit writes them from a pod."""
    pod = {"pod_name": "app-7d4b9c", "docker_id": "9f86d081884c7d659a2feaa0c55ad015" * 2, "host": "ip-10-0-0-1"}
    return events([json.dumps({"log": f"{line}\n", "stream": "stdout", "kubernetes": pod}) for line in lines])


SHAPES: dict[str, Callable[[Sequence[str]], Any]] = {
    "events": events,
    "rows": rows,
    "kubernetes": of_kubernetes,
    "list": list,
    "prefixed": lambda lines: [f"2026-01-02T03:04:05Z app[1] {line}" for line in lines],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("size", "width"), [(1190, 64), (138, 64), (48, 64), (2349, 70), (609, 76)])
def test_mask_01_no_line_of_a_key_is_left_and_all_else_is_kept(masker: AwsMasker, shape: str, size: int, width: int):
    key = key_of(size, width)
    shown = SHAPES[shape](["Listening on 8080", *key, "GET /Reports/2026Q3/Overview12345 200", "ready"])
    masked = json.dumps(masker.call("logs", "FilterLogEvents", CallDirection.OUTPUT, shown).value)
    assert [line for line in key[1:-1] if line in masked] == []
    kept = json.dumps(SHAPES[shape](["Listening on 8080", *["-"] * len(key), "GET /Reports/2026Q3/Overview12345 200"]))
    assert [word for word in kept.replace("\\", "").split('"') if word not in masked.replace("\\", "")] == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [slice(0, 9), slice(9, None), slice(0, 1), slice(-1, None)])
def test_mask_01_the_part_of_a_key_on_a_page_with_its_first_or_last_line_is_masked(kind: str, part: slice):
    lines = key_of(1190, kind=kind)[part]
    masked = UNTAGGED.data(lines)
    assert [line for line in lines if line in masked and "-----END" not in line] == []


def test_mask_01_lines_of_other_programs_between_those_of_a_key_are_kept():
    key = key_of(1190)
    mixed = [each for line in key for each in (line, "level=info msg=ok id=0a1b2c3d4e5f60718293 at=2026-01-02")]
    masked = UNTAGGED.data(mixed)
    assert masked[1::2] == mixed[1::2]
    assert set(masked[:-2:2]) == {MASK}


@pytest.mark.parametrize(
    "kept",
    [
        "Version3OfTheConfiguration/Of/2026",
        "IQ2MbBcPqRsTuVwX0123456789aBcDeF",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "internationalization/and/localization",
        "arn:aws:iam::111122223333:role/Deploy2Production",
        "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo3sL4kqtJlcpXro",
    ],
)
def test_mask_03_texts_far_from_a_key_and_those_that_are_no_line_are_kept(kept: str):
    first, *lines, last = key_of(138)
    far = [kept, "." * 2100, *lines, last, first, *lines, "." * 2100, kept]
    assert (UNTAGGED.data(far)[0], UNTAGGED.data(far)[-1]) == (kept, kept)
    near = UNTAGGED.data([kept, *lines, last, first, *lines, kept])
    assert ([near[0], near[-1]] == [kept, kept]) is not kept.startswith(("Version3", "IQ2Mb"))  # these look like lines


@pytest.mark.parametrize("length", [16, 17, 75, 76])
def test_mask_01_a_line_may_have_these_lengths(length: int):
    line = ("aB3" * 40)[:length]
    assert UNTAGGED.data([line, "-----END PRIVATE KEY-----"])[0] == MASK
    assert UNTAGGED.data(["-----BEGIN PRIVATE KEY-----", f"{line}=="])[1] == MASK
    assert UNTAGGED.data(["---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", line])[1] == MASK
    assert UNTAGGED.data(["---- BEGIN SSH2 PUBLIC KEY ----", line, "a PRIVATE KEY"])[1] == line


def test_mask_04_a_text_with_a_whole_key_has_the_tag_that_it_has_alone(masker: AwsMasker):
    whole = "\n".join(key_of(138))
    assert masker.tags.mask(whole, "credential") in GenericMasker(masker.tags).data(["ready", whole, "ready"])


def test_mask_03_lines_between_other_marks_are_kept():
    texts = ["-----BEGIN CERTIFICATE-----", *key_of(600)[1:-1], "-----END CERTIFICATE-----", "a PRIVATE KEY is secret"]
    assert UNTAGGED.data(texts) is texts


def test_mask_01_reveal_shows_the_lines_of_a_key():
    texts = key_of(600)
    assert mask_texts(texts, suspects(texts, Sought.AWS_KEYS), NO_TAGS, Sought.AWS_KEYS) == {}


@given(
    st.lists(st.sampled_from(["ready", "a" * 300, "3f1c9b1e-7a39", "msg=ok n=12", ""]), max_size=4),
    st.sampled_from([48, 96, 138, 609, 1190]),
    st.sampled_from([64, 70, 76]),
    st.integers(0, 4),
)
def test_mask_01_any_texts_may_be_between_the_lines(between: list[str], size: int, width: int, cut: int):
    key = key_of(size, width)
    texts = [each for line in key[cut:] or key for each in (line, *between)]
    masked = UNTAGGED.data(texts)
    assert [line for line in key[1:-1] if len(line) >= 16 and line in masked] == []
    assert [each for each in masked if each in between] == [each for each in texts if each in between]
    assert UNTAGGED.data(masked) == masked


@pytest.mark.parametrize(
    "hostile",
    [
        ["-----BEGIN PRIVATE KEY-----", *key_of(48)[1:-1]] * 5_000,
        ["-----END PRIVATE KEY-----", *key_of(48)[1:-1]] * 5_000,
        ["-----BEGIN PRIVATE KEY-----", *["aB3" * 20] * 12_000, "-----END PRIVATE KEY-----"],
        ["-----BEGIN PRIVATE KEY-----", "a" * 3_000_000],
        ["-----END PRIVATE KEY-----", "aB3/" * 700_000],
    ],
    ids=["begins", "ends", "lines", "word", "runs"],
)
def test_mask_01_no_texts_take_long(hostile: list[str]):
    with within_cpu_seconds(6):
        UNTAGGED.data(hostile)
