"""Secrets in texts, hidden in any way (rows MASK 1, 3, 4)."""

import base64
import binascii
import json
import re
import urllib.parse
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jitney.core.masking import text as text_module
from jitney.core.masking.generic_masker import GenericMasker
from jitney.core.masking.mask_tags import MASK, MaskTags
from jitney.core.masking.named_secrets import names_secret
from jitney.core.masking.searched_text import SearchedText
from jitney.core.masking.secret_formats import FORMATS
from jitney.core.masking.text import DEEPEST, Sought, cannot_hold_secret, mask_text, mask_texts, suspects
from tests.core.masking.planted import HIDING, PASSWORD, PEM_BODY, PLANTED, SECRET_KEY, made
from tests.cpu_time import within_cpu_seconds
from tests.examples import examples


def planted_texts():
    return [text for text, _ in PLANTED.values()]


TAGS = MaskTags(lambda: bytes(32))
HIDDEN = st.lists(st.sampled_from(sorted(HIDING)), max_size=4)


def marked(text: str) -> str:
    """Return the text with <> in place of secrets."""
    return MASK.sub(lambda _: "<>", mask_text(text, TAGS, Sought.SECRETS_IN_PROSE))


def layers(text: str, depth: int):
    """Yield all texts in `text` after undoing every encoding."""
    yield text
    if depth > 5:
        return
    inner = [urllib.parse.unquote(text)] if "%" in text else []
    for quoted in re.findall(r'"(?:[^"\\]|\\.)*"', text):
        try:
            inner.append(json.loads(quoted))
        except ValueError:
            continue
    for run in re.findall(r"[A-Za-z0-9+/_-]{12,}", text):
        try:
            data = base64.b64decode(run.replace("-", "+").replace("_", "/") + "=" * (-len(run) % 4))
        except binascii.Error:
            continue
        inner += [data.decode("latin-1"), data.decode("utf-16-le", "replace")]
    for each in inner:
        if each != text:
            yield from layers(each, depth + 1)


@pytest.mark.parametrize("name", PLANTED)
def test_mask_01_a_secret_of_every_kind_is_masked_in_place(name):
    text, secret = PLANTED[name]
    masked = mask_text(f"before {text} after", TAGS)
    assert secret not in masked
    assert MASK.search(masked)
    assert masked.startswith("before ")


@pytest.mark.parametrize("name", PLANTED)
def test_mask_01_every_planted_secret_is_masked_in_a_long_text(name):
    text, secret = PLANTED[name]
    prose = "monthly report of the team " * 100
    assert secret not in mask_text(f"{prose}\n{text}\n{prose}", TAGS)


