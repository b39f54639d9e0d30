"""Lives of records: crashes, retries, other clocks and an attacker, against an independent model (rows AUD 2, 6 and 9).

The sealer, the publisher, the redrive and the verification are Jitney's. `record_lives` are their steps, and
`integrity_model` says what is expected.
"""

from collections.abc import Callable
from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any, Self

import boto3
import pytest

from jitney.client.audit import audit_table, redrive
from jitney.client.audit import evidence as evidence_module
from jitney.core.integrity import reconciliation, seal_chain, sealed_objects, verification
from jitney.core.integrity import seals as core_seals
from jitney.core.integrity.seals import read_seal
from jitney.handlers import sealer
from tests import lives
from tests.client.integrity_model import HOUR
from tests.client.record_lives import CHAINS, CHANGES, CLIENTS, KEYS, AttackedLives, RecordLives
from tests.core.integrity.world import SIGNER
from tests.lives import live_many

LIVES = 10


class Serial:
    """A pool without threads."""

    def __init__(self, _: int) -> None:
        self.map = map

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to do."""


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Jitney")
    clients = SimpleNamespace(client=lambda name, **_: CLIENTS[name])
    monkeypatch.setattr(boto3.session, "Session", lambda: clients)
    check = seal_chain.is_signed_by
    known = cache(lambda signed: check(signed, KEYS[SIGNER.fingerprint]))
    monkeypatch.setattr(seal_chain, "is_signed_by", lambda signed, _: known(signed))
    monkeypatch.setattr(seal_chain, "read_seal", cache(read_seal))
    for module in (evidence_module, audit_table):
        monkeypatch.setattr(module, "ThreadPoolExecutor", Serial)


HONEST: dict[str, Callable[[Random], dict[str, Any]]] = {
    "write": lambda random: {"chain": random.choice(CHAINS), "count": random.choice((1, 1, 2))},
    "publish": lambda random: {
        "count": random.choice((1, 2, 10)),
        "refused": random.choice(((), (), (0,), (1,))),
        "killed": random.random() < 0.2,
    },
    "deliver": lambda random: {"count": random.choice((None, None, 1)), "newest": random.random() < 0.3},
    "wait": lambda random: {"seconds": random.choice((60, 1000, HOUR, HOUR, 4 * HOUR, 26 * HOUR))},
    "wait_until_midnight": lambda random: {"before": random.choice((1, 300))},
    "seal": lambda random: {"fault": random.choice(("", "", "before", "after"))},
    "stop_sealing": lambda random: {"stopped": random.random() < 0.3},
    "set_clock": lambda random: {
        "function": random.choice(("writer", "sealer")),
        "seconds": random.choice((-400, -5, 0, 5, 400)),
    },
    "give_up": lambda random: {"count": random.choice((1, 2))},
    "work": lambda random: {
        "chain": random.choice(CHAINS),
        "refused": random.choice(((), (0,))),
        "together": random.random() < 0.5,
    },
    "redrive": lambda random: {"hours": random.choice((2, 30))},
    "settle": lambda _: {},
}
OFTEN = (*["work", "wait", "set_clock", "wait_until_midnight", "seal"] * 2, "work", "write", "publish", "deliver")


def test_aud_02_no_honest_life_is_broken():
    live_many(RecordLives, HONEST, OFTEN, LIVES)


ATTACKS: dict[str, Callable[[Random], dict[str, Any]]] = {
    "change": lambda random: {
        "number": random.randrange(9),
        "line": random.randrange(4),
        "how": random.choice(sorted(CHANGES)),
    },
    "forge": lambda random: {"chain": random.choice((*CHAINS, "r-x")), "days": random.choice((-3, -1, 0, 0, 1))},
    "copy": lambda random: {"number": random.randrange(9), "line": random.randrange(4)},
    "erase": lambda random: {"number": random.randrange(9), "hidden": random.random() < 0.5},
    "move": lambda random: {
        "number": random.randrange(9),
        "days": random.choice((-3, -1, 0, 1, 2)),
        "name": random.choice(("", "_")),
    },
    "alter_table": lambda random: {"number": random.randrange(9), "deleted": random.random() < 0.5},
    "alter_seal": lambda random: {"number": random.randrange(9), "how": random.choice(("hide", "replace", "forge"))},
}
STEPS = {name: each for name, each in HONEST.items() if name != "settle"} | ATTACKS


ATTACKS_OFTEN = ("work", "work", "work", "wait", "wait", "seal", *ATTACKS)


def test_aud_02_each_attack_is_named_and_nothing_else():
    live_many(AttackedLives, STEPS, ATTACKS_OFTEN, 2 * LIVES)


def _patched(*patch: Any) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda monkeypatch: monkeypatch.setattr(*patch)


def _knows_only_the_last_seal(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sealer, "_since", lambda _first, newest, _ports: [newest] if newest else [])


def _counts_an_unread_seal_as_missing(patch: pytest.MonkeyPatch) -> None:
    check = seal_chain.check_seals
    patch.setattr(evidence_module, "check_seals", lambda files, keys, *, whole, unread: check(files, keys, whole=whole))


HONEST_BUGS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the sealer looks back for no day": _patched(core_seals, "LOOK_BACK_DAYS", 0),
    "the sealer knows only the last seal": _knows_only_the_last_seal,
    "a redrive finds no item": _patched(redrive, "written_at", lambda _: 0),
    "an unread seal counts as missing": _counts_an_unread_seal_as_missing,
    "records of a listed object count as missing": _patched(verification, "_withheld", lambda *_: frozenset()),
    "a record counts as missing at once": _patched(reconciliation, "ARRIVAL_SECONDS", -HOUR),
}


def _names_no_gap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(verification, "missing_records", lambda *_, **__: ())
    patch.setattr("jitney.core.integrity.record_chains._gaps", lambda *_: ())


def _compares_names_only(patch: pytest.MonkeyPatch) -> None:
    check = sealed_objects.check_object

    def lax(number: int, sealed: Any, found: Any) -> Any:
        same = found and [each.position for each in found.entries] == [place for place, _ in sealed.records]
        return () if same else check(number, sealed, found)

    patch.setattr(verification, "check_object", lax)


def _reads_the_newest_seals(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(seal_chain, "_replaced", lambda _: ())


ATTACKED_BUGS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a sealed object may have other content": _compares_names_only,
    "a sealed object may be missing": _patched(verification, "_objects", lambda *_: ()),
    "records are not compared with the table": _patched(reconciliation, "_difference", lambda *_: ""),
    "a record may be moved to an earlier day": _patched(reconciliation, "_MOVED", ""),
    "no removed record is named": _names_no_gap,
    "a seal may be hidden or replaced": _reads_the_newest_seals,
    "any key signs": _patched(seal_chain, "is_signed_by", lambda *_: True),
    "an invalid line is no failure": _patched(verification, "invalid_line_breaks", lambda *_, **__: ()),
    "seals may end": _patched(verification, "overdue", lambda *_: None),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", [*HONEST_BUGS, *ATTACKED_BUGS])
def test_aud_02_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lives, "_shortest", lambda _, steps: steps)
    (HONEST_BUGS | ATTACKED_BUGS)[bug](monkeypatch)
    with pytest.raises(AssertionError, match="seed"):
        live_many(
            *((RecordLives, HONEST, OFTEN) if bug in HONEST_BUGS else (AttackedLives, STEPS, ATTACKS_OFTEN)), LIVES
        )
