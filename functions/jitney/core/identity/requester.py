"""The requester for people to read, with names that cannot imitate each other.

An agent can choose parts of its own identity, such as a branch or an environment. So all output is printable text on
one line. Each channel escapes it for its own format too.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from jitney.core.config import Config
from jitney.core.identity.principal import IdentityFact, Principal
from jitney.core.stored_identity import name_of

MOST_VALUE = 200
"""Limit of a fact's text on a page, in a message or in a report."""
_MOST_FIRST, _MOST_SECOND = 64, 48
_ID = " id"
"""The last word of a label for a number or GUID. A name that begins with such a fact needs no second fact."""
_ASCII_LETTER = re.compile("[A-Za-z]")
_LOOSE_SPACES = re.compile(r"^ +| +$| {2,}")
_IAM_PRINCIPAL = re.compile(r"arn:[a-z-]+:iam::(?P<account>[0-9]{12}):(?P<kind>role|user)/(?:.+/)?(?P<name>[^/]+)")
_ARN_NAME = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[^:]*:[^:]*:(?:.*[:/])?(?P<name>[^:/]+)")
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Characters that are letters in Unicode, but invisible."""
_PLAIN_LATIN = frozenset(map(chr, range(0xC0, 0x180))) - frozenset("\u00d0\u0110\u00d7\u00f7\u0131\u0138")
"""The letters of Latin-1 and Latin Extended-A that look different from each other and from ASCII's letters."""
_LIKE_LATIN = frozenset(
    "\u0430\u0501\u0435\u04bb\u0456\u0458\u04cf\u043a\u043e\u0440\u0441\u051b\u0455\u051d\u0445\u0443\u044a\u044c\u043f"
    "\u0433\u0475\u0461\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0405\u0406\u0408\u04ae"
    "\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c5\u03c7\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f"
    "\u03a1\u03a4\u03a5\u03a7"
)
"""Cyrillic and Greek letters that look like Latin letters."""


class Requester(NamedTuple):
    """The agent that made a request, and the human that it acts for.

    `name` is a `requester_name`. `facts`, `subject`, `issuer`, `unit`, `principal` and `human` are as in a grant.
    `human_name` is the human's name for people to read, or "" if there is no human. `owners` are the source identities
    of the people who own the agent.
    """

    name: str
    facts: tuple[IdentityFact, ...]
    subject: str
    issuer: str
    unit: str
    principal: str
    human: str
    human_name: str
    owners: tuple[str, ...] = ()

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield the facts about the requester, or else the subject, as labels and escaped values."""
        for label, value in self.facts or (IdentityFact("Subject", self.subject),):
            yield escape_name(label), shorten_name(value, MOST_VALUE)

    def details(self) -> Iterator[tuple[str, str]]:
        """Yield the requester's names in logs, CloudTrail and policies, as labels and escaped values."""
        if self.facts:
            yield "Subject", shorten_name(self.subject, MOST_VALUE)
        if self.issuer:
            yield "Issuer", shorten_name(self.issuer, MOST_VALUE)
        if self.unit and self.unit != self.principal:
            yield "Accountable unit", shorten_name(self.unit, MOST_VALUE)
        yield "Source identity", shorten_name(self.principal, MOST_VALUE)

    def is_whole(self) -> bool:
        """Return whether every value of `rows` is shown without a cut."""
        return all(len(escape_name(value)) <= MOST_VALUE for _, value in self.facts or (("", self.subject),))

    def record_detail(self) -> dict[str, Any]:
        """Return the names and facts of the requester, for the `detail` of a request's audit record.

        It has the owners at the time of the request, so that auditors need no configuration to compare approvers.
        """
        facts = [fact._asdict() for fact in self.facts]
        owners = {"owners": self.owners} if self.owners else {}
        return {"requester": {"name": self.name, "facts": facts, "human_name": self.human_name, **owners}}


