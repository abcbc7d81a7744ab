"""The programs that hand mail to the first hop. Each says what it was given over one kind of transport."""
import os
import re
import smtplib
import socket
import subprocess

from hoptop import PASSWORD, USER
from workspace import Unavailable, write


class Refused(Exception):
    """The server refused what a client sent, or the client gave up."""


def extension(parameter):
    """What a server offers that takes this parameter of MAIL: BODY=8BITMIME is 8bitmime's."""
    keyword, _, value = parameter.partition("=")
    return {"BODY": value, "RET": "dsn", "ENVID": "dsn"}.get(keyword, keyword).lower()


class Client:
    """A way to submit. `transport` is plain, starttls or implicit; `mechanism` a SASL mechanism, or none."""

    name = ""
    mechanisms = ("PLAIN", "LOGIN")
    lacks = {}  # (direction, case), and why the program has no part in that.

    def __init__(self, workspace, packages, certificates):
        self.workspace, self.packages, self.certificates = workspace, packages, certificates
        self.folder = workspace.folder(self.name)
        self.prepare()

    def prepare(self):
        """Looks for the program."""

    def submit(self, address, mail, transport="plain", mechanism=None, password=PASSWORD):
        raise NotImplementedError

    def run(self, arguments, environment, content=b""):
        try:
            done = subprocess.run(arguments, input=content, capture_output=True, timeout=60,
                                  env=dict(os.environ, HOME=self.folder, **environment))
        except subprocess.TimeoutExpired:
            raise Refused(f"{self.name} did not end within 60 s") from None
        if done.returncode != 0:
            words = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
            # What the server said last in refusal tells more than what the program makes of it.
            angry = [line for line in words if re.search(r"(^|\s)[45]\d\d[ -]", line)]
            raise Refused(f"{self.name} ended with {done.returncode}: {(angry or words or ['no words'])[-1]}")


class Source(Client):
    """Says exactly what a case wants said, over smtplib's connection; knows BDAT."""

    name = "source"

    def submit(self, address, mail, transport="plain", mechanism=None, password=PASSWORD, chunk=None, half_close=False):
        with self.connect(address, transport) as session:
            session.command_encoding = "utf-8"
            session.ehlo()
            parameters = [word for word in mail.parameters if session.has_extn(extension(word))]
            self.say(session, f"MAIL FROM:<{mail.sender}>", parameters)
            for recipient in mail.recipients:
                self.say(session, f"RCPT TO:<{recipient}>", mail.recipient_parameters)
            if chunk:
                self.send_chunks(session, mail.content, chunk)
            else:
                self.say(session, "DATA", expect=354)
                stuffed = mail.content.replace(b"\r\n.", b"\r\n..")
                last = b".\r\nQUIT\r\n" if half_close else b".\r\n"
                session.send((b"." if stuffed.startswith(b".") else b"") + stuffed + last)
                if half_close:
                    session.sock.shutdown(socket.SHUT_WR)
                self.expect(session.getreply(), 250, "the final dot")
                if half_close:
                    self.expect(session.getreply(), 221, "QUIT")
                    session.close()

    def connect(self, address, transport):
        context = self.certificates.client_context() if transport != "plain" else None
        if transport == "implicit":
            return smtplib.SMTP_SSL(*address, local_hostname="source.test", timeout=60, context=context)
        session = smtplib.SMTP(*address, local_hostname="source.test", timeout=60)
        if transport == "starttls":
            session.starttls(context=context)
        return session

    def send_chunks(self, session, content, size):
        chunks = [content[start:start + size] for start in range(0, len(content), size)]
        for number, octets in enumerate(chunks, 1):
            session.send(f"BDAT {len(octets)}{' LAST' if number == len(chunks) else ''}\r\n".encode() + octets)
            self.expect(session.getreply(), 250, f"chunk {number}")

    def say(self, session, line, parameters=(), expect=250):
        self.expect(session.docmd(" ".join([line, *parameters])), expect, line)

    def expect(self, reply, code, to):
        if reply[0] != code:
            raise Refused(f"{reply[0]} {reply[1].decode(errors='replace')} to {to}")


