"""Finds secrets of known formats. For each format, a fixed text (needle) is searched first, then the pattern around it.

No library fits. detect-secrets 1.5 takes 180 ms to import, because it needs requests. It reads 0.2 MB of text a second,
line by line (benchmarks.audit). gitleaks is a program, and half of its rules need words around a secret, as in source
files. The token formats here are gitleaks's other rules (MIT, config/gitleaks.toml). A text without a needle is only
searched with memchr, at 2 GB a second.
"""

import re
from collections.abc import Iterable, Iterator

from jitney.core.masking import command_formats
from jitney.core.masking.format_entry import SecretFormat
from jitney.core.masking.lazy_patterns import compiled
from jitney.core.masking.needles import contained
from jitney.core.masking.random_values import is_filled
from jitney.core.masking.runs import long_words, word_spans
from jitney.core.masking.searched_text import SearchedText

_BREAK = r"(?=[ \t]*+(?:[\r\n]|[rn]\\))(?:\s|[rn]\\+)++"
_LINE = r"(?:(?![rn]\\)[A-Za-z0-9+/=])"
_KEY_TAIL = rf"(?:\s|[rn]\\+)*+{_LINE}++(?:{_BREAK}{_LINE}{{16,}}+|[ \t]++{_LINE}{{60,}}+)*+"
"""The last lines of a private key, in reversed text. Line breaks may be escaped, or be spaces between whole lines.

Only the last line is shorter than 16 characters, so a word of the text before the key is none of its lines.
"""
_WORD = r"(?<![A-Za-z0-9])"
_URL_END = r"[A-Za-z0-9%+/_~=.-]"

AWS_KEYS = (
    # An access key id is no secret; the text beside it may be the key.
    *(
        SecretFormat(
            prefix,
            rf"{_WORD}{prefix}[A-Z2-7]{{16}}(?![A-Za-z0-9])[^\0]{{1,120}}?(?<![A-Za-z0-9/+=])"
            r"(?=[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=]))(?![0-9a-f]{40})"
            r"((?=[^\s]{0,39}[0-9])(?=[^\s]{0,39}[A-Z])[A-Za-z0-9/+]{40})",
        )
        for prefix in ("AKIA", "ASIA")
    ),
    *(SecretFormat(start, rf"{_WORD}{start}[A-Za-z0-9+/=%]{{60,}}") for start in ("IQoJb3JpZ2lu", "FwoGZXIvYXdz")),
    SecretFormat("FQoGZXIvYXdz", rf"{_WORD}FQoGZXIvYXdz[A-Za-z0-9+/=%]{{60,}}"),
)
"""Secret keys and session tokens of AWS."""

