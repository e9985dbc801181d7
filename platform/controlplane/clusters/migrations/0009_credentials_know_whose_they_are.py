"""A credential that was sealed before its row's identity stood inside is sealed anew, with it.

One whose key is gone stays as it is: the check at the start names its row.
"""

import binascii
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import migrations

from controlplane.sealing import fingerprint_of, seal


def name_whose(apps: Any, _: Any) -> None:
    keys = MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
    clusters = apps.get_model("clusters", "Cluster").objects
    for pk, name, text in list(clusters.values_list("pk", "name", "sealed_kubeconfig")):
        if not text or fingerprint_of(text):
            continue
        try:
            plain = keys.decrypt(text.encode())
        except (InvalidToken, binascii.Error):
            continue
        anew = seal(plain, of=f"clusters.Cluster:{name}:sealed_kubeconfig")
        clusters.filter(pk=pk).update(sealed_kubeconfig=anew)


class Migration(migrations.Migration):
    dependencies = [("clusters", "0008_how_well_each_does")]
    operations = [migrations.RunPython(name_whose, migrations.RunPython.noop)]
