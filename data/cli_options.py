"""How the AWS CLI's options of an operation fit botocore's parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore import xform_name

Options = Mapping[str, list[Any]]
"""Options by name: [kind, parameter, required], as `data.aws_cli` prints them."""

# Of every operation.
_EVERYWHERE = frozenset({"cli-input-json", "generate-cli-skeleton"})


@dataclass(frozen=True, slots=True)
class CliOptions:
    """The AWS CLI's commands for one service: options, words without an option, and parameters without an option."""

    options: Mapping[str, Options]
    words: Mapping[str, int]
    without: Mapping[str, list[str]]

    @classmethod
    def of(cls, printed: Mapping[str, Any], service: str) -> "CliOptions":
        """Return the commands of a service, from the output of `data.aws_cli`."""
        return cls(*(printed[part].get(service, {}) for part in ("options", "words", "without")))

    def option(self, command: str, member: str) -> str:
        """Return the option of a parameter; "" when the AWS CLI has none.

        A parameter that is newer than the AWS CLI has the usual option.
        """
        own = [option for option, (_, name, _) in self.options.get(command, {}).items() if name == member]
        usual = xform_name(member, "-")
        if usual in own or (not own and member not in self.without.get(command, ())):
            return usual
        return min(own, default="")

    def required(self, command: str, option: str, kind: str) -> bool:
        """Return whether the AWS CLI requires the option of a parameter that the API requires."""
        _, _, required = self.options.get(command, {}).get(option, ["", "", True])
        return bool(option) and (required or kind == "b")  # one of --flag and --no-flag is required


def cli_kind(kind: str, option: str, cli: Options) -> str:
    """Return the kind of a parameter, as in `jitney.core.calls.operations.Parameter`."""
    return "v" if cli.get(option, [""])[0] == "o" else kind


def own_options(cli: Options, named: Mapping[str, str]) -> str:
    """Return the options that are not the first option of a parameter: "option=kind", or "option=kind=parameter"."""
    usual = {*_EVERYWHERE, *named.values(), *(f"no-{option}" for option in named.values())}
    return " ".join(
        f"{option}={kind}={member}" if member else f"{option}={kind}"
        for option, (kind, member, _) in sorted(cli.items())
        if option not in usual
    )
