"""A team's workflows in its own cluster: read, understood, drawn, and acted on as a person's level."""
