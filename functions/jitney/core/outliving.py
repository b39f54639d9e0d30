"""What outlives a grant: effects of its actions that still work when its session is denied (row END 5).

`make data` gives each such action its effect, from data/outliving.yaml.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from jitney.core.times import format_duration

OUTLIVES_GRANT = "OutlivesGrant"
"""The risk of an action that has such an effect, as policies see it."""


class OutlivingEffect(NamedTuple):
    """One effect: what still works after the grant, for how long at most, and what a person can do about it.

    `seconds` is None if it works until a person ends it. `source` is the URL of AWS's description.
    """

    name: str
    what: str
    seconds: int | None
    left_to_do: str
    source: str

    @property
    def ends(self) -> str:
        """When it ends, in words."""
        return "until a person ends it" if self.seconds is None else f"for up to {format_duration(self.seconds)}"

    def sentence(self, actions: Sequence[str]) -> str:
        """Return the effect of `actions` as a sentence."""
        *first, last = actions
        names = f"{', '.join(first)} or {last}" if first else last
        what = f"{self.what[0].upper()}{self.what[1:]}"
        return f"{what} from {names} outlives the grant {self.ends}."


class GrantEffect(NamedTuple):
    """An effect, and the granted actions that have it.

    `used` are the actions with a successful call in CloudTrail. `used` is None if no calls were read.
    """

    effect: OutlivingEffect
    actions: tuple[str, ...]
    used: tuple[str, ...] | None = None

    @property
    def sentence(self) -> str:
        """The effect as a sentence."""
        return self.effect.sentence(self.actions)

    @property
    def use(self) -> str:
        """Whether CloudTrail shows a use, as a sentence; "" if no calls were read."""
        if self.used is None:
            return ""
        if not self.used:
            return "CloudTrail shows no use so far. It delivers events late, and does not log every call."
        return f"CloudTrail shows use of {', '.join(self.used)}."

    def view(self) -> dict[str, Any]:
        """Return the effect as the API shows it."""
        effect = self.effect
        return {
            "effect": effect.name,
            "sentence": self.sentence,
            "actions": list(self.actions),
            "used": None if self.used is None else list(self.used),
            "longest_seconds": effect.seconds,
            "left_to_do": effect.left_to_do,
            "source": effect.source,
        }


def grouped_effects(effects: Iterable[tuple[str, OutlivingEffect | None]]) -> tuple[GrantEffect, ...]:
    """Return each effect once, with its actions. `effects` are actions with their effects, or None."""
    found: dict[OutlivingEffect, dict[str, None]] = {}
    for action, effect in effects:
        if effect:
            found.setdefault(effect, {})[action] = None
    return tuple(GrantEffect(effect, tuple(actions)) for effect, actions in found.items())


def with_use(effects: Iterable[GrantEffect], used: Collection[str]) -> tuple[GrantEffect, ...]:
    """Return the effects, each with those of its actions that are in `used`, a list of lower-case names."""
    return tuple(each._replace(used=tuple(name for name in each.actions if name.lower() in used)) for each in effects)
