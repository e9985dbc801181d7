"""What the watches saw on all clusters, as rows that can be found, sorted and counted at once.

A row lives as long as its object: what the cluster forgets, the index forgets. A team's controller removes
workflows that ended, by default Succeeded after 1 day, Error after 3, Failed after 7 (`Keep` in
`provisioning.argo_config`), and sooner where ended ones fill half of the namespace's quota of workflows. So
the index answers for recent days, and is no record of what ran.
"""
