"""A server that is not ours: it records each request byte by byte, and answers as it is told.

    capture.py STEP...      one step per request, whatever connection it comes on; the last one is for all that follow
        answer   200 with resultCode "0", on a connection that is kept
        close    the same, and the connection is closed
        drop     the connection is closed without an answer

Prints its port, then for each request a line: the connection's number, the request in hexadecimal.
"""
import signal
import socket
import sys

BODY = b'{"resultCode":"0","resultMessage":"success"}'
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s"


def length_of(head):
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def read_request(connection):
    """A whole request, or what came of it before the connection ended."""
    request = b""
    while True:
        head, end, body = request.partition(b"\r\n\r\n")
        if end and len(body) >= length_of(head):
            return request
        part = connection.recv(1 << 16)
        if not part:
            return request
        request += part


def main(steps):
    signal.alarm(120)  # should nobody stop us
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    number = 0
    while True:
        connection, _ = listener.accept()
        number += 1
        step = "answer"
        while step == "answer":
            request = read_request(connection)
            if not request:
                break
            step = steps[0]
            del steps[: len(steps) > 1]
            if step != "drop":
                connection.sendall(REPLY % (len(BODY), b"Connection: close\r\n" if step == "close" else b"", BODY))
            print(number, request.hex(), flush=True)
        connection.close()


main(sys.argv[1:])
