"""The bundle: the same input gives the same bytes, it is small, and it has all that the functions need."""

import ast
import py_compile
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra import bundling
from infra.bundling import FUNCTIONS, LAMBDA, SERVICES, build, host
from infra.function_specs import SPECS
from tests.configuration.test_load import ROOT

pytestmark = pytest.mark.xdist_group("cdk")

CONFIGURATION = '{"configuration": "of the test"}'


@pytest.fixture(scope="module")
def bundle():
    """Return the bundle for this machine, with the project's cache of third-party code."""
    return build(CONFIGURATION, host())


@pytest.fixture(scope="module")
def unpacked(bundle, tmp_path_factory):
    """Return the bundle as a function finds it."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(bundle.path) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def cache(bundle, tmp_path):
    """Return a cache for the test that has the third-party code, because the project's cache is in use."""
    folder = tmp_path / "cache"
    folder.mkdir()
    for path in bundling.CACHE.glob("third-party-*.zip"):
        (folder / path.name).hardlink_to(path)
    return folder


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Bundle a copy of functions/, which may be changed. Return the copy."""
    folder = tmp_path / "functions"
    for path in FUNCTIONS.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            copy = folder / path.relative_to(FUNCTIONS)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(bundling, "FUNCTIONS", folder)
    return folder


def python(folder, code):
    """Run code that sees only the standard library and `folder`."""
    script = f"import sys; sys.path.insert(0, {str(folder)!r}); {code}"
    command = [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def sources_in_lambda():
    package = FUNCTIONS / "jitney"
    paths = [path for name in bundling.IN_LAMBDA for path in (package / name, *(package / name).rglob("*"))]
    return [path for path in paths if path.is_file() and "__pycache__" not in path.parts]


ROOM = FUNCTIONS / "jitney" / "handlers"
HANDLERS = sorted(".".join(path.relative_to(ROOM).with_suffix("").parts) for path in ROOM.rglob("*.py"))


EACH_IN_A_FORK = """
import importlib, os
import botocore.session, cedarpy, jwt
for name in {names!r}:
    if not os.fork():
        importlib.import_module("jitney.handlers." + name)
        {after}
        os._exit(0)
    if os.wait()[1]:
        print(name)
"""


def failing(folder, names, after="pass"):
    """Return those of the handlers that do not import, each in a process without the others, and why."""
    run = python(folder, EACH_IN_A_FORK.format(names=list(names), after=after))
    return run.returncode, run.stdout.split(), run.stderr


@pytest.mark.slow
def test_every_handler_imports_from_the_bundle_alone(unpacked):
    assert failing(unpacked, HANDLERS) == (0, [], "")
    assert failing(unpacked, ["not_there"])[1] == ["not_there"]


@pytest.mark.slow
def test_a_started_function_collects_garbage_except_from_its_start(unpacked):
    after = "import gc; assert gc.isenabled() and gc.get_freeze_count() > 10_000, gc.get_freeze_count()"
    assert failing(unpacked, SPECS, after=after) == (0, [], "")


def test_policies_work_without_the_syntax_trees_that_the_bundle_leaves_out(unpacked):
    policy = "permit (principal, action, resource);"
    asked = "dict(principal='A::\"a\"', action='B::\"b\"', resource='C::\"c\"', context={})"
    run = python(
        unpacked,
        f"import cedarpy; policies = cedarpy.PolicySet.from_str({policy!r}); cedarpy.policies_to_json_str({policy!r}); "
        f"print(cedarpy.is_authorized({asked}, policies, []).allowed, vars(cedarpy.pst).keys() & {{'PolicySet'}})",
    )
    assert run.stdout.split() == ["True", "set()"], run.stderr


def test_imports_come_from_the_bundle(unpacked):
    names = "botocore, jwt, cryptography, cedarpy, orjson, aws_lambda_powertools, jitney.core.config"
    run = python(unpacked, f"import {names}; print(*(m.__file__ for m in ({names})), sep='\\n')")
    assert run.returncode == 0, run.stderr
    assert all(Path(line).is_relative_to(unpacked) for line in run.stdout.split())


def test_the_bundle_can_create_every_client_of_the_adapters(unpacked):
    made = "; ".join(f"aws_client('{name}', region='eu-west-1')" for name in SERVICES)
    run = python(unpacked, f"from jitney.adapters.aws_clients import aws_client; {made}")
    assert run.returncode == 0, run.stderr


GATEWAY = """
from urllib3 import PoolManager
from jitney import resources
from jitney.adapters.aws_models import AwsModels
from jitney.adapters.upstream import Upstream
from jitney.adapters.wire_requests import wire_request
from jitney.core.access.credentials import Credentials
from jitney.core.gateway.parameters import checked_parameters

