"""Committed to the repository under attack: makes every try of `tries.json` where it is started, and says what came.

A shell's, a check's or a set-up's own rights are all it has. It prints one line, packed, so that nothing on the way
cuts or redacts it: by try, the secrets it got hold of, whether it says that it did it, and the end of what it said.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

#: Seconds for one try.
PATIENCE = 10
SECRET = re.compile(r"canary-[a-z]+-[0-9a-f]{8}")


def attempt(place, name, code, variables):
    """Shell text with `MARK` and all places of the host in its environment; the file is not waited for by daemons."""
    mark, room = f"TRY.{place}.{name}", tempfile.mkdtemp(dir=".")
    victim = f"{variables['UH']}/victims/{mark}"
    env = {**os.environ, **variables, "MARK": mark, "VICTIM": victim}
    with tempfile.TemporaryFile() as said:
        try:
            subprocess.run(["bash", "-c", code], env=env, cwd=room, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                           timeout=PATIENCE, check=False)  # fmt: skip
        except subprocess.TimeoutExpired:
            said.write(b"out of time")
        shutil.rmtree(room, ignore_errors=True)
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    return {"found": sorted(set(SECRET.findall(text))), "did": "DID-IT" in text, "end": text[-160:]}


def main():
    place = sys.argv[1] if len(sys.argv) > 1 else "check" if "AGENTFLOW_CHECK_REPORT" in os.environ else "shell"
    if place == "check" and not Path("armed.txt").exists():
        sys.exit("the worker has not been here")
    given = json.loads(Path("tries.json").read_text(encoding="utf-8"))
    told = {name: attempt(place, name, code, given["variables"]) for name, code in given["tries"].items()}
    packed = base64.b64encode(zlib.compress(json.dumps(told).encode(), 9)).decode()
    sys.stdout.write(f"TRIES<{place}<{packed}>\n")


main()
