"""Read labelled texts from the tests of gitleaks's rules and of detect-secrets's plugins.

gitleaks's tests are Go code. This module evaluates what they use of Go: strings, lists, concatenation, and the helpers
that make random secrets. Other expressions count as unknown, and the texts built from them are left out.
"""

import ast
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

UNKNOWN = None
_TOKEN = re.compile(
    r"(?P<skip>\s+|//[^\n]*|/\*.*?\*/)|(?P<raw>`[^`]*`)|(?P<text>\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<name>[A-Za-z_][\w.]*)|(?P<number>\d[\w.]*)|(?P<mark>:=|\+=|&&|\|\||\[\]|.)",
    re.DOTALL,
)
_SIZED = {
    "utils.Numeric": "[0-9]{%s}",
    "utils.Hex": "[a-f0-9]{%s}",
    "utils.AlphaNumeric": "[a-z0-9]{%s}",
    "utils.AlphaNumericExtendedShort": "[a-z0-9_-]{%s}",
    "utils.AlphaNumericExtended": r"[a-z0-9=_\-]{%s}",
    "utils.AlphaNumericExtendedLong": r"[a-z0-9\/=_\+\-]{%s}",
}
_PREFIX, _JOIN = r"[\w.-]{0,50}?(?:", r")(?:[ \t\w.-]{0,20})[\s'\"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[`'\"\s=]{0,5}("
_END = r")(?:[`'\"\s;]|\\[nr]|$)"


class Labelled(NamedTuple):
    """A text that a rule must match, or must not match. `secrets` are those in it, if known.

    `holder` is the kind of text.
    """

    rule: str
    text: str
    secret: bool
    secrets: tuple[str, ...] = ()
    holder: str = ""


