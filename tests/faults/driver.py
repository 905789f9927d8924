"""A WebDriver server that is not what it should be: does what MODE says, which the line before this one sets."""

import http.server
import json
import sys

# What chromedriver 114 says when it is given a newer browser.
REFUSAL = (
    "session not created: This version of ChromeDriver only supports Chrome version 114\n"
    "Current browser version is 156.0.8078.108 with binary path /usr/lib/chromium/chromium"
)


class Driver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        if MODE == "hangs":
            self.rfile.read()
        body = json.dumps({"value": {"error": "session not created", "message": REFUSAL, "stacktrace": ""}}).encode()
        self.send_response(500)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if "--version" in sys.argv:
    print("ChromeDriver 114.0.5735.90")
    sys.exit()
port = next(int(argument.split("=")[1]) for argument in sys.argv if argument.startswith("--port="))
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Driver)
if MODE == "says nothing":
    server.serve_forever()
print(f"ChromeDriver was started successfully on port {port}.", flush=True)
server.serve_forever()