class Seen(PoolManager):
    def urlopen(self, method, url, **sent):
        assert sent["headers"]["Authorization"].startswith("AWS4-HMAC-SHA256")
        print(service, method, url)
        raise Stop

class Stop(Exception):
    pass

models, names = AwsModels.load(resources.MODELS.read_bytes()), {}
for service, operation, parameters in CALLS:
    model = models.operation(service, operation)
    protocol = model.service_model.resolved_protocol
    endpoint = models.endpoint(model, "aws", "eu-west-1", "444455556666")
    request = wire_request(model, checked_parameters(parameters, model, protocol), endpoint.url, "token")
    try:
        version = model.service_model.signature_version
        Upstream(Seen()).send(request, endpoint, version, Credentials("AKIA", "secret", "token", 0))
    except Stop:
        names[protocol] = service
print(*sorted(names))
"""


def test_gw_02_the_gateway_serializes_and_signs_every_protocol_from_the_bundle(unpacked):
    """The bundle lacks the service models of botocore, which the gateway's own table replaces."""
    calls = [
        ("s3", "PutObject", {"Bucket": "b", "Key": "k", "Body": "QQ==", "ContentMD5": "x"}),
        ("dynamodb", "GetItem", {"TableName": "t", "Key": {"id": {"S": "1"}}}),
        ("sns", "ListTopics", {}),
        ("ec2", "DescribeInstances", {"InstanceIds": ["i-1"]}),
        ("lambda", "ListFunctions", {"MaxItems": 1}),
        ("s3", "DeleteObjects", {"Bucket": "b", "Delete": {"Objects": [{"Key": "k"}]}}),
    ]
    assert not (unpacked / "botocore" / "data" / "ec2").exists()
    run = python(unpacked, f"CALLS = {calls!r}\n{GATEWAY}")
    assert run.returncode == 0, run.stderr
    *requests, protocols = run.stdout.splitlines()
    assert protocols.split() == ["ec2", "json", "query", "rest-json", "rest-xml"]
    assert [each.split()[:2] for each in requests] == [
        ["s3", "PUT"], ["dynamodb", "POST"], ["sns", "POST"], ["ec2", "POST"], ["lambda", "GET"], ["s3", "POST"],
    ]  # fmt: skip


def test_the_services_are_those_that_the_functions_make_clients_of():
    texts = [path.read_text(encoding="utf-8") for path in sources_in_lambda() if path.suffix == ".py"]
    named = {name for text in texts for name in re.findall(r"""_client\(\s*["']([\w-]+)["']""", text)}
    assert named == set(SERVICES)


def test_the_sdk_is_new_enough_for_scoped_credentials(unpacked):
    run = python(
        unpacked,
        "from jitney.adapters.aws_clients import aws_client; c = aws_client('sts', region='eu-west-1'); "
        "print('GetScopedCredentials' in c.meta.service_model.operation_names)",
    )
    assert run.stdout.strip() == "True", run.stderr


def test_every_module_has_byte_code_that_python_uses_unchecked(unpacked):
    without, checked = [], []
    for path in unpacked.rglob("*.py"):
        compiled = path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc"
        if not compiled.exists():
            without.append(path.relative_to(unpacked))
        # PEP 552: flags 1 is hash-based and unchecked.
        elif struct.unpack("<I", compiled.read_bytes()[4:8]) != (1,):
            checked.append(path.relative_to(unpacked))
    assert not without
    assert not checked


def test_no_file_reveals_the_build_machine(unpacked):
    assert not (unpacked / "bin").exists()
    assert not list(unpacked.glob("*.dist-info/RECORD"))
    places = [str(ROOT).encode(), str(Path.home()).encode() + b"/", sys.prefix.encode()]
    telling = [
        str(path.relative_to(unpacked))
        for path in unpacked.rglob("*")
        if path.is_file() and path.suffix != ".so" and any(place in path.read_bytes() for place in places)
    ]
    assert not telling


