"""Writing down one act."""

import pytest
from django.db import transaction

from controlplane.audit import Outcome, acting, record, recording
from controlplane.audit.acting import Act
from controlplane.audit.models import AppendOnly, Event

pytestmark = pytest.mark.django_db


def act(actor: str = "ada") -> Act:
    return Act(who=lambda: actor, through=lambda: "console", address="127.0.0.1")


@transaction.atomic
def failing(action: str, outcome: Outcome) -> None:
    """Whatever this writes is taken back."""
    record(action, target="something", outcome=outcome)
    raise ZeroDivisionError


def test_an_act_is_kept_with_who_where_and_how_it_ended() -> None:
    with acting.under(act()) as under:
        record(
            "tier.changed",
            target="tier small",
            before={"cpu": 1},
            after={"cpu": 2},
            team="payments",
        )

    event = Event.objects.get()
    assert (event.actor, event.action, event.target) == ("ada", "tier.changed", "tier small")
    assert (event.through, event.address) == ("console", "127.0.0.1")
    assert event.request_id == under.request_id
    assert (event.before, event.after, event.team) == ({"cpu": 1}, {"cpu": 2}, "payments")
    assert event.outcome == Outcome.DONE


def test_an_act_of_nobody_is_the_platforms() -> None:
    record("request.reopened", target="request #1")

    assert Event.objects.get().actor == ""


def test_who_is_named_counts_more_than_who_asks() -> None:
    with acting.under(act("support")):
        record("token.issued", actor="bot", on_behalf_of="ada", target="token")

    event = Event.objects.get()
    assert (event.actor, event.on_behalf_of) == ("bot", "ada")


def test_what_was_not_done_is_not_recorded_as_done() -> None:
    with pytest.raises(ZeroDivisionError):
        failing("tier.changed", Outcome.DONE)

    assert not Event.objects.exists()


def test_what_was_denied_is_kept_though_its_transaction_is_taken_back() -> None:
    with acting.under(act()) as under:
        with pytest.raises(ZeroDivisionError):
            failing("request.approve", Outcome.DENIED)
        recording.write_held(under)
        recording.write_held(under)

    assert Event.objects.get().outcome == Outcome.DENIED, "once"


@pytest.mark.parametrize(
    "name", ["password", "clientSecret", "Token", "kubeconfig", "sealed_credential"]
)
def test_what_is_secret_by_its_name_is_not_kept(name: str) -> None:
    record("x", target="y", after={"inner": [{name: "hunter2"}]})

    assert "hunter2" not in str(Event.objects.values())
    assert name in str(Event.objects.values())


def test_what_no_database_writes_is_written_with_something_in_its_place() -> None:
    record("x", actor="a\0b\ud800", target="t" * 5000, after={"\0": "\ud800", "raw": b"\x00"})

    event = Event.objects.get()
    assert "\0" not in event.actor
    assert len(event.target) == 500
    assert event.target.endswith("…")
    assert "\0" not in str(event.after)


def test_what_has_no_end_has_one_here() -> None:
    deep: list[object] = []
    inner = deep
    for _ in range(50):
        inner.append([])
        inner = inner[0]  # type: ignore[assignment]
    record("x", target="y", after={"deep": deep, "long": "x" * 9000, "many": list(range(9000))})

    kept = Event.objects.get().after
    assert len(kept["long"]) == 2000
    assert kept["many"][-1] == "(and 8800 more)"
    assert "deeper than is kept" in str(kept["deep"])


def test_an_event_is_neither_saved_again_nor_deleted_by_our_own_programs() -> None:
    record("x", target="y")
    event = Event.objects.get()
    event.actor = "somebody else"

    with pytest.raises(AppendOnly):
        event.save()
    with pytest.raises(AppendOnly):
        event.delete()
