"""Runs a command where every packet that would leave the machine, and every name that is asked for, is recorded.

    unshare --net --mount python -m facefind_pipeline_tests.recorded_network RECORD COMMAND...

In the new network namespace all addresses lead to `lo`, so that a packet to any of them can be read there; the only
name server is ours and knows no name; /etc/hosts has localhost alone. The record is JSON: `names` and `destinations`.
"""

import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from ipaddress import ip_address
from pathlib import Path

NAME_SERVER = "192.0.2.53"  # of the block that is kept for documentation
FILES = {
    "/etc/resolv.conf": f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",  # no daemon outside resolves for us
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}
ROUTES = ("link set lo up", "route add local 0.0.0.0/0 dev lo", "-6 route add local ::/0 dev lo")
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
NXDOMAIN = 0x8183
LAST_WORDS_S = 3  # what a library sends at its process's end is read too


def main(record: str, *command: str) -> int:
    """Runs the command and writes the record; returns the command's exit code."""
    names: set[str] = set()
    destinations: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        for place, content in FILES.items():
            file = Path(folder) / Path(place).name
            file.write_text(content)
            file.chmod(0o644)
            if Path(place).exists():
                subprocess.run(["mount", "--bind", file, place], check=True)
        Path(folder).chmod(0o755)
        for arguments in ROUTES:
            subprocess.run(["ip", *arguments.split()], check=not arguments.startswith("-6"))  # some have no IPv6
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        questions = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        questions.bind(("0.0.0.0", 53))
        threading.Thread(target=_read_packets, args=(packets, destinations), daemon=True).start()
        threading.Thread(target=_answer, args=(questions, names), daemon=True).start()
        code = subprocess.run(command, check=False).returncode
        time.sleep(LAST_WORDS_S)
        Path(record).write_text(json.dumps({"names": sorted(names), "destinations": sorted(destinations)}))
        for place in FILES:
            subprocess.run(["umount", "--lazy", place], check=False, stderr=subprocess.DEVNULL)
    return code


def _read_packets(packets: socket.socket, destinations: set[str]) -> None:
    """Collects addresses that are not of this machine."""
    while True:
        data, (_, protocol, *_) = packets.recvfrom(65_535)
        if protocol == ETH_P_IP:
            address = ip_address(data[16:20])
        elif protocol == ETH_P_IPV6:
            address = ip_address(data[24:40])
        else:
            continue
        if not address.is_loopback:
            destinations.add(str(address))


def _answer(questions: socket.socket, names: set[str]) -> None:
    """Collects the names that are asked for, and says of each that there is none (RFC 1035)."""
    while True:
        query, client = questions.recvfrom(512)
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1 : at + 1 + length].decode("ascii", "replace"))
            at += 1 + length
        names.add(".".join(labels))
        header = query[:2] + struct.pack("!5H", NXDOMAIN, 1, 0, 0, 0)
        questions.sendto(header + query[12 : at + 5], client)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
