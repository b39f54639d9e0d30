"""The architecture: which room may import which, and how large modules and functions may grow."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.function_specs import SPECS
from tests.sources import source

pytestmark = pytest.mark.xdist_group("sources")

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("functions", "infra", "local", "data", "benchmarks", "conformance")
MODULES = sorted(
    path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "node_modules" not in path.relative_to(ROOT).parts
)

PACKAGE = ROOT / "functions" / "jitney"
MAY_IMPORT = {
    "core": {"core"},
    "adapters": {"adapters", "core"},
    "handlers": {"handlers", "adapters", "core", "resources"},
    "configuration": {"configuration", "core", "resources"},
    "audit_database": {"audit_database"},
    "client": {"client", "adapters", "audit_database", "configuration", "core", "resources"},
    "sdk": {"sdk", "client"},
}
"""The rooms of the package, and the rooms that each may import."""
IMPORTS_OF_CORE: dict[str, set[str]] = {
    "__init__": set(),
    "times": set(),
    "strict_json": set(),
    "json_object": set(),
    "problems": set(),
    "patterns": set(),
    "uncased_names": set(),
    "bounded_comparisons": {"patterns"},
    "quantities": set(),
    "quotas": set(),
    "call_lookup": set(),
    "stored_identity": set(),
    "stored_types": set(),
    "delegation": {"stored_identity"},
    "block_table": set(),
    "break_glass_config": set(),
    "channel_config": set(),
    "target_roles": set(),
    "call_limits": set(),
    "printable": set(),
    "compressed_text": set(),
    "csv_text": {"printable"},
    "masking": {"block_table"},
    "outliving": {"times"},
    "arn_formats": {"patterns"},
    "actions": {"arn_formats", "block_table", "outliving", "patterns"},
    "access_profile": set(),
    "configuration_digest": set(),
    "preferences": set(),
    "web_client": set(),
    "issuer_config": {"patterns", "web_client"},
    "target_config": {"access_profile", "call_limits", "target_roles"},
    "time_window_config": set(),
    "config": {
        "access_profile", "break_glass_config", "call_limits", "channel_config", "configuration_digest", "delegation",
        "issuer_config", "stored_identity", "target_config", "target_roles", "time_window_config", "web_client",
    },
    "identity": {
        "config", "issuer_config", "patterns", "problems", "quotas", "stored_identity", "stored_types",
        "strict_json", "web_client",
    },
    "access": {
        "access_profile", "actions", "bounded_comparisons", "call_limits", "config", "delegation", "identity",
        "masking", "outliving", "patterns", "problems", "quantities", "stored_identity", "stored_types", "strict_json",
        "target_config", "target_roles", "times",
    },
    "policy": {
        "access", "actions", "break_glass_config", "call_limits", "config", "identity", "outliving", "patterns",
        "problems", "stored_identity", "target_config", "time_window_config", "uncased_names",
    },
    "calls": {
        "access", "arn_formats", "block_table", "patterns", "problems", "strict_json", "target_config", "uncased_names",
    },
    "records": {"access", "call_lookup", "identity", "masking", "stored_identity", "target_config", "times"},
    "gateway": {
        "access", "actions", "bounded_comparisons", "call_limits", "identity", "masking", "patterns", "policy",
        "problems", "quantities", "records", "stored_identity", "target_config", "times",
    },
    "review": {
        "access", "access_profile", "actions", "bounded_comparisons", "break_glass_config", "channel_config",
        "config", "delegation", "identity", "masking", "patterns", "policy", "problems", "quantities", "records",
        "stored_identity", "stored_types", "strict_json", "target_roles", "times",
    },
    "trail": {
        "access", "actions", "bounded_comparisons", "call_lookup", "calls", "masking", "patterns", "problems",
        "records", "stored_identity", "stored_types", "times", "uncased_names",
    },
    "integrity": {"call_lookup", "quantities", "records", "times", "trail"},
    "overview": {"access", "csv_text", "integrity", "review", "stored_identity", "target_config", "times"},
    "report": {
        "access", "actions", "bounded_comparisons", "calls", "identity", "json_object", "masking", "outliving",
        "patterns", "policy", "quantities", "records", "review", "times", "trail",
    },
    "replay": {
        "access", "access_profile", "identity", "masking", "policy", "problems", "records", "report",
        "stored_identity",
    },
    "policy_suggestion": {
        "access", "access_profile", "actions", "call_limits", "config", "identity", "patterns", "policy", "problems",
        "quantities", "replay", "report", "review", "times",
    },
}  # fmt: skip
"""The parts of core, in order, and what each imports: only parts above it."""
IMPURE = {
    "boto3", "botocore", "os", "time", "random", "secrets", "logging", "socket", "urllib", "urllib3", "http", "httpx",
    "subprocess", "threading", "aws_lambda_powertools", "uuid", "tempfile", "pathlib",
}  # fmt: skip
WORDS_OF_JITNEY = {
    "core/access/suspension_entry.py",
    "core/review/grant_under_review.py",
    "core/review/votes.py",
    "client/restore/recorded_suspensions.py",
    "client/restore/restored_suspensions.py",
}
"""The modules that make a `MaskedComment` from words of Jitney, or from a record that is masked already."""
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "v2"}


def imports_within(path: Path, package: str) -> Iterator[str]:
    """Yield the full names of a package's modules that a file imports, also by `from PACKAGE import NAME`."""
    yield from (f"{package}.{name}" for module, name in source(path).members if module == package)
    yield from (name for name in source(path).imports if name.startswith(f"{package}."))


