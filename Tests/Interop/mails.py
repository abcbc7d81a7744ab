"""The messages that are sent: what each is a trial of lies in its content or its envelope."""
import dataclasses
import secrets

from hoptop import SIGNED_DOMAIN


@dataclasses.dataclass
class Mail:
    """An envelope and a content, and in words what is special about it."""
    what: str
    sender: str
    recipients: list
    content: bytes
    parameters: list = dataclasses.field(default_factory=list)  # Of MAIL.
    recipient_parameters: list = dataclasses.field(default_factory=list)  # Of each RCPT.
    hostile: list = dataclasses.field(default_factory=list)  # Those of the recipients that will be refused.
    token: str = ""  # In every address, so that the sink can tell the cases apart.

    @property
    def accepted(self):
        return [recipient for recipient in self.recipients if recipient not in self.hostile]


class Composer:
    """Writes the messages of one case under a token of its own."""

    def __init__(self):
        self.token = secrets.token_hex(4)
        self.sender = f"sender.{self.token}@source.test"

    def recipient(self, name="ann"):
        return f"{name}.{self.token}@sink.test"

    def content(self, lines, fields=()):
        header = [
            "From: Sender <sender@source.test>", "To: Ann <ann@sink.test>", "Date: Tue, 24 Nov 2026 10:00:00 +0000",
            f"Message-ID: <{self.token}@source.test>", f"Subject: interoperation {self.token}", *fields]
        return "".join(f"{line}\r\n" for line in [*header, "", *lines]).encode()

    def mail(self, what, lines, fields=(), **envelope):
        values = {"sender": self.sender, "recipients": [self.recipient()], "token": self.token, **envelope}
        return Mail(what, content=self.content(lines, fields), **values)

    def plain(self):
        return self.mail("a few lines", ["A plain message.", "", "With a second paragraph, and an end:", "", ""])

    def signed(self):
        mail = self.mail("from a domain with two keys", ["Trailing space ", "", "two  spaces\tand a tab", ".dots", "", ""])
        return dataclasses.replace(
            mail, content=mail.content.replace(b"<sender@source.test>", f"<sender@{SIGNED_DOMAIN}>".encode()))

    def dots(self):
        lines = [".", "..", "...", ".leading", "..leading", "in.side", "ends.", "", ".", "", ".."]
        return self.mail("lines that begin with dots", lines)

    def eight_bit(self):
        fields = ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
        lines = ["Grüße aus Köln – 東京から – \U0001f4ec", "ÿ" * 490, "é"]
        return self.mail("UTF-8 with BODY=8BITMIME", lines, fields, parameters=["BODY=8BITMIME"])

    def long_header(self):
        folded = "X-Folded: " + "\r\n ".join(f"{number:04d} " + "w" * 70 for number in range(150))
        limit = "X-Limit: " + "l" * (998 - len("X-Limit: "))  # RFC 5322 §2.1.1
        references = "References:" + "".join(f"\r\n <{number}.{self.token}@source.test>" for number in range(100))
        fields = [folded, limit, references, "X-Empty: ", "X-Tab:\tbehind a tab\r\n\tand in front of one"]
        return self.mail("a header of 17 KB, a line of 998 octets", ["Short."], fields)

    def mebibyte(self):
        line = "".join(chr(33 + number % 94) for number in range(76))
        return self.mail("1 MiB", [line] * (1048576 // 78 + 1))

    def many(self, count=150):
        recipients = [self.recipient(f"ann{number}") for number in range(count)]
        return self.mail(f"{count} recipients", ["To many."], recipients=recipients)

    def null_sender(self):
        return self.mail("a null reverse-path", ["As a report has it."], sender="")

    def quoted(self):
        return self.mail("a quoted local part", ["To a strange one."],
                         recipients=[f'"ann b@c {self.token}"@sink.test', self.recipient()])

    def no_body(self):
        return self.mail("a header and no body", [])

    def refused(self, name):
        hostile = self.recipient(name)
        return self.mail(f"a recipient <{name}…> that does not exist, and one that does", ["To whom?"],
                         recipients=[self.recipient(), hostile], hostile=[hostile])

    def greylisted(self):
        return self.mail("451 first, 250 a second later", ["Again."], recipients=[self.recipient("grey")])

    def too_large(self):
        return self.mail("5 MB where 4 MB are allowed", ["x" * 76] * (5_000_000 // 78))

    def smuggled(self):
        mail = self.plain()
        ends = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n.\r", b"\r.\n"]
        tail = (f"MAIL FROM:<smuggled.{self.token}@source.test>\r\nRCPT TO:<smuggled@sink.test>\r\nDATA\r\n"
                "Subject: smuggled\r\n\r\nIn.").encode()
        content = mail.content + b"".join(b"text" + end + tail for end in ends) + b"\r\n"
        return dataclasses.replace(mail, what=f"{len(ends)} false ends of mail data", content=content)

    def internationalized(self):
        fields = ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit",
                  "X-Text: Grüße aus Köln"]
        return self.mail("SMTPUTF8: mailboxes and a header in UTF-8", ["Grüße."], fields,
                         sender=f"grüße.{self.token}@source.test", recipients=[f"δοκιμή.{self.token}@sink.test"],
                         parameters=["SMTPUTF8", "BODY=8BITMIME"])

    def notified(self):
        return self.mail("RET, ENVID, NOTIFY, ORCPT", ["Tell me."],
                         parameters=["RET=HDRS", f"ENVID=envelope+2B{self.token}"],
                         recipient_parameters=["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;first.{self.token}@sink.test"])

    def binary(self):
        mail = self.mail("BDAT, BODY=BINARYMIME: NUL, bare CR and LF, no line end", [], [
            "MIME-Version: 1.0", "Content-Type: application/octet-stream", "Content-Transfer-Encoding: binary"],
            parameters=["BODY=BINARYMIME"])
        octets = bytes(range(256)) * 40 + b"\r\n.\r\n\n.\n\r.\r no end"
        return dataclasses.replace(mail, content=mail.content + octets)
