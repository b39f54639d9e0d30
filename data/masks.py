"""The mask table in the form of `jitney.core.masking.table`, from botocore's models and masks.yaml.

A member holds text if it is a string or a blob, or a list or map of these at any depth. Only such members are listed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from botocore import __version__ as botocore_version
from botocore.loaders import Loader

from data import table
from jitney.core.masking.named_secrets import names_secret
from jitney.core.masking.table import ANY, CREDENTIAL_REF, KEYS, LOOK_ALIKE_REF, MAGIC, SENSITIVE_REF, MaskTable

LOOKS_SECRET = re.compile(
    "secret|passw|passphrase|passcode|pwd|token|credential|private_?key|access_?key|api_?key|auth_?key|preshared|psk$"
    "|signed_?url|session_?url|embed_?url|sign_?in_?url|login_?url|upload_?url|download_?url|webhook_?url"
    "|auth(orization)?_?code|bearer|jwt|assertion|connection_?string|signing_?key|key_?material|skey$|app_?key"
    "|customer_?key$|stream_?key|shared_?key|(unlock|verification|confirmation|activation|access|pairing|challenge)code"
    "|otp$|one_?time|seed$|cookies?$|user_?data|licen[sc]e_?key|signature$|authorization$|plain_?text",
    re.IGNORECASE,
)
"""Members with such names must be in masks.yaml."""
GROUPS = ("credentials", "look_alikes", "as_marked")

type Shapes = Mapping[str, Mapping[str, Any]]


class MaskedMember(NamedTuple):
    """A member that holds text: "service Shape.Member", its name, and whether AWS marks it as sensitive."""

    place: str
    name: str
    marked: bool


class MaskReview:
    """Looks up the group of a member in masks.yaml, and notes the entries that are used."""

    def __init__(self, listed: Mapping[str, Any]) -> None:
        self._patterns = [
            (group, pattern, re.compile(pattern, re.IGNORECASE))
            for group in GROUPS
            for patterns in listed[group]["names"].values()
            for pattern in patterns
        ]
        self._members = {
            place: group for group in GROUPS for places in listed[group]["members"].values() for place in places
        }
        self._unused = {pattern for _, pattern, _ in self._patterns} | set(self._members)
        self._groups: dict[str, set[str]] = {}
        self.unreviewed: list[str] = []
        """Members whose names look like a secret's, and that belong to no group or to several."""

    def group(self, member: MaskedMember) -> str | None:
        """Return the member's group. Return None if it does not look like a secret, or is not reviewed."""
        if group := self._members.get(member.place):
            self._unused.discard(member.place)
            return group
        if not LOOKS_SECRET.search(member.name):
            return None
        found = self._named(member.name)
        if len(found) == 1:
            return next(iter(found))
        self.unreviewed.append(f"{member.place} looks like a secret and belongs to {sorted(found) or 'no list'}")
        return None

    def unused(self) -> list[str]:
        """Return the entries that have matched no member yet."""
        return sorted(self._unused)

    def _named(self, name: str) -> set[str]:
        if name not in self._groups:
            fitting = [(group, pattern) for group, pattern, compiled in self._patterns if compiled.fullmatch(name)]
            self._unused -= {pattern for _, pattern in fitting}
            self._groups[name] = {group for group, _ in fitting}
        return self._groups[name]


