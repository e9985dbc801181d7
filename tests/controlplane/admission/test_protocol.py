"""P1 to P23 and P25 of the catalogue, over real TLS, against the real process."""

import json
import os
import socket
import time

import pytest

from controlplane.admission import certificates
from controlplane.admission.app import utc_now
from tests.webhook import (
    BAD,
    GOOD,
    JSON,
    PAYMENTS,
    Process,
    as_go_writes,
    pod,
    response,
    review,
    within,
)

MIB = 1024 * 1024


def exchange(webhook, data: bytes, *, more=()) -> bytes:
    """Raw bytes over TLS, and all that comes back until the server closes or is silent."""
    with (
        socket.create_connection((webhook.host, webhook.port), timeout=10) as plain,
        webhook.trusting().wrap_socket(plain, server_hostname=webhook.host) as connection,
    ):
        connection.sendall(data)
        for each in more:
            connection.sendall(each)
        connection.settimeout(1.5)
        said = b""
        try:
            while part := connection.recv(65536):
                said += part
        except TimeoutError:
            pass
        return said


def head(length, *more: str, query="?timeout=3s") -> bytes:
    lines = [f"POST /review{query} HTTP/1.1", "Host: webhook", "Content-Type: application/json"]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, *more, "", ""]).encode()


def test_an_allowed_image_is_allowed_and_a_foreign_one_denied_with_all_a_person_needs(webhook):
    assert webhook.verdict(review())["allowed"]

    said = webhook.verdict(review(pod(BAD)))
    assert not said["allowed"]
    assert (said["status"]["code"], said["status"]["reason"]) == (403, "Forbidden")
    for part in ("spec.containers[0].image", "main", BAD, "not-allowed"):
        assert part in said["status"]["message"]
    assert said["auditAnnotations"] == {"bundle": "1", "verdict": "denied: not-allowed"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_p1_only_post_is_answered(webhook, method):
    status, headers, _ = webhook.call(method, "/review", b"", JSON)

    assert (status, headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({}, 415),
        ({"Content-Type": "application/jsonp"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
        ({"Content-Type": "Application/JSON"}, 200),
    ],
)
def test_p2_only_json_is_read(webhook, headers, status):
    assert webhook.post(review(), headers)[0] == status


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"null", b"[]", json.dumps(review()).encode()[:-2]]
)
def test_p3_what_is_no_json_is_400(webhook, body):
    assert webhook.post(body)[0] == 400


def test_p4_without_a_request_there_is_nothing_to_answer(webhook):
    missing = review()
    del missing["request"]

    assert webhook.post(missing)[0] == 400
    assert webhook.post(missing | {"request": None})[0] == 400


@pytest.mark.parametrize(
    "changed",
    [
        {"apiVersion": "admission.k8s.io/v1beta1"},  # P5
        {"apiVersion": "admission.k8s.io/v2"},
        {"apiVersion": None},
        {"kind": "ConversionReview"},
        {"kind": "admissionreview"},
    ],
)
def test_p5_p6_another_envelope_is_400(webhook, changed):
    assert webhook.post(review() | changed)[0] == 400


@pytest.mark.parametrize("uid", ["1", "ÄÖ\u2028\U0001f6a2", 'a"b\\c', "x" * 1000])
def test_p7_the_uid_comes_back_exactly(webhook, uid):
    assert webhook.verdict(review(uid=uid))["uid"] == uid
    assert webhook.verdict(review(pod(BAD), uid=uid))["uid"] == uid


@pytest.mark.parametrize("uid", ["", None, 7])
def test_p7_without_a_uid_there_is_no_answer(webhook, uid):
    assert webhook.post(review(uid=uid))[0] == 400