def test_it_has_the_configuration_and_the_sources_but_no_lock(unpacked):
    assert (unpacked / "configuration.json").read_text(encoding="utf-8") == CONFIGURATION
    assert (unpacked / "jitney" / "core" / "actions.bin").exists()
    assert all((unpacked / path.relative_to(FUNCTIONS)).exists() for path in sources_in_lambda())
    assert not (unpacked / "requirements.txt").exists()
    assert list(unpacked.glob("*.dist-info/licenses/*")) or list(unpacked.glob("*.dist-info/LICENSE*"))


def test_it_is_small(bundle, unpacked):
    assert bundle.path.stat().st_size < 25_000_000
    # Lambda takes 250 MB; a cold start reads what is imported.
    assert sum(path.stat().st_size for path in unpacked.rglob("*")) < 80_000_000
    assert len(list((unpacked / "botocore" / "data").iterdir())) < 16


def test_the_same_input_reuses_the_bundle(bundle):
    before = bundle.path.stat()
    again = build(CONFIGURATION, host())
    assert again == bundle
    assert again.path.stat().st_ino == before.st_ino


def test_the_same_input_gives_the_same_bytes(bundle, cache):
    elsewhere = build(CONFIGURATION, host(), cache)
    assert elsewhere.digest == bundle.digest
    assert elsewhere.path != bundle.path
    assert elsewhere.path.read_bytes() == bundle.path.read_bytes()


def changed_source(folder):
    (folder / "jitney" / "core" / "config.py").write_text("# changed\n", encoding="utf-8")


def renamed_source(folder):
    (folder / "jitney" / "core" / "config.py").rename(folder / "jitney" / "core" / "configuration.py")


def new_source(folder):
    (folder / "jitney" / "core" / "new.bin").write_bytes(b"")


@pytest.mark.slow
def test_another_source_gives_another_bundle(bundle, cache, sources):
    digests = [bundle.digest, build(CONFIGURATION, host(), cache).digest]
    assert digests[0] == digests[1]
    for change in (changed_source, renamed_source, new_source):
        change(sources)
        digests.append(build(CONFIGURATION, host(), cache).digest)
    assert len(set(digests)) == 4


def test_another_configuration_gives_another_bundle(bundle, cache):
    assert build("{}", host(), cache).digest != bundle.digest


@pytest.mark.slow
@pytest.mark.parametrize("room", ["client", "configuration"])
def test_a_change_of_the_client_redeploys_no_function(bundle, cache, sources, room):
    (sources / "jitney" / room / "new.py").write_text("# new\n", encoding="utf-8")
    assert build(CONFIGURATION, host(), cache).digest == bundle.digest


@pytest.mark.slow
def test_compiled_leftovers_are_not_bundled(bundle, cache, sources):
    compiled = sources / "jitney" / "core" / "__pycache__" / "config.cpython-313.pyc"
    py_compile.compile(str(sources / "jitney" / "core" / "config.py"), cfile=str(compiled))
    assert compiled.exists()
    assert build(CONFIGURATION, host(), cache).digest == bundle.digest


@pytest.mark.slow
def test_a_source_that_does_not_compile_gives_no_bundle(cache, sources):
    (sources / "jitney" / "core" / "broken.py").write_text("def :\n", encoding="utf-8")
    with pytest.raises(SyntaxError):
        build(CONFIGURATION, host(), cache)
    assert not [path for path in cache.iterdir() if not path.name.startswith("third-party-")]


@pytest.mark.slow
def test_the_bundle_for_aws_is_for_graviton_only():
    machines = set()
    with zipfile.ZipFile(build(CONFIGURATION, LAMBDA).path) as archive:
        for name in archive.namelist():
            if name.endswith(".so"):
                # ELF header: e_machine at offset 18; 183 is EM_AARCH64.
                machines.add(struct.unpack("<H", archive.read(name)[18:20])[0])
    assert machines == {183}
    assert LAMBDA.architecture == "arm64"


@pytest.mark.slow
def test_old_bundles_are_deleted(cache, monkeypatch):
    monkeypatch.setattr(bundling, "KEPT", 1)
    first, second = (build(f'{{"n": {number}}}', host(), cache).path for number in (1, 2))
    assert set(cache.glob("bundle-*.zip")) == {second} != {first}


def test_the_recipe_is_one_file():
    # The file's own text is part of the key: a second file that shapes the bundle would not be.
    imported = {
        node.module
        for node in ast.walk(ast.parse(Path(bundling.__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
    }
    assert not [name for name in imported if name and name.startswith("infra")]
