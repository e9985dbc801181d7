"""A short soak of the real process; `make soak` is the long one."""

from benches import soak


def test_thousands_of_reviews_over_redialled_tls_leave_it_as_small_as_it_was():
    memory = soak.soak(4000)

    assert max(memory) <= soak.CEILING
    # From the middle on: before, buffers find their size.
    assert memory[-1] - memory[len(memory) // 2] <= 4
