"""Which images may run where: one model, and everything that is compiled from it."""
