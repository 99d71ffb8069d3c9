import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Actor(BaseHTTPRequestHandler):
    def do_GET(self):
        self.say({"status": "ready", "in_flight": 1})

    def do_POST(self):
        self.say({"probability": 0.2, "probabilities": [0.2] * 120})

    def say(self, answer):
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("0.0.0.0", 8000), Actor).serve_forever()
