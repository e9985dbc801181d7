"""What is announced when secrets change."""

from django.dispatch import Signal

# Sent after commit with namespaces=[<TenantNamespace.pk>, …]. May be lost; the sweep finds the rounds anyway.
rounds_due = Signal()
