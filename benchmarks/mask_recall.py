"""Measure how many secrets the masker finds in labelled texts, and what it masks in texts without one.

    python -m benchmarks.mask_recall [FOLDER] [--made] [--kinds] [--misses]

FOLDER holds the sources `gitleaks` and `detect-secrets`, as their repositories have them. `--made` adds the texts of
benchmarks/made_texts.py, which were not used to write any rule. Each set is split in two by a hash of its kinds' names:
kinds that were known when the masker was written, and kinds that were not. `--kinds` adds the figures of each kind, and
of each kind of text that holds a secret. `--misses` prints the texts that are judged wrongly, but only of the first
part.

A secret counts as found if masking leaves no secret of its text and, in a made text, no half of a secret. Where the
rule does not say which part is the secret, any mask counts. A text that must not match counts as a false alarm if
anything in it is masked.
"""

import argparse
import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.made_texts import made_texts
from benchmarks.rule_sets import Labelled, detect_secrets, gitleaks
from jitney.core.masking.generic_masker import UNTAGGED

READ_IN_FULL = frozenset({"command-password-argument", "generic-api-key", "keyword", "sql-user", "stripe_key"})
"""Rules whose texts were read before the split, so that they are not unseen."""
KEPT = {"aws-access-token": "access key ids are kept"}
"""Rules whose matches are kept on purpose. They are counted apart."""
MADE_OF_EACH = 8
"""How many made texts each kind has."""
_LEAST_HALF = 6
"""The fewest characters that count as half of a secret. Fewer occur by chance."""


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--made", action="store_true")
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("--misses", action="store_true")
    arguments = parser.parse_args()
    sets: dict[str, Iterable[Labelled]] = {}
    if arguments.folder:
        sets["gitleaks"] = dict.fromkeys(gitleaks(arguments.folder / "gitleaks"))
        sets["detect-secrets"] = dict.fromkeys(detect_secrets(arguments.folder / "detect-secrets"))
    if arguments.made:
        sets["made"] = dict.fromkeys(made_texts(random.Random(0), MADE_OF_EACH))  # noqa: S311
    if not sets:
        parser.error("Nothing to measure. Name a folder with the rule sets, or add --made.")
    if arguments.misses:
        for each in (each for texts in sets.values() for each in texts if not unseen(each.rule) and wrong(each)):
            print("missed" if each.secret else "false ", each.rule, each.holder, repr(each.text[:300]))
        return
    figures = {
        f"{name}, {part}": _figures(
            [each for each in texts if unseen(each.rule) == (part == "unseen")], kinds=arguments.kinds
        )
        for name, texts in sets.items()
        for part in ("seen", "unseen")
    }
    print(json.dumps(figures, indent=2))


def unseen(rule: str) -> bool:
    """Return whether the rule is in the part whose texts were not known when the masker was written."""
    return rule not in READ_IN_FULL and hashlib.sha256(rule.encode()).digest()[0] % 2 == 1


def wrong(each: Labelled) -> bool:
    """Return whether the masker misses the text's secret, or masks something in a text without one."""
    masked = UNTAGGED.text(each.text)
    if not each.secret:
        return masked != each.text
    return masked == each.text or any(part in masked for secret in each.secrets for part in _parts(each, secret))


def _parts(each: Labelled, secret: str) -> tuple[str, ...]:
    """Return what masking must not leave: the secret and, in made texts, each half of it.

    In the other sets, what a rule matches may begin with a user's name, which is no secret.
    """
    half = len(secret) // 2
    return (secret, secret[:half], secret[half:]) if each.holder and half >= _LEAST_HALF else (secret,)


def _figures(texts: Iterable[Labelled], *, kinds: bool) -> dict[str, object]:
    judged = [(each, wrong(each)) for each in texts]
    kept = [each for each, _ in judged if each.secret and each.rule in KEPT]
    positive = [(each, failed) for each, failed in judged if each.secret and each.rule not in KEPT]
    negative = [(each, failed) for each, failed in judged if not each.secret]
    by_rule = _by(positive, lambda each: each.rule)
    figures: dict[str, object] = {
        "rules": len(by_rule),
        "recall": _share(sum(not failed for _, failed in positive), len(positive)),
        "recall_mean_of_rules": _share(sum(part.count(False) / len(part) for part in by_rule.values()), len(by_rule)),
        "false_alarms": _share(sum(failed for _, failed in negative), len(negative)),
        "kept_on_purpose": len(kept),
    }
    if kinds:
        holders = _by([pair for pair in positive if pair[0].holder], lambda each: each.holder)
        figures["recall_by_kind"] = _shares(by_rule, counting=False)
        figures["recall_by_holder"] = _shares(holders, counting=False)
        figures["false_alarms_by_kind"] = _shares(_by(negative, lambda each: each.rule), counting=True)
    return figures


def _by(judged: Iterable[tuple[Labelled, bool]], key: Callable[[Labelled], str]) -> dict[str, list[bool]]:
    parts: dict[str, list[bool]] = defaultdict(list)
    for each, failed in judged:
        parts[key(each)].append(failed)
    return parts


def _shares(parts: dict[str, list[bool]], *, counting: bool) -> dict[str, str]:
    return {name: f"{parts[name].count(counting)} of {len(parts[name])}" for name in sorted(parts)}


def _share(part: float, whole: float) -> str:
    return f"{part:.0f} of {whole:.0f}, {100 * part / whole:.1f} %" if whole else "none"


if __name__ == "__main__":
    main()
