"""Hoptop under test: its configuration, and what this build of it can do."""
import os
import re
import smtplib
import subprocess

from workspace import Failure, Unavailable, free_port, tail, wait_for_greeting, wait_for_port, write

PASSWORD = "correct horse battery staple"
USER = "ann"
MESSAGE_LIMIT = 4_000_000


SIGNED_DOMAIN = "signed.test"


class SigningKeys:
    """An RSA and an Ed25519 key for mail from SIGNED_DOMAIN, made once a run by the program itself."""

    def __init__(self, workspace, binary):
        self.lines, self.records = [], {}
        folder = workspace.folder("keys")
        for algorithm in ("rsa", "ed25519"):
            path = os.path.join(folder, f"{algorithm}.pem")
            done = subprocess.run(
                [binary, "dkim", "keygen", "--domain", SIGNED_DOMAIN, "--selector", algorithm, "--algorithm", algorithm,
                 "--out", path], capture_output=True, text=True, timeout=60)
            if done.returncode != 0:
                raise Failure(f"hoptop dkim keygen: {done.stderr.strip()}")
            self.lines += [
                "[[dkim]]", f'domain = "{SIGNED_DOMAIN}"', f'selector = "{algorithm}"', f'key = "{path}"']
            self.records[done.stdout.split(". IN TXT ")[0]] = "".join(re.findall(r'"([^"]*)"', done.stdout)).encode()

    def look_up(self, name, timeout=5):
        """What DNS would answer, in the form that dkimpy asks it."""
        return self.records.get(name.decode().rstrip("."))


class Hoptop:
    """One `hoptop serve` with a spool of its own."""

    name = "hoptop"

    def __init__(self, workspace, binary, keys, hostname="hoptop.test"):
        self.workspace, self.binary, self.keys, self.hostname = workspace, binary, keys, hostname
        self.folder = workspace.folder("hoptop")
        self.log = os.path.join(self.folder, "log")
        self.process = None

    def configuration(self, port, next_hop, certificates=None, listen="none", route="none", role="relay", users=None):
        lines = [
            f'hostname = "{self.hostname}"', "[[listen]]", f'address = "127.0.0.1:{port}"', f'tls = "{listen}"',
            f'role = "{role}"', "[[route]]", 'domain = "*"', f'via = ["127.0.0.1:{next_hop[1]}"]', f'tls = "{route}"',
            "[spool]", f'directory = "{self.folder}/spool"',
            "[queue.retry]", 'first = "1s"', 'longest = "2s"', "[limits]", f'message-size = {MESSAGE_LIMIT}',
        ]
        if listen != "none":
            lines += ["[tls]", f'certificate = "{certificates.certificate}"', f'key = "{certificates.key}"']
        if users:
            lines += ["[auth]", f'users = "{users}"']
        lines += self.keys.lines
        return write(os.path.join(self.folder, "hoptop.toml"), "\n".join(lines) + "\n")

    def objection(self, configuration):
        """What this build has against a configuration, or None."""
        done = subprocess.run([self.binary, "config", "check", "--config", configuration],
                              capture_output=True, text=True, timeout=30)
        if done.returncode == 0:
            return None
        return re.sub(r"^hoptop: \S+:\d+: ", "", (done.stderr or done.stdout).strip().splitlines()[0])

    def start(self, next_hop, **settings):
        """Serves on a free port and hands everything to `next_hop`."""
        port = free_port()
        configuration = self.configuration(port, next_hop, **settings)
        if objection := self.objection(configuration):
            raise Failure(objection)
        self.process = self.workspace.start([self.binary, "serve", "--config", configuration], self.log)
        address = ("127.0.0.1", port)
        wait = wait_for_port if settings.get("listen") == "implicit" else wait_for_greeting
        try:
            wait(address, self.process, self.log)
        except Unavailable as reason:
            raise Failure(f"hoptop serve {reason}") from reason
        return address

    def users_file(self):
        """A users file with one user, made by the program itself."""
        path = os.path.join(self.folder, "users")
        done = subprocess.run([self.binary, "passwd", "--users", path, USER], input=PASSWORD + "\n",
                              capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise Failure(f"hoptop passwd: {done.stderr.strip()}")
        return path

    def deferrals(self):
        """What the log says was deferred."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return [line.strip() for line in file if " deferred " in line]

    def stop(self):
        """Ends it as a service manager would; returns what was wrong with that, or None."""
        if self.process is None:
            return None
        if self.process.poll() is not None:
            return f"{self.hostname} had ended by itself with {self.process.returncode}: {tail(self.log)}"
        status = self.workspace.end(self.process)
        if status == 0:
            return None
        return f"{self.hostname} answered SIGTERM with {status}: {tail(self.log)}"


def offered(address, context=None, implicit=False):
    """The extensions that a server offers to EHLO, in lower case with their parameters; inside TLS with a context."""
    if implicit:
        session = smtplib.SMTP_SSL(*address, local_hostname="probe.test", timeout=20, context=context)
    else:
        session = smtplib.SMTP(*address, local_hostname="probe.test", timeout=20)
    with session:
        if context and not implicit:
            session.starttls(context=context)
        session.ehlo()
        return dict(session.esmtp_features)
