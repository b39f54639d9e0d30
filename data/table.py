"""The action table in the form of `core.actions`: built from the sources, written, and compared with the old one."""

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from data.condition_keys import GENERAL, condition_keys
from data.levels import Corrections
from data.outliving import Outliving
from jitney.core.actions import LEVELS, MAGIC, RISKS, AccessLevel, Action, ActionTable

# The build fails when fewer than this part of the former services or actions is left.
LEAST_REMAINING = 0.99

_LETTER_OF_LEVEL = {level: letter for letter, level in LEVELS.items()}
_LETTER_OF_RISK = {risk: letter for letter, risk in RISKS.items()}

Block = Mapping[str, Any]


def service_block(
    prefix: str,
    actions: Mapping[str, Any],
    types: Mapping[str, Any],
    corrections: Corrections,
    outliving: Outliving,
) -> Block:
    """Return the block of one service from iam-data's actions and types.

    Raises KeyError for an unknown access level.
    """
    names = sorted(types)
    places = {name.lower(): index for index, name in enumerate(names)}
    ordered = sorted(actions.values(), key=lambda action: str(action["name"]))
    carried = {action["name"]: condition_keys(action, types) for action in ordered}
    keys = sorted({key for by_type in carried.values() for found in by_type.values() for key in found})
    indexes = {
        name: {kind: ",".join(str(keys.index(key)) for key in sorted(found)) for kind, found in by_type.items()}
        for name, by_type in carried.items()
    }
    return {
        "types": [[name, types[name]["arn"]] for name in names],
        "keys": keys,
        "actions": {
            action["name"]: _entry(
                f"{prefix}:{action['name']}", action, places, corrections, outliving, indexes[action["name"]]
            )
            for action in ordered
        },
    }


def with_more(actions: Mapping[str, Any], more: Mapping[str, str]) -> Mapping[str, Any]:
    """Return iam-data's actions of a service, and actions of `more` (name to level) that iam-data lacks.

    These have no types.
    """
    added = {name.lower(): {"name": name, "accessLevel": level, "resourceTypes": []} for name, level in more.items()}
    return {**added, **actions}


def _entry(
    name: str,
    action: Mapping[str, Any],
    places: Mapping[str, int],
    corrections: Corrections,
    outliving: Outliving,
    keys: Mapping[str, str],
) -> str:
    """Return an action's entry. `keys` maps types to the indexes of their condition keys."""
    level, risks = corrections.rate(name, action["accessLevel"])
    letters = _LETTER_OF_LEVEL[level] + "".join(sorted(_LETTER_OF_RISK[risk] for risk in risks))
    kinds = sorted(
        (places[kind["name"].lower()], "!" if kind["required"] else "", keys[kind["name"].lower()])
        for kind in action["resourceTypes"]
    )
    items = [f"{place}{required}" + (f"~{held}" if held else "") for place, required, held in kinds]
    items += [f"~{keys[GENERAL]}"] if keys[GENERAL] else []
    effect = outliving.index_of(name, level, risks)
    return " ".join([letters, *items, *(() if effect is None else (f"@{effect}",))])


def encode(about: Mapping[str, str], blocks: Mapping[str, Block], magic: bytes = MAGIC, **more: Any) -> bytes:
    """Return the table as bytes. Equal content gives equal bytes. `more` are other members of its index."""
    return contained(about, {prefix: compact(block) for prefix, block in blocks.items()}, magic, **more)


def contained(about: Mapping[str, str], blocks: Mapping[str, str], magic: bytes, **more: Any) -> bytes:
    """Return a table of blocks in ASCII as bytes, each compressed by itself, behind an index of their places."""
    places, packed = {}, b""
    for prefix, block in sorted(blocks.items()):
        compressed = zlib.compress(block.encode("ascii"), level=9)
        places[prefix] = [len(packed), len(compressed)]
        packed += compressed
    index = zlib.compress(compact({"about": dict(about), "services": places, **more}).encode("ascii"), level=9)
    return magic + len(index).to_bytes(4) + index + packed


def compact(value: Any) -> str:
    """Return JSON in ASCII without white space."""
    return json.dumps(value, separators=(",", ":"))


def faults(
    new: ActionTable, old: ActionTable | None, sentinels: Mapping[str, Iterable[str]], unused: Iterable[str]
) -> list[str]:
    """Return why `new` must not replace `old`, in sentences; [] if it may. `old` is None for a first build.

    `sentinels` maps a level to actions that must have it. `unused` are corrections that corrected nothing.
    """
    found = [f"corrections.yaml, harms.yaml or outliving.yaml names {name}, which no action matches" for name in unused]
    for level, names in sentinels.items():
        for name in names:
            action = new.get(name)
            if action is None or action.level != AccessLevel(level):
                found.append(f"{name} should be {level} and is {action.level if action else 'missing'}")
    if old is not None:
        counts = {"services": (len(old.services()), len(new.services())), "actions": (_count(old), _count(new))}
        for what, (before, after) in counts.items():
            if after < before * LEAST_REMAINING:
                found.append(f"there were {before} {what} and are {after}")
    return found


def changes(new: ActionTable, old: ActionTable) -> list[str]:
    """Return what a person should review before committing: actions that were added, removed or changed in level."""
    before = {action.name: action for action in _all(old)}
    after = {action.name: action for action in _all(new)}
    return (
        [f"gone: {name}" for name in sorted(before.keys() - after.keys())]
        + [f"new: {name} ({after[name].level})" for name in sorted(after.keys() - before.keys())]
        + [
            f"changed: {name} ({before[name].level} to {after[name].level})"
            for name in sorted(before.keys() & after.keys())
            if before[name].level != after[name].level
        ]
    )


def _all(table: ActionTable) -> Iterable[Action]:
    return (action for prefix in table.services() for action in table.of_service(prefix))


def _count(table: ActionTable) -> int:
    return sum(len(table.of_service(prefix)) for prefix in table.services())