FORMATS = (
    *AWS_KEYS,
    *command_formats.FORMATS,
    SecretFormat("ABSK", rf"{_WORD}ABSK[A-Za-z0-9+/]{{100,270}}={{0,2}}"),
    SecretFormat("bedrock-api-key-", r"bedrock-api-key-[A-Za-z0-9+/=%_-]{20,}"),
    SecretFormat("amzn.mws.", r"amzn\.mws\.[0-9a-f-]{36}"),
    # Private keys, up to their last line or the end of the text.
    SecretFormat(
        "-- BEGIN ",
        r"-{4} BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY -{4}[^\0]*?(?:-{4} END [A-Z0-9 ]{0,40}-{4}|(?=\0)|\Z)",
        2,
        loose=True,
    ),
    SecretFormat(
        "--BEGIN ",
        r"-{5}BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,6}-{4,5}[^\0]*?(?:-{5}END [A-Z0-9 ]{0,40}-{5}|(?=\0)|\Z)",
        3,
        loose=True,
    ),
    # The end of a private key without its first line, as in a part of a file.
    SecretFormat("-- END ", r"-{4} END [A-Z0-9 ]{0,40}PRIVATE KEY -{4}", 2, loose=True, tail=_KEY_TAIL),
    SecretFormat("--END ", r"-{5}END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,6}-{4,5}", 3, loose=True, tail=_KEY_TAIL),
    SecretFormat("PuTTY-User-Key-File", r"PuTTY-User-Key-File[^\0]*?(?:Private-MAC:\s*[0-9a-f]+|(?=\0)|\Z)"),
    SecretFormat("AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{50,60}"),
    # JSON Web Tokens, signed or encrypted.
    SecretFormat("eyJ", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]*"),
    # Tokens with their issuer's prefix.
    *(SecretFormat(f"gh{kind}_", rf"gh{kind}_[A-Za-z0-9]{{30,255}}") for kind in "pousr"),
    SecretFormat("github_pat_", r"github_pat_[A-Za-z0-9_]{20,255}"),
    SecretFormat("glpat-", r"glpat-[\w.-]{20,320}"),
    *(
        SecretFormat(f"{kind}-", rf"{_WORD}{kind}-[\w.-]{{20,320}}")
        for kind in ("gldt", "glrt", "glptt", "glcbt", "gloas")
    ),
    SecretFormat("xox", r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{8,}", loose=True),
    SecretFormat("xapp-", r"xapp-\d-[A-Za-z0-9-]{10,}"),
    SecretFormat("hooks.slack.com/", r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/_-]{20,})"),
    SecretFormat("api.telegram.org/", r"api\.telegram\.org/(?:file/)?bot(\d{6,12}:[\w-]{30,50})"),
    SecretFormat(":AA", r"(?<=\d{8}):AA[\w-]{33}(?![\w-])", loose=True, mark=":"),  # Telegram's, without a URL
    # In the URL of any webhook: the last random part.
    SecretFormat(
        "hook",
        r"hooks?[\w.-]{0,40}(?:/[\w.@-]{1,64}){0,4}?/"
        r"((?=[\w-]{0,60}\d)(?:(?=[\w-]{0,60}[a-z])[\w-]{0,60}[A-Z][\w-]{8,100}|[0-9a-f]{32,64}))(?![\w.-])",
        loose=True,
        mark="/",
    ),
    SecretFormat("webhook.office.com/", r"webhook\.office\.com/([^\s\0]{20,})"),
    *(
        SecretFormat(f"{kind}_{mode}_", rf"{kind}_{mode}_[A-Za-z0-9]{{10,}}")
        for kind in ("sk", "rk")
        for mode in ("live", "prod", "test")
    ),
    SecretFormat("whsec_", r"whsec_[A-Za-z0-9+/=]{20,}"),
    SecretFormat("AIza", rf"{_WORD}AIza[\w-]{{35}}"),
    SecretFormat("GOCSPX-", r"GOCSPX-[\w-]{20,}"),
    SecretFormat("ya29.", rf"{_WORD}ya29\.[\w.-]{{20,}}"),
    SecretFormat("npm_", rf"{_WORD}npm_[A-Za-z0-9]{{36}}"),
    SecretFormat("pypi-AgE", r"pypi-AgE[\w-]{50,}"),
    SecretFormat("rubygems_", r"rubygems_[0-9a-f]{48}"),
    SecretFormat("dckr_", r"dckr_(?:pat|oat)_[\w-]{20,}"),
    SecretFormat("SG.", rf"{_WORD}SG\.[\w-]{{16,}}\.[\w-]{{16,}}"),
    # Not within a base64url token, where these three letters occur by chance.
    SecretFormat("sk-", r"(?<![A-Za-z0-9_-])sk-(?:ant-|proj-|svcacct-|admin-|or-v1-)?[\w-]{32,}"),
    SecretFormat("hf_", rf"{_WORD}hf_[A-Za-z]{{34}}(?![A-Za-z0-9_])"),
    SecretFormat("hvs.", rf"{_WORD}hv[bs]\.[\w-]{{20,}}"),
    SecretFormat("hvb.", rf"{_WORD}hv[bs]\.[\w-]{{20,}}"),
    SecretFormat(".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}", 14),
    *(SecretFormat(f"do{kind}_v1_", rf"do{kind}_v1_[0-9a-f]{{64}}") for kind in "opr"),
    SecretFormat("dapi", rf"{_WORD}dapi[0-9a-f]{{32}}"),
    *(SecretFormat(f"shp{kind}_", rf"shp{kind}_[0-9a-fA-F]{{32}}") for kind in ("at", "ca", "pa", "ss")),
    SecretFormat("glsa_", r"glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}"),
    SecretFormat("lin_api_", r"lin_api_[A-Za-z0-9]{40}"),
    SecretFormat("ATATT3", r"ATATT3[\w=-]{50,}"),
    SecretFormat("r8_", rf"{_WORD}r8_[A-Za-z0-9]{{37}}"),
    SecretFormat("AKC", rf"{_WORD}AKC[A-Za-z0-9]{{13,80}}(?![A-Za-z0-9+/_-])"),
    SecretFormat("bkua_", r"bkua_[0-9a-f]{40}"),
    SecretFormat("PMAK-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    SecretFormat("ntn_", rf"{_WORD}ntn_\d{{11}}[A-Za-z0-9]{{32,35}}(?![A-Za-z0-9])"),
    SecretFormat("fo1_", rf"{_WORD}fo1_[\w-]{{43}}"),
    SecretFormat("fm2_", rf"{_WORD}fm2_[A-Za-z0-9+/]{{100,}}={{0,3}}"),
    SecretFormat("sha256~", r"sha256~[\w-]{43}"),
    SecretFormat("sntry", r"sntry[su]_[\w+/=-]{40,}"),
    SecretFormat("Q~", r"(?<![\w.~-])[\w.~]{3}\dQ~[\w.~-]{31,34}(?![\w.~-])", 4),
    # In URLs: the password before the host, and signatures.
    # The password ends at the last @ before the path, as URLs are parsed. Otherwise it ends at the first @, and may
    # contain characters that should be encoded.
    SecretFormat(
        "://",
        r"://[^\s/:\"'<>\\\0]{0,100}:(?!\$|\{)([^\s/?#\"'<>\\\0]{1,400}(?=@)|[^\s/@\"'<>\\\0]{1,200}(?=@))",
        loose=True,
    ),
    SecretFormat("signature", rf"signature(?:=|%3[dD])({_URL_END}{{16,}})", folded=True),
    SecretFormat("sig=", rf"(?<=[?&;])sig=({_URL_END}{{16,}})"),
    # A user and password in base64, in Docker's configuration.
    SecretFormat(
        '"auth":',
        r'"auth":\s{0,5}"(?=[^"\0]{0,400}[A-Z])(?=[^"\0]{0,400}[a-z])'
        r"((?:[A-Za-z0-9+/]{4}){2,400}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\"",
        loose=True,
    ),
    SecretFormat(
        "pass",
        r"pass[\"']?\s?(?:=>?|:)\s{0,3}[\"']?(?=[^\s\"',;&<>:/\0]{0,99}[0-9])(?=[^\s\"',;&<>:/\0]{0,99}[a-z])"
        r"([^\s\"',;&<>:/$\0]{8,100})(?![^\s\"',;&\0])",
        folded=True,
        loose=True,
        before=r"(?:\A|[\s\"'?&;{,(\0])\Z",
    ),
    # In headers.
    SecretFormat(
        "bearer ", r"bearer +(?!auth[a-z]{0,12}\.?(?![\w.~+/=-]))([A-Za-z0-9._~+/=-]{12,})", folded=True, loose=True
    ),
    SecretFormat("basic ", r"(?<=: )basic +([A-Za-z0-9+/=]{8,})", folded=True, loose=True, mark=":"),
    SecretFormat("authorization ", r"authorization [\"']basic +([A-Za-z0-9+/=]{8,})", folded=True, loose=True),
    SecretFormat("cookie:", r"cookie: *([^\r\n\"'\0]{4,})", folded=True, loose=True),
)


_URL_PARAMETER = "x-amz-security-token="
_PLAIN = [each for each in FORMATS if not each.folded]
_FOLDED = [each for each in FORMATS if each.folded]
_LOOSE = [each for each in _PLAIN if each.loose]
_IN_WORDS = [each.needle for each in _PLAIN if not each.loose]
_MARKS = {each.mark: [one.needle for one in _LOOSE if one.mark == each.mark] for each in _LOOSE if each.mark}
"""The loose needles that are searched only in texts with their mark."""
_OTHER_MARKS = [mark for mark in _MARKS if len(mark) != command_formats.OPTION]
"""Marks without those of options. One search finds all options of a text."""
_UNMARKED = [each.needle for each in _LOOSE if not each.mark]
_QUICK = (*_IN_WORDS, *_UNMARKED)
_FOLDED_NEEDLES = [each.needle for each in _FOLDED]
_BEFORE = 400
"""How far before a needle its context is searched."""
_SHORTEST_TAIL, _LONGEST_TAIL = 20, 16_000
"""The characters of the end of a key that is masked. A key of 8,192 bits has 6,500."""
_SHORT = 1000
"""In a shorter text, it takes less time to search all needles than to find the long words."""


def may_contain_known_format(text: str, lowered: str) -> bool:
    """Return whether any needle occurs in the text."""
    if len(text) > _SHORT:
        return bool(_plain_in(text, long_words(text, word_spans(text))) or _folded_in(lowered))
    return (
        any(map(text.__contains__, _QUICK))
        or any(map(text.__contains__, _marked_in(text)))
        or any(map(lowered.__contains__, _FOLDED_NEEDLES))
    )


def formats_in(searched: SearchedText) -> tuple[SecretFormat, ...]:
    """Return the formats whose needles occur in the text."""
    return (*_plain_in(searched.text, searched.words), *_folded_in(searched.lowered))


def find_known_formats(searched: SearchedText, formats: Iterable[SecretFormat]) -> Iterator[tuple[int, int]]:
    """Yield the spans of secrets of `formats`."""
    for each in formats:
        if each.folded:
            yield from _found(each, searched.text, searched.lowered, re.ASCII | re.IGNORECASE)
        else:
            yield from _found(each, searched.text, searched.text, re.ASCII)


def _plain_in(text: str, words: str) -> list[SecretFormat]:
    """Return the formats whose needles occur.

    Most needles are searched only in the long `words`, because prose has none.
    """
    found = [*contained([*_UNMARKED, *_marked_in(text)], text), *contained(_IN_WORDS, words)]
    return [each for each in _PLAIN if each.needle in found] if found else []


def _marked_in(text: str) -> list[str]:
    """Return the needles whose marks the text contains."""
    marks = {mark for mark in _OTHER_MARKS if mark in text}
    for gap in (" -", "\t-"):
        if gap in text:
            marks |= {f" -{letter}" for letter in {part[:1] for part in text.split(gap)[1:]}}
    return [needle for mark in marks for needle in _MARKS.get(mark, ())]


def _folded_in(lowered: str) -> list[SecretFormat]:
    found = contained([each.needle for each in _FOLDED if each.mark in lowered], lowered)
    return [each for each in _FOLDED if each.needle in found] if found else []


def find_aws_keys(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of AWS's secret keys and session tokens, except the tokens in presigned URLs.

    Such a token is useless without the URL's signature or a secret key.
    """
    for each in [each for each in AWS_KEYS if each.needle in text]:
        for start, end in _found(each, text, text, re.ASCII):
            if text[max(0, start - len(_URL_PARAMETER)) : start].lower() != _URL_PARAMETER:
                yield start, end


def _found(sought: SecretFormat, text: str, searched: str, flags: int) -> Iterator[tuple[int, int]]:
    pattern = compiled(sought.pattern, flags)
    end, at = 0, searched.find(sought.needle)
    while at >= 0:
        match = pattern.match(text, max(0, at - sought.offset))
        if match is not None and _is_in_context(sought, text, at):
            if sought.tail:
                yield from _with_tail(sought.tail, text[max(end, match.start() - _LONGEST_TAIL) : match.start()], match)
            elif not is_filled(match[match.lastindex or 0]):
                yield match.span(match.lastindex or 0)
            end = match.end()
        end = max(end, at + 1)
        at = searched.find(sought.needle, end)


def _with_tail(tail: str, before: str, match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield the span of the match with the tail of a secret at the end of the text `before` it, if there is one."""
    found = compiled(tail, re.ASCII).match(before[::-1])
    if found is not None and found.end() >= _SHORTEST_TAIL:
        yield match.start() - found.end(), match.end()


def _is_in_context(sought: SecretFormat, text: str, at: int) -> bool:
    if not sought.before:
        return True
    return compiled(sought.before, re.ASCII | re.IGNORECASE).search(text, max(0, at - _BEFORE), at) is not None
