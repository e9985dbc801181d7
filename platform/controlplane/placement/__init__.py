"""Which cluster a wish goes to, and why: the choice, what each cluster has to give, and who keeps both."""
