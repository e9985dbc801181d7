"""What must the API server itself hold, so that the policies hold with the webhook away?

Pure: documents in, Kubernetes objects out. `admission_policies` decides inside the API server what
CEL can know, `routing` sends the rest to the webhook.

The teams' rules are constants inside the policies, one policy per shape of object. Measured at 500
teams with ten repositories each (`benches/policies.py`): a policy per team costs milliseconds a pod
to match, and a ConfigMap as parameter is fetched by the API server from itself for every pod.
"""
