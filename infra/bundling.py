"""The Lambda bundle that all functions share: our code, `configuration.json` and the locked third-party code.

The bundle is one zip, not a layer: a function's code and its imports change together, and a cold start unpacks one
file. The third-party part is built once for each lock file and platform, and kept. A bundle is this zip with the
sources appended, so a change of source costs milliseconds. The same input gives the same bytes on every machine.
"""

import compileall
import hashlib
import platform as host_platform
import py_compile
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

FUNCTIONS = Path(__file__).parent.parent / "functions"
IN_LAMBDA = ("__init__.py", "resources.py", "core", "adapters", "handlers", "pages")
"""The parts of the package that run in Lambda. A change of other parts redeploys no function."""
CACHE = Path(__file__).parent.parent / ".local" / "cache" / "bundles"
PYTHON = (3, 13)
KEPT = 6
"""How many zips of each kind are kept. The least recently used ones are deleted."""

# The services for which the adapters make clients, out of the 445 models of botocore. The others would add 28 MB to
# unpack at each cold start. A test compares this table with the adapters.
SERVICES = (
    "dynamodb",
    "firehose",
    "iam",
    "kms",
    "lambda",
    "s3",
    "secretsmanager",
    "sesv2",
    "sqs",
    "stepfunctions",
    "sts",
)


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform of a bundle: uv's name for it, and Lambda's name for its architecture."""

    name: str
    architecture: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """A built bundle: the zip file, and a hash of all its inputs."""

    path: Path
    digest: str


# Lambda's python3.13 runs on Amazon Linux 2023 (glibc 2.34).
LAMBDA = Platform("aarch64-manylinux_2_28", "arm64")

_HOSTS = {
    ("Linux", "x86_64"): Platform("x86_64-manylinux_2_28", "x86_64"),
    ("Linux", "aarch64"): LAMBDA,
    ("Darwin", "arm64"): Platform("aarch64-apple-darwin", "arm64"),
    ("Darwin", "x86_64"): Platform("x86_64-apple-darwin", "x86_64"),
}


def host() -> Platform:
    """Return the platform of this machine. Raises KeyError if it is not supported."""
    return _HOSTS[host_platform.system(), host_platform.machine()]


def build(configuration: str, platform: Platform, cache: Path = CACHE) -> Bundle:
    """Return the bundle with this `configuration.json`. A new lock file, platform or recipe needs the package index.

    Raises subprocess.CalledProcessError if uv cannot install `functions/requirements.txt`. Raises SyntaxError if a
    source does not compile.
    """
    if sys.version_info[:2] != PYTHON:
        raise RuntimeError(f"the byte code must be made by Python {PYTHON[0]}.{PYTHON[1]}; use the project's .venv")
    lock = (FUNCTIONS / "requirements.txt").read_bytes()
    # This file is the recipe: after any change to it, bundles are built again.
    recipe = _digest(Path(__file__).read_bytes(), platform.name.encode(), lock)
    sources = {str(path.relative_to(FUNCTIONS)): path.read_bytes() for path in sorted(_sources())}
    sources["configuration.json"] = configuration.encode()
    digest = _digest(recipe.encode(), *(part for name, content in sources.items() for part in (name.encode(), content)))
    path = cache / f"bundle-{digest[:24]}.zip"
    if path.exists():
        path.touch()
    else:
        _append(_third_party(platform, recipe, cache), sources, path)
        _forget_old(cache)
    return Bundle(path, digest)


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    package = FUNCTIONS / "jitney"
    for part in (package / name for name in IN_LAMBDA):
        for path in (part,) if part.is_file() else part.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


@contextmanager
def _new(path: Path) -> Iterator[Path]:
    """Yield a file that then replaces `path` atomically, because several builds may run at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
        place = Path(folder) / path.name
        yield place
        place.replace(path)


def _third_party(platform: Platform, recipe: str, cache: Path) -> Path:
    path = cache / f"third-party-{platform.name}-{recipe[:16]}.zip"
    if not path.exists():
        with _new(path) as place:
            installed = place.parent / "installed"
            _install(platform, installed)
            _prune(installed)
            _compile(installed)
            with zipfile.ZipFile(place, "w") as archive:
                _pack(archive, installed)
    return path


def _install(platform: Platform, folder: Path) -> None:
    version = ".".join(map(str, PYTHON))
    options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--target", str(folder)]
    target = ["--python", sys.executable, "--python-version", version, "--python-platform", platform.name]
    lock = ["--requirements", str(FUNCTIONS / "requirements.txt")]
    subprocess.run([find_uv_bin(), "pip", "install", *options, *target, *lock], check=True)  # noqa: S603  (no outside input)


def _prune(folder: Path) -> None:
    """Delete files that no function reads, and files that differ between machines. Scripts and RECORD contain paths."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    (folder / ".lock").unlink(missing_ok=True)
    for service in (folder / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)
    # cedarpy imports this module at once: 9 ms of classes for syntax trees, which no function uses.
    (folder / "cedarpy" / "pst.py").write_text("")
    for pattern in ("*.dist-info/RECORD", "*.dist-info/REQUESTED", "*.dist-info/direct_url.json", "**/*.pyi"):
        for path in folder.glob(pattern):
            path.unlink()


def _compile(folder: Path) -> None:
    """Compile to byte code that does not depend on file times, because a zip does not keep them."""
    compiled = compileall.compile_dir(
        folder,
        quiet=2,
        stripdir=str(folder),
        prependdir="/var/task",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not compiled:
        raise SyntaxError(f"a module of {folder.name} does not compile")


def _pack(archive: zipfile.ZipFile, folder: Path) -> None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
        entry.external_attr = 0o100644 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, path.read_bytes())


def _append(third_party: Path, sources: dict[str, bytes], path: Path) -> None:
    with _new(path) as place:
        folder = place.parent / "sources"
        for name, content in sources.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        _compile(folder)
        shutil.copyfile(third_party, place)
        with zipfile.ZipFile(place, "a") as archive:
            _pack(archive, folder)


def _forget_old(cache: Path) -> None:
    for sort in ("bundle-*.zip", "third-party-*.zip"):
        for path in sorted(cache.glob(sort), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
            path.unlink(missing_ok=True)
