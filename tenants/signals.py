"""What `tenants` announces: it cannot call provisioning, so it says that something changed."""

from django.dispatch import Signal

# Sent after commit with pk=<TenantNamespace.pk>. May be lost; the sweep finds the row anyway.
intent_changed = Signal()
