"""Logs in, asks STAT and quits, over and over: sessions.py PORT plain|tls PASSWORD COUNT LOGIN…

A process for each login, each with one session at a time, all beginning together. Writes one line of JSON: seconds until the
last is done, sessions, the processor seconds that these clients used, and for TLS the protocol and the server's certificate.
"""

import base64
import json
import os
import resource
import socket
import ssl
import sys
import time

port, security, password, count, *logins = sys.argv[1:]
each = int(count) // len(logins)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.minimum_version = ssl.TLSVersion.TLSv1_3


def connect() -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A context keeps no session by itself: every handshake is a full one.
    return context.wrap_socket(connection) if security == "tls" else connection


def session(login: bytes) -> None:
    with connect() as connection:
        for command in (b"", b"USER " + login, b"PASS " + password.encode(), b"STAT", b"QUIT"):
            if command:
                connection.sendall(command + b"\r\n")
            reply = connection.recv(4096)
            while reply and not reply.endswith(b"\n"):
                reply += connection.recv(4096)
            if not reply.startswith(b"+OK"):
                sys.exit(f"{command!r} was answered {reply!r}")
        if connection.recv(4096):
            sys.exit("the server said more than it was asked")


described = {}
if security == "tls":
    with connect() as first:
        certificate = first.getpeercert(binary_form=True) or b""
        described = {"protocol": first.version(), "certificate": base64.b64encode(certificate).decode()}

ready, go = os.pipe()
children = []
for login in logins:
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(ready, 1)
        for _ in range(each):
            session(login.encode())
        os._exit(0)
    children.append(child)
began = time.perf_counter()
# They all wait for the end of this pipe.
os.close(go)
for child in children:
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("a client failed")
seconds = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"seconds": seconds, "sessions": each * len(logins), "processor": used.ru_utime + used.ru_stime, **described}))
