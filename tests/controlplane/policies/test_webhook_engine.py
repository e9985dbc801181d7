"""The webhook decides every case as the library does."""

import pytest

from controlplane.policies import cases, engines
from controlplane.policies.engines.comparing import Outcome, compare

SHIPPED = cases.shipped()


@pytest.fixture(scope="module")
def webhook():
    with engines.opened(engines.Name.WEBHOOK, SHIPPED) as engine:
        yield engine


@pytest.mark.parametrize("case", SHIPPED, ids=lambda case: case.id)
def test_the_webhook_decides(webhook, case):
    line = compare(case, webhook.judge(case))

    assert (line.outcome, line.said) == (Outcome.SAME, "")
