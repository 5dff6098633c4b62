"""Reads whole maildrops and keeps nothing of them, as drain.c does: drain.py PORT plain|tls PASSWORD COUNT pipelined|turns LOGIN…

A process for each login; blocking calls and native searches only. Writes one line of JSON: seconds from the first RETR to the last
message's end, messages, their octets as stuffed, and the processor seconds that it used.
"""

import json
import os
import resource
import socket
import ssl
import sys
import time

port, security, password, count, mode, *logins = sys.argv[1:]
messages = int(count)
# So many commands are on their way at most, and so many are sent together.
window, batch = (512, 256) if mode == "pipelined" else (1, 1)


def connect() -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if security != "tls":
        return connection
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context.wrap_socket(connection)


def log_in(login: str) -> socket.socket:
    connection = connect()
    for command in ("", f"USER {login}", f"PASS {password}"):
        if command:
            connection.sendall(f"{command}\r\n".encode())
        text = b""
        while not text.endswith(b"\n"):
            text += connection.recv(1)
        if not text.startswith(b"+OK"):
            sys.exit(f"the server said {text!r}")
    return connection


def drain(connection: socket.socket) -> int:
    buffer = bytearray(1 << 20)
    view = memoryview(buffer)
    asked = done = octets = 0
    held = 0  # octets in the buffer that belong to the message under way
    inside = False  # whether its first line is read
    length = 0  # of that message so far, without what is held
    while done < messages:
        while asked < messages and asked - done <= window - batch:
            last = min(asked + batch, messages)
            connection.sendall(b"".join(b"RETR %d\r\n" % number for number in range(asked + 1, last + 1)))
            asked = last
        size = connection.recv_into(view[held:])
        if size == 0:
            sys.exit(f"the server hung up after {done} messages")
        end = held + size
        at = 0
        while True:
            if not inside:
                stop = buffer.find(b"\n", at, end)
                if stop < 0:
                    break
                if buffer[at : at + 3] != b"+OK":
                    sys.exit(f"message {done + 1}: {bytes(buffer[at:stop])!r}")
                # The CRLF of this line may be the first of the end that is looked for.
                at = stop - 1
                length = -2
                inside = True
            found = buffer.find(b"\r\n.\r\n", at, end)
            if found < 0:
                break
            octets += length + found + 2 - at
            done += 1
            at = found + 5
            inside = False
        if inside:
            # All but what could be the beginning of the end is counted and dropped.
            drop = max(0, end - at - 4)
            length += drop
            at += drop
        held = end - at
        buffer[0:held] = buffer[at:end]
    connection.sendall(b"QUIT\r\n")
    return octets


ready, go = os.pipe()
told, tell = os.pipe()
children = []
for login in logins:
    child = os.fork()
    if child == 0:
        os.close(go)
        connection = log_in(login)
        os.write(tell, b"in\n")
        os.read(ready, 1)
        os.write(tell, b"%d\n" % drain(connection))
        os._exit(0)
    children.append(child)
os.close(tell)
said = os.fdopen(told)
for _ in logins:
    if said.readline() != "in\n":
        sys.exit("a client could not log in")
began = time.perf_counter()
# They all wait for the end of this pipe.
os.close(go)
octets = sum(int(said.readline() or 0) for _ in logins)
seconds = time.perf_counter() - began
for child in children:
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("a client failed")
used = resource.getrusage(resource.RUSAGE_CHILDREN)
moved = {"seconds": seconds, "messages": messages * len(logins), "octets": octets}
print(json.dumps({**moved, "processor": used.ru_utime + used.ru_stime}))
