"""Passwords in configuration files and in code that sets them (rows MASK 1 and MASK 3)."""

import base64
import json

import pytest

from jitney.core.masking.generic_masker import GenericMasker
from jitney.core.masking.mask_tags import MASK, MaskTags
from jitney.core.masking.text import mask_text
from tests.cpu_time import within_cpu_seconds

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
    f"[db]\nuser=app\npass={P}\n",
    f"export PASS='{P}'",
    f"GET /login?user=app&pass={P}&next=a",
    f"smtp:\n  pass: {P}\n",
    f"'db' => ['user' => 'app', 'pass' => '{P}'],",
    f'$env:DB_PASSWORD="{P}"\r\n',
    f'-Password "{P}"',
    f'New-Sender -Password "{P}" -Port 25',
    f"influx -username app -password {P}",
    f"set -x DB_PASSWORD {P}; serve",
    f"cd a:; setenv DB_PASSWORD {P}",
    f"SETX A=1\nSETX DB_PASSWORD {P} /M",
    f"<AdministratorPassword>\n  <Value>{P}</Value>\n</AdministratorPassword>",
    json.dumps({"command": ["redis-cli", "-h", "a\tb", "-a", P]}, indent=2),
    f'proxy_set_header Authorization "Basic {CODED}";',
]
KEPT = [
    "requirepass is not set, and masterauth must be set",
    "the option requirepass protects the server",
    'define("DB_PASSWORD", getenv("DB_PASSWORD"));',
    "add_column('password', 'string')",
    'form.get("password", "missing")',
    "ENV PATH /usr/bin",
    "$env:Path, set -x PATH /usr/bin",
    "Get-Item -Path a -TokenType b, a well-known-password policy, self -password",
    "the option -password is missing",
    "<Password><Hint>none</Hint></Password>",
    "the ENV TOKEN is unset",
    "arn:aws:ssm:eu-west-1:444455556666:parameter:password:a",
    "first_pass = complete",
    "key_mgmt=WPA-PSK\nssid=office",
    '{"auth": "required", "auths": {"r": {"auth": "none"}}}',
    'Authorization "Basic" is a scheme',
    "PASS: 12, FAIL: 0, pass=true, pass = completed",
    "bypass=hunter2000, compass: hunter2000",
    "pass: 2026-01-02T03:04:05Z, pass=$PASS1234",
    'CMD ["mysql", "-uapp", "-p"], ["a", "-b\\x", "c"], ["ssh", "-p", "2222"], ["docker", "run", "-p", "8080:80"]',
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
    assert GenericMasker(TAGS).data(["first", written, "last"]) == ["first", masked, "last"]


def test_mask_01_a_word_of_a_list_in_a_text_is_masked_as_in_a_member():
    words = ["mysql", "-uapp", f"-p{P}"]
    masked = mask_text(f"FROM debian\nCMD {json.dumps(words)}\n", TAGS)
    assert masked == f"FROM debian\nCMD {json.dumps(GenericMasker(TAGS).data(words))}\n"


@pytest.mark.parametrize(
    "piece", ['["-a", ', '["', '["-","', '"-a", ["mysql", "-p", ', '["-a", "b"], ', '["\\"-', "pass=a1"]
)
def test_mask_04_text_full_of_lists_takes_linear_time(piece: str):
    with within_cpu_seconds(3):
        mask_text(piece * (200_000 // len(piece)) + '"]', TAGS)


@pytest.mark.parametrize("text", KEPT)
def test_mask_03_configurations_and_code_without_a_password_are_kept(text: str):
    assert mask_text(text, TAGS) == text
