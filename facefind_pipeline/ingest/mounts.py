"""On what kind of disk a folder lies, and whether the system tells what happens there."""

import os
import sys
from pathlib import Path

import psutil

# On these other machines write, of which nothing is told here; so do the host of a virtual machine and, by a program of
# its own, whatever FUSE shows.
NETWORK_TYPES = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "afpfs", "ceph", "lustre", "glusterfs", "gpfs"),
        *("davfs", "webdav", "9p", "virtiofs", "vboxsf", "prl_fs", "vmhgfs"),
    }
)
_LOCAL_FUSE = frozenset({"fuseblk", "fuse.exfat", "fuse.ntfs-3g"})


def type_of_disk(folder: Path) -> str:
    """The type of the file system that a folder lies on, as `ext4`; empty where the system does not say."""
    path = os.path.realpath(folder)
    mounts = [
        (len(one.mountpoint), one.fstype) for one in psutil.disk_partitions(all=True) if _lies(path, one.mountpoint)
    ]
    # Of two that are mounted at one place the last counts.
    return max(reversed(mounts), key=lambda mount: mount[0], default=(0, ""))[1]


def why_silent(folder: Path) -> str | None:
    """Why nothing is told of what happens in a folder and below; None where it is.

    Another disk that is mounted below is not looked for.
    """
    if sys.platform != "linux":
        return "this system does not tell when a file was closed"
    kind = type_of_disk(folder)
    if kind in NETWORK_TYPES or (kind.startswith("fuse") and kind not in _LOCAL_FUSE):
        return f"on a network disk ({kind}) the system tells nothing of what others write"
    return None


def _lies(path: str, mount: str) -> bool:
    return path == mount or path.startswith(mount.rstrip("/") + "/")