@pytest.mark.parametrize("kind", [kind for kind in PLANTED if kind != "private key cut off"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_mask_03_json_with_escapes_stays_json_and_keeps_the_text_around_a_secret(kind: str, ascii_only: bool):
    text, secret = PLANTED[kind]
    around = {"n": 1, "log": f"a \u00e9 \\ line\n{text}\nlast", "path": "C:\\temp\\a.txt"}
    written = json.dumps(around, ensure_ascii=ascii_only)
    masked = mask_text(written, TAGS)
    assert secret not in masked
    assert masked.startswith(written[: written.index("line") + 6])
    read = json.loads(masked)
    assert read | {"log": ""} == around | {"log": ""}
    assert read["log"].startswith("a \u00e9 \\ line\n")
    assert read["log"].endswith("\nlast") or kind == "cookie"


@pytest.mark.parametrize(
    "values",
    [[None, PASSWORD], [5, PASSWORD], [PASSWORD, True], [[PASSWORD], [7]], [[7], [PASSWORD]], [PASSWORD], [123456789]],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_mask_03_a_masked_list_stays_json(values: list[object], indent: int | None):
    masked = mask_text(json.dumps({"password": values, "n": 1}, indent=indent), TAGS)
    assert PASSWORD not in masked
    assert json.loads(masked)["n"] == 1
    assert mask_text(masked, TAGS) == masked


@pytest.mark.parametrize(
    ("text", "places", "expected"),
    [
        ('"a b\\n"', [(0, 6, "Q"), (2, 3, None)], '"ab\\n"'),
        ('"a \\"b"', [(0, 7, "Q"), (3, 5, None)], "Q"),
        ("a%20b", [(0, 5, "P"), (4, 5, None)], "a%20"),
        ("aaaabbbb", [(0, 8, "B"), (2, 4, None)], "B"),
        ('"aaaabbbb\\n"', [(0, 12, "Q"), (1, 9, "B"), (2, 4, None)], "Q"),
        ('"aaaabbbb\\n"', [(0, 12, "Q"), (1, 9, "B")], "Q"),
        ("aaaabbbb", [(0, 8, None), (2, 6, "B")], ""),
        ("aaaabbbb", [(0, 6, "B"), (4, 8, None)], ""),
        ("abcdef", [(0, 3, None), (2, 4, None), (5, 6, None)], "e"),
    ],
)
def test_mask_01_what_overlaps_is_cut_only_where_the_rest_can_still_be_read(
    text: str, places: list[tuple[int, int, str | None]], expected: str
):
    """A mask within base64 would hide a secret after it, and a mask within an escape would break JSON."""
    assert MASK.sub("", text_module._put_together(text, places, TAGS)[0]) == expected


# Hypothesis cannot make a match of the formats of access key ids. The test above plants them.
MADE = [each for each in FORMATS if not each.loose and each.needle not in ("AKIA", "ASIA")]


@pytest.mark.parametrize("each", MADE, ids=lambda each: each.needle)
def test_mask_01_the_needle_of_a_format_is_in_a_long_word(each):
    flags = re.ASCII | (re.IGNORECASE if each.folded else 0)

    @given(st.from_regex(re.compile(each.pattern, flags)))
    @settings(max_examples=examples(10))
    def tried(text):
        found = re.search(each.pattern, text, flags)
        searched, words = (part.lower() if each.folded else part for part in (text, SearchedText.of(text).words))
        if found and searched.startswith(each.needle, found.start() + each.offset):
            assert each.needle in words

    tried()


@given(st.sampled_from(sorted(PLANTED)), HIDDEN)
@settings(max_examples=examples(400))
def test_mask_01_no_encoding_hides_a_planted_secret(name, ways):
    text, secret = PLANTED[name]
    for way in ways:
        text = HIDING[way](text)
    masked = mask_text(text, TAGS)
    read = "\n".join(layers(masked, 0))
    parts = [part for part in secret.split("\n") if part]
    assert not [part for part in parts if part in read]
    assert mask_text(masked, TAGS) == masked
    assert suspects(["plain", text, "plain"]) == {1}


@given(st.text(), st.sampled_from(Sought))
@settings(max_examples=examples(500))
@example('password="[masked credential 3f9a2c]', Sought.SECRETS_IN_PROSE)
@example("cookie: [masked credential 3f9a2c]; x=1", Sought.SECRETS_IN_PROSE)
def test_masking_twice_is_masking_once(text, sought):
    masked = mask_text(text, TAGS, sought)
    assert mask_text(masked, TAGS, sought) == masked


@given(
    st.lists(
        st.sampled_from(sorted({text for text, _ in PLANTED.values()} | {'"', "\\", "'", "=", "%", "\n"})), max_size=6
    )
)
@settings(max_examples=examples(300))
def test_masking_adjacent_secrets_is_idempotent(texts):
    masked = mask_text("\n".join(texts), TAGS)
    assert mask_text(masked, TAGS) == masked
    assert SECRET_KEY not in masked or not any(SECRET_KEY in text for text in texts)
    assert PASSWORD not in masked


@pytest.mark.parametrize(
    "text",
    [
        "monthly report",
        "aws s3 cp s3://reports/2026/q3.csv .",
        "arn:aws:secretsmanager:eu-west-1:444455556666:secret:db-A1b2C3",
        "nextToken=eyJ2IjoxfQ== clientToken=3f1c9b1e-7a39-4b6a-8d9d-2f9c1f7f0a11",
        '{"NextToken": "AAMA-EFRSURBSGhtMnBZa2Z1", "ClientRequestToken": "3f1c9b1e", "PasswordLastUsed": "2026-01-02"}',
        "password reset for alice; the token expired",
        "rotate secret: ${SECRET}, password=$DB_PASSWORD, token: null, secret_arn=arn:aws:iam::1:role/x",
        "AKIAIOSFODNN7EXAMPLE is the id of the key of deploy",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709 fixes it; sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c",
        "see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html#token",
        "version 3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo",
        "x-amz-request-id: 0E7B0A2A3B4C5D6E, request id 9c1f7f0a-3f1c-9b1e-7a39-4b6a8d9d2f9c",
        "maxTokens=4096 output_tokens: 17",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        f"{PEM_BODY}\n-----END PUBLIC KEY-----",
        "the last line of a file with a key is -----END PRIVATE KEY-----",
        "the last lines are\nMIIB\n-----END PRIVATE KEY-----",
        "\n\n-----END RSA PRIVATE KEY-----\n" * 3,
        "Authorization: ApiKey ${API_KEY}",
        '{"Cookies": {"Forward": "none"}, "CookieName": "session"}; cookies are not read; LbCookieStickinessPolicy',
        'Authorization: Bearer $TOKEN; "authorizationType": "AWS_IAM"; authorization: none',
        'AllowHeaders: ["Authorization", "Content-Type"], identitySource: "method.request.header.Authorization"',
        "http://a:80 b@c, http://a:80/b@c, http://a@b:80/c@d, postgres://app:${PASSWORD}@db/app",
        '{"Path": "C:\\\\temp\\\\x", "password": null, "secretId": "db"}',
    ],
)
def test_mask_03_text_without_secrets_is_unchanged(text):
    assert (
        mask_text(text, TAGS, Sought.SECRETS_IN_PROSE) is text or mask_text(text, TAGS, Sought.SECRETS_IN_PROSE) == text
    )


@pytest.mark.parametrize("gap", ["\n", "\r\n", "\\n", "\\\\n", " ", "\n    "])
def test_mask_03_the_text_before_the_end_of_a_key_is_kept(gap: str):
    lines = gap.join(made(64) for _ in range(3)) + gap + made(8)
    for before in ("", f"in the file:{gap}", f"see the end of{gap}a{gap}", "-----END CERTIFICATE-----\n"):
        written = f"{before}{lines}{gap}-----END PRIVATE KEY-----{gap}after"
        masked = mask_text(written, TAGS)
        assert re.sub(r"\[masked [a-z0-9 ]+\]", "<>", masked) == f"{before}<>{gap}after"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Authorization: ApiKey abcdef0123456789", "Authorization: ApiKey <>"),
        ("Authorization: SSWS 00QCjAl4MlV-a\nHost: b", "Authorization: SSWS <>\nHost: b"),
        ("Authorization: Contoso eb24aaaa, then", "Authorization: <>"),
        ("Authorization: 7f3KqP9xLm2VbN8w part, n=9PkOZA", "Authorization: <>"),
        ("Authorization=7f3KqP9xLm2VbN8w part n=9PkOZA", "Authorization=<> n=9PkOZA"),
        ("curl -H 'authorization: GenieKey a2V5=' https://a", "curl -H 'authorization: GenieKey <>' https://a"),
        ('curl -H "Authorization: ApiKey a2V5=" https://a', 'curl -H "Authorization: ApiKey <>" https://a'),
        ('curl -H \'Authorization: Digest a="b", response="6"\' c', "curl -H 'Authorization: Digest <>' c"),
        ("Authorization: Bearer abcdef0123456789 and go on", "Authorization: Bearer <> and go on"),
        ('Proxy-Authorization: Token token="abc"', "Proxy-Authorization: Token <>"),
        ('{"Authorization": ["ApiKey abc"], "n": 1}', '{"Authorization": ["<>"], "n": 1}'),
        ("authorization=abc method=GET path=/x", "authorization=<> method=GET path=/x"),
        ("GET /x?authorization=abc&n=1 HTTP/1.1", "GET /x?authorization=<>&n=1 HTTP/1.1"),
        ("authorization: [masked credential 3f9a2c] abcdef0123", "authorization: <>"),
        ("authorization: given by the owner", "authorization: <> by the owner"),
        ("Authorization: Contoso hunter", "Authorization: <>"),
        ("authorization: given by the owner 2026", "authorization: <>"),
        ("(Authorization: Digest [masked credential 3f9a2c])", "(Authorization: Digest <>)"),
    ],
)
def test_mask_01_an_authorization_header_of_any_scheme_is_masked_to_its_end(written, kept):
    assert marked(written) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("postgres://app:hunt@er2000@db/app", "postgres://app:<>@db/app"),
        ("postgres://app:hunt@er2000@db:5432", "postgres://app:<>@db:5432"),
        ("postgres://app:hunter2000@db/app?a=b@c", "postgres://app:<>@db/app?a=b@c"),
        ("postgres://app:hunter2000@db?a=b@c#d@e", "postgres://app:<>@db?a=b@c#d@e"),
        ("postgres://app:hunter2000@db, mail me@a.b", "postgres://app:<>@db, mail me@a.b"),
        ("redis://:hunter2000@db and redis://:hunter2001@db", "redis://:<>@db and redis://:<>@db"),
        ("amqp://a:hunter#2000@b", "amqp://a:<>@b"),
        ("https://me@a.b:hunter2000@db/app", "https://me@a.b:<>@db/app"),
    ],
)
def test_mask_01_a_password_in_a_url_is_masked_to_the_last_at_before_its_path(written, kept):
    assert marked(written) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('{"password": ["abc", "d\\"e" , "f"], "n": [1]}', '{"password": ["<>"], "n": [1]}'),
        ('{"Item":{"password":{"S":"hunter2000"},"n":{"N":"5"}}}', '{"Item":{"password":{"S":"<>"},"n":{"N":"5"}}}'),
        ('"api_secret": {\n  "SS": ["abc", "def"]\n}', '"api_secret": {\n  "SS": ["<>"]\n}'),
        ('{"password": [{"n": "hunter2000"}]}', '{"password": [{"n": "hunter2000"}]}'),
        ('{"Set-Cookie": [\n  "a=b; Secure",\n  "c=d"\n]}', '{"Set-Cookie": [\n  "<>"\n]}'),
        ("{'cookie': ['a=b', 'c=d'], 'n': 1}", "{'cookie': ['<>'], 'n': 1}"),
        (
            '{"tokens": ["a"], "secret": ["${A}", "$B"], "token": []}',
            '{"tokens": ["a"], "secret": ["${A}", "$B"], "token": []}',
        ),
        ('{"secret": ["${A}", "b"]}', '{"secret": ["<>"]}'),
        ('{"secret": ["[masked credential 3f9a2c]", "b"]}', '{"secret": ["<>"]}'),
        ('{"password": ["abc", null, "def"], "n": [1]}', '{"password": ["<>"], "n": [1]}'),
        ('{"password": [["abc"], ["def"]], "n": [1]}', '{"password": [["<>"]], "n": [1]}'),
        ('{"password": [12345678, 87654321]}', '{"password": ["<>"]}'),
        ('{"password": [null, "abc"]}', '{"password": ["<>"]}'),
        ("password: [hunter2000, hunter2001]\nn: [1]", "password: [<>]\nn: [1]"),
        ("password = [\"hunter2000\", 'hunter2001']", "password = [<>]"),
        (f"password: [{'ab1' * 400}, hunter2000]", "password: [<>]"),
        ("password: [hun{ter}2000, hun[ter2001]", "password: [<>]"),
        ("password: [optional, string]", "password: [optional, string]"),
        ("password:\n  - hunter2000\n  - hunter2001\nn: 1", "password:\n  - <>\nn: 1"),
        ("password:\r\n- 'hunter2000'\r\n- \"hunter2001\"\r\nn: 1", "password:\r\n- <>\r\nn: 1"),
        ("password:\n- required\n- at least 12 characters", "password:\n- required\n- at least 12 characters"),
        # Values on the next lines.
        ("password: |\n  hunter2000\n  hunter2001\nn: 1", "password: |\n  <>\nn: 1"),
        ("  password: >-\n    hunter2000\n\n  n: 1", "  password: >-\n    <>\n\n  n: 1"),
        ('{"password" : \n "hunter2000"}', '{"password" : \n "<>"}'),
    ],
)
def test_mask_01_all_values_of_lists_and_next_lines_are_masked(written, kept):
    masked = mask_text(written, TAGS)
    assert MASK.sub(lambda _: "<>", masked) == kept
    assert mask_text(masked, TAGS) == masked


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Key          Value\npassword     A1a-4Xw9kQ2mZ7tR1bN", "Key          Value\npassword     <>"),
        ("user     | bob\npassword | 4Xw9kQ2mZ7tR1bN\nid       | 7", "user     | bob\npassword | <>\nid       | 7"),
        ("| api_token  4Xw9kQ2mZ7tR1bN5c |\r\n", "| api_token  <> |\r\n"),
        ("--password  4Xw9kQ2mZ7tR1bN5c of the user", "--password  4Xw9kQ2mZ7tR1bN5c of the user"),
        ("the password  4Xw9kQ2mZ7tR1bN5c", "the password  4Xw9kQ2mZ7tR1bN5c"),
        ("token  lambda-execution-role-name", "token  lambda-execution-role-name"),
    ],
)
def test_mask_01_a_random_value_beside_its_name_in_a_line_is_masked(written: str, kept: str):
    masked = mask_text(written, TAGS)
    assert MASK.sub(lambda _: "<>", masked) == kept
    assert mask_text(masked, TAGS) == masked


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("\x1b[36mpassword\x1b[0m=hunter2000 \x1b[36mn\x1b[0m=1", "\x1b[36mpassword\x1b[0m=<> \x1b[36mn\x1b[0m=1"),
        ("\x1b[36mpassword=\x1b[0m\x1b[38;5;208mhunter2000\x1b[0m", "\x1b[36mpassword=\x1b[0m\x1b[38;5;208m<>\x1b[0m"),
        ('\x1b[1;34m"password"\x1b[0m: \x1b[32m"hunter2000"\x1b[m', '\x1b[1;34m"password"\x1b[0m: \x1b[32m"<>"\x1b[m'),
        ("db_\x1b[01;31m\x1b[Kpassword\x1b[m\x1b[K=hunter2000", "db_\x1b[01;31m\x1b[Kpassword\x1b[m\x1b[K=<>"),
        ("DB_PASSWORD              =  hunter2000", "DB_PASSWORD              =  <>"),
        ("password:              hunter2000", "password:              <>"),
        ('"a\u00a0\x1b[1mp\\u0061ssword\x1b[0m=hunter2000"', '"a\\u00a0\\u001b[1mpassword\\u001b[0m=<>"'),
        ("password:\u00a0hunter2000 für ü", "password:\u00a0<> für ü"),
        ("password\u202f=\u202fhunter2000", "password\u202f=\u202f<>"),
        ("пароль: password\u200b:\u3000hunter2000", "пароль: password\u200b:\u3000<>"),
        ('curl -d {\\"password\\":\\"hunter2000\\"} https://a', 'curl -d {\\"password\\":\\"<>\\"} https://a'),
    ],
)
def test_mask_01_neither_colours_nor_special_spaces_nor_escapes_hide_a_value(written: str, kept: str):
    masked = mask_text(written, TAGS)
    assert MASK.sub(lambda _: "<>", masked) == kept
    assert mask_text(masked, TAGS) == masked
    assert suspects(["plain", written, "plain"]) == {1}


