"""What teams want. Nothing here touches a cluster."""
