"""What the app does when something in it goes wrong: it never admits."""

import asyncio
import json
import logging
import threading

import pytest

from controlplane.admission import app as apps
from controlplane.admission import review as reviews
from controlplane.admission.app import PATH, Admission, utc_now
from controlplane.admission.loaded import Loaded
from controlplane.admission.spool import Spool
from controlplane.policies.bundle import Bundle
from controlplane.policies.decide import ALLOWED
from controlplane.policies.folding import LONGEST, same_of
from controlplane.policies.verdict import Code, Violation
from tests.webhook import BAD, CLUSTER, PAYMENTS, pod, response, review


def admission(tmp_path, **changed):
    documents, namespaces = {"payments": PAYMENTS}, {"payments": "payments"}
    loaded = Loaded(
        folder=tmp_path,
        keys_file=tmp_path,
        bundle=Bundle(1, utc_now(), CLUSTER, 1, documents, namespaces),
    )
    return Admission(loaded=loaded, **changed)


def posted(app, body, query=b"timeout=3s", *, parts=None):
    """Status and body, as ASGI says them."""
    data = json.dumps(body).encode()
    messages = iter(parts or [{"type": "http.request", "body": data, "more_body": False}])
    said = []

    async def receive():
        return next(messages)

    async def send(message):
        said.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "query_string": query,
        "headers": [(b"content-type", b"application/json")],
    }
    asyncio.run(app(scope, receive, send))
    if not said:
        return None, b"", {}
    return said[0]["status"], b"".join(m.get("body", b"") for m in said), dict(said[0]["headers"])


def test_p20_an_exception_is_a_denial_with_code_500_and_is_counted(tmp_path, caplog):
    def broken():
        raise RuntimeError("secret words")

    app = admission(tmp_path, now=broken)

    with caplog.at_level(logging.CRITICAL):
        status, body, _ = posted(app, review())

    said = response(body)
    assert (status, said["allowed"], said["status"]["code"]) == (200, False, 500)
    assert "secret words" not in body.decode()
    assert (app.tally.failures, app.tally.reviews["denied"]) == (1, 1)
    assert b"argosy_admission_failures_total 1" in app.tally.text([])


def test_p21_a_decision_that_takes_too_long_is_our_own_denial(tmp_path, monkeypatch):
    """A large object is judged in a thread, so that the loop can answer before the API server gives up."""
    told = threading.Event()
    monkeypatch.setattr(apps, "SMALL", 100)
    monkeypatch.setattr(apps, "decide", lambda *_, **__: told.wait(30))
    app = admission(tmp_path)
    given_up = threading.Timer(1.0, told.set)
    given_up.start()

    status, body, _ = posted(app, review(), b"timeout=300ms")

    given_up.join()
    assert status == 200
    assert (response(body)["allowed"], response(body)["status"]["code"]) == (False, 504)
    assert app.tally.late == 1


def test_a_caller_that_hangs_up_gets_no_answer(tmp_path):
    parts = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    assert posted(admission(tmp_path), None, parts=parts)[0] is None


def test_while_it_goes_away_every_answer_ends_its_connection(tmp_path):
    app = admission(tmp_path)
    assert b"connection" not in posted(app, review())[2]

    app.draining = True

    assert posted(app, review())[2][b"connection"] == b"close"
    assert posted(app, review(pod(BAD)))[2][b"connection"] == b"close"
    assert posted(app, {})[2][b"connection"] == b"close"


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        (b"", 3.0),
        (b"timeout=10s", 10.0),
        (b"timeout=1.5s", 1.5),
        (b"timeout=500ms", 0.5),
        (b"timeout=1m", 30.0),
        (b"timeout=1m30s", 3.0),
        (b"timeout=-5s", 3.0),
        (b"a=b&timeout=0s", 0.0),
        (b"timeout=nans", 3.0),
        (b"timeout=1e9s", 3.0),
        (b"timeout=\xff", 3.0),
        (b"timeout=", 3.0),
        (b"other=1s", 3.0),
    ],
)
def test_the_time_the_api_server_gives_is_read_as_go_writes_it(query, seconds):
    assert apps._timeout(query) == seconds


def test_what_a_controller_makes_anew_has_one_link(tmp_path):
    app = admission(tmp_path, link="https://argosy.test/d/{same}")

    def link(**metadata):
        body = posted(app, review(pod(BAD, **metadata)))[1]
        return response(body)["status"]["message"].rpartition("/")[2]

    first = link(name="web-7d4b9-x1", generateName="web-7d4b9-")
    assert link(name="web-7d4b9-x2", generateName="web-7d4b9-") == first
    assert link(name="other") != first


def test_a_small_object_that_takes_long_is_judged_off_the_loop(tmp_path, monkeypatch):
    threads = []

    def decide(*_, check):
        threads.append(threading.current_thread())
        check()
        return ALLOWED

    monkeypatch.setattr(apps, "ON_THE_LOOP", -1)
    monkeypatch.setattr(apps, "decide", decide)

    _, body, _ = posted(admission(tmp_path), review())

    assert response(body)["allowed"] is True
    assert threads[0] is threading.main_thread() is not threads[1]


def test_a_thread_that_judges_ends_itself_when_its_time_is_over(tmp_path, monkeypatch):
    ended = threading.Event()

    def decide(*_, check):
        try:
            while True:
                check()
        finally:
            ended.set()

    monkeypatch.setattr(apps, "SMALL", 100)
    monkeypatch.setattr(apps, "decide", decide)
    app = admission(tmp_path)

    _, body, _ = posted(app, review(), b"timeout=300ms")

    assert response(body)["status"]["code"] == 504
    assert ended.wait(5)


def test_bodies_take_no_more_memory_together_than_they_may(tmp_path, monkeypatch):
    monkeypatch.setattr(apps, "MOST_HELD", 50)
    app = admission(tmp_path)

    assert posted(app, review())[0] == 503
    assert app._held == 0


def test_where_callers_are_known_nobody_else_is_told_anything(tmp_path):
    spool = Spool(tmp_path)
    app = admission(tmp_path, callers_known=True, spool=spool)

    status, body, _ = posted(app, review(pod(BAD)))
    spool.write()

    assert (status, b"verdict" in body) == (401, False)
    assert not spool.file.exists()


def test_a_link_and_the_platforms_row_are_the_same_however_long_a_field_is():
    long = Violation("p" * 400, "c" * 300, "i\0" * 600, Code.NOT_ALLOWED, "r" * 2000)
    request = reviews.read(json.dumps(review()).encode())

    said = apps.sighting(request, long, state="refused", at="2026-11-21T12:00:00Z")
    kept = {key: said[key] for key in LONGEST}

    assert all(len(text) <= LONGEST[key] for key, text in kept.items())
    del kept["reason"]
    assert same_of(**kept) == apps.same(request, long)
