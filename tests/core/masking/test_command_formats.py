"""Passwords in command lines and in statements of SQL (rows MASK 1, 3)."""

import pytest

from jitney.core.masking.generic_masker import GenericMasker
from jitney.core.masking.mask_tags import CREDENTIAL, MASK, MaskTags
from jitney.core.masking.text import mask_text
from tests.cpu_time import within_cpu_seconds

TAGS = MaskTags(lambda: bytes(32))
P = "hunter2000"
MASKED = [
    f"docker login registry.example.com -u app -p {P}",
    f"echo {P} | docker login -u app --password-stdin registry.example.com",
    f"helm registry login -u app -p '{P}' registry.example.com",
    f"az login --service-principal -u app -p {P} --tenant t",
    f"mongosh --host db -u app -p {P}",
    f"mongodump -u app -p={P} --out /tmp",
    f"cqlsh db 9042 -u app -p {P}",
    f"sqlcmd -S db -U sa -P {P} -Q 'select 1'",
    f"bcp t out f -S db -U sa -P {P}",
    f"sqlplus -s app/{P}@db:1521/prod @q.sql",
    f"ldapsearch -x -D cn=admin -w {P} -b dc=acme",
    f"ldapmodify -D cn=admin -w '{P}'",
    f"lftp -u app,{P} sftp://h",
    f"smbclient //fs/share -U app%{P}",
    f"kubectl create secret generic s --from-literal=k={P} --from-literal=z=1",
    f"openssl pkcs12 -in a.p12 -passin pass:{P} -nodes",
    f"openssl enc -aes-256-cbc -k {P} -in a",
    f"keytool -list -keystore a.jks -storepass {P}",
    f"jarsigner -storepass '{P}' a.jar a",
    f"htpasswd -bc .htpasswd app {P}",
    f"htpasswd -nb app {P}",
    f"htpasswd -B -b .htpasswd app {P} >> log",
    f"net use \\\\fs\\share /user:app {P}",
    f"plink -ssh app@h -pw {P} uptime",
    f"useradd -m -p {P} app",
    f"unzip -P {P} a.zip",
    f"zip -r -P '{P}' a.zip d",
    f"echo 'app:{P}' | sudo chpasswd",
    f"echo {P} | passwd --stdin app",
    f"echo '{P}' | sudo -S systemctl restart app",
    f'ConvertTo-SecureString "{P}" -AsPlainText -Force',
    f"aws ssm put-parameter --name /app/db --value {P} --type SecureString",
    f"aws ssm put-parameter --type SecureString --name /app/db --value '{P}'",
    f'aws ssm put-parameter \\\n  --type SecureString \\\n  --value "{P}"',
    f"aws cloudformation deploy --parameters ParameterKey=DBPassword,ParameterValue={P}",
    f"--overrides containerOverrides=[{{name=web,environment=[{{name=DB_PASSWORD,value={P}}}]}}]",
    f"CREATE USER 'app'@'%' IDENTIFIED BY '{P}';",
    f"create user app identified with mysql_native_password by '{P}' require ssl",
    f"ALTER USER app IDENTIFIED BY {P} ACCOUNT UNLOCK;",
    f'ALTER USER app IDENTIFIED BY "{P}"',
    f"CREATE PUBLIC DATABASE LINK l CONNECT TO app IDENTIFIED BY {P} USING 'prod'",
    f"ALTER ROLE app WITH LOGIN PASSWORD '{P}';",
    f"CREATE USER app PASSWORD '{P}' VALID UNTIL '2027-01-01'",
    f"CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'app', password '{P}')",
    f"CREATE LOGIN app WITH PASSWORD = '{P}'",
    f"SET PASSWORD FOR 'app'@'%' = '{P}'",
    f"set password for app = password('{P}')",
]
MASKED += [
    f"kubectl create secret generic s --from-literal=debug=true --from-literal=k={P}",
    f"openssl pkcs12 -passin pass:PASSWORD -passout pass:{P}",
    f"docker login \\\n\t-u app \\\n\t-p {P}",
    f"docker login\t-u app\t-p {P}",
    f"Leave the password 'til later: ALTER USER app PASSWORD '{P}'",
]
KEPT = [
    "kubectl create configmap c --from-literal=stage=production",
    "docker login registry.example.com -u app -p $PASSWORD",
    "docker login -u app -p <password>",
    "docker login -u USER -p PASSWORD",
    "docker login -u app --password-stdin < file",
    "ssh login node -p 22",
    "ldapsearch -x -W -D cn=admin",
    "kubectl get secret s -o yaml",
    "kubectl create secret generic s --from-file=k=a.txt",
    "openssl req -key a.pem -out b.csr",
    "openssl x509 -in a.pem -passin env:P",
    "htpasswd .htpasswd app",
    "aws ssm put-parameter --name /app/size --value 10GiB --type String",
    "aws ssm put-parameter --name /app/db --type SecureString --value file://a",
    "gzip -P files",
    "echo deploy finished | tee log",
    "echo $PASSWORD | docker login --password-stdin",
    "ParameterKey=Size,ParameterValue=large",
    "The fault was identified by monitoring.",
    'Create a role for the bucket that is identified by "reports-2026".',
    "ALTER USER app IDENTIFIED BY '<password>'",
    "ALTER USER app ACCOUNT LOCK; the row is identified by 'a-17'",
    "CREATE TABLE t (password varchar(20), name 'text')",
    "net use \\\\fs\\share",
    "the user set password rules for 'contractors'",
]


