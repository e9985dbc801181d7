"""What `clusters` announces: it cannot call tenants, so it says that something changed."""

from django.dispatch import Signal

# Sent with cluster=<Cluster>, inside the transaction that keeps the edit.
cluster_edited = Signal()

# Sent with cluster=<Cluster>, inside the transaction that keeps its new credential: it serves us now.
cluster_answers = Signal()
