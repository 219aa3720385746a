# The benches' request with Python's http.client and a connection that is kept: caller.py URL CA_FILE TOKEN COUNT prints the seconds
# of wall clock and of CPU that COUNT requests took.
import http.client
import json
import os
import ssl
import sys
import time
from urllib.parse import urlsplit

url, ca_file, token, count = urlsplit(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
if ca_file:
    connection = http.client.HTTPSConnection(url.hostname, url.port, context=ssl.create_default_context(cafile=ca_file))
else:
    connection = http.client.HTTPConnection(url.hostname, url.port)
headers = {"Content-Type": "application/json", "Authorization": "Bearer " + token, "x-app-key": "sandbox-key"}


def call():
    body = json.dumps({"skillId": 3, "userAccounts": ["1001", "1002"]})
    connection.request("POST", url.path, body, headers)
    reply = connection.getresponse()
    assert reply.status == 200 and json.loads(reply.read())["resultCode"] == "0"


for _ in range(int(os.environ.get("BENCH_WARM_UP", 64))):
    call()
wall, cpu = time.perf_counter(), time.process_time()
for _ in range(count):
    call()
print("%.6f %.6f" % (time.perf_counter() - wall, time.process_time() - cpu))