class ServiceMasks:
    """The block of one service: shapes that have masked members, and shapes that lead to such shapes."""

    def __init__(self, name: str, model: Mapping[str, Any], review: MaskReview) -> None:
        self.name = name
        self.counts = dict.fromkeys((CREDENTIAL_REF, SENSITIVE_REF, LOOK_ALIKE_REF), 0)
        self._shapes: Shapes = model["shapes"]
        self._operations: Mapping[str, Any] = model["operations"]
        self._review = review
        self._ways: dict[str, dict[str, Any]] = {}

    def block(self) -> dict[str, Any]:
        """Return the block in the form of `jitney.core.masking.table`."""
        ends = {
            name: [operation.get(end, {}).get("shape") for end in ("input", "output")]
            for name, operation in sorted(self._operations.items())
        }
        reached = self._reached([shape for pair in ends.values() for shape in pair if shape])
        for shape in reached:
            self._ways[shape] = dict(self._members(shape))
        kept = self._leading()
        places = {shape: place for place, shape in enumerate(kept)}
        starts: dict[str, str | int] = {**places, **dict.fromkeys(self._marked_ends(ends.values()), SENSITIVE_REF)}
        return {
            "shapes": [
                {
                    member: self._way(way, places)
                    for member, way in self._ways[shape].items()
                    if self._leads(way, places)
                }
                for shape in kept
            ],
            "operations": {name: [starts.get(shape) for shape in pair] for name, pair in ends.items()},
        }

    def _marked_ends(self, ends: Iterable[Iterable[str | None]]) -> Iterator[str]:
        """Yield the inputs and outputs that AWS marks as sensitive as a whole.

        Where a credential is listed below, the mark is for it. Other members, such as its expiration, are kept.
        """
        marked = {shape for pair in ends for shape in pair if shape and self._shapes[shape].get("sensitive")}
        for shape in sorted(marked):
            if not any(CREDENTIAL_REF in self._ways[each].values() for each in self._reached([shape])):
                self.counts[SENSITIVE_REF] += 1
                yield shape

    def _reached(self, waiting: list[str]) -> list[str]:
        seen = set(waiting)
        while waiting:
            fresh = {shape for _, shape, _ in self._parts(waiting.pop())} - seen
            seen |= fresh
            waiting += fresh
        return sorted(seen)

    def _parts(self, shape: str) -> Iterator[tuple[str, str, bool]]:
        """Yield the members of a structure, list or map: name, shape, and whether AWS marks the member as sensitive."""
        model = self._shapes[shape]
        for name, member in model.get("members", {}).items():
            yield name, member["shape"], self._marked(member)
        for at in ("member", "value"):
            if at in model:
                yield ANY, model[at]["shape"], self._marked(model[at])

    def _marked(self, member: Mapping[str, Any]) -> bool:
        return bool(member.get("sensitive") or self._shapes[member["shape"]].get("sensitive"))

    def _members(self, shape: str) -> Iterator[tuple[str, Any]]:
        """Yield the references of each shape as tuples. Every listed member is counted."""
        for name, target, marked in self._parts(shape):
            group = None
            if name != ANY and self.holds_text(target):
                group = self._review.group(MaskedMember(f"{self.name} {shape}.{name}", name, marked))
            letter = {"credentials": CREDENTIAL_REF, "look_alikes": LOOK_ALIKE_REF}.get(group or "")
            if letter is None and marked:
                letter = SENSITIVE_REF
            if letter:
                self.counts[letter] += 1
            # A look-alike must be listed only where something else would mask it.
            told = letter if letter != LOOK_ALIKE_REF or marked or names_secret(name) else None
            yield name, told or (target,)
        key = self._shapes[shape].get("key")
        if key and self._marked(key):
            self.counts[SENSITIVE_REF] += 1
            yield KEYS, SENSITIVE_REF

    def holds_text(self, shape: str) -> bool:
        """Return whether it is a string or a blob, or a list or map of these."""
        seen = set()
        while shape not in seen:
            seen.add(shape)
            model = self._shapes[shape]
            if model["type"] in ("string", "blob"):
                return True
            inner = model.get("member") or model.get("value")
            if inner is None:
                return False
            shape = inner["shape"]
        return False

    def _leading(self) -> list[str]:
        """Return the shapes from which a masked member or a look-alike can be reached."""
        kept = {shape for shape, ways in self._ways.items() if any(isinstance(way, str) for way in ways.values())}
        while True:
            more = {
                shape
                for shape, ways in self._ways.items()
                if shape not in kept and any(way[0] in kept for way in ways.values() if isinstance(way, tuple))
            }
            if not more:
                return sorted(kept)
            kept |= more

    @staticmethod
    def _leads(way: str | tuple[str], places: Mapping[str, int]) -> bool:
        return isinstance(way, str) or way[0] in places

    @staticmethod
    def _way(way: str | tuple[str], places: Mapping[str, int]) -> str | int:
        return way if isinstance(way, str) else places[way[0]]


