"""What teams use and how their controllers do, over all clusters: kept by an engine, asked by name.

An engine that speaks the Prometheus API scrapes, stores and adds up. Ours are the targets and their
identity, the rules, the questions that may be asked, who may see which answer, and how old it is.
"""
