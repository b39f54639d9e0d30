r"""The formats of passwords in command lines, in files of passwords and in statements of SQL.

Options such as `--password` and variables such as `PGPASSWORD` are found by their names (`named_secrets`). The words of
a command end at `|`, `;` or the end of the line, unless the line ends with a backslash.
"""

from jitney.core.masking.format_entry import SecretFormat

_WORDS = r"[a-z]{0,9}(?=[ \t])(?:[^\n\\|;\0]|\\[^\0]){0,300}?"
_STARTS = (
    r"(?![$<{\[\"']|(?:[A-Z_]{0,30}(?:PASS(?:WORD|PHRASE)?|TOKEN|SECRET|KEY|CREDENTIALS?)|[Tt]rue|[Ff]alse|null|none"
    r"|\*+|\.+|x+|change[-_]?me)(?![^\s\"'|;&]))"
)
"""Excludes values that stand for another one, placeholders and masks, so that a later option is tried."""
_WORD = rf"{_STARTS}([^\s\"'\0]{{3,200}})"
_STRING = rf"""(?:"{_STARTS}((?:[^"\\\0]|\\[^\0]){{3,400}})|'{_STARTS}((?:[^'\\\0]|\\[^\0]|''){{3,400}}))"""
_VALUE = rf"(?:{_STRING}|(?!-){_STARTS}([^\s\"'\0|;&]{{3,200}}))"

OPTION = len(" -p")
"""The length of the mark of a command with an option."""
_OPTIONS = (
    (" -p", r"[ =]?+", ("mongo", "cqlsh", "sshpass", "useradd", "usermod")),
    (" -p", r"[ =]", (" login",)),  # of docker, podman, az, helm registry; elsewhere -p2222 is a port
    (" -P", r" ?", ("bcp", "sqlcmd", "zip")),
    (" -w", r" ?", ("ldap",)),
    (" -a", r" ?", ("redis-cli",)),
    (" -u", r" [\"']?[^\s,\0]{1,60},", ("lftp",)),
    (" -U", r" ?[\"']?[^\s%\0]{1,60}%", ("smbclient",)),
    (" -pw ", "", ("plink", "pscp")),
    (" -pass", r"(?:in|out)? [\"']?pass:", ("openssl",)),
    (" -k ", "", ("openssl enc",)),
    (" -storepass ", "", ("keytool", "jarsigner")),
    (" --from-literal", r"[ =][\"']?[\w.-]{1,100}=", ("create secret",)),
    (" --value", r"[ =](?!fileb?://)", ("put-parameter",)),
)
"""An option, what is between it and a password, and commands that have it."""
_ONLY_IF = {"put-parameter": r"(?=(?:[^\n\\\0]|\\[^\0]){0,600}?SecureString)", "zip": r"(?<![bg]zip)"}
"""By command, what must be true after it."""

