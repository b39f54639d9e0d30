"""The commands of the README run as they are written."""

import re
import subprocess
from pathlib import Path
from typing import Any

from local.settings import ROOT


def test_the_commands_of_the_readme_work_as_they_are_written(stack: dict[str, Any], tmp_path: Path):
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1
    (tmp_path / ".local").symlink_to(Path(stack["env"]["reader-agent"]).parent)
    done = subprocess.run(
        ["/bin/sh", "-e"],
        input=blocks[0],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "q3.csv").read_text("utf-8").startswith("region,revenue")