def test_a_possible_secret_key_in_a_sentence_is_masked():
    assert SECRET_KEY not in mask_text(f"use {SECRET_KEY} for it", TAGS, Sought.SECRETS_IN_PROSE)


def test_text_around_a_secret_is_unchanged():
    masked = mask_text(f'{{"a" : 1.50, "password":"{PASSWORD}" ,  "b":"é\\n"}}', TAGS)
    assert masked == f'{{"a" : 1.50, "password":"{TAGS.mask(PASSWORD, "credential")}" ,  "b":"é\\n"}}'


def test_a_masked_number_in_json_becomes_a_string():
    assert mask_text('{"password": 12345}', TAGS) == f'{{"password": "{TAGS.mask("12345", "credential")}"}}'


def test_text_encoded_too_deeply_is_masked_whole():
    text = plain = f"password={PASSWORD}"
    for _ in range(DEEPEST + 2):
        text = HIDING["base64"](text)
    assert plain not in "\n".join(layers(mask_text(text, TAGS), -20))


@pytest.mark.parametrize("joined", ["--password hunt3r", "password=hunt3r", "password: hunt3r", "'password':'hunt3r'"])
def test_mask_01_a_name_and_its_value_are_found_in_a_text_of_short_words(joined: str):
    text = f"run tool {joined} now"
    assert not SearchedText.of(text).words
    assert "hunt3r" not in mask_text(text, TAGS)


