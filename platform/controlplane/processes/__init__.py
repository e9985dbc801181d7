"""The platform's processes: apart in production, all in one for a machine of one's own."""
