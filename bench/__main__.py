"""`make bench` and `make bench-large`: each benchmark in turn, in a process of its own."""

import subprocess
import sys

SMALL = (["kernels"], ["ingest"], ["growth"], ["search"], ["ranking"], ["command"], ["watching"], ["plan"])
LARGE = (
    ["sweep"],
    ["live"],
    ["search", "--large"],
    ["command", "--large"],
    ["growth", "--large"],
    ["index"],
    ["partitions"],
)

for module, *options in LARGE if "--large" in sys.argv[1:] else SMALL:
    subprocess.run([sys.executable, "-m", f"bench.{module}", *options], check=True)
