"""A certificate authority for tests, and files of certificates that it gives."""

import ssl
from pathlib import Path

import trustme


class Authority:
    """Gives certificates for this machine."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.cert, self.key = folder / "server.pem", folder / "server.key"
        self.ca_file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self.renew()

    def renew(self) -> bytes:
        """Write a new certificate and its key in place of the old ones; gives the certificate."""
        made = self._authority.issue_cert("127.0.0.1", "localhost")
        made.private_key_pem.write_to_path(str(self.key))
        made.cert_chain_pems[0].write_to_path(str(self.cert))
        return ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())

    @property
    def context(self) -> ssl.SSLContext:
        """Of a client that trusts it."""
        return ssl.create_default_context(cafile=self.ca_file)
