"""An authority and a certificate for this run, made by the `openssl` program."""
import os
import shutil
import ssl
import subprocess

from workspace import Unavailable, write


class Certificates:
    """`authority` signed `certificate`, which is good for 127.0.0.1 and the names that the hops use here."""

    def __init__(self, directory):
        if not shutil.which("openssl"):
            raise Unavailable("certificates are made by the openssl program, which is not installed")
        self.authority = os.path.join(directory, "authority.pem")
        self.certificate = os.path.join(directory, "certificate.pem")
        self.key = os.path.join(directory, "key.pem")
        authority_key = os.path.join(directory, "authority-key.pem")
        request = os.path.join(directory, "request.pem")
        names = write(
            os.path.join(directory, "names"),
            "subjectAltName = IP:127.0.0.1, DNS:localhost, DNS:hoptop.test, DNS:peer.test\n"
            "basicConstraints = critical, CA:false\nextendedKeyUsage = serverAuth\n")
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self.openssl("req", "-x509", "-days", "2", "-subj", "/CN=hoptop interop authority", *new_key,
                     "-keyout", authority_key, "-out", self.authority)
        self.openssl("req", "-new", "-subj", "/CN=hoptop.test", *new_key, "-keyout", self.key, "-out", request)
        self.openssl("x509", "-req", "-days", "2", "-in", request, "-CA", self.authority, "-CAkey", authority_key,
                     "-CAcreateserial", "-extfile", names, "-out", self.certificate)
        os.chmod(self.key, 0o644)  # Exim reads it as its own user.

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise Unavailable(f"openssl {arguments[0]}: {done.stderr.strip().splitlines()[-1:]}")

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client_context(self):
        return ssl.create_default_context(cafile=self.authority)
