"""Names that suggest a secret, options of commands and webhooks (rows MASK 1 and 3)."""

import random
import string

import pytest

from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.masking.named_secrets import is_random_secret
from jitney.core.masking.random_values import is_filled, looks_random
from tests.cpu_time import within_cpu_seconds

VALUE = "k3v7q2M5x4Tbca9R1zLw"
HEX = "9f86d081884c7d659a2feaa0c55ad015"

MASKED = [
    f"ACME_TOKEN={VALUE}",
    f"export ACME_DEPLOY_TOKEN={HEX}",
    f'acmeToken := "{VALUE}"',
    f"acmeToken := `{VALUE}`",
    f'string acmeToken = "{VALUE}";',
    f'var acmeToken string = "{VALUE}"',
    f'acmeToken: str = "{VALUE}"',
    f'ACME_TOKEN ?= "{VALUE}"',
    f'ACME_TOKEN :::= "{VALUE}"',
    f'$acmeToken .= "{VALUE}"',
    f'if (acmeToken == "{VALUE}") {{',
    f'System.setProperty("ACME_TOKEN", "{VALUE}")',
    f"<acmeToken>\n    {VALUE}\n</acmeToken>",
    f"<ns:dbPassword>{VALUE}</ns:dbPassword>",
    f'<entry name="acmeToken" value="{VALUE}" />',
    f"<key>acmeToken</key>\n<string>{VALUE}</string>",
    f'- name: ACME_TOKEN\n  value: "{VALUE}"',
    f"GITHUB_PAT={VALUE}",
    f"encryption_key: {HEX}",
    f"encryptionKey={HEX}",
    f"SECRET_KEY_BASE={VALUE}",
    f"creds = {VALUE}",
    f'"user_auth": "{VALUE}"',
    f"curl -u app:{VALUE} https://db.internal",
    f"curl -k -X POST https://db.internal \\\n  -d x \\\n  -u 'app:{VALUE}'",
    f"mysql -h db.internal -u app -p{VALUE} reports",
    f"mysqldump -p'{VALUE}' reports",
    f"sshpass -p {VALUE} ssh host",
    f"docker login -u app -p {VALUE} registry.internal",
    f"redis-cli -h cache -a {VALUE} ping",
    f"https://discord.com/api/webhooks/123456789012345678/{VALUE}",
    f"https://api.telegram.org/bot123456789:AA{VALUE}{VALUE}/getMe",
    f"https://hooks.example.com/catch/1234567/{VALUE}",
    f'{{"outputs": {{"root_password": {{"sensitive": true, "type": "string", "value": "{VALUE}"}}}}}}',
    f'{{"Name": "/app/prod/db_password", "Type": "SecureString", "Value": "{VALUE}"}}',
    f'name  = "/app/db_password"\n  type  = "String"\n  value = "{VALUE}"\n',
    f'variable "db_pass" {{\n  type    = string\n  default = "{VALUE}"\n}}',
    f'<env name="DB_PASSWORD">{VALUE}</env>',
    f"set <password>{VALUE}</password>",
    f'os.environ["DB_PASSWORD"] = "{VALUE}"',
    f"Invalid type for parameter MasterUserPassword, value: {VALUE}, type: <class 'int'>",
    f"the new ACME_TOKEN for the shop is {VALUE}, please rotate it",
    f"Set ACME_TOKEN to `{VALUE}`.",
    f'WARN falling back to ACME_TOKEN "{VALUE}"',
    f"//npm.example.com/:_authToken={VALUE}",
    f"machine db.internal\n  login app\n  password {VALUE}\n",
    f"db.internal:5432:reports:app:{VALUE}",
    f'{{"storageKey": "{VALUE}"}}',
    f"smtpPass: {VALUE}",
    f'redisAuth="{VALUE}"',
    f"spring.redis-auth={VALUE}",
    f"PresharedKey = {VALUE}",
    f"curl -u {VALUE}: https://api.internal",
    f"curl --user app:'{VALUE}' https://api.internal",
    f"ask 123456789:AA{HEX}c to stop",
    f"a call with bearer auth-{HEX}",
    f"curl -u user:pass-{VALUE} https://api.internal",
    f"curl -u login:token.{VALUE} https://api.internal",
    f"password=enc[{VALUE}",
]


@pytest.mark.parametrize("text", MASKED)
def test_mask_01_a_random_value_is_masked_in_any_notation(text: str):
    masked = UNTAGGED.text(text)
    assert VALUE not in masked
    assert HEX not in masked
    assert "[masked credential]" in masked
    assert UNTAGGED.text(masked) == masked