MARKS = " -p -P -w -a -u -U -k -s --value | \\ : @ SecureString"
"""Without its mark, no needle is searched."""


@pytest.mark.parametrize("text", MASKED)
@pytest.mark.parametrize(
    "around", ["{}", "see {}", '{{"command": ["bash", "-c", "{}"]}}'], ids=["alone", "prose", "json"]
)
def test_mask_01_the_password_of_a_command_or_statement_is_masked(text: str, around: str):
    if around.endswith("]}}"):
        text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    masked = mask_text(around.format(text), TAGS)
    assert P not in masked
    assert MASK.sub(P, masked) == around.format(text)
    assert mask_text(masked, TAGS) == masked


@pytest.mark.parametrize("text", KEPT)
def test_mask_03_commands_and_statements_without_a_password_are_kept(text: str):
    assert mask_text(text, TAGS) == text


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "create user identified by ",
            "set password ",
            "create user password 'aaa ",
            "a login -p",
            "htpasswd -b a ",
            "zip ",
        ),
        *("put-parameter --value ", "net use ", "openssl -k", "ldapadd ", "echo a:", "sqlplus a/", "kubectl \\\n"),
    ],
)
def test_mask_04_text_full_of_commands_takes_linear_time(piece: str):
    with within_cpu_seconds(3):
        mask_text(piece * (200_000 // len(piece)) + MARKS, TAGS)


@pytest.mark.parametrize(
    ("words", "masked"),
    [
        (["mysql", "-u", "root", f"-p{P}", "db"], f"-p{P}"),
        (["curl", "-s", "-u", f"app:{P}", "https://db.internal"], f"app:{P}"),
        (["docker", "login", "-u", "app", "-p", P], P),
        (["redis-cli", "-h", "db", "-a", P], P),
        (["openssl", "enc", "-aes-256-cbc", "-k", P], P),
        (["htpasswd", "-nb", "app", P], P),
        (["a", "b", "c", "d", "e", "mysql", "-h", "f", "-u", "g", "-p" + P, "h", "i", "j"], "-p" + P),
        (["aws", "ssm", "put-parameter", "--type", "SecureString", "--value", P], P),
        (["kubectl", "create", "secret", "generic", "s", f"--from-literal=k={P}"], f"--from-literal=k={P}"),
        (["mysql", "-u", "root", "-p", "db"], None),
        (["psql", "-h", "db", "-p", "5432", "-U", "app"], None),
        (["docker", "run", "-p", "8080:80", "nginx"], None),
        (["-p", P, "mysql"], None),
        (["mysql", "-e", "select 1"], None),
        (["mysql", "-h", "\0", 7, f"-p{P}"], None),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_mask_01_a_password_of_a_command_is_masked_in_a_list_of_its_words(words: list[str], masked: str | None):
    """Such lists are the commands of containers, as in ECS and Batch."""
    shown = GenericMasker(TAGS).data({"command": words})["command"]
    assert shown == [TAGS.mask(word, CREDENTIAL) if word == masked else word for word in words]


def test_mask_01_secrets_of_single_words_keep_the_text_around_them():
    words = ["app", "-v", "--url", f"https://app:{P}@db/x", "sh", "-c", f"mysql -p{P}"]
    shown = GenericMasker(TAGS).data(words)
    assert shown == [word.replace(P, TAGS.mask(P, CREDENTIAL)) for word in words]


@pytest.mark.parametrize("words", [["mysql", "-p"], ["-p"], ["docker login", "-u", "a"], ["curl", "-u", "a"]])
def test_mask_01_no_list_of_words_takes_long(words: list[str]):
    with within_cpu_seconds(3):
        GenericMasker(TAGS).data(words * 20_000)
