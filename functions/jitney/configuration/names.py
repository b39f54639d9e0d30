"""The names that a configuration defines. Its sections and its policies refer to them."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass

from jitney.configuration.yaml_source import Value, entries


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a configuration defines. `human_issuers` are the issuers with `kind: human`."""

    issuers: Collection[str] = ()
    targets: Collection[str] = ()
    accounts: Collection[str] = ()
    reviewers: Collection[str] = ()
    human_issuers: Collection[str] = ()
    sections: Collection[str] = ()

    @classmethod
    def of(cls, value: Value) -> "Names":
        """Return the names in a YAML document, even if the document has problems."""
        issuers, targets, reviewers = (dict(entries(value, each)) for each in ("issuers", "targets", "reviewers"))
        return cls(
            issuers=tuple(issuers),
            targets=tuple(targets),
            accounts=sorted({str(dict(entries(target)).get("account")) for target in targets.values()}),
            reviewers=tuple(reviewers),
            human_issuers=[alias for alias, issuer in issuers.items() if dict(entries(issuer)).get("kind") == "human"],
            sections=[name for name, _ in entries(value)],
        )


def did_you_mean(name: str, known: Collection[str], *, quoted: bool = False) -> str:
    """Return the fix for an unknown name: the `known` names that resemble it, or all of them."""
    longer = [each for each in known if len(name) > 2 and each.lower().startswith(name.lower())]
    close = longer or difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    shown = [f'"{each}"' if quoted else each for each in close or known]
    return f"did you mean {' or '.join(shown)}?" if close else f"use one of {', '.join(shown)}"