def part_of(path: Path) -> str:
    """Return the part of core that a module belongs to: a package, or a module beside the packages."""
    return path.relative_to(PACKAGE / "core").with_suffix("").parts[0]


def in_room(room: str) -> list[Path]:
    return [path for path in MODULES if path.is_relative_to(PACKAGE / room)]


def test_every_room_has_modules():
    assert all(in_room(room) for room in MAY_IMPORT)


def test_imports_point_inwards():
    outwards = {
        f"{path.relative_to(ROOT)} imports {name}"
        for room in MAY_IMPORT
        for path in in_room(room)
        for name in source(path).imports
        if name.split(".")[0] in ROOMS or (name.startswith("jitney.") and name.split(".")[1] not in MAY_IMPORT[room])
    }
    assert not outwards


def test_the_parts_of_core_import_only_the_listed_parts_above_them():
    order = list(IMPORTS_OF_CORE)
    assert all(order.index(each) < order.index(part) for part, used in IMPORTS_OF_CORE.items() for each in used)
    found = {part: set() for part in IMPORTS_OF_CORE}
    for path in in_room("core"):
        found[part_of(path)] |= {name.split(".")[2] for name in imports_within(path, "jitney.core")} - {part_of(path)}
    assert found == IMPORTS_OF_CORE


def test_the_core_is_pure():
    impure = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in in_room("core")
        for name in source(path).imports
        if name.split(".")[0] in IMPURE
    }
    assert not impure


def test_only_adapters_import_clients_and_none_imports_boto3():
    """boto3's import takes longer than botocore's (adapters.aws_clients)."""
    found = {
        f"{path.relative_to(ROOT)} imports {name}"
        for room in ("handlers", "adapters")
        for path in in_room(room)
        for name in source(path).imports
        if name.split(".")[0] in ({"boto3"} if room == "adapters" else {"boto3", "botocore", "urllib3"})
    }
    assert not found


def test_handlers_has_a_module_for_each_function_beside_its_folders():
    assert {path.stem for path in (PACKAGE / "handlers").glob("*.py")} == {"__init__", *SPECS}


def test_the_table_of_functions_is_read_without_the_constructs():
    """Importing them starts a process of Node."""
    read: set[str] = set()
    found = ["infra.function_specs"]
    while found:
        read.add(name := found.pop())
        used = source(ROOT / f"{name.replace('.', '/')}.py").imports
        assert not {each.split(".")[0] for each in used} & {"aws_cdk", "constructs"}, name
        found += {each for each in used if each.startswith("infra.")} - read
    assert "infra.permissions" in read


def test_no_module_imports_a_function():
    functions = {f"jitney.handlers.{name}" for name in SPECS}
    assert not {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in in_room("handlers")
        for name in imports_within(path, "jitney.handlers")
        if name in functions
    }


def test_only_the_ports_and_own_words_of_jitney_make_a_masked_comment():
    makers = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if path.is_relative_to(PACKAGE) and "MaskedComment" in source(path).calls
    }
    assert makers == {"handlers/runtime/ports.py", *WORDS_OF_JITNEY}


def test_folders_stay_small():
    modules = Counter(str(path.parent.relative_to(ROOT)) for path in MODULES if path.is_relative_to(PACKAGE))
    assert {folder: count for folder, count in modules.items() if count > 50} == {}


def test_modules_stay_small():
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > 300} == {}


def test_functions_stay_small():
    lines = {f"{path.relative_to(ROOT)}:{name}": count for path in MODULES for name, count in source(path).functions}
    assert {name: count for name, count in lines.items() if count > 60} == {}


def test_no_module_is_named_for_nothing():
    named = {path.stem for path in MODULES} | {part for path in MODULES for part in path.relative_to(ROOT).parts}
    assert not named & BANNED_NAMES
