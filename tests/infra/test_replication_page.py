"""The commands and the configuration of docs/replication.md (row OPS 2)."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator

from jitney.configuration.load import load_configuration
from tests.handlers.conftest import System
from tests.handlers.test_ending import asked
from tests.infra.alarm_faults import AGENT, REASON, operator, suspend
from tests.infra.conftest import configured
from tests.infra.test_replication import ACCOUNT, HERE

PAGE = (Path(__file__).parents[2] / "docs" / "replication.md").read_text("utf-8")
BLOCKS = [re.sub(r"(?m)^   ", "", each) for each in re.findall(r"(?s)```\w+\n(.*?)```", PAGE)]


def command(beginning: str) -> str:
    """Return the only command of the page that begins so, on one line."""
    lines = [line.strip() for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]
    (found,) = (each for each in lines if each.startswith(beginning))
    return found


def test_ops_02_the_configuration_of_the_page_is_accepted(tmp_path: Path):
    (block,) = (each for each in BLOCKS if each.startswith("broker:"))
    env = configured(tmp_path, **yaml.safe_load(block)["broker"])
    replication = load_configuration(Path(env["JITNEY_CONFIG"]), {}, local=False).broker.replication
    assert replication is not None
    assert replication.account != ACCOUNT


def test_ops_02_the_command_replicates_what_has_no_replica_with_the_role_for_jobs():
    words = shlex.split(command("aws s3control create-job").replace("$BUCKET", "records"))[3:]
    flags, options = (
        {"--no-confirmation-required"},
        iter(each for each in words if each != "--no-confirmation-required"),
    )
    given = {name.removeprefix("--").title().replace("-", ""): next(options) for name in options}
    assert flags <= set(words)
    assert given.pop("Region") == HERE
    request: dict[str, Any] = {
        **given,
        "Priority": int(given["Priority"]),
        **{name: json.loads(given[name]) for name in ("ManifestGenerator", "Operation", "Report")},
        "ClientRequestToken": "made by the CLI",
    }
    shape = botocore.session.get_session().get_service_model("s3control").operation_model("CreateJob").input_shape
    assert shape is not None
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()
    assert request["RoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/jitney/jitney-replication-jobs-{HERE}"
    manifest = request["ManifestGenerator"]["S3JobManifestGenerator"]
    assert manifest["SourceBucket"] == "arn:aws:s3:::records"
    assert manifest["Filter"] == {"EligibleForReplication": True, "ObjectReplicationStatuses": ["NONE", "FAILED"]}


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_ops_02_the_command_lists_the_suspensions_in_the_replicas(tmp_path: Path):
    system = System()
    asked(system)
    system.call(suspend, {**AGENT, "reason": REASON}, token=operator(system))
    folder = tmp_path / "replica" / "dt=2026-11-29"
    folder.mkdir(parents=True)
    (folder / "a").write_text("".join(f"{each.text}\n" for each in system.store.links))
    listed = subprocess.run(["bash", "-c", command("jq ")], cwd=tmp_path, capture_output=True, text=True, check=True)
    rows = [line.split("\t")[1:] for line in listed.stdout.splitlines()]
    assert rows == [["revoked", *AGENT.values()], ["set", *AGENT.values()]]
