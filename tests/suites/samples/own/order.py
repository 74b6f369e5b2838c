# SPDX-License-Identifier: GPL-2.0-only
"""Gives an order to a reference target: order.py SOCKET, with ASSAY_ORDER."""

import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as client:
    client.settimeout(5)
    client.connect(sys.argv[1])
    client.sendall(os.environ["ASSAY_ORDER"].encode() + b"\n")
    answer = client.makefile().readline().strip()
sys.stdout.write(f"{answer}\n")
sys.exit(0 if answer.startswith("ok") else 1)
