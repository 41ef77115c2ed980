"""A participant that knows nothing of tracing: it passes the header traceparent on to a service of its own.

usage: passes-on.py URL   prints its port
"""
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Participant(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        passed_on = {"traceparent": self.headers["traceparent"]}
        urllib.request.urlopen(urllib.request.Request(sys.argv[1] + self.path, headers=passed_on)).read()
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Participant)
print(server.server_port, flush=True)
server.serve_forever()
