"""One session that looks at a maildrop, as listing.c does: listing.py PORT LOGIN PASSWORD

Connects, logs in, asks STAT, LIST and UIDL, quits. Writes one line of JSON: seconds from before the connection to the last octet of
UIDL, of these those until PASS was answered, messages by STAT, and the lines of LIST and of UIDL.
"""

import json
import socket
import sys
import time

port, login, password = sys.argv[1:]
began = time.perf_counter()
connection = socket.create_connection(("127.0.0.1", int(port)))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def ask(command: str, end: bytes) -> bytes:
    if command:
        connection.sendall(f"{command}\r\n".encode())
    reply = bytearray()
    while not reply.endswith(end):
        octets = connection.recv(1 << 20)
        if not octets:
            sys.exit(f"the server hung up at {command}")
        reply += octets
    if not reply.startswith(b"+OK"):
        sys.exit(f"{command} was answered {bytes(reply)!r}")
    return bytes(reply)


ask("", b"\n")
ask(f"USER {login}", b"\n")
ask(f"PASS {password}", b"\n")
inside = time.perf_counter() - began
messages = int(ask("STAT", b"\n").split()[1])
listed = ask("LIST", b"\r\n.\r\n")
named = ask("UIDL", b"\r\n.\r\n")
seconds = time.perf_counter() - began
ask("QUIT", b"\n")
# The status line and the dot are not among the lines.
counts = {"listed": listed.count(b"\n") - 2, "named": named.count(b"\n") - 2}
print(json.dumps({"seconds": seconds, "login": inside, "messages": messages, **counts}))