def test_equal_values_have_equal_masks_everywhere():
    masked = mask_text(f"password={PASSWORD} postgres://u:{PASSWORD}@h", TAGS)
    assert masked.count(TAGS.mask(PASSWORD, "credential")) == 2


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=12) | st.sampled_from(["DB_PASSWORD", "p", *planted_texts()]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Name", "Value", "authKey", "signing.key", "api-KEY", "x", "é"]), inner)
    ),
    max_leaves=8,
)


@given(VALUES, HIDDEN, st.booleans())
@example({"Value": "p", "Name": "DB_PASSWORD"}, [], True)
@example({"authKey": ["p"]}, [], True)
@settings(max_examples=examples(600))
def test_mask_01_text_that_the_quick_check_passes_holds_no_secret(value, ways, ascii_only):
    if isinstance(value, str):
        for way in ways:
            value = HIDING[way](value)
    written = json.dumps(value, ensure_ascii=ascii_only)
    if cannot_hold_secret(written):
        assert GenericMasker(TAGS).data(value) is value
        assert mask_text(written, TAGS, Sought.SECRETS_IN_PROSE) == written
        assert not isinstance(value, str) or mask_text(value, TAGS, Sought.SECRETS_IN_PROSE) == value


def test_most_requests_and_records_pass_the_quick_check():
    asked = {"reason": "monthly report", "permissions": ["s3:GetObject", "arn:aws:s3:::reports/2026/*"], "n": 300}
    assert cannot_hold_secret(json.dumps(asked))


