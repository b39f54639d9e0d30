"""Checks of this machine: variables and files that override Jitney's credentials, proxies, packages, permissions."""

import os
import re
import shlex
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator, Mapping
from configparser import Error, RawConfigParser
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from urllib.parse import SplitResult, urlsplit

from jitney.client.api.connection import is_loopback
from jitney.client.doctor.findings import Finding, fault, ok, warning
from jitney.client.inputs.connection_options import STATE_FOLDER_FIX, xdg
from jitney.client.inputs.setting_files import user_path
from jitney.client.problems import Invalid
from jitney.client.processes.child import overrides_credentials
from jitney.client.profiles.aws_config_sections import config_path, headings_of
from jitney.client.profiles.aws_profile import lacks_region, own_words, region_fix, require_own_credentials

_REQUIREMENT, _OF_EXTRA = re.compile(r"[A-Za-z0-9._-]+"), re.compile(r"extra *== *['\"]([a-z]+)['\"]")
_STATIC_KEY = "AWS_ACCESS_KEY_ID"
_OF_ENDPOINT = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ENDPOINT_URL")
_CONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class MachineChecks:
    """The checks, for an environment."""

    environment: Mapping[str, str]

    def findings(self) -> Iterator[Finding]:
        """Yield the findings."""
        yield from self._variables()
        yield from self._local_endpoint()
        yield from self._proxy()
        yield from self._profiles()
        yield self._state()
        yield _extras()

    def _variables(self) -> Iterator[Finding]:
        names = sorted(name for name in self.environment if overrides_credentials(name) or name == _STATIC_KEY)
        own = "JITNEY_GRANT_ID" in self.environment or self._served()
        if not names or own:
            yield ok("aws variables", "they come from Jitney" if own else "none overrides Jitney's credentials")
            return
        text = f"{', '.join(names)} {'are' if len(names) > 1 else 'is'} set, and SDKs prefer that to Jitney's profiles"
        yield warning("aws variables", text, f"unset {' '.join(names)}")

    def _served(self) -> bool:
        return any(True for _ in self._endpoints())

    def _local_endpoint(self) -> Iterator[Finding]:
        for name, url in self._endpoints():
            try:
                socket.create_connection((url.hostname, url.port or 80), _CONNECT_SECONDS).close()
            except (OSError, ValueError):
                text = f"{name} names port {url.netloc.rpartition(':')[2]} of this machine, where nothing answers"
                yield fault("local endpoint", text, f"Start `jitney serve` again, or unset {name}.")
            else:
                yield ok("local endpoint", f"something answers at {name}")

    def _endpoints(self) -> Iterator[tuple[str, SplitResult]]:
        """Yield each variable that names an address of this machine, and that address."""
        for name in _OF_ENDPOINT:
            with suppress(ValueError):  # an SDK refuses it too
                url = urlsplit(self.environment.get(name, ""))
                if is_loopback(url.hostname or ""):
                    yield name, url

    def _proxy(self) -> Iterator[Finding]:
        given = {name.lower(): value for name, value in self.environment.items() if value}
        excluded = {each.strip() for each in given.get("no_proxy", "").split(",")}
        if "http_proxy" in given and not excluded & {"127.0.0.1", "*"}:
            text = "HTTP_PROXY is set, and NO_PROXY does not exclude 127.0.0.1, where `jitney serve` answers"
            yield warning("proxy variables", text, "Add 127.0.0.1,localhost to NO_PROXY.")
        else:
            yield ok("proxy variables", "they do not affect this machine's own addresses")

    def _profiles(self) -> Iterator[Finding]:
        config = self._sections("AWS_CONFIG_FILE", "~/.aws/config")
        keys = self._sections("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
        for found in (config, keys):
            if isinstance(found, Finding):
                yield found
        if isinstance(config, Finding) or isinstance(keys, Finding):
            return
        ours = {name: words for name, section in config.items() if (words := own_words(section))}
        if not ours:
            yield ok("aws profiles", "none uses Jitney")
        for heading, words in ours.items():
            name = heading.removeprefix("profile ")
            if shutil.which(words[0]) is None:
                fix = f"Write it again with `jitney profile {shlex.quote(name)} …`."
                yield fault("aws profiles", f"{name} starts {words[0]}, which does not exist", fix)
            elif self._has_other_credentials(name):
                text = f"{name} also has credentials in the credentials file, and SDKs prefer these"
                yield warning("aws profiles", text, f"Remove [{name}] from the credentials file.")
            elif len(headings_of("".join(f"[{each}]\n" for each in config), name)) > 1:
                text = f"{config_path(self.environment)} has {name} in two sections, and some SDKs prefer the other one"
                yield warning("aws profiles", text, "Remove the section that does not start `jitney credentials`.")
            elif lacks_region(config[heading], self.environment):
                yield warning("aws profiles", f"{name} uses Jitney, and has no Region", region_fix(name))
            else:
                yield ok("aws profiles", f"{name} uses Jitney")

    def _has_other_credentials(self, name: str) -> bool:
        try:
            require_own_credentials(self.environment, name)
        except Invalid:
            return True
        return False

    def _sections(self, variable: str, default: str) -> dict[str, dict[str, str]] | Finding:
        try:
            path = user_path(os.path.expandvars(self.environment.get(variable) or default))
        except Invalid:  # without a home folder, SDKs find no file either
            return {}
        parser = RawConfigParser(default_section="")
        try:
            parser.read_string(path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            fix = f"Make it readable, or set {variable} to another file: the AWS CLI cannot read it either."
            return fault("aws profiles", f"{path} cannot be read: {error.strerror}", fix)
        except (ValueError, Error) as error:
            why = str(error).splitlines()[0]
            return fault(
                "aws profiles", f"{path} cannot be read: {why}", "Correct the file: the AWS CLI refuses it too."
            )
        return {name: dict(parser[name]) for name in parser.sections()}

    def _state(self) -> Finding:
        try:
            folder = xdg(self.environment, "XDG_STATE_HOME", ".local/state")
        except Invalid as problem:
            return fault("state folder", problem.detail, problem.fix)
        wrong: list[str] = []
        try:
            for path in (folder, *folder.iterdir()):
                status = path.lstat()
                if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
                    wrong.append(str(path))
        except FileNotFoundError:
            pass  # the first command that needs the folder makes it
        except OSError as error:
            return fault(
                "state folder", f"{folder} cannot be read: {error.strerror}", "Remove it, or set XDG_STATE_HOME."
            )
        if wrong:
            text = f"others can read or own {wrong[0]}" + (f" and {len(wrong) - 1} more" if wrong[1:] else "")
            return warning("state folder", text, f"chmod -R go= {shlex.quote(str(folder))}")
        try:
            with tempfile.TemporaryFile(dir=next(each for each in (folder, *folder.parents) if each.is_dir())) as file:
                file.write(b"0" * 64)
        except OSError as error:
            return fault("state folder", f"{folder} cannot be written: {error.strerror}", STATE_FOLDER_FIX)
        return ok("state folder", f"only you can read {folder}")


def _extras() -> Finding:
    there: dict[str, bool] = {}
    for requirement in requires("jitney") or ():
        name, extra = _REQUIREMENT.match(requirement), _OF_EXTRA.search(requirement)
        if name and extra:
            there[extra[1]] = there.get(extra[1], True) and _installed(name[0])
    have = ", ".join(sorted(name for name, found in there.items() if found)) or "none"
    lack = ", ".join(sorted(name for name, found in there.items() if not found))
    return ok("extras", f"installed: {have}" + (f"; not installed: {lack}" if lack else ""))


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
