"""Reads a whole maildrop over one connection and keeps nothing of it: drain.py PORT LOGIN PASSWORD COUNT pipelined|turns.

Blocking calls and native searches only, so that the server is what is measured. Writes one line of JSON: seconds from the
first RETR to the last message's end, messages, and their octets as stuffed.
"""

import json
import socket
import sys
import threading
import time

port, login, password, count, mode = sys.argv[1:6]
messages = int(count)
connection = socket.create_connection(("127.0.0.1", int(port)))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def line() -> bytes:
    text = b""
    while not text.endswith(b"\n"):
        text += connection.recv(1)
    if not text.startswith(b"+OK"):
        sys.exit(f"the server said {text!r}")
    return text


line()
connection.sendall(f"USER {login}\r\n".encode())
line()
connection.sendall(f"PASS {password}\r\n".encode())
line()

buffer = bytearray(1 << 20)
view = memoryview(buffer)
octets = 0
began = time.perf_counter()
if mode == "pipelined":
    requests = b"".join(b"RETR %d\r\n" % number for number in range(1, messages + 1))
    # A thread of its own: who sends without reading may wait for a server that does the same.
    threading.Thread(target=connection.sendall, args=(requests,), daemon=True).start()
    done = 0
    held = 0  # octets in the buffer that belong to the message under way
    inside = False  # whether its first line is read
    length = 0  # of that message so far, without what is held
    while done < messages:
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
else:
    for number in range(1, messages + 1):
        connection.sendall(b"RETR %d\r\n" % number)
        held = connection.recv_into(view)
        first = buffer.find(b"\n", 0, held)
        while first < 0:
            held += connection.recv_into(view[held:])
            first = buffer.find(b"\n", 0, held)
        if buffer[0:3] != b"+OK":
            sys.exit(f"message {number}: {bytes(buffer[0:first])!r}")
        total = held
        while buffer[held - 5 : held] != b"\r\n.\r\n":
            # The end may come in pieces: the last four octets stay in front.
            if held > len(buffer) // 2:
                buffer[0:4] = buffer[held - 4 : held]
                held = 4
            size = connection.recv_into(view[held:])
            if size == 0:
                sys.exit(f"the server hung up in message {number}")
            held += size
            total += size
        octets += total - first - 1 - 3
seconds = time.perf_counter() - began
connection.sendall(b"QUIT\r\n")
print(json.dumps({"seconds": seconds, "messages": messages, "octets": octets}))
