"""The labels that say whose a series is: set here, by discovery, and never by what is scraped."""

CLUSTER, TEAM, NAMESPACE = "cluster", "team", "namespace"
IDENTITY = (CLUSTER, TEAM, NAMESPACE)

# The jobs of the generated configuration.
CONTROLLERS, PLATFORM, ENGINE = "argo-controller", "argosy", "engine"

INTERVAL = 15  # seconds between two scrapes, and between two evaluations of a rule
BUDGET = 2000  # recorded series of one cluster
