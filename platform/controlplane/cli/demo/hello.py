"""The demo's workflow: two steps, the second says what the first one said."""

import time

from controlplane.cli.client import Answer, ApiError, Client
from controlplane.cli.show import console
from localcluster.images import SAY

SECONDS = 180.0
LOOK_EVERY = 1.0
ENDED = {"Succeeded", "Failed", "Error"}


def manifest() -> Answer:
    """A workflow like a team would write it; the platform's defaults do the rest."""
    say = {"image": SAY, "imagePullPolicy": "IfNotPresent", "command": ["/say"]}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "hello-"},
        "spec": {
            "entrypoint": "main",
            "templates": [
                {
                    "name": "main",
                    "dag": {
                        "tasks": [
                            {"name": "hello", "template": "hello"},
                            {
                                "name": "echo",
                                "template": "echo",
                                "dependencies": ["hello"],
                                "arguments": {
                                    "parameters": [
                                        {"name": "said", "value": "{{tasks.hello.outputs.result}}"}
                                    ]
                                },
                            },
                        ]
                    },
                },
                {"name": "hello", "container": {**say, "args": ["hello", "from", "payments"]}},
                {
                    "name": "echo",
                    "inputs": {"parameters": [{"name": "said"}]},
                    "container": {**say, "args": ["it", "said:", "{{inputs.parameters.said}}"]},
                },
            ],
        },
    }


def run(member: Client, namespace_id: int) -> None:
    """Submit it as `member` and watch it to its end; anything but Succeeded is an error."""
    path = f"namespaces/{namespace_id}/workflows/"
    name = member.post(path, {"manifest": manifest()})["name"]
    console.print(f"member submitted the workflow {name}")
    deadline, last = time.monotonic() + SECONDS, ""
    while time.monotonic() < deadline:
        found = member.get(f"{path}{name}/")
        now = f"{found['phase'] or 'Pending'} {found['progress']}"
        if now != last:
            console.print(f"  {name}: {now}")
            last = now
        if found["phase"] in ENDED:
            break
        time.sleep(LOOK_EVERY)
    if not last.startswith("Succeeded"):
        raise ApiError(
            f"The workflow {name} is {last}, not Succeeded. Look at: "
            f".venv/bin/argosy workflow show payments {name}"
        )