class Smtplib(Source):
    """Python's smtplib as programs use it."""

    name = "smtplib"

    def submit(self, address, mail, transport="plain", mechanism=None, password=PASSWORD):
        try:
            with self.connect(address, transport) as session:
                session.ehlo()
                if mechanism:
                    self.authenticate(session, mechanism, password)
                options = [word for word in mail.parameters if word == "BODY=8BITMIME" and session.has_extn("8bitmime")]
                refused = session.sendmail(mail.sender, mail.recipients, mail.content, mail_options=options)
        except smtplib.SMTPException as error:
            raise Refused(f"{type(error).__name__}: {error}") from error
        if refused:
            raise Refused(f"refused: {refused}")

    def authenticate(self, session, mechanism, password):
        session.user, session.password = USER, password
        method = {"PLAIN": session.auth_plain, "LOGIN": session.auth_login}[mechanism]
        session.auth(mechanism, method)


class Swaks(Client):
    name = "swaks"
    lacks = {("client", "no-body"): "it adds an empty line"}

    def prepare(self):
        self.program, self.environment = self.packages.program("swaks")

    def submit(self, address, mail, transport="plain", mechanism=None, password=PASSWORD):
        file = os.path.join(self.folder, "content")
        with open(file, "wb") as output:
            # It reads text with the system's line ends, and ends the last line itself.
            output.write(mail.content.replace(b"\r\n", b"\n").removesuffix(b"\n"))
        arguments = [self.program, "--server", address[0], "--port", str(address[1]), "--helo", "source.test",
                     "--from", mail.sender or "<>", "--to", ",".join(mail.recipients), "--data", "@" + file,
                     "--timeout", "30", "--no-strip-from"]
        if transport != "plain":
            arguments += ["--tls" if transport == "starttls" else "--tls-on-connect", "--tls-verify",
                          "--tls-ca-path", self.certificates.authority]
        if mechanism:
            arguments += ["--auth", mechanism, "--auth-user", USER, "--auth-password", password]
        self.run(arguments, self.environment)


class Msmtp(Client):
    name = "msmtp"
    mechanisms = ("PLAIN", "LOGIN", "SCRAM-SHA-256")
    lacks = {("client", "quoted"): "msmtp 1.8 sends nothing but the domain of it"}

    def prepare(self):
        self.program, self.environment = self.packages.program("msmtp")

    def submit(self, address, mail, transport="plain", mechanism=None, password=PASSWORD):
        lines = ["account default", f"host {address[0]}", f"port {address[1]}", "domain source.test", "timeout 30",
                 "remove_bcc_headers off", f"tls {'off' if transport == 'plain' else 'on'}"]
        if transport != "plain":
            lines += [f"tls_starttls {'on' if transport == 'starttls' else 'off'}",
                      f"tls_trust_file {self.certificates.authority}"]
        if mechanism:
            lines += [f"auth {mechanism.lower()}", f"user {USER}", f"password \"{password}\""]
        file = write(os.path.join(self.folder, "msmtprc"), "\n".join(lines) + "\n", 0o600)
        self.run([self.program, "--file", file, f"--from={mail.sender or '<>'}", "--", *mail.recipients],
                 self.environment, mail.content.replace(b"\r\n", b"\n"))


class Curl(Client):
    name = "curl"

    def prepare(self):
        self.program, self.environment = self.packages.program("curl")

    def submit(self, address, mail, transport="plain", mechanism=None, password=PASSWORD):
        scheme = "smtps" if transport == "implicit" else "smtp"
        arguments = [self.program, "--disable", "--silent", "--verbose", "--max-time", "60",
                     f"{scheme}://{address[0]}:{address[1]}/source.test", "--mail-from", mail.sender or "<>",
                     "--upload-file", "-"]
        for recipient in mail.recipients:
            arguments += ["--mail-rcpt", recipient]
        if transport != "plain":
            arguments += ["--ssl-reqd", "--cacert", self.certificates.authority]
        if mechanism:
            arguments += ["--user", f"{USER}:{password}", "--login-options", f"AUTH={mechanism}"]
        self.run(arguments, self.environment, mail.content)


CLIENTS = {client.name: client for client in (Swaks, Msmtp, Curl, Smtplib)}
