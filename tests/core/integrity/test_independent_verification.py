"""docs/independent-verification.md: its commands verify a seal without Jitney's code, and refuse a changed one."""

import base64
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.core.integrity.world import SIGNER, STRANGER, Signer, chain, world_of

PAGE = Path(__file__).resolve().parents[3] / "docs" / "independent-verification.md"
VERIFY, KEY, COPY, PROVE = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def run(folder: Path, commands: str, answer: bytes) -> str:
    """Return what commands of the page print. `aws` writes a file, or prints a text."""
    (folder / "answer").write_bytes(answer)
    aws = folder / "aws"
    aws.write_text('#!/bin/sh\n[ "$1" = s3 ] && exec cp answer "$4"\nexec cat answer\n')
    aws.chmod(0o700)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "SEALS_BUCKET": "seals"}
    done = subprocess.run(["sh", "-c", commands], cwd=folder, env=environment, stdout=subprocess.PIPE, check=False)
    return done.stdout.decode()


def key_of(signer: Signer) -> bytes:
    """Return what `aws kms get-public-key` prints for a key."""
    formats = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(signer.key.public_key().public_bytes(*formats))


@pytest.mark.parametrize(("signer", "said"), [(SIGNER, "Verified OK"), (STRANGER, "Verification failure")])
def test_aud_02_the_pages_commands_verify_a_seal(tmp_path: Path, signer: Signer, said: str):
    world = world_of([[chain("g-a", 2)], [chain("g-b", 1)]])
    assert run(tmp_path, KEY, key_of(signer)).splitlines()[-1] == f"{signer.fingerprint}  seal.der"
    assert run(tmp_path, VERIFY, world.files[1].body).splitlines() == [said, f"{world.seals[1].hash}  statement"]


def proof_of(folder: Path, signer: Signer = SIGNER, **changes: str) -> list[str]:
    """Return what the page's commands print about record 1 of a grant, which `changes` alter."""
    world = world_of([[chain("g-a", 1)], [chain("g-5yq2x7ncd3kfao", 3), chain("g-b", 2)]])
    for name, files in (("day", world.objects), ("seals", {str(at): file.body for at, file in world.files.items()})):
        (folder / name).mkdir()
        for number, body in enumerate(files.values()):
            (folder / name / str(number)).write_bytes(body)
    assert run(folder, COPY.partition("seals/\n")[2], b"").split() == ["1"]
    (folder / "seal.json").write_bytes(world.files[1].body)
    record = json.loads((folder / "record.json").read_text("utf-8"))
    (folder / "record.json").write_text(json.dumps(record | changes), "utf-8")
    run(folder, KEY, key_of(signer))
    return run(folder, PROVE, b"").splitlines()


def test_aud_02_one_record_is_proved_with_its_seal_alone(tmp_path: Path):
    sealed = chain("g-5yq2x7ncd3kfao", 3)[1].hash
    assert proof_of(tmp_path) == [f"{SIGNER.fingerprint}  -", "Verified OK", f"{sealed}  -", sealed]


def test_aud_02_a_changed_record_or_another_key_is_no_proof(tmp_path: Path):
    for name in ("record", "key"):
        (tmp_path / name).mkdir()
    _, verified, computed, sealed = proof_of(tmp_path / "record", reason="another reason")
    assert (verified, computed == f"{sealed}  -") == ("Verified OK", False)
    assert proof_of(tmp_path / "key", STRANGER)[0] != f"{SIGNER.fingerprint}  -"


def test_aud_02_the_pages_commands_refuse_a_changed_seal(tmp_path: Path):
    world = world_of([[chain("g-a", 2)]])
    run(tmp_path, KEY, key_of(SIGNER))
    changed = world.files[0].body.replace(b"g-a", b"g-b")
    assert run(tmp_path, VERIFY, changed).startswith("Verification failure\n")
