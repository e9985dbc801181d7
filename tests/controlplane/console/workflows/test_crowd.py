"""Choosing one namespace of thousands, to submit to and to filter by."""

import re
from typing import Any

import pytest
from django.test import Client

from tenants.models import TenantNamespace
from tests.controlplane.console.pages import signed_in
from tests.controlplane.console.workflows.stories import NOW, YAML, names_in, row, text_of
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    member_of,
    owner_of,
)

pytestmark = pytest.mark.django_db


def asks(namespace: TenantNamespace, query: str) -> str:
    return text_of(signed_in(member_of(namespace.team)).get(f"/workflows/submit/?{query}"))


def test_who_has_few_namespaces_chooses_from_a_list(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    TenantNamespace.objects.filter(name__gte="batch-005", name__lt="batch-999").delete()

    assert f'<option value="{crowd[3].pk}">batch-003 on west</option>' in asks(payments, "")


def test_who_has_many_is_asked_for_a_name_and_the_page_stays_small(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    page = asks(payments, "")

    assert 'name="find"' in page
    assert "batch-0" not in page


@pytest.mark.parametrize("written", ["batch-007", "BATCH-007 ", "batch-007 on west"])
def test_a_name_that_is_written_out_is_taken(
    payments: TenantNamespace, crowd: list[TenantNamespace], written: str
) -> None:
    NamespaceFactory(name="batch-007x", team=payments.team, applied_at=NOW)

    page = asks(payments, f"from=yaml&find={written}")

    assert f'name="namespace" value="{crowd[7].pk}"' in page
    assert 'value="batch-007 on west"' in page


def test_a_name_on_two_clusters_is_chosen_by_its_cluster(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    twin = NamespaceFactory(
        name="batch-007", team=payments.team, cluster=payments.cluster, applied_at=NOW
    )

    listed = asks(payments, "from=yaml&find=batch-007")
    chosen = asks(payments, "from=yaml&find=batch-007 on east")

    assert re.findall(r'href="\?namespace=(\d+)&amp;from=yaml">batch-007 on', listed) == [
        str(twin.pk),
        str(crowd[7].pk),
    ]
    assert 'name="manifest"' not in listed
    assert f'name="namespace" value="{twin.pk}"' in chosen


def test_a_part_of_a_name_lists_some_and_says_that_there_are_more(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    assert asks(payments, "find=batch").count('<a class="long" href="?namespace=') == 20
    assert "the first 20" in asks(payments, "find=batch")
    assert asks(payments, "find=ch-01").count('<a class="long" href="?namespace=') == 10
    assert "the first" not in asks(payments, "find=ch-01")
    assert "No namespace that you may submit to has zzz" in asks(payments, "find=zzz")
    assert "&lt;b&gt;" in asks(payments, "find=<b>")
    assert "No namespace" in asks(payments, "find=%00%25")


def test_nobody_finds_or_chooses_a_namespace_that_is_not_theirs_to_submit_to(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    other = TeamFactory()
    theirs = NamespaceFactory(name="secret-1", team=other, applied_at=NOW)
    looks_only = PersonFactory(
        claimed_groups=[payments.team.member_group, other.viewer_group, "argosy-approvers"]
    )
    client = signed_in(looks_only)

    for query in ("find=secret-1", "find=secret", f"namespace={theirs.pk}"):
        page = text_of(client.get(f"/workflows/submit/?from=yaml&{query}"))
        assert f'href="?namespace={theirs.pk}&' not in page
        assert "secret-1 on" not in page
        assert 'name="manifest"' not in page
    assert "secret" not in text_of(client.get("/workflows/submit/namespaces/?find=secret"))
    sent = {"namespace": theirs.pk, "from": "yaml", "manifest": YAML}
    assert client.post("/workflows/submit/", sent).status_code == 404
    assert client.post("/workflows/submit/", sent | {"find": "secret-1"}).status_code == 404


def test_what_is_typed_is_completed_from_a_few(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    member, stranger = signed_in(member_of(payments.team)), signed_in(owner_of(TeamFactory()))

    to_submit = text_of(member.get("/workflows/submit/namespaces/?find=batch"))
    to_filter = text_of(member.get("/workflows/namespaces/?namespace=batch-03"))

    assert to_submit.count("<option") == 20
    assert '<option value="batch-000 on east">' in to_submit
    assert to_filter.count("<option") == 10
    assert '<option value="batch-030">' in to_filter
    for part in ("submit/namespaces/?find=b", "namespaces/?namespace=b"):
        assert "batch" not in text_of(stranger.get(f"/workflows/{part}"))
        assert Client().get(f"/workflows/{part}").status_code == 302


def test_who_has_many_filters_the_list_by_a_name_that_is_typed(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    row(crowd[4], "wanted")
    row(crowd[5], "unwanted")
    client = signed_in(member_of(payments.team))

    page = client.get("/workflows/?namespace=batch-004")

    assert names_in(page) == ["wanted"]
    assert 'name="namespace" value="batch-004"' in text_of(page)
    assert "batch-005" not in text_of(page)


def test_the_query_count_of_submitting_stays_the_same(
    payments: TenantNamespace,
    crowd: list[TenantNamespace],
    django_assert_num_queries: Any,
) -> None:
    client = signed_in(member_of(payments.team))
    client.get("/workflows/submit/")
    for _ in range(2):
        for query, count in (("", 7), ("find=batch", 8), (f"namespace={crowd[0].pk}", 8)):
            with django_assert_num_queries(count):
                client.get(f"/workflows/submit/?from=yaml&{query}")
        NamespaceFactory.create_batch(5, team=payments.team, applied_at=NOW)