def escape_name(text: str) -> str:
    """Return the name on one line, so that different names look different.

    A character that is invisible, reorders text or resembles another one is shown as its code point, such as [U+0430].
    Letters of other scripts are shown unchanged only in names without ASCII letters, because they could imitate ASCII
    letters.
    """
    exact = text.isascii() and text.isprintable() and "  " not in text and "[U+" not in text
    if exact and text.strip(" ") == text:
        return text  # the quick way for nearly all names, because each request escapes some
    letters = [each for each in text if unicodedata.category(each)[0] == "L"]
    latin = _ASCII_LETTER.search(text) is not None or all(each in _LIKE_LATIN for each in letters)
    hidden = {place for found in _LOOSE_SPACES.finditer(text) for place in range(*found.span())}
    hidden |= {found.start() for found in re.finditer(r"\[U\+", text)}  # looks like an escaped character
    return "".join(
        each if place not in hidden and _is_plain(each, latin=latin) else f"[U+{ord(each):04X}]"
        for place, each in enumerate(text)
    )


def _is_plain(character: str, *, latin: bool) -> bool:
    if character.isascii():
        return character.isprintable()
    if unicodedata.normalize("NFKC", character) != character or unicodedata.category(character)[0] != "L":
        return False
    other_script = not latin and unicodedata.bidirectional(character) == "L" and character not in _FILLERS
    return character in _PLAIN_LATIN or other_script


def shorten_name(text: str, most: int) -> str:
    """Return at most `most` characters of the escaped name. A cut name contains a hash of the whole name."""
    whole = escape_name(text)
    if len(whole) <= most:
        return whole
    mark = f"…[cut: {hashlib.sha256(text.encode()).hexdigest()[:16]}]…"
    end = (most - len(mark)) // 3
    return f"{whole[: most - len(mark) - end]}{mark}{whole[len(whole) - end :]}"


def requester_of(principal: Principal, config: Config) -> Requester:
    """Return a principal as the requester."""
    return Requester(
        name=requester_name(principal.issuer_name, principal.subject, principal.facts),
        facts=principal.facts,
        subject=principal.subject,
        issuer=principal.issuer,
        unit=principal.unit,
        principal=principal.source_identity,
        human=name_of(principal.human),
        human_name=person_name(principal.human.name, config) if principal.human else "",
        owners=tuple(each.name for each in principal.agent_owners),
    )


def person_name(person: str, config: Config) -> str:
    """Return the name of a person, given as a source identity, with the address or subject in the configuration."""
    issuer, subject = config.subjects.get(person, ("", ""))
    known = config.emails.get(person) or (f"{issuer}/{subject}" if f"{issuer}.{subject}" != person else "")
    return escape_name(f"{known} ({person})" if known.strip("/") else person)


def requester_name(issuer_name: str, subject: str, facts: Sequence[IdentityFact]) -> str:
    """Return the requester in a few words: "octo-org/octo-repo · environment production (github)".

    The words are the first two facts, or else the subject, and the issuer's alias. No fact contains " · ", and the last
    parentheses always hold the alias.
    """
    first, *more = facts or (IdentityFact("Subject", subject),)
    words = _first_words(first)
    repeats = more and more[0].value in (first.value, *re.split("[:@]", first.value))
    if more and not repeats and not first.label.endswith(_ID):
        second = shorten_name(_arn_name(more[0].value), _MOST_SECOND)
        words = f"{words} · {_inner_label(escape_name(more[0].label))} {second}"
    return f"{words} ({escape_name(issuer_name)})"


def _first_words(fact: IdentityFact) -> str:
    found = _IAM_PRINCIPAL.fullmatch(fact.value)
    if found is None:
        label = f"{escape_name(fact.label)} " if fact.label.endswith(_ID) else ""
        return f"{label}{shorten_name(fact.value, _MOST_FIRST)}"
    return f"{found['kind'].capitalize()} {shorten_name(found['name'], _MOST_FIRST)} in {found['account']}"


def _arn_name(value: str) -> str:
    found = _ARN_NAME.fullmatch(value)
    return found["name"] if found else value


def _inner_label(label: str) -> str:
    """Return the label as it is written inside a sentence. Abbreviations keep their capitals."""
    return label if label[1:2].isupper() else f"{label[:1].lower()}{label[1:]}"
