"""An image that an exemption lets in: said as decided, wherever it is shown."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.policies import exemptions, sightings
from controlplane.policies.models import ImageExemption
from controlplane.policies.sightings import Scanned
from tenants.models import TenantNamespace
from tests.browsing import FRAME, browser, queries
from tests.controlplane.console.images.stories import LIST, at, link, place, seen, waiting
from tests.controlplane.console.pages import read
from tests.factories import approver, owner_of
from tests.images import FOREIGN

pytestmark = pytest.mark.django_db

RED = '<span class="badge bad">Let in</span>'


def approved(where: TenantNamespace, **more: Any) -> ImageExemption:
    return exemptions.approve(waiting(where, **more), by=approver(), now=timezone.now())


def let_in(where: TenantNamespace, **more: Any) -> Any:
    return seen(where, **{"state": "admitted", "source": "webhook", **more})


def test_what_an_exemption_lets_in_names_it_its_end_and_what_to_do_before() -> None:
    where = place()
    violation, exemption = let_in(where), approved(where, namespace=where)
    client = browser(owner_of(where.team))

    page = read(client, link(violation))
    ends = f"{exemption.not_after:%-d %b %Y %H:%M}"

    assert f"Exemption #{exemption.pk} lets it in until {ends}" in page
    assert f"Nothing to mend until {ends}" in page
    assert "What to do before: Use an image from" in page
    assert "How to mend it" not in page
    assert "only reported" not in page
    html = client.get(link(violation)).content.decode()
    assert f'href="{at(exemption)}"' in html
    assert RED not in html


def test_the_list_names_the_exemption_calmly() -> None:
    where = place()
    let_in(where)
    client = browser(owner_of(where.team))
    assert RED in client.get(LIST).content.decode()

    exemption = approved(where)

    assert RED not in client.get(LIST).content.decode()
    assert f"Let in exemption #{exemption.pk} until" in read(client, LIST)
    assert RED not in browser(approver()).get(at(exemption)).content.decode()


def test_an_exemption_that_does_not_hold_there_lets_nothing_in() -> None:
    where = place()
    beside = place("payments-test", team=where.team)
    elsewhere = place(where.name, team=where.team)
    violation = let_in(where)
    control = let_in(where, namespace=f"{where.name}-argo")
    approved(beside, namespace=beside)
    approved(elsewhere, namespace=elsewhere)
    approved(where, image="evil.example/other:1")
    approved(place("fraud"))
    soon = timezone.now() + timedelta(days=1)
    approved(where, namespace=where, not_before=soon)
    client = browser(owner_of(where.team))

    for each in (violation, control):
        assert "lets it in until" not in read(client, link(each))
    assert client.get(LIST).content.decode().count(RED) == 2


@pytest.mark.parametrize("over", ["ended", "expired"])
def test_an_exemption_that_is_over_is_not_named_and_nothing_untrue_is_said(over: str) -> None:
    where = place()
    violation, exemption = let_in(where), approved(where)
    if over == "ended":
        exemptions.end(exemption, by=approver(), now=timezone.now())
    else:
        back = timedelta(days=30)
        ImageExemption.objects.filter(pk=exemption.pk).update(
            requested_at=exemption.requested_at - back, not_after=exemption.not_after - back
        )

    page = read(browser(owner_of(where.team)), link(violation))

    assert "the policy only reported it, or an exemption that is over let it in" in page
    assert "How to mend it" in page


def test_what_was_refused_before_its_exemption_can_be_tried_again() -> None:
    where = place()
    violation, exemption = seen(where), approved(where)

    page = read(browser(owner_of(where.team)), link(violation))

    assert f"exemption #{exemption.pk} lets it in. What was refused before can be tried" in page


def test_the_list_takes_the_same_queries_however_many_exemptions_let_in() -> None:
    where = place()
    let_in(where)
    approved(where)
    client = browser(owner_of(where.team))
    cost = queries(client, LIST)

    for n in range(20):
        image = f"evil.example/miner-{n}:1"
        let_in(where, image=image)
        approved(where, image=image, namespace=where)

    assert queries(client, LIST) == cost <= FRAME + 7
    assert RED not in client.get(LIST).content.decode()


def test_an_approver_reads_which_rule_the_image_breaks() -> None:
    where = place()
    exemption = waiting(where)
    client = browser(approver())
    assert "Breaks" not in read(client, at(exemption))

    seen(where)
    seen(where, code="forbidden-tag", reason="this tag moves")
    seen(place("fraud"), code="digest-required", reason="another team's")

    page = read(client, at(exemption))
    assert FOREIGN in page
    assert "Not among the images allowed here : no rule allows it" in page
    assert "Its tag is forbidden : this tag moves" in page
    assert "another team's" not in page


def test_who_approves_is_told_that_clusters_learn_of_it_soon() -> None:
    exemption = waiting(place())
    client = browser(approver())

    answer = client.post(at(exemption), {"act": "approve"}, follow=True)

    html = answer.content.decode()
    assert html.count("lusters are told within a minute") == 2


def test_clean_namespaces_are_said_to_be_of_now() -> None:

    where, now = place(), timezone.now()
    seen(where)
    sightings.record(cluster=where.cluster, now=now, scanned=[Scanned(where.name, now, 3)])

    assert "What runs there now: 1 namespace, clean" in read(browser(owner_of(where.team)), LIST)
