# forwarder.py FROM TO - a Unix socket FROM, or a port of 127.0.0.1, that hands all on to the Unix socket TO, and back. SIGSTOP makes
# of it a connection that hangs: nobody is told that it is gone, and nothing arrives.
import os
import select
import socket
import sys

source, target = sys.argv[1:3]
if source.isdigit():
    listener = socket.create_server(("127.0.0.1", int(source)))
else:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(source)
    os.chmod(source, 0o777)
    listener.listen(8)
print("ready", flush=True)
other = {}
while True:
    for ready in select.select([listener, *other], [], [])[0]:
        if ready is listener:
            client, server = listener.accept()[0], socket.socket(socket.AF_UNIX)
            server.connect(target)
            other[client], other[server] = server, client
        elif ready in other:
            try:
                data = ready.recv(65536)
                if data:
                    other[ready].sendall(data)
            except OSError:
                data = b""
            if not data:
                peer = other.pop(ready)
                del other[peer]
                ready.close()
                peer.close()