def test_p8_a_review_of_almost_8_mib_is_judged(webhook):
    note = {"note": "<&>" * (7 * MIB // 18)}  # as Go escapes it: 7 MiB
    big = as_go_writes(review(pod(BAD, annotations=note)))
    assert 7 * MIB < len(big) < 8 * MIB

    assert response(webhook.post(big)[2])["allowed"] is False


def test_p8_more_than_8_mib_is_413_the_connection_ends_and_memory_stays(webhook):
    before = webhook.rss()
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    for _ in range(5):
        announced = exchange(webhook, head(9 * MIB), more=[b"x" * MIB] * 9)
        assert announced.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in announced
        chunked = exchange(webhook, head(None, "Transfer-Encoding: chunked"), more=[chunk] * 144)
        assert chunked.startswith(b"HTTP/1.1 413")
    assert webhook.rss() - before < 40
    assert webhook.verdict(review())["allowed"]


def test_p9_a_body_longer_than_announced_is_cut_and_not_read_on(webhook):
    body = json.dumps(review(pod(BAD))).encode()

    said = exchange(webhook, head(len(body) - 10) + body)

    assert said.startswith(b"HTTP/1.1 400")
    assert b'"allowed"' not in said


def test_p9_a_chunked_body_is_read(webhook):
    body = json.dumps(review(pod(BAD))).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (1, body[i : i + 1]) for i in range(len(body)))

    said = exchange(webhook, head(None, "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n")

    assert said.startswith(b"HTTP/1.1 200")
    assert b'"allowed":false' in said


def test_p9_a_body_that_does_not_come_is_408_before_the_api_server_gives_up(webhook):
    begun = time.monotonic()

    said = exchange(webhook, head(1000, query="?timeout=1s") + b'{"kind":')

    assert said.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in said
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f'"image":"{BAD}"', f'"image":"{BAD}","image":"{GOOD}"'),
        (f'"image":"{BAD}"', f'"image":"{GOOD}","image":"{BAD}"'),
        ('"dryRun":false', '"dryRun":false,"dryRun":false'),
        ('"dryRun":false', '"dryRun":false,"dry\\u0052un":false'),
        ('"kind":"AdmissionReview"', '"kind":"AdmissionReview","kind":"AdmissionReview"'),
        ('"options":{', '"options":{"a":{"b":1,"b":1},'),
    ],
)
def test_p10_a_key_that_stands_there_twice_is_400_wherever_it_is(webhook, old, new):
    body = as_go_writes(review(pod(BAD))).decode()
    assert old in body

    assert webhook.post(body.replace(old, new, 1).encode())[0] == 400


def test_p10_two_requests_in_one_review_are_400(webhook):
    one = json.dumps(review()["request"])
    two = json.dumps(review(pod(BAD))["request"])
    around = (
        '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":%s,"request":%s}'
    )

    assert webhook.post((around % (one, two)).encode())[0] == 400


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_p11_ten_thousand_levels_are_400_and_the_process_lives(webhook, opening, closing):
    deep = opening * 10_000 + "1" + closing * 10_000
    body = json.dumps(review(pod(annotations={"deep": "HERE"}))).replace('"HERE"', deep)

    assert webhook.post(body.encode())[0] == 400
    assert webhook.verdict(review())["allowed"]


def test_p12_without_an_object_a_create_is_denied_and_a_delete_allowed(webhook):
    body = review()
    body["request"]["object"] = None

    assert not webhook.verdict(body)["allowed"]
    body["request"] |= {"operation": "DELETE", "oldObject": pod(BAD)}
    assert webhook.verdict(body)["allowed"]


@pytest.mark.parametrize(
    ("containers", "path"),
    [
        ({"name": "c", "image": GOOD}, "spec.containers"),
        ("harbor.acme.test/payments/api", "spec.containers"),
        ([None], "spec.containers[0]"),
        ([{"name": "c", "image": GOOD}, None], "spec.containers[1]"),
        ([{"name": "c", "image": 7}], "spec.containers[0].image"),
        ([{"name": "c", "image": [GOOD]}], "spec.containers[0].image"),
        ([[{"name": "c", "image": GOOD}]], "spec.containers[0]"),
    ],
)
def test_p13_a_wrong_shape_is_denied_by_its_path(webhook, containers, path):
    said = webhook.verdict(review({"spec": {"containers": containers}}))

    assert not said["allowed"]
    assert path in said["status"]["message"]