_COMMANDS = (
    *(
        SecretFormat(
            needle,
            f"{needle}{_ONLY_IF.get(needle, '')}{_WORDS}[ \\t]{option[1:]}{following}{_VALUE}",
            loose=True,
            mark=option[:OPTION],
        )
        for option, following, needles in _OPTIONS
        for needle in needles
    ),
    SecretFormat(
        "net use ",
        rf"net use (?:[a-z*]:? )?[\"']?\\\\[^\n\0]{{0,200}}?/user:[^\s\0]{{1,60}} {_VALUE}",
        loose=True,
        mark="\\",
    ),
)
_OF_A_USER = (
    r"\b(?:(?:create|alter)\s{1,9}(?:or\s{1,9}replace\s{1,9})?(?:user|role|login"
    r"|(?:shared\s{1,9}|public\s{1,9}){0,2}database\s{1,9}link)\b[^;\0]*+|set\s{1,9})\Z"
)
"""The beginning of a statement of SQL that sets a password."""
_SQL = (
    SecretFormat(
        "identified",
        rf"identified\s{{1,9}}(?:with\s{{1,9}}[^\s\0]{{1,60}}\s{{1,9}})?(?:by|as)\s{{1,9}}(?:(?:values|password)\s{{1,9}})?{_VALUE}",
        folded=True,
        loose=True,
        before=_OF_A_USER,
    ),
    SecretFormat(
        "password",
        rf"password(?:\s{{1,9}}for\s{{1,9}}[^\s=\0]{{1,100}}\s{{0,9}}=\s{{0,9}}(?:password\s{{0,9}}\(\s{{0,9}})?|\s{{1,9}}){_STRING}",
        folded=True,
        loose=True,
        before=_OF_A_USER,
    ),
)
FORMATS = (
    *_COMMANDS,
    *_SQL,
    SecretFormat(
        "curl ",
        r"curl (?:[^\n\\|;\0]|\\[^\0]){0,300}?(?<=\s)(?:-[a-zA-Z]{0,4}u|-U|--user|--proxy-user)[ =]{0,2}[\"']?"
        r"(?![\"'<]|(?:user(?:name)?|login):(?:pass(?:w(?:or)?d)?|token)(?![^\s\"']))"
        r"(?:[^\s:\"'\0]{0,100}:[\"']?(?![$<{\[\"'])([^\s\"'\0]{3,200})|([^\s:\"'\0$<{\[]{8,200}):[\"']?(?!\S))",
        loose=True,
        mark=":",
    ),
    SecretFormat(
        "mysql",
        r"mysql(?:dump|admin|import|show|check)? [^\n|;\0]{0,200}?(?<=\s)-p[\"']?(?![\"'$<{\[]|\d+(?::\d+)?(?!\S))"
        r"([^\s\"'\0]{3,100})",
        loose=True,
    ),
    SecretFormat(  # the last argument, after a user, or after a file and a user
        "htpasswd ",
        r"htpasswd (?=(?:-\w{1,9} ){0,3}-\w{0,8}b)(?:-\w{1,9} ){1,4}+(?:[^\s\[\0]{1,200} ){1,2}"
        rf"{_VALUE}(?= {{0,3}}(?:[\n|;&>\"'\\\0]|\Z))",
        loose=True,
        mark=" -",
    ),
    SecretFormat(
        "echo ",
        rf"echo (?:-n )?[\"']?(?:[\w.-]{{1,60}}:)?{_STARTS}([^\s\"'\0|]{{3,200}})[\"']? {{0,3}}\| {{0,3}}(?:sudo )?"
        r"(?:chpasswd|passwd --stdin|-S |[^\n|\0]{0,100}--password-stdin)",
        loose=True,
        mark="|",
    ),
    SecretFormat(
        "sqlplus ", rf"sqlplus (?:-\w{{1,9}} ){{0,5}}[\"']?\w{{1,60}}/{_STARTS}([^\s@\"'\0]{{3,100}})@", loose=True
    ),
    SecretFormat(
        "convertto-securestring ",
        rf"convertto-securestring (?:-string )?{_STRING}",
        folded=True,
        loose=True,
    ),
    *(  # a line of Redis's configuration, an option of redis-server, or CONFIG SET
        SecretFormat(
            f"{name} ", f"{name} {_VALUE}", folded=True, loose=True, before=r"(?:\A|[\n\0]|--|set )[ \t]{0,9}\Z"
        )
        for name in ("requirepass", "masterauth")
    ),
    SecretFormat("oracle:thin:", r"oracle:thin:[^\s/:@\"'\0]{1,60}/(?![$<{\[])([^\s@\"'\0]{3,100})@", loose=True),
    SecretFormat("machine ", rf"machine +\S+\s+login +\S+\s+password +{_WORD}", loose=True),
    # A line of .pgpass.
    SecretFormat(
        ":5432:", r":5432:[^\s:/@\0]{1,64}:[^\s:/@\0]{1,64}:(?![$<{\[])([^\s\0]{3,100})", loose=True, mark=":"
    ),
)
