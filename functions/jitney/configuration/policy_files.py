"""The files of a folder of policies.

A policy in a file that Jitney does not read decides nothing. A file that lists do not show, or whose text is elsewhere,
decides although a reviewer does not see it.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from jitney.configuration.yaml_source import ConfigurationProblem

SUFFIX = ".cedar"
_ENDINGS = (SUFFIX, f"{SUFFIX}.txt")


def policy_files(folder: Path, apart: Sequence[Path] = ()) -> tuple[list[Path], list[ConfigurationProblem]]:
    """Return the files of policies in `folder` in the order of their names, and the problems of misplaced ones.

    `apart` are other folders of policies, which may be below this one.
    """
    misplaced = [_problem(folder, file, fault) for file in _below(folder, apart) if (fault := _fault(folder, file))]
    return sorted(folder.glob(f"*{SUFFIX}")), misplaced


def _below(folder: Path, apart: Sequence[Path]) -> Iterator[Path]:
    """Yield what looks like a file of policies, in the folder and below it. Hidden folders are left out."""
    others = {each.resolve() for each in apart}
    found = set(chain(folder.rglob("*"), folder.glob("*/*")))  # a link to a folder is no folder to rglob
    for file in sorted(found):
        parents = file.relative_to(folder).parents
        hidden = any(each.name.startswith(".") for each in parents)
        if file.name.lower().endswith(_ENDINGS) and not hidden and others.isdisjoint(file.resolve().parents):
            yield file


def _fault(folder: Path, file: Path) -> tuple[str, str] | None:
    """Return why a file of policies is misplaced, and the fix."""
    if file.parent != folder:
        return "policies in a subfolder are not read", f"move the file to {folder.name}/"
    if not file.name.endswith(SUFFIX):
        name = file.name.lower().removesuffix(".txt")
        return f"only files whose names end with {SUFFIX} are read", f"rename it to {name}"
    if file.name.startswith("."):
        return "the name begins with a full stop, so lists of files do not show it", "rename it, or remove it"
    if file.is_symlink():
        return "it is a link, so its policies can change without a change in this folder", "write the policies here"
    return None


def _problem(folder: Path, file: Path, fault: tuple[str, str]) -> ConfigurationProblem:
    return ConfigurationProblem(("policies",), *fault, place=str(folder / file.relative_to(folder)))
