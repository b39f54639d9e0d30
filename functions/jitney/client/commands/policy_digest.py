"""`jitney policy digest`: the digest of the configuration, as records have it."""

import os

from jitney.client.commands.policy_replay import Config
from jitney.client.inputs import options
from jitney.client.policy.policy_access import CONFIGURATION, policy_module
from jitney.client.terminal.command_result import exit_on_problem, print_result, screen


def print_digests(*, config: Config = None, as_json: options.AsJson = False) -> None:
    """Print the digest that records have of this configuration.

    The digest covers what `cdk deploy` would give to the functions: jitney.yaml with the values of its variables, the
    policies, and the key files. Another version of Jitney can have another digest for the same files.

    Example: jitney policy digest --config jitney.yaml
    """
    with exit_on_problem("policy digest", as_json=as_json):
        file = config or CONFIGURATION
        with policy_module(file, "There is no digest") as module:
            digests = module.digests(file, os.environ)
        document = digests._asdict()
        rows = ((name.replace("_", " "), value) for name, value in document.items())
        print_result(document, lambda: screen().rows(rows), as_json=as_json)