def test_mask_01_a_short_password_of_a_database_is_masked():
    assert UNTAGGED.text("DB_PASS=hunter2 REDIS_PW=abc") == "DB_PASS=[masked credential] REDIS_PW=[masked credential]"


@pytest.mark.parametrize(
    "text",
    [
        f"kms_key_id={HEX}, next_token={VALUE}, PUBLIC_KEY={VALUE}, partition_key={VALUE}, s3_key={VALUE}",
        f"token_url={VALUE} secret_name={VALUE} PASSWORD_FILE={VALUE} csrf_token={VALUE} cache_key={VALUE}",
        "ACME_TOKEN=true STAGE_KEY=production acme_token: expired, feature_key=new-checkout-page",
        '{"Tags": [{"Key": "uses_token", "Value": "true"}, {"Key": "secret", "Value": "true"}]}',
        "ACME_TOKEN=xxxxxxxxxxxxxxxxxxxx password=0 api_key=your-api-key-here ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        'deploy_key_rotated: 2026-01-02T03:04:05Z, cluster_key="web-frontend-service"',
        "GITHUB_API_KEY=\nDYNATRACE_API_KEY=",
        'required: ["acme_token", "k3v7q2M5x4Tbca9R1zLw"]',
        "docker run -u 1000:1000 --name mysql -p3306:3306 mysql:8; curl -u $USER:$PASS https://a",
        "password: changeme, api_key=REDACTED, token: [redacted], SECRET_KEY=TODO",
        "def login(token: str, password: str):",
        "  + password = (sensitive value)\n  + token    = (known after apply)",
        "usage: app [--token TOKEN] [--password PASSWORD]; DB_PASSWORD=<password>\nAPI_TOKEN=...",
        'curl -u <user>:<password> https://a; curl -u user:password https://a; -H "Authorization: Bearer <your token>"',
        "Password: see the vault. secret: permission denied, token: is expired, api_key: required field missing",
        "Basic authentication and Bearer authentication are supported, or bearer authorization.",
        "password: ENC[AES256_GCM,data:k3v7q2M5x4Tb,iv:a,tag:b,type:str], DB_PASS='ENC[PKCS7,k3v7q2M5x4Tb]'",
        'pod "app-1" uses secret "deployer-token-4xw9k", the token is expired, the password is hunter2000',
        "  data:\n  - secretKey: api-key\n    remoteRef:\n      key: prod\n",
        "hf_requiredCharacteristicTypesForDisplayMetadata",
        f'{{"objectKey": "{VALUE}", "cacheKey": "{VALUE}", "Key": "{VALUE}"}}',
        "https://github.com/o/r/settings/hooks/12345678/deliveries, docs/webhooks/about-webhooks-and-events",
    ],
)
def test_mask_03_what_only_looks_like_a_secret_is_kept(text: str):
    assert UNTAGGED.text(text) == text


def test_mask_01_nearly_all_generated_values_look_random():
    made = random.Random(3)
    for alphabet, length in ((string.ascii_letters + string.digits, 24), (string.hexdigits.lower(), 32)):
        values = ["".join(made.choices(alphabet, k=length)) for _ in range(500)]
        assert sum(looks_random(value) for value in values) > 485


@pytest.mark.parametrize(
    "value",
    [
        *("production", "getSecretFromVaultProvider", "v1.2.3-SNAPSHOT"),
        *("20231217", "2026-01-02T03:04:05Z", "1700000000000000"),
    ],
)
def test_mask_03_words_versions_and_times_do_not_look_random(value: str):
    assert not looks_random(value)
    assert not is_random_secret(value)


def test_mask_03_a_placeholder_is_one_character_for_the_most_part():
    assert is_filled("ghp_xxxxxxxxxxxx")
    assert not is_filled(VALUE)
    assert [is_filled("x" * count) for count in (8, 9, 200, 201)] == [False, True, True, False]
    assert is_random_secret(VALUE)


@pytest.mark.parametrize(
    "part",
    [
        *("curl -u ", "curl x ", "mysql -p", "docker login ", "hooks/a/", "a_token", "<acmeToken ", "hook/", '"_key" '),
        *(
            "machine a login b ",
            ":5432:a:b",
            'db_password":{ ',
            'name="db_pass"\n value ',
            "storageKey",
            "<token> ",
            "token for a ",
        ),
        *("password=xxxxxxxxxxxx", "creds=", "a_token=%25", "_pw=k3v7q2M5x4", "aB1_key=" * 500 + " "),
    ],
    ids=lambda part: part[:20].strip(),
)
def test_mask_01_no_repeated_text_takes_long(part: str):
    text = part * (100_000 // len(part))
    with within_cpu_seconds(4):
        UNTAGGED.text(text)
