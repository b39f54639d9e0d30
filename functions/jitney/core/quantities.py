"""Numbers of things in words."""


def quantity(number: int, thing: str) -> str:
    """Return the number with its noun: "1 call", "1,200 calls"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