@pytest.mark.parametrize(
    "hostile",
    [
        "-----BEGIN RSA PRIVATE KEY-----" * 3000,
        "-----END RSA PRIVATE KEY-----" * 3000,
        ("A" * 70 + "\n") * 1400 + "-----END RSA PRIVATE KEY-----" * 100,
        "n" * 50_000 + "\\n" * 20_000 + "-----END RSA PRIVATE KEY-----",
        "AKIA" + "A" * 100_000,
        "AKIAIOSFODNN7EXAMPLE " * 5000,
        "password=" * 10_000,
        '"' * 100_000,
        "\\" * 100_000,
        '\\"' * 50_000,
        "%25" * 30_000,
        "://" * 30_000,
        "eyJ" * 30_000,
        "eyJa." * 20_000,
        "cookie: " * 10_000,
        "token " * 20_000,
        "--password " * 10_000,
        "a" * 100_000 + "password",
        '"Name":"password","value":"' * 4000,
        "İpassword=x" * 5000,
        "://a:" + "@" * 100_000,
        "://a:" + "@b" * 50_000 + "/",
        "://a:b@" * 14_000,
        "://a:b?" * 14_000,
        "://" + "a@" * 50_000 + ":b",
        "password=$" * 15_000,
        "secret=${" * 15_000,
        "token=@" * 15_000,
        "secret=arn:aws:s3:::" * 8000,
        'secret=["$", ' * 8000,
        'secret=["' + '$","' * 30_000,
        "secret=['$\", " * 8000,
        'cookie: ["$' * 9000,
        "authorization: a b c " * 5000,
        "authorization: none " * 5000,
        "authorization: digest $" * 5000,
        "authorization: x" + " " * 100_000,
        "authorization=a," * 6000,
        "authorization:a," * 6000,
        "authorization: token" + '="' * 50_000,
        'authorization", "' * 6000,
        "dbPass=" * 12_000,
        "apiKey=" * 12_000,
        "password=enc[" * 12_000,
        "dbPass=ENC[AES256_GCM,data:" * 4000,
        "password=" + "." * 100_000 + "!",
        "token: /" + "." * 100_000 + "!",
        'secret: "' + "." * 100_000 + '!"',
        '\\"a\n' * 25_000,
        "\x1b[" * 50_000,
        "\x1b[0mpassword\x1b[0m=\x1b[0m" * 5000,
        ("password" + " " * 41 + "=") * 2000,
    ],
    ids=lambda text: text[:12],
)
def test_no_text_takes_long(hostile):
    with within_cpu_seconds(3):
        mask_text(hostile, TAGS, Sought.SECRETS_IN_PROSE)


