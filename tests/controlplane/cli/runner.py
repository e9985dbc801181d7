"""`argosy` as a person types it, in this process."""

from typer.testing import CliRunner, Result

from controlplane.cli.main import app
from controlplane.identity.models import User
from controlplane.identity.tokens import issue


def run(*words: str, user: User | None = None, sent: bytes = b"", **env: str) -> Result:
    """What the command says and ends with; signed in as `user`, if there is one; `sent` is typed or piped."""
    signed_in = {"ARGOSY_TOKEN": issue(user=user, name="test")[1]} if user else {}
    answer = CliRunner().invoke(app, list(words), input=sent, env={**signed_in, **env})
    # The runner swallows a crash and ends with 1, as a refusal does.
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer
