"""One spelling for one place: what two teams may not share is not to be had by writing it otherwise."""

from provisioning.stores import is_port


def one_spelling(endpoint: str, usual_port: int) -> str:
    """`Host.example.com.` and `host.example.com:0443` are one place."""
    host, _, port = endpoint.partition(":")
    return f"{host.lower().rstrip('.')}:{int(port or usual_port)}"


def port_is_good(endpoint: str) -> bool:
    """Whether its port, if it says one, is one that there is."""
    _, colon, port = endpoint.partition(":")
    return not colon or is_port(int(port))
