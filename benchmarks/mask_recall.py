"""Measure how many secrets the masker finds in the labelled texts of two public rule sets.

    python -m benchmarks.mask_recall FOLDER [--misses]

FOLDER holds the sources `gitleaks` and `detect-secrets`, as their repositories have them. The rules are split in two by
a hash of their names: those that the masker was written beside, and those that it never saw. `--misses` prints the
texts that are judged wrongly, but only of the first.

A secret counts as found if no secret of its text is left after masking. Where the rule does not say which part is the
secret, any mask counts. A text that must not match counts as a false alarm if anything in it is masked.
"""

import argparse
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from benchmarks.rule_sets import Labelled, detect_secrets, gitleaks
from jitney.core.masking.generic_masker import UNTAGGED

READ_IN_FULL = frozenset({"generic-api-key", "keyword", "stripe_key"})
"""Rules whose texts were read before the split, so that they are not unseen."""
KEPT = {"aws-access-token": "access key ids are kept"}
"""Rules whose matches are kept on purpose. They are counted apart."""


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--misses", action="store_true")
    arguments = parser.parse_args()
    sets = {
        "gitleaks": dict.fromkeys(gitleaks(arguments.folder / "gitleaks")),
        "detect-secrets": dict.fromkeys(detect_secrets(arguments.folder / "detect-secrets")),
    }
    if arguments.misses:
        for each in (each for texts in sets.values() for each in texts if not unseen(each.rule) and wrong(each)):
            print("missed" if each.secret else "false ", each.rule, repr(each.text[:300]))
        return
    figures = {
        f"{name}, {part}": _figures([each for each in texts if unseen(each.rule) == (part == "unseen")])
        for name, texts in sets.items()
        for part in ("seen", "unseen")
    }
    print(json.dumps(figures, indent=2))


def unseen(rule: str) -> bool:
    """Return whether the rule is in the part that nothing was written beside."""
    return rule not in READ_IN_FULL and hashlib.sha256(rule.encode()).digest()[0] % 2 == 1


def wrong(each: Labelled) -> bool:
    """Return whether the masker misses the text's secret, or masks something in a text without one."""
    masked = UNTAGGED.text(each.text)
    if not each.secret:
        return masked != each.text
    return masked == each.text or any(secret in masked for secret in each.secrets)


def _figures(texts: Iterable[Labelled]) -> dict[str, object]:
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    by_rule: dict[str, list[bool]] = defaultdict(list)
    for each in texts:
        kind = "kept" if each.secret and each.rule in KEPT else "positive" if each.secret else "negative"
        failed = wrong(each)
        counted[kind][0] += failed
        counted[kind][1] += 1
        if kind == "positive":
            by_rule[each.rule].append(not failed)
    return {
        "rules": len(by_rule),
        "recall": _share(counted["positive"][1] - counted["positive"][0], counted["positive"][1]),
        "recall_mean_of_rules": _share(sum(sum(found) / len(found) for found in by_rule.values()), len(by_rule)),
        "false_alarms": _share(*counted["negative"]),
        "kept_on_purpose": counted["kept"][1],
    }


def _share(part: float, whole: float) -> str:
    return f"{part:.0f} of {whole:.0f}, {100 * part / whole:.1f} %" if whole else "none"


if __name__ == "__main__":
    main()