CHAIN = "<password>creds"
"""Names whose masks reveal each other, one after the other."""


def in_json(text: str, levels: int) -> str:
    for _ in range(levels):
        text = json.dumps(text)
    return text


@pytest.mark.parametrize(
    "hostile",
    [
        in_json(CHAIN * 500, 4),
        in_json(CHAIN * 500, DEEPEST),
        '19" ' + in_json(CHAIN * 500, DEEPEST),
        in_json(base64.b64encode(in_json(CHAIN * 500, 3).encode()).decode(), 3),
        in_json(urllib.parse.quote(in_json(CHAIN * 500, 3), safe=""), 3),
        "Credential=aapi-key" * 6000,
        "_key=+hook/secretKey" * 6000,
    ],
    ids=["json", "deepest", "inch", "base64", "percent", "values", "suffixes"],
)
def test_mask_01_names_that_reveal_each_other_take_bounded_time(hostile):
    with within_cpu_seconds(0.4):
        mask_text(hostile, TAGS)
        suspects([hostile])


@pytest.mark.parametrize("levels", range(DEEPEST))
def test_mask_01_text_around_a_secret_stays_at_each_level_of_encoding(levels):
    text = in_json(json.dumps({"user": "alice", "secret_config": json.dumps({"password": PASSWORD, "n": 1})}), levels)
    read = mask_text(text, TAGS)
    for _ in range(levels):
        read = json.loads(read)
    assert json.loads(json.loads(read)["secret_config"])["n"] == 1
    assert PASSWORD not in read


