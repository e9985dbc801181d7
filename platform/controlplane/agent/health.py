"""Is this agent alive, and what does it hold? Answered to whoever runs it, on a port of its own."""

import http.server
import threading
from collections.abc import Callable, Iterable

PREFIX = "argosy_agent"
TEXT = "text/plain; charset=utf-8"
METRICS = "text/plain; version=0.0.4"

Measured = Callable[[], Iterable[tuple[str, str, float]]]


def serve(
    host: str,
    port: int,
    *,
    stuck: Callable[[], list[str]],
    not_ready: Callable[[], str],
    measured: Measured,
) -> http.server.ThreadingHTTPServer:
    """Answer `/livez`, `/readyz` and `/metrics`. Raises OSError where the port is taken."""

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            status, kind, text = _answer(self.path, stuck, not_ready, measured)
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody wants to read of probes."""

    server = http.server.ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server


def _answer(
    path: str, stuck: Callable[[], list[str]], not_ready: Callable[[], str], measured: Measured
) -> tuple[int, str, str]:
    match path:
        case "/livez":
            names = stuck()
            return (500, TEXT, f"stuck: {', '.join(names)}\n") if names else (200, TEXT, "ok\n")
        case "/readyz":
            problem = not_ready()
            return (503, TEXT, f"{problem}\n") if problem else (200, TEXT, "ok\n")
        case "/metrics":
            return 200, METRICS, "".join(_gauges(measured()))
    return 404, TEXT, "there is nothing here\n"


def _gauges(values: Iterable[tuple[str, str, float]]) -> Iterable[str]:
    for name, said, value in values:
        yield f"# HELP {PREFIX}_{name} {said}\n# TYPE {PREFIX}_{name} gauge\n"
        yield f"{PREFIX}_{name} {value:.10g}\n"
