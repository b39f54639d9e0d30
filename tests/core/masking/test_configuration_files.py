"""Passwords in configuration files and in code that sets them (rows MASK 1 and MASK 3)."""

import base64
import json

import pytest

from jitney.core.masking.mask_tags import MASK, MaskTags
from jitney.core.masking.text import mask_text

TAGS = MaskTags(lambda: bytes(32))
P = "hunter2000"
CODED = base64.b64encode(f"app:{P}".encode()).decode()
MASKED = [
    f"port 6379\nrequirepass {P}\n",
    f'masterauth "{P}"',
    f"redis-server --requirepass {P} --port 6379",
    f"CONFIG SET requirepass {P}",
    f"define('DB_PASSWORD', '{P}');",
    f'define( "AUTH_TOKEN", "{P}" );',
    f'setenv("DB_PASSWORD", "{P}", 1)',
    f'System.setProperty("db.password", "{P}");',
    f'os.environ.setdefault("DB_PASSWORD", "{P}")',
    f"headers.set('x-api-key', '{P}')",
    f"FROM debian:13\nENV DB_PASSWORD {P}\n",
    f"production:\n  :password: {P}\n",
    f"connect(:password => '{P}')",
    f"default_pass = {P}",
    f'network={{\n  psk="{P}"\n}}',
    f"wpa_psk: {P}",
    f"jdbc:oracle:thin:app/{P}@db:1521/prod",
    json.dumps({"auths": {"registry.example.com": {"auth": CODED}}}),
    f'proxy_set_header Authorization "Basic {CODED}";',
]
KEPT = [
    "requirepass is not set, and masterauth must be set",
    "the option requirepass protects the server",
    'define("DB_PASSWORD", getenv("DB_PASSWORD"));',
    "add_column('password', 'string')",
    'form.get("password", "missing")',
    "ENV PATH /usr/bin",
    "the ENV TOKEN is unset",
    "arn:aws:ssm:eu-west-1:444455556666:parameter:password:a",
    "first_pass = complete",
    "key_mgmt=WPA-PSK\nssid=office",
    '{"auth": "required", "auths": {"r": {"auth": "none"}}}',
    'Authorization "Basic" is a scheme',
    "jdbc:oracle:thin:@db:1521/prod",
]


@pytest.mark.parametrize("text", MASKED)
@pytest.mark.parametrize("around", ["{}", "# first line\n{}\n# last line\n"], ids=["alone", "file"])
def test_mask_01_the_password_of_a_configuration_is_masked(text: str, around: str):
    secret = CODED if CODED in text else P
    written = around.replace("{}", text)
    masked = mask_text(written, TAGS)
    assert secret not in masked
    assert MASK.sub(secret, masked) == written
    assert mask_text(masked, TAGS) == masked


@pytest.mark.parametrize("text", KEPT)
def test_mask_03_configurations_and_code_without_a_password_are_kept(text: str):
    assert mask_text(text, TAGS) == text