@pytest.mark.parametrize("obj", [[], "pod", 7, True])
def test_p13_an_object_that_is_none_is_denied(webhook, obj):
    assert not webhook.verdict(review(obj))["allowed"]


def test_p14_keys_in_another_case_are_other_keys(webhook):
    said = webhook.verdict(review({"spec": {"containers": [{"name": "c", "Image": GOOD}]}}))
    assert not said["allowed"]
    assert "blank-image" in said["status"]["message"]

    both = {"Containers": [{"image": BAD}], "containers": [{"name": "c", "image": GOOD}]}
    assert webhook.verdict(review({"spec": both}))["allowed"]


@pytest.mark.parametrize(
    "text", [b"\\ud800", b"\xff\xfe", b"\\u0000", b"\xed\xa0\x80", b"\\udc00x"]
)
def test_p15_text_that_is_no_unicode_and_nul_in_an_image_are_denied(webhook, text):
    body = json.dumps(review()).encode().replace(b"/payments/api@", b"/payments/" + text + b"api@")

    said = webhook.verdict(body)

    assert not said["allowed"]
    assert said["uid"] == review()["request"]["uid"]


@pytest.mark.parametrize("operation", ["UPSERT", "create", "", "*"])
def test_p16_an_operation_we_do_not_know_is_denied(webhook, operation):
    assert not webhook.verdict(review(operation=operation))["allowed"]


def test_p17_what_the_api_server_converted_to_is_what_is_judged(webhook):
    asked = {"group": "extensions", "version": "v1beta1", "kind": "Deployment"}
    deployment = {"spec": {"template": pod(BAD)}}

    body = review(deployment, kind=("apps", "v1", "Deployment"), requestKind=asked)

    assert not webhook.verdict(body)["allowed"]


def test_p18_the_declared_kind_says_where_images_are_whatever_the_object_calls_itself(webhook):
    old = {"apiVersion": "extensions/v1beta1", "kind": "Deployment", "spec": {"template": pod(BAD)}}
    assert not webhook.verdict(review(old, kind=("apps", "v1", "Deployment")))["allowed"]

    disguised = pod(BAD) | {"apiVersion": "v1", "kind": "ConfigMap"}
    assert not webhook.verdict(review(disguised))["allowed"]


def test_p19_a_thousand_replays_get_the_same_answer(webhook):
    connection = webhook.connect()
    body = json.dumps(review(pod(BAD)))
    answers = set()

    for _ in range(1000):
        connection.request("POST", "/review?timeout=3s", body=body, headers=JSON)
        answers.add(connection.getresponse().read())

    connection.close()
    assert len(answers) == 1


def test_p21_with_no_time_left_the_denial_is_our_own(webhook):
    status, _, said = webhook.post(review(), query="?timeout=0s")

    assert status == 200
    assert response(said)["allowed"] is False
    assert response(said)["status"]["code"] == 504
    assert webhook.verdict(review())["allowed"]


def test_p22_without_a_bundle_it_is_not_ready_and_asked_anyway_denies(folders):
    with Process(folders) as webhook:
        assert webhook.get("/readyz")[0] == 503
        assert webhook.get("/livez")[0] == 200
        said = webhook.verdict(review())
        assert not said["allowed"]
        assert "cannot be applied" in said["status"]["message"]

        folders.publish()

        within(10, lambda: webhook.get("/readyz")[0] == 200)
        assert webhook.verdict(review())["allowed"]


