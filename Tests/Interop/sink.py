"""Where mail ends: SMTP servers that keep every transaction as it came over the wire."""
import dataclasses
import re
import socketserver
import threading
import time


@dataclasses.dataclass
class Delivery:
    """One transaction as the far end saw it."""
    sender: str  # What stood between the angle brackets of MAIL.
    sender_parameters: list
    recipients: list  # (what stood between the angle brackets of RCPT, parameters)
    content: bytes  # Dots unstuffed.
    tls: bool = False
    claimed: bool = False  # A case has accounted for it.


class Mailbox:
    """All that arrived, and what is said to a recipient, by the first word of its local part."""

    def __init__(self):
        self.deliveries = []
        self.greylisted = set()
        self.changed = threading.Condition()

    def add(self, delivery):
        with self.changed:
            self.deliveries.append(delivery)
            self.changed.notify_all()

    def verdict(self, recipient):
        """The reply to RCPT."""
        if recipient.startswith("unknown"):
            return "550 5.1.1 no such mailbox at the sink"
        with self.changed:
            if recipient.startswith("grey") and recipient not in self.greylisted:
                self.greylisted.add(recipient)
                return "451 4.7.1 come back in a second"
        return "250 2.1.5 Ok"

    def wait(self, matches, enough, seconds=30):
        """The deliveries that match, as soon as they are enough or the time is over."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                found = [delivery for delivery in self.deliveries if matches(delivery)]
                left = deadline - time.monotonic()
                if enough(found) or left <= 0:
                    for delivery in found:
                        delivery.claimed = True
                    return found
                self.changed.wait(left)

    def strays(self):
        with self.changed:
            return [delivery for delivery in self.deliveries if not delivery.claimed]


class Sink:
    """An SMTP server on a port of the system's choice that offers `extensions` and knows them."""

    EXTENSIONS = ("PIPELINING", "SIZE 104857600", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8", "CHUNKING",
                  "BINARYMIME")

    def __init__(self, mailbox, extensions=EXTENSIONS):
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), SinkSession, bind_and_activate=False)
        self.server.request_queue_size = 128
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.server.server_bind()
        self.server.server_activate()
        self.server.mailbox, self.server.extensions = mailbox, extensions
        self.address = self.server.server_address
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class SinkSession(socketserver.StreamRequestHandler):
    """A session of the sink. It is strict: what a sender must not say is refused, so that a case sees it."""

    timeout = 60

    def handle(self):
        self.reset()
        try:
            self.reply("220 sink.test ESMTP")
            while self.command():
                pass
        except OSError:
            pass

    def reset(self):
        self.sender, self.sender_parameters, self.recipients, self.chunks = None, [], [], []

    def reply(self, *lines):
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def line(self):
        line = self.rfile.readline(65536)
        if not line.endswith(b"\r\n"):
            raise OSError("the client left, or ended a line otherwise than with CRLF")
        return line

    def command(self):
        line = self.line()[:-2].decode("utf-8", "surrogateescape")
        verb, _, argument = line.partition(" ")
        match verb.upper():
            case "EHLO":
                words = ["sink.test", *self.server.extensions]
                self.reset()
                self.reply(*[f"250-{word}" for word in words[:-1]], f"250 {words[-1]}")
            case "HELO":
                self.reset()
                self.reply("250 sink.test")
            case "MAIL":
                self.mail(argument)
            case "RCPT":
                self.recipient(argument)
            case "DATA":
                self.data()
            case "BDAT":
                self.chunk(argument.split())
            case "RSET":
                self.reset()
                self.reply("250 2.0.0 Ok")
            case "NOOP":
                self.reply("250 2.0.0 Ok")
            case "QUIT":
                self.reply("221 2.0.0 Bye")
                return False
            case _:
                self.reply("500 5.5.2 Not known here")
        return True

    def path(self, word, argument):
        # RFC 5321 §4.1.1.2: no space behind the colon. A quoted local part may hold anything, also `>`.
        found = re.fullmatch(word + r':<((?:"(?:[^"\\]|\\.)*"|[^">])*)>((?: \S+)*)', argument, re.IGNORECASE)
        return (found[1], found[2].split()) if found else None

    def mail(self, argument):
        path = self.path("FROM", argument)
        if path is None:
            return self.reply("501 5.5.4 Not a reverse-path")
        if self.sender is not None:
            return self.reply("503 5.5.1 A transaction is under way")
        self.sender, self.sender_parameters = path
        self.reply("250 2.1.0 Ok")

    def recipient(self, argument):
        path = self.path("TO", argument)
        if path is None:
            return self.reply("501 5.5.4 Not a forward-path")
        if self.sender is None:
            return self.reply("503 5.5.1 MAIL first")
        verdict = self.server.mailbox.verdict(path[0])
        if verdict.startswith("2"):
            self.recipients.append(path)
        self.reply(verdict)

    def data(self):
        if not self.recipients:
            return self.reply("503 5.5.1 No valid recipients")
        self.reply("354 Go on")
        lines = []
        while (line := self.line()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        self.keep(b"".join(lines))

    def chunk(self, words):
        octets = self.rfile.read(int(words[0]))
        if not self.recipients:
            return self.reply("503 5.5.1 No valid recipients")
        self.chunks.append(octets)
        if words[1:] and words[1].upper() == "LAST":
            self.keep(b"".join(self.chunks))
        else:
            self.reply(f"250 2.0.0 {len(octets)} octets")

    def keep(self, content):
        self.server.mailbox.add(Delivery(self.sender, self.sender_parameters, self.recipients, content))
        self.reset()
        self.reply("250 2.0.0 Ok: kept")
