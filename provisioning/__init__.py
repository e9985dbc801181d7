"""Making it so: look, plan, do, look again."""
