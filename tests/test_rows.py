"""The order of tests that commit does not matter to the rows that they begin with."""

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection

from tests import rows


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_rows_come_back_though_an_earlier_test_left_others_in_their_place() -> None:
    before = _kinds()
    call_command("flush", interactive=False, reset_sequences=False, verbosity=0)
    assert _kinds().keys() == before.keys()
    assert _kinds() != before

    rows.put_back(connection.creation, connection._test_serialized_contents)  # type: ignore[attr-defined]

    assert _kinds() == before
    of_others = Permission.objects.exclude(content_type__in=before.values())
    assert not of_others.exists()


def _kinds() -> dict[tuple[str, str], int]:
    ContentType.objects.clear_cache()
    return {(each.app_label, each.model): each.pk for each in ContentType.objects.all()}
