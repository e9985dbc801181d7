"""P24: SIGTERM under load, and not one call fails."""

import http.client
import json
import signal
import threading
import time

from tests.webhook import JSON, Process, response, review, within

BODY = json.dumps(review())
CALLERS = 12


class Load:
    """Callers as an API server has them: kept connections, and none of them tries a call again."""

    def __init__(self, webhook) -> None:
        self.failed: list[str] = []
        self.answered = 0
        self.closed = 0
        self._webhook = webhook
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        within(10, lambda: self.answered > 200 or self.failed)
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _call(self):
        context = self._webhook.trusting()
        host, port = self._webhook.host, self._webhook.port
        connection = http.client.HTTPSConnection(host, port, timeout=10, context=context)
        while not self._ended.is_set():
            try:
                connection.request("POST", "/review?timeout=3s", body=BODY, headers=JSON)
                answer = connection.getresponse()
                assert response(answer.read())["allowed"]
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                return
            # http.client keeps no connection that the answer asked to close.
            self.closed += answer.will_close
            self.answered += 1
        connection.close()


def test_p24_with_a_successor_listening_no_call_is_lost(folders):
    folders.publish()
    with Process(folders) as first, Process(folders, port=first.port) as second:
        with Load(first) as load:
            first.popen.send_signal(signal.SIGTERM)
            assert first.popen.wait(15) == 0
            answered = load.answered
            within(10, lambda: load.answered > answered + 200 or load.failed)
        assert second.popen.poll() is None

    assert load.failed == []
    assert load.closed > 0


def test_new_connections_are_served_for_three_seconds_after_the_signal(folders):
    folders.publish()
    with Process(folders) as webhook:
        connected = webhook.connect()
        connected.connect()
        webhook.popen.send_signal(signal.SIGTERM)
        within(5, lambda: "going" in webhook.said())
        begun = time.monotonic()

        while time.monotonic() - begun < 2.5:
            status, headers, _ = webhook.post(review())
            assert (status, headers["Connection"]) == (200, "close")
        assert webhook.get("/readyz")[0] == 503
        connected.request("POST", "/review", body=BODY, headers=JSON)
        assert connected.getresponse().headers["Connection"] == "close"
        connected.close()

        assert webhook.popen.wait(10) == 0
        assert 2.5 < time.monotonic() - begun < 8


def test_a_second_signal_does_not_wait(folders):
    folders.publish()
    with Process(folders, options=["--drain", "60"]) as webhook:
        webhook.popen.send_signal(signal.SIGTERM)
        within(5, lambda: "going" in webhook.said())
        webhook.popen.send_signal(signal.SIGTERM)

        assert webhook.popen.wait(10) == 0


def test_an_address_this_machine_does_not_have_is_one_sentence(folders):
    process = Process(folders, port=1, host="192.0.2.1")
    process.popen.wait(20)

    assert process.popen.returncode == 1
    assert "cannot listen on 192.0.2.1 port 1" in process.said()


def test_p24_without_keep_alive_the_queue_at_the_door_is_let_in(folders):
    """Every call a new connection: the hardest case for whoever closes a listening socket."""
    folders.publish()
    failed, ended, answered = [], threading.Event(), [0]
    short = ["--drain", "0.5"]
    with Process(folders, options=short) as first, Process(folders, port=first.port):

        def call():
            while not ended.is_set():
                try:
                    assert first.verdict(review())["allowed"]
                    answered[0] += 1
                except (OSError, http.client.HTTPException) as error:
                    failed.append(repr(error))

        threads = [threading.Thread(target=call) for _ in range(6)]
        for thread in threads:
            thread.start()
        within(10, lambda: answered[0] > 50)
        first.popen.send_signal(signal.SIGTERM)
        assert first.popen.wait(15) == 0
        ended.set()
        for thread in threads:
            thread.join()

    assert failed == []