def gitleaks(folder: Path) -> Iterator[Labelled]:
    """Yield the texts of gitleaks's rules. `folder` is its source."""
    rules = folder / "cmd/generate/config/rules"
    samples = re.findall(
        r'^\t\t"[^"\n]+":\s+((?:"(?:[^"\\\n]|\\.)*"|`[^`]*`)),',
        (rules.parent / "utils/generate.go").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    for path in sorted(rules.glob("*.go")):
        if not path.name.endswith("_test.go"):
            yield from _File(path.read_text(encoding="utf-8"), [_literal(each) for each in samples]).texts()


def detect_secrets(folder: Path) -> Iterator[Labelled]:
    """Yield the parametrized texts of detect-secrets's plugins that are literals or format strings."""
    for path in sorted((folder / "tests/plugins").glob("*_test.py")):
        rule = path.stem.removesuffix("_test")
        env: dict[str, Any] = {}
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                env[node.targets[0].id] = _python(node.value, env)
                yield from _cases(rule, env[node.targets[0].id])
            for call in (each for each in ast.walk(node) if isinstance(each, ast.Call)):
                if ast.unparse(call.func).endswith("parametrize") and len(call.args) > 1:
                    yield from _cases(rule, _python(call.args[1], env))


def _cases(rule: str, cases: Any) -> Iterator[Labelled]:
    for case in cases if isinstance(cases, list) else ():
        match case:
            case [str(text), bool(flagged), *_]:
                yield Labelled(rule, text, flagged)
            case [str(text), str(secret)] if secret in text:
                yield Labelled(rule, text, secret=True, secrets=(secret,))
            case [str(text), "none"]:
                yield Labelled(rule, text, secret=False)


def _python(node: ast.expr, env: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=None):
            return "none"
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return env.get(name)
        case ast.List(elts=each) | ast.Tuple(elts=each):
            return [_python(one, env) for one in each]
        case ast.Call(func=ast.Attribute(attr="format", value=form), args=given, keywords=named):
            text, values = _python(form, env), [_python(one, env) for one in given]
            by_name = {str(one.arg): _python(one.value, env) for one in named}
            known = all(isinstance(each, str) for each in (text, *values, *by_name.values()))
            return text.format(*values, **by_name) if known else None
        case ast.JoinedStr(values=pieces):
            parts = [_python(one.value if isinstance(one, ast.FormattedValue) else one, env) for one in pieces]
            return "".join(parts) if all(isinstance(each, str) for each in parts) else None
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = _python(left, env), _python(right, env)
            return first + second if isinstance(first, str) and isinstance(second, str) else None
    return None


def _literal(piece: str) -> str:
    return piece[1:-1] if piece[0] == "`" else str(ast.literal_eval(piece))


class _File:
    """Evaluates one file of rules."""

    def __init__(self, source: str, samples: list[str]) -> None:
        self.tokens = [
            (match.lastgroup or "", match[0]) for match in _TOKEN.finditer(source) if match.lastgroup != "skip"
        ]
        self.samples = samples
        self.at = 0
        self.env: dict[str, Any] = {}
        self.made: list[str] = []
        self.random = random.Random(0)  # noqa: S311

    def texts(self) -> Iterator[Labelled]:
        """Yield the texts of every rule in the file."""
        while self.at < len(self.tokens):
            kind, piece = self.tokens[self.at]
            following = self.tokens[self.at + 1][1] if self.at + 1 < len(self.tokens) else ""
            if piece == "func":
                self.made, self.random = [], random.Random(following)  # noqa: S311
                self.env = {name: value for name, value in self.env.items() if name not in ("r", "tps", "fps")}
            if kind == "name" and following in (":=", "="):
                self.at += 2
                self.env[piece] = self._sum()
            elif piece in ("utils.Validate", "utils.ValidateWithPaths") and following == "(":
                self.at += 1
                yield from self._validated(self._arguments(")"))
            else:
                self.at += 1

    def _validated(self, arguments: list[Any]) -> Iterator[Labelled]:
        rule, positives, negatives = [*arguments, None, None][:3]
        if not isinstance(rule, dict):
            return
        name, pattern = str(rule.get("RuleID")), _compiled(rule.get("Regex"))
        for texts, secret in ((positives, True), (negatives, False)):
            values = list(texts.values()) if isinstance(texts, dict) else texts or []
            for text in (each for each in values if isinstance(each, str)):
                yield Labelled(name, text, secret, self._secrets(text, pattern) if secret else ())

    def _secrets(self, text: str, pattern: re.Pattern[str] | None) -> tuple[str, ...]:
        if made := tuple(each for each in self.made if len(each) > 5 and each in text):
            return made
        match = pattern.search(text) if pattern else None
        return () if match is None else (next((group for group in match.groups() if group), match[0]),)

    def _peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def _sum(self) -> Any:
        value = self._value()
        while self._peek() == "+":
            self.at += 1
            other = self._value()
            value = value + other if isinstance(value, str) and isinstance(other, str) else UNKNOWN
        return value

    def _value(self) -> Any:
        kind, piece = self.tokens[self.at]
        self.at += 1
        if kind in ("raw", "text"):
            return _literal(piece)
        if piece in ("[]", "map", "*", "&", "["):
            while self._peek() not in ("{", "(", ")", ",", ""):
                self.at += 1
            return self._composite() if self._peek() == "{" else UNKNOWN
        if kind == "name" and self._peek() == "(":
            return self._call(piece, self._arguments(")"))
        if piece == "{":
            self.at -= 1
            return self._composite()
        if kind == "name" and self._peek() == "{" and piece.startswith("config."):
            return self._composite()
        return self.env.get(piece)

    def _composite(self) -> Any:
        items = self._arguments("}")
        pairs = [item for item in items if isinstance(item, tuple)]
        return dict(pairs) if pairs else items

    def _arguments(self, end: str) -> list[Any]:
        """Return the values up to `end`. A value with a name is a pair. What follows an unknown value is skipped."""
        self.at += 1
        values: list[Any] = []
        while self._peek() not in (end, ""):
            first, before = self._peek(), self.at
            value = self._sum()
            if self._peek() == ":":
                self.at += 1
                value = (first if value is UNKNOWN else value, self._sum())
            elif self._peek() == ".":
                while self._peek() == ".":
                    self.at += 1
            values.append(value)
            self._skip(end, before)
        self.at += 1
        return values

    def _skip(self, end: str, before: int) -> None:
        depth = 0
        self.at = max(self.at, before + 1)
        while (piece := self._peek()) and (depth or piece not in (",", end)):
            depth += (piece in "([{") - (piece in ")]}")
            self.at += 1
        if self._peek() == ",":
            self.at += 1

    def _call(self, name: str, arguments: list[Any]) -> Any:
        texts = [each for each in arguments if isinstance(each, str)]
        if name == "append":
            lists = [each if isinstance(each, list) else [each] for each in arguments if each is not UNKNOWN]
            return [each for one in lists for each in one]
        if name == "utils.GenerateSemiGenericRegex" and len(texts) == 1 and isinstance(arguments[0], list):
            return f"(?i){_PREFIX}{'|'.join(map(str, arguments[0]))}{_JOIN}{texts[0]}{_END}"
        if len(texts) != len(arguments) and name != "utils.GenerateUniqueTokenRegex":
            return UNKNOWN
        return self._text_call(name, texts)

    def _text_call(self, name: str, texts: list[str]) -> Any:
        if name in _SIZED and texts:
            return _SIZED[name] % texts[0]
        if name in ("secrets.NewSecret", "newPlausibleSecret") and texts:
            self.made.append(written(texts[0], self.random))
            return self.made[-1]
        if name == "utils.GenerateSampleSecret" and len(texts) == 2:
            self.made.append(texts[1])
            return f'{texts[0]}_api_token = "{texts[1]}"'
        if name == "utils.GenerateSampleSecrets" and len(texts) == 2:
            self.made.append(texts[1])
            filled = {"{i}": texts[0], "{I}": texts[0].upper(), "{s}": texts[1]}
            return [re.sub(r"\{[iIs]\}", lambda match: filled[match[0]], sample) for sample in self.samples]
        if name == "utils.GenerateUniqueTokenRegex" and texts:
            return rf"\b({texts[0]}{_END}"
        if name == "utils.Hex8_4_4_4_12":
            return "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
        if name == "fmt.Sprintf" and texts and texts[0].count("%s") == len(texts) - 1:
            return texts[0] % tuple(texts[1:])
        return texts[0] if name == "regexp.MustCompile" and texts else UNKNOWN


def _compiled(pattern: Any) -> re.Pattern[str] | None:
    """Return Go's pattern for Python. A flag inside a pattern applies to the whole pattern."""
    if not isinstance(pattern, str):
        return None
    ignore = re.IGNORECASE if "(?i)" in pattern else 0
    plain = re.sub(r"\(\?[a-z]+\)", "", pattern).replace(r"\z", r"\Z")
    try:
        return re.compile(plain.replace("[[:alnum:]]", "[A-Za-z0-9]"), ignore)
    except re.error:
        return None


def written(pattern: str, chosen: random.Random) -> str:
    """Return a random text that the regular expression matches.

    A repeated part has its lowest count. If that is 0, it has its highest count, if there is one.
    """
    return _written(re._parser.parse(re.sub(r"\(\?[a-z]+\)", "", pattern)), chosen)  # type: ignore[attr-defined]  # noqa: SLF001


def _written(parsed: Any, chosen: random.Random) -> str:
    return "".join(_piece(str(kind), value, chosen) for kind, value in parsed)


def _piece(kind: str, value: Any, chosen: random.Random) -> str:
    match kind:
        case "LITERAL":
            return chr(value)
        case "IN":
            return chosen.choice([letter for each in value for letter in _letters(str(each[0]), each[1])])
        case "MAX_REPEAT" | "MIN_REPEAT":
            least, most, repeated = value
            count = least if least or int(most) > 1000 else int(most)
            return "".join(_written(repeated, chosen) for _ in range(count))
        case "SUBPATTERN":
            return _written(value[3], chosen)
        case "BRANCH":
            return _written(chosen.choice(value[1]), chosen)
    return ""


def _letters(kind: str, value: Any) -> str:
    if kind == "RANGE":
        return "".join(map(chr, range(value[0], value[1] + 1)))
    if kind == "CATEGORY":
        return "0123456789" + ("" if "DIGIT" in str(value) else "abcdefghijklmnopqrstuvwxyz_")
    return chr(value) if kind == "LITERAL" else ""
