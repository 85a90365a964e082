# SPDX-License-Identifier: ISC
"""relay.py URL FILE: pass GET /FORMAT on to URL with the Accept of the format.

Prometheus 2.42 cannot be told which format to ask for.  /proto passes on what
it asks for by itself.  The port goes to FILE, and what was answered to standard
output.
"""

import http.server
import os
import sys
import urllib.request

ACCEPT = {
    "/text": "text/plain;version=0.0.4",
    "/om": "application/openmetrics-text;version=1.0.0",
    "/text1": "text/plain;version=1.0.0;escaping=underscores",
}


class Relay(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        request = urllib.request.Request(
            sys.argv[1],
            headers={"Accept": ACCEPT.get(self.path, self.headers["Accept"])})
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            print(self.path, answer.headers["Content-Type"], flush=True)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Relay)
with open(sys.argv[2] + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(sys.argv[2] + ".new", sys.argv[2])
server.serve_forever()
