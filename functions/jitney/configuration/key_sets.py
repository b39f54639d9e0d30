"""The key sets in files beside `jitney.yaml`: public keys of issuers that the functions cannot reach."""

from collections.abc import Iterator
from pathlib import Path

from jitney.configuration.settings import Settings
from jitney.configuration.yaml_source import ConfigurationProblem
from jitney.core import strict_json
from jitney.core.identity.keys import is_private, parse_key_set

MOST_BYTES = 65_536
"""The limit of one file. A set of ten RSA keys has 20 kB with their certificates."""

_FIXES = {
    "weak": "have the issuer sign with an RSA key of 2,048 bits or more",
    "ambiguous": "give each key a kid of its own",
}
_EXPORT = "save the issuer's public keys (RFC 7517), as its jwks_uri serves them"


def read_key_sets(folder: Path, settings: Settings) -> tuple[dict[str, str], list[ConfigurationProblem]]:
    """Return the text of each issuer's `jwks_file`, by the entry's alias, and the problems of all files."""
    texts: dict[str, str] = {}
    problems: list[ConfigurationProblem] = []
    for alias, issuer in settings.issuers.items():
        for wrong, fix in _read(folder / issuer.jwks_file, alias, texts) if issuer.jwks_file else ():
            problems.append(ConfigurationProblem(("issuers", alias, "jwks_file"), wrong, fix))
    return texts, problems


def _read(file: Path, alias: str, texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Add the file's text to `texts`. Yield what is wrong with the file, and the fix."""
    try:
        raw = file.read_bytes()
        keys = parse_key_set(raw)
        entries = strict_json.loads(raw)["keys"]
    except OSError as error:
        yield f"{file.name} cannot be read: {error.strerror}", "name a file, relative to jitney.yaml's folder"
    except ValueError as error:
        yield f"{file.name} is not a set of public keys: {error}", _EXPORT
    else:
        if len(raw) > MOST_BYTES:
            yield f"{file.name} has over {MOST_BYTES} bytes", "leave out the keys that the issuer no longer signs with"
        # parse_key_set ignores keys for encryption, and the file becomes part of the functions' bundle.
        if any(is_private(each) for each in entries if isinstance(each, dict)):
            yield (
                f"{file.name} has a private key",
                "write public keys only, and replace this key: it is no longer secret",
            )
        for dropped in (each for each in keys.dropped if each.reason != "private"):
            wrong = f'{file.name}: the key with kid "{dropped.kid}" is {dropped.reason}'
            yield wrong, _FIXES.get(dropped.reason, _EXPORT)
        texts[alias] = raw.decode("utf-8")
