"""What teams use and how their controllers do, over all clusters: facts as rows, series kept by an engine.

An engine that speaks the Prometheus API scrapes, stores and adds up. Ours are the targets and their
identity, the rules, the questions that may be asked, who may see which answer, and how old it is. What no
controller exports (quotas, what workflows used, prices) is rows here.
"""
