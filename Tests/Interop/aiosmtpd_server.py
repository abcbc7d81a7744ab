"""aiosmtpd, PyPI's SMTP server, as the far end."""
from sink import Delivery
from workspace import free_port


class AiosmtpdServer:
    """Keeps what it is given in a mailbox, as the sink does."""

    name = "aiosmtpd"

    def __init__(self, packages, certificates, mailbox):
        packages.python_module("aiosmtpd")
        self.certificates, self.mailbox = certificates, mailbox

    def start(self, tls):
        from aiosmtpd.controller import Controller
        context = self.certificates.server_context() if tls else None
        self.controller = Controller(
            Handler(self.mailbox), hostname="127.0.0.1", port=free_port(), server_hostname="aiosmtpd.test",
            enable_SMTPUTF8=True, tls_context=context, require_starttls=tls, data_size_limit=104857600)
        self.controller.start()
        return ("127.0.0.1", self.controller.port)

    def stop(self):
        self.controller.stop()


class Handler:
    """What aiosmtpd calls at each step."""

    def __init__(self, mailbox):
        self.mailbox = mailbox

    async def handle_RCPT(self, server, session, envelope, address, options):
        verdict = self.mailbox.verdict(address)
        if verdict.startswith("2"):
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.append(options)
        return verdict

    async def handle_DATA(self, server, session, envelope):
        sender = "" if envelope.mail_from == "<>" else envelope.mail_from  # Its own spelling of a null one.
        recipients = list(zip(envelope.rcpt_tos, envelope.rcpt_options))
        self.mailbox.add(Delivery(sender, list(envelope.mail_options), recipients,
                                  envelope.original_content, tls=session.ssl is not None))
        return "250 2.0.0 Ok: kept"
