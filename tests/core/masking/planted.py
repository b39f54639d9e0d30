"""Secrets in all their forms, made up here, and ways to hide them in text."""

import base64
import json
import random
import string
import urllib.parse
from collections.abc import Callable

_RANDOM = random.Random(7)
_LETTERS = string.ascii_letters + string.digits


def made(count: int, letters: str = _LETTERS) -> str:
    """Return this many characters. If the letters allow it, they have a capital, a small letter and a digit."""
    return (
        "".join(_RANDOM.choice(letters) for _ in range(count - 3))
        + letters[0]
        + letters[len(letters) // 2]
        + letters[-1]
    )


_B64URL = _LETTERS + "-_"
_HEX = "0123456789abcdef"
SECRET_KEY = made(20) + "/" + made(19)
SESSION_TOKEN = "IQoJb3JpZ2lu" + made(300, _LETTERS + "+/") + "=="
PASSWORD = "pw" + made(14)
JWT = ".".join(("eyJ" + made(30), "eyJ" + made(60), made(43, _B64URL)))
PEM_BODY = "\n".join(made(64) for _ in range(4))

# By name: a text as it stands somewhere, and the secret in it.
PLANTED: dict[str, tuple[str, str]] = {
    "aws keys": (f"AKIAIOSFODNN7EXAMPLE,{SECRET_KEY}", SECRET_KEY),
    "aws secret key": (f"aws_secret_access_key = {SECRET_KEY}", SECRET_KEY),
    "aws session token": (SESSION_TOKEN, SESSION_TOKEN),
    "bedrock key": ("ABSK" + (key := made(120)), key),
    "private key": (f"-----BEGIN RSA PRIVATE KEY-----\n{PEM_BODY}\n-----END RSA PRIVATE KEY-----\n", PEM_BODY),
    "openssh key": (f"-----BEGIN OPENSSH PRIVATE KEY-----\n{PEM_BODY}\n-----END OPENSSH PRIVATE KEY-----", PEM_BODY),
    "private key cut off": (f"-----BEGIN PRIVATE KEY-----\n{PEM_BODY}", PEM_BODY),
    "end of a private key": (f"{PEM_BODY}\n-----END RSA PRIVATE KEY-----\n", PEM_BODY),
    "end of a key with escaped lines": (
        f"{(text := PEM_BODY.replace(chr(10), chr(92) + 'n'))}\\n-----END PRIVATE KEY-----",
        text,
    ),
    "end of a key in one line": (f"{(text := PEM_BODY.replace(chr(10), ' '))} -----END PRIVATE KEY-----", text),
    "end of a key that is indented": (
        f"    {(text := PEM_BODY.replace(chr(10), chr(10) + '    '))}\n    -----END PRIVATE KEY-----",
        text,
    ),
    "end of a key with returns": (
        f"{(text := PEM_BODY.replace(chr(10), chr(13) + chr(10)))}\r\n---- END SSH2 ENCRYPTED PRIVATE KEY ----",
        text,
    ),
    "jwt": (JWT, JWT),
    "github": (token := "ghp_" + made(36), token),
    "github app": (token := "ghs_" + made(36), token),
    "github fine": (token := "github_pat_" + made(22) + "_" + made(59), token),
    "gitlab": (token := "glpat-" + made(20), token),
    "slack bot": (token := f"xoxb-{made(11, string.digits)}-{made(12, string.digits)}-{made(24)}", token),
    "slack hook": ("https://hooks.slack.com/services/T" + (hook := f"{made(8)}/B{made(8)}/{made(24)}"), hook),
    "stripe": (token := "sk_live_" + made(24), token),
    "google": (token := "AIza" + made(35, _B64URL), token),
    "npm": (token := "npm_" + made(36), token),
    "pypi": (token := "pypi-AgEIcHlwaS5vcmc" + made(120, _B64URL), token),
    "sendgrid": (token := f"SG.{made(22, _B64URL)}.{made(43, _B64URL)}", token),
    "openai": (token := "sk-proj-" + made(64), token),
    "vault": (token := "hvs." + made(95, _B64URL), token),
    "terraform": (token := made(14) + ".atlasv1." + made(64), token),
    "digitalocean": (token := "dop_v1_" + made(64, _HEX), token),
    "azure": (token := made(3) + "8Q~" + made(34), token),
    "connection string": (f"postgres://app:{PASSWORD}@db.internal:5432/app", PASSWORD),
    "password with an @": (f"postgres://app:{PASSWORD[:8]}@{(rest := made(10))}@db.internal/app?mail=a@b.c", rest),
    "user with an @": (f"https://app@a.b:{(key := made(12))}@db.internal/", key),
    "password with a ?": (f"amqp://app:{(key := made(6) + '?' + made(6))}@mq.internal", key),
    "ado connection string": (f"Server=db;User Id=app;Password={PASSWORD};", PASSWORD),
    "storage account": (f"AccountName=a;AccountKey={(key := made(86) + '==')};", key),
    "presigned url": (
        f"https://b.s3.amazonaws.com/k?X-Amz-Credential=A%2F1&X-Amz-Signature={(sign := made(64, _HEX))}&x=1",
        sign,
    ),
    "shared access": (f"https://a.blob.core.windows.net/c?sv=1&sig={(sign := made(40))}%3D&se=2", sign),
    "bearer": (f"Authorization: Bearer {(token := made(40))}", token),
    "basic": (f"Authorization: Basic {(token := base64.b64encode(PASSWORD.encode()).decode())}", token),
    "digest": (
        f'Authorization: Digest username="app", realm="api, v1", response="{(sign := made(32, _HEX))}", qop=auth',
        sign,
    ),
    "api key": (f"Authorization: ApiKey {(key := made(32))}", key),
    "api key in base64": (f"authorization: SSWS {(key := made(31))}=", key),
    "unknown scheme": (f"Authorization: Contoso-v2 {(key := made(32))}", key),
    "unknown scheme with two words": (f"Authorization: Contoso {(key := made(12))} and {made(12)}", key),
    "no scheme": (f"Authorization: {(key := made(32))} https://api.internal/v1", key),
    "proxy": (f"Proxy-Authorization: GenieKey {(key := made(32))}", key),
    "wsgi": (json.dumps({"HTTP_AUTHORIZATION": f"Contoso {(key := made(32))}"}), key),
    "header in a list": (json.dumps({"Authorization": [f"Contoso {(key := made(32))}"]}), key),
    "header in a pair": (f"[('Host', 'a'), ('Authorization', 'ApiKey {(key := made(32))}')]", key),
    "header of java": (f"{{Authorization=[Contoso {(key := made(32))}], Host=[a]}}", key),
    "header": (f"X-Api-Key: {(key := made(32))}", key),
    "sigv4": (
        f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/x, SignedHeaders=host, Signature={(sign := made(64, _HEX))}",
        sign,
    ),
    "cookie": (f"Cookie: session={(key := made(32))}; a=b", key),
    "cookie in json": (json.dumps({"headers": {"cookie": f"session={(key := made(32))}; a=b"}}), key),
    "cookies in a list": (json.dumps({"Set-Cookie": ["a=b", f"session={(key := made(32))}; Secure"]}), key),
    "cookie of a command": (f"curl --cookie session={(key := made(32))} https://a", key),
    "json": (json.dumps({"user": "a", "password": PASSWORD, "n": 1}), PASSWORD),
    "json with a quote": (json.dumps({"client_secret": f'{PASSWORD}"x', "n": 1}), PASSWORD),
    "json pair": (json.dumps({"Name": "DB_PASSWORD", "Value": PASSWORD}), PASSWORD),
    "environment": (f"export GITHUB_TOKEN={(token := made(30))}", token),
    "option": (f"mysql --host db --password {PASSWORD} app", PASSWORD),
    "three quotes": (f'client_secret = """{PASSWORD}"""\n', PASSWORD),
    "three single quotes": (f"client_secret = '''\n{PASSWORD}\n'''", PASSWORD),
    "yaml": (f"database:\n  password: {PASSWORD}\n  port: 5432", PASSWORD),
}
HIDING: dict[str, Callable[[str], str]] = {
    "in a sentence": lambda text: f"see {text} there",
    "json": lambda text: json.dumps({"deep": [1, {"text": text}]}),
    "json string": json.dumps,
    "part of a json string": lambda text: json.dumps(text)[1:-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 in a url": lambda text: base64.urlsafe_b64encode(f"data: {text}".encode()).decode().rstrip("="),
    "base64 of utf-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "percent": lambda text: urllib.parse.quote(text, safe=""),
    "lines": lambda text: f"first\n{text}\nlast",
}
