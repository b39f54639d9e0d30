"""What is deployed: the list of packages is that of the lock file, and each has a licence that permits its use."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "functions" / "requirements.txt"
PERMITTED = {
    "Apache-2.0",
    "Apache-2.0 OR BSD-3-Clause",
    "BSD-3-Clause",
    "License :: OSI Approved :: Apache Software License",
    "License :: OSI Approved :: BSD License",
    "MIT",
    "MIT-0",
    "MPL-2.0 AND (Apache-2.0 OR MIT)",
    "PSF-2.0",
}
pytestmark = [pytest.mark.xdist_group("sbom"), pytest.mark.slow]
UNDECLARED = {"cedarpy": "Apache-2.0, in the LICENSE of its repository, which its metadata does not repeat"}


@pytest.fixture(scope="module")
def components() -> list[dict[str, Any]]:
    """Return the components of the list that `make sbom` writes."""
    subprocess.run(["make", "--silent", "sbom"], cwd=ROOT, check=True, capture_output=True, text=True)
    return list(json.loads((ROOT / "dist" / "functions.cdx.json").read_text(encoding="utf-8"))["components"])


def licences(component: dict[str, Any]) -> set[str]:
    found = component.get("licenses", [])
    return {each.get("expression") or each["license"].get("id") or each["license"]["name"] for each in found}


def test_the_list_has_the_packages_of_the_lock_file(components: list[dict[str, Any]]):
    locked = re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    assert {each["purl"] for each in components} == {f"pkg:pypi/{name}@{version}" for name, version in locked}


def test_each_deployed_package_has_a_permitted_licence(components: list[dict[str, Any]]):
    known = {each["name"]: licences(each) for each in components if each["name"] not in UNDECLARED}
    assert {name: found for name, found in known.items() if not found or not found <= PERMITTED} == {}
    assert {each["name"] for each in components if not licences(each)} == set(UNDECLARED)
