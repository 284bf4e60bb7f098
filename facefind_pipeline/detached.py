"""Starts a worker that is nobody's child: `python -m ... LAUNCHER_PID FOLDER [RUN_ID]`; this process ends at once.

So it imports nothing before: not even the package of what it starts, which brings Dagster along.
"""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    from facefind_pipeline.environment import collect_rarely

    collect_rarely()
    from facefind_pipeline.orchestration.warm_worker import work

    work(int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
