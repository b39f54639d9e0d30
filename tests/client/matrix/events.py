"""What happens to access in the matrix, in the order of its table, and what each client shows of it."""

import re
from collections.abc import Callable, Mapping

from tests.client.matrix.granting_broker import REVIEWED
from tests.client.matrix.programs import PARAMETER, Client, World
from tests.running_systems import until

Cells = dict[str, str]
"""What each client shows, by its name."""

WORKS = "works"
NO_REASON = "an error without the reason"
NOT_THERE = "–"
_WAY_OUT = re.compile(r"jitney grants show g-[a-z2-7]{14} --wait")
_SHOWN: Mapping[str, Callable[[str], object]] = {
    "says that the review is pending": lambda text: "under review by data-owners" in text and _WAY_OUT.search(text),
    "says that the grant was revoked": lambda text: re.search(r"is revoked\.\s+(Fix: )?Talk to people\.alice", text),
    "says that the broker does not answer": lambda text: "did not answer" in text,
    "`AccessDeniedException` of AWS": lambda text: "AccessDeniedException" in text,
    "`ExpiredTokenException` of AWS": lambda text: "ExpiredTokenException" in text,
}
# No multiple of it is the exact end of a key: in that second, the SDK for JavaScript still takes the key for valid.
_STEP_SECONDS = 601
_MOST_STEPS = 12


class Happenings:
    """Lets things happen to the clients of one way. Each method returns what the clients show after it."""

    def __init__(self, world: World, clients: Mapping[str, Client]) -> None:
        self._world = world
        self._clients = clients

    def renewal(self) -> Cells:
        """Keys end, and then the grant."""
        values: dict[str, set[str]] = {name: set() for name in self._clients}
        for _ in range(4):  # longer than a grant
            for name, answer in self._read(PARAMETER).items():
                assert "value" in answer, (name, answer)
                values[name].add(answer["value"])
            self._world.clock.advance(_STEP_SECONDS)
        assert {name for name, seen in values.items() if len(seen) < 2} == set()
        return self._shown()

    def outage(self) -> Cells:
        """The broker ends, while keys are valid."""
        self._world.broker.server.stop()
        return self._shown()

    def long_outage(self) -> Cells:
        """The broker does not come back before the keys end."""
        return self._until_all_fail()

    def restart(self) -> Cells:
        """The broker is back."""
        self._world.broker.server.start()
        self._world.clock.advance(10)
        return self._shown()

    def pending_grant(self) -> Cells:
        """The next grant needs a review."""
        self._world.broker.needs_review = True
        return self._until_all_fail()

    def approval(self) -> Cells:
        """A reviewer approves it."""
        (_,) = self._world.broker.in_state("pending")
        self._world.broker.approve()
        self._world.clock.advance(10)
        return self._shown()

    def pending_call(self) -> Cells:
        """The call itself needs a review, and is approved while clients wait. Only the gateway reviews calls."""

        def approve() -> None:
            until(lambda: len(self._world.broker.in_state("pending")) == len(self._clients), pause=0.02)
            self._world.broker.approve()

        return self._shown(REVIEWED, approve)

    def revocation(self) -> Cells:
        """The grant is revoked, while keys are valid."""
        self._world.broker.revoke()
        return self._shown()

    def end_of_revoked_keys(self) -> Cells:
        """The keys of a revoked grant end. Nothing is requested again."""
        before = self._world.broker.asked["POST /v1/grants"]
        self._world.clock.advance(_STEP_SECONDS)
        self._shown()
        self._world.clock.advance(_STEP_SECONDS)
        self._shown()
        self._world.clock.advance(_STEP_SECONDS)
        cells = self._shown()
        assert self._world.broker.asked["POST /v1/grants"] == before
        return cells

    def _read(self, name: str, meanwhile: Callable[[], None] = lambda: None) -> dict[str, dict[str, str]]:
        for client in self._clients.values():
            client.begin(name)
        meanwhile()
        return {each: client.answer() for each, client in self._clients.items()}

    def _shown(self, name: str = PARAMETER, meanwhile: Callable[[], None] = lambda: None) -> Cells:
        return {each: shown(answer) for each, answer in self._read(name, meanwhile).items()}

    def _until_all_fail(self) -> Cells:
        """Let time pass until no client gets an answer. Nothing but this failure is shown before."""
        seen: list[Cells] = []
        for _ in range(_MOST_STEPS):
            seen.append(self._shown())
            if WORKS not in seen[-1].values():
                break
            self._world.clock.advance(_STEP_SECONDS)
        for name, last in seen[-1].items():
            assert last != WORKS
            assert {cells[name] for cells in seen} <= {WORKS, last}, (name, seen)
        return seen[-1]


def shown(answer: Mapping[str, str]) -> str:
    """Return what a client's answer shows, in the words of the table."""
    if "value" in answer:
        return WORKS
    return next((words for words, is_shown in _SHOWN.items() if is_shown(answer["error"])), NO_REASON)
