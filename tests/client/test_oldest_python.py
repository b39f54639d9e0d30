"""Row CLI 7: what the wheel holds runs on Python 3.11."""

import dataclasses
import importlib
import inspect
import pkgutil
from types import MappingProxyType, ModuleType

import jitney.client
import jitney.configuration
import jitney.core
import jitney.sdk

ELSEWHERE = {"jitney.sdk.aioboto3_sessions"}
"""Modules whose packages are in another environment, where tests/sdk/test_async.py imports them."""


def modules() -> list[ModuleType]:
    """Return the modules of the wheel that run on an agent's or an engineer's machine."""
    packages = (jitney.client, jitney.configuration, jitney.core, jitney.sdk)
    found = [each for package in packages for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [importlib.import_module(each.name) for each in found if each.name not in ELSEWHERE]


def test_cli_07_no_dataclass_has_a_default_that_python_311_refuses():
    """Python 3.11 cannot hash a mappingproxy, and refuses a dataclass with a default that it cannot hash."""
    found = (each for module in modules() for _, each in inspect.getmembers(module, inspect.isclass))
    classes = {each for each in found if dataclasses.is_dataclass(each)}
    refused = [
        f"{each.__module__}.{each.__name__}.{field.name}"
        for each in classes
        for field in dataclasses.fields(each)
        if isinstance(field.default, MappingProxyType)
    ]
    assert refused == []
