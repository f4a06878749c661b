"""Runs at the start of every Python of a check: arranges what agentflow asked for, then does what it stands before.

Plain enough for Python 2, whose interpreters a check may start too; they are left alone.
"""

import sys

if sys.version_info >= (3, 8):
    import agentflow_start

    agentflow_start.start()
    agentflow_start.run_next_sitecustomize()
