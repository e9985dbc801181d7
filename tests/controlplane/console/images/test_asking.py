"""Asking for an exemption."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from controlplane.policies.models import ImageExemption
from tests.browsing import browser
from tests.controlplane.console.images.stories import NEW, at, place, waiting, wish
from tests.controlplane.console.pages import read, words
from tests.factories import (
    PersonFactory,
    TeamFactory,
    approver,
    member_of,
    viewer_of,
)
from tests.images import FOREIGN

pytestmark = pytest.mark.django_db


def test_what_is_asked_waits_for_an_approver() -> None:
    where = place()
    client = browser(member_of(where.team))

    answer = client.post(NEW, wish(where), follow=True)

    made = ImageExemption.objects.get()
    assert (made.image, made.namespace, made.state) == (FOREIGN, where, "pending")
    assert answer.redirect_chain[-1][0] == at(made)
    assert "Waits for a decision" in words(answer.content.decode())


def test_it_lasts_to_the_end_of_its_last_day() -> None:
    where = place()
    client = browser(member_of(where.team))
    day = timezone.now().date() + timedelta(days=3)

    client.post(NEW, wish(where, namespace="", until=day.isoformat()))

    made = ImageExemption.objects.get()
    assert made.not_after == datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    assert made.namespace is None


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"reason": " "}, "reason", "Say why"),
        ({"image": "Not An Image"}, "image", "is no image"),
        ({"digest": "sha256:" + "b" * 64}, "digest", "carries it"),
        ({"until": "2001-01-01"}, "until", "past already"),
        ({"until": "9999-12-31"}, "until", "Write the last day as"),
        ({"until": "tomorrow"}, "until", "Write the last day as"),
        ({"until": "2300-01-01"}, "until", "90 days at most"),
        ({"team": ""}, "team", ""),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(
    changed: dict[str, str], field: str, sentence: str
) -> None:
    where = place()
    both = [where.team.member_group, TeamFactory().member_group]
    client = browser(PersonFactory(claimed_groups=both))

    answer = client.post(NEW, wish(where, **{"reason": "Kept words.", **changed}))

    html = answer.content.decode()
    assert answer.status_code == 400
    hint = html.partition(f'id="hint-{field}"')[2].partition("</span>")[0]
    assert sentence in hint
    assert f'aria-describedby="hint-{field}" aria-invalid="true"' in html
    assert "Kept words." in html or "reason" in changed
    assert not ImageExemption.objects.exists()


def test_the_same_image_is_not_asked_for_twice() -> None:
    where = place()
    first = waiting(where)

    answer = browser(member_of(where.team)).post(NEW, wish(where))

    assert answer.status_code == 400
    assert f"Exemption #{first.pk}" in words(answer.content.decode())


def test_who_submits_nothing_asks_for_nothing() -> None:
    where = place()

    for person in (viewer_of(where.team), approver()):
        assert "of no team" in read(browser(person), NEW)
        assert browser(person).post(NEW, wish(where)).status_code == 400
    assert not ImageExemption.objects.exists()