def models() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every service of botocore by name, with its newest model."""
    loader = Loader()
    for name in loader.list_available_services("service-2"):
        yield name, loader.load_service_model(name, "service-2")


def encode(listed: Mapping[str, Any]) -> tuple[bytes, list[str]]:
    """Return the table as bytes, and what must be reviewed: members in no list, and entries that match nothing."""
    review = MaskReview(listed)
    blocks: dict[str, Any] = {}
    events: dict[str, list[str]] = {}
    counts = dict.fromkeys((CREDENTIAL_REF, SENSITIVE_REF, LOOK_ALIKE_REF), 0)
    for name, model in models():
        service = ServiceMasks(name, model, review)
        blocks[name] = service.block()
        counts = {letter: counts[letter] + service.counts[letter] for letter in counts}
        for source in _sources(name, model["metadata"]):
            events.setdefault(source, []).append(name)
    encoded = table.encode({"botocore": botocore_version}, blocks, MAGIC, events=events, counts=counts)
    left = [f"masks.yaml names {entry}, which no member fits" for entry in review.unused()]
    return encoded, [*review.unreviewed, *left]


def _sources(name: str, metadata: Mapping[str, Any]) -> Iterable[str]:
    """Return the event sources of a service in CloudTrail, from its endpoint and its signing name."""
    names = (
        name,
        metadata["endpointPrefix"],
        metadata.get("signingName", name),
        metadata["endpointPrefix"].split(".")[-1],
    )
    return dict.fromkeys(f"{each}.amazonaws.com" for each in names)


def faults(new: MaskTable, old: MaskTable | None, sentinels: Iterable[str], left: Iterable[str]) -> list[str]:
    """Return why `new` must not replace `old`, in sentences; [] if it may. `old` is None for a first build.

    `left` is what `encode` leaves to review. `sentinels` have the form "service Operation input|output Member.Member
    letter". A dot leads to a member within, also in a list.
    """
    found = list(left)
    for sentinel in sentinels:
        service, operation, end, path, letter = sentinel.split()
        if (is_now := way_of(new, service, operation, end, path)) != letter:
            found.append(f"{service} {operation} {end} {path} should be {letter} and is {is_now}")
    if old is not None:
        before, after = counts(old), counts(new)
        found += [
            f"there were {before[what]} {what} and are {after.get(what, 0)}"
            for what in before
            if after.get(what, 0) < before[what] * table.LEAST_REMAINING
        ]
    return found


def way_of(masks: MaskTable, service: str, operation: str, end: str, path: str) -> Any:
    """Return the reference of the member at a path; None where nothing is listed."""
    ways = masks.of(service, operation)
    if ways is None:
        return None
    way = getattr(ways, end)
    for member in path.split("."):
        while isinstance(way, int) and member not in ways.shapes[way] and ANY in ways.shapes[way]:
            way = ways.shapes[way][ANY]
        way = ways.shapes[way].get(member) if isinstance(way, int) else None
    return way


def counts(masks: MaskTable) -> dict[str, int]:
    """Return how many of each kind a table has."""
    services = masks.services()
    names = {"c": "credentials", "s": "marked members", "l": "look-alikes"}
    return {
        "services of masks": len(services),
        "operations of masks": sum(len(masks.operations(service)) for service in services),
        **{names[letter]: count for letter, count in masks.counts.items()},
    }