def test_p23_a_new_certificate_serves_new_handshakes_and_old_connections_go_on(folders):
    folders.publish()
    with Process(folders) as webhook:
        kept = webhook.connect()
        first = asked(kept)
        signer = certificates._read(next(folders.certificates.glob(certificates.AUTHORITIES)))

        leaf = certificates.make_leaf(signer, [webhook.host], utc_now())
        certificates._write(folders.certificates / certificates.SERVING_FILE, leaf.pem)

        within(10, lambda: asked(webhook.connect(), close=True) == leaf.certificate.serial_number)
        assert asked(kept, close=True) == first

        # Half a file is not taken; what served goes on to serve.
        os.truncate(folders.certificates / certificates.SERVING_FILE, 300)
        within(10, lambda: "no certificate to serve" in webhook.said())
        assert asked(webhook.connect(), close=True) == leaf.certificate.serial_number


def asked(connection, *, close=False) -> int:
    """The serial number of the certificate on a connection over which a review was answered."""
    connection.request("POST", "/review", body=json.dumps(review()), headers=JSON)
    assert response(connection.getresponse().read())["allowed"]
    leaf = connection.sock.getpeercert()["serialNumber"]
    if close:
        connection.close()
    return int(leaf, 16)


def test_p25_a_hundred_violations_fit_in_4_kib_and_are_counted(webhook):
    images = [f"evil.io/{'x' * 100}/{i}@sha256:{'b' * 64}" for i in range(100)]
    containers = [{"name": f"c{i}", "image": image} for i, image in enumerate(images)]

    said = webhook.verdict(review({"spec": {"containers": containers}}))["status"]["message"]

    assert len(said.encode()) <= 4096
    assert images[0] in said
    assert "more" in said
    assert images[99] not in said


def test_a_denial_is_spooled_for_the_agent_and_a_dry_run_is_not(folders):
    folders.publish()
    with Process(folders, options=["--link", "https://argosy.test/denials/{same}"]) as webhook:
        assert not webhook.verdict(review(pod(BAD), dryRun=True))["allowed"]
        said = webhook.verdict(review(pod(BAD)))["status"]["message"]
        file = folders.spool / "sightings.jsonl"
        within(10, lambda: file.exists() and file.read_bytes())
        (line,) = file.read_text().splitlines()

    assert json.loads(line).items() >= {"image": BAD, "state": "refused", "name": "p"}.items()
    assert "https://argosy.test/denials/" in said


def test_an_audited_team_is_admitted_warned_and_reported(folders):
    audited = type(PAYMENTS)(name="payments", mode="audit", scopes=PAYMENTS.scopes)
    folders.publish(audited)
    with Process(folders) as webhook:
        said = webhook.verdict(review(pod(BAD)))

    assert said["allowed"]
    assert BAD in said["warnings"][0]
    assert all(len(warning.encode()) <= 250 for warning in said["warnings"])


def test_another_teams_namespace_is_judged_by_its_own_policy_and_a_strangers_by_none(folders):
    theirs = type(PAYMENTS)(name="risk", scopes=(type(PAYMENTS.scopes[0])(("risk",)),))
    folders.publish(PAYMENTS, theirs)
    with Process(folders) as webhook:
        assert webhook.verdict(review(namespace="payments"))["allowed"]
        assert not webhook.verdict(review(namespace="risk"))["allowed"]
        assert not webhook.verdict(review(namespace="payments-2"))["allowed"]


def test_what_it_does_can_be_read_by_prometheus(webhook):
    webhook.verdict(review())
    status, headers, page = webhook.get("/metrics")

    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    for line in (
        b'argosy_admission_reviews_total{verdict="allowed"}',
        b"argosy_admission_failures_total 0",
        b"argosy_admission_bundle_version 1",
        b"argosy_admission_certificate_seconds_left 5",
    ):
        assert line in page


def test_without_a_certificate_it_says_what_to_do(folders):
    process = Process(folders, names=())
    process.popen.wait(20)

    assert process.popen.returncode == 1
    assert "Give --name to have one made" in process.said()