def test_mask_01_a_text_that_begins_within_a_quoted_name_is_masked():
    """An inch sign before the name pairs with the quote that begins the name."""
    assert marked(f'access_token": "{PASSWORD}", "n": 1') == 'access_token": "<>", "n": 1'


def test_mask_01_a_hostile_text_uses_up_no_search_of_another():
    texts = [in_json(CHAIN * 500, 4), f"password={PASSWORD} and more"]
    masked = mask_texts(texts, {0, 1}, TAGS)
    assert MASK.fullmatch(masked[0])
    assert MASK.sub("<>", masked[1]) == "password=<> and more"


def test_mask_01_what_is_not_searched_is_masked(monkeypatch):
    monkeypatch.setattr(text_module, "MOST_CHARACTERS", 100)
    masked = mask_texts([f"password={PASSWORD} " * 3, "harmless"], {0, 1}, TAGS)
    assert all(MASK.fullmatch(each) for each in masked.values())
    assert masked.keys() == {0, 1}


@pytest.mark.parametrize(
    "name",
    ["password", "DB_PASSWORD", "masterUserPassword", "AWS_SECRET_ACCESS_KEY", "clientSecret", "X-Api-Key",
     "accessToken", "GITHUB_TOKEN", "x-amz-security-token", "SecretString", "private_key", "Authorization",
     "password2", "DB_PASSWORD_12", "clientSecret2027"],
)  # fmt: skip
def test_names_of_secrets(name):
    assert names_secret(name)


@pytest.mark.parametrize(
    "name",
    ["nextToken", "ClientRequestToken", "clientToken", "ContinuationToken", "secretArn", "SecretId", "PasswordLastUsed",
     "passwordPolicy", "max_tokens", "taskToken", "AccessKeyId", "KeyId", "tokenType", "UpdateToken", "secretary"],
)  # fmt: skip
def test_mask_03_look_alike_names_are_kept(name):
    assert not names_secret(name)


def test_mask_01_a_text_in_which_masks_are_found_without_end_is_masked_as_a_whole():
    with mock.patch.object(text_module, "_put_together", lambda text, *_: (f"{text}x", "")):
        assert MASK.fullmatch(mask_text("a", TAGS))


def test_mask_01_secrets_that_each_show_the_next_are_masked_one_by_one():
    text = "authorization: " + " ".join(f"k3v7q2M5x4Tb{number}" for number in range(200)) + "\n"
    lines = marked("".join(f"password=k3v7q2M5x4Tb{number}\n" for number in range(200)) + text)
    assert lines == "password=<>\n" * 200 + "authorization: <>\n"
