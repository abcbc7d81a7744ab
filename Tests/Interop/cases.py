"""What is sent through a chain, and what has to be true of it at the far end."""
import dataclasses
import email
import email.policy
import re
from typing import Callable

from clients import Refused
from hoptop import MESSAGE_LIMIT
from mails import Composer
from peers import SESSION_LIMIT
from workspace import Failure, Unavailable

TRACE = {"received", "return-path"}  # RFC 5321 §4.4


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    run: Callable  # (chain) -> what was exchanged; raises Failure, Refused or Unavailable.
    applies: Callable = lambda plan: plan.direction != "submission"
    short: bool = True


def arrives(compose, check=None):
    """A case: a message goes in and comes out octet for octet, to exactly its recipients."""
    def run(chain):
        mail = compose(Composer())
        chain.submit(mail)
        deliveries = expect_arrival(chain, mail)
        more = check(chain, mail, deliveries) if check else None
        size = f"{len(mail.content)} octets arrived as they were sent"
        return ", ".join(filter(None, [mail.what, size, more]))
    return run


def expect_arrival(chain, mail, seconds=30, added=()):
    """Waits for a message at the sink and compares envelope, content and trace, in which `added` fields may stand."""
    wanted = sorted(mail.accepted)

    def arrived(deliveries):
        return sorted(path for delivery in deliveries for path, _ in delivery.recipients)

    deliveries = chain.mailbox.wait(
        lambda delivery: any(mail.token in path and path != mail.sender for path, _ in delivery.recipients),
        lambda found: len(arrived(found)) >= len(wanted), seconds)
    if arrived(deliveries) != wanted:
        lost = sorted(set(wanted) - set(arrived(deliveries)))
        raise Failure(f"{len(arrived(deliveries))} of {len(wanted)} recipients after {seconds} s; missing {lost[:3]}, "
                      f"got {arrived(deliveries)[:3]}")
    for delivery in deliveries:
        if delivery.sender != mail.sender:
            raise Failure(f"reverse-path <{delivery.sender}> instead of <{mail.sender}>")
        trace = compare(delivery.content, mail.content, added)
        received = [value for name, value in trace if name == "received"]
        if len(received) != chain.hops:
            raise Failure(f"{len(received)} Received fields behind {chain.hops} hops")
        if chain.far_end_records_tls:
            used = delivery.tls
        else:
            used = tls_according_to(received[0])
        if used != chain.tls:
            raise Failure(f"the transport is {chain.transport}, but TLS was{'' if used else ' not'} in use")
    return deliveries


def compare(got, sent, added=()):
    """The trace fields on top of `sent`, as (name, value); anything else that changed is a failure."""
    if not got.endswith(sent):
        at = next((index for index in range(1, min(len(got), len(sent)) + 1) if got[-index] != sent[-index]), 0)
        raise Failure(f"content changed, {len(sent)} octets became {len(got)}; from the end, the first difference is "
                      f"{sent[-at:][:40]!r} sent, {got[-at:][:40]!r} received")
    fields = re.split(rb"\r\n(?![ \t])", got[:len(got) - len(sent)])
    if fields.pop() != b"":
        raise Failure("the trace does not end with a line end")
    trace = [(field.partition(b":")[0].decode().lower(), field.partition(b":")[2].decode()) for field in fields]
    if foreign := [name for name, _ in trace if name not in TRACE and name not in added]:
        raise Failure(f"fields were added that are no trace: {foreign}")
    return trace


def tls_according_to(received):
    """The hop that took the message over the link under trial says how in its Received field (RFC 3848)."""
    found = re.search(r"\swith\s+(?:UTF8)?[EL]?SMTP(S?)A?\b", received, re.IGNORECASE)
    return found is not None and found[1] != ""


def eight_bit(chain, mail, deliveries):
    """Where Hoptop is the last hop, the sink that offers 8BITMIME is told of it (RFC 6152 §3)."""
    if not chain.last_is_hoptop or not chain.declares_eight_bit:
        return None
    for delivery in deliveries:
        if "BODY=8BITMIME" not in delivery.sender_parameters:
            raise Failure(f"MAIL to a sink with 8BITMIME had {delivery.sender_parameters}")
    return "BODY=8BITMIME passed on"


def signed(chain):
    """Both signatures hold at the far end, whatever hops were between, and neither when the content is another."""
    packages = chain.stage.packages
    packages.python_module("nacl.signing", "pynacl")  # Or dkimpy knows no Ed25519.
    dkim = packages.python_module("dkim", "dkimpy")

    def verify(content, number):
        try:
            return dkim.DKIM(content).verify(idx=number, dnsfunc=chain.stage.keys.look_up)
        except dkim.DKIMException:
            return False

    mail = Composer().signed()
    chain.submit(mail)
    for delivery in expect_arrival(chain, mail, added=("dkim-signature",)):
        count = len(re.findall(rb"^DKIM-Signature:", delivery.content, re.MULTILINE))
        if count != 2 * len(chain.hoptops):
            raise Failure(f"{count} signatures of {len(chain.hoptops)} signers with two keys each")
        for content, holds in ((delivery.content, True), (delivery.content.replace(b"Trailing", b"Other"), False)):
            for number in range(count):
                if verify(content, number) is not holds:
                    raise Failure(f"signature {number} {'does not hold' if holds else 'holds over other content'}")
    return f"{mail.what}: {count} signatures hold by dkimpy, and break with the content"


def bounces(name):
    """A case: one recipient is refused for good, and the sender gets a report; the other recipient is served."""
    def run(chain):
        mail = Composer().refused(name)
        chain.submit(mail)
        expect_arrival(chain, mail)
        reports = chain.mailbox.wait(
            lambda delivery: any(path == mail.sender for path, _ in delivery.recipients), lambda found: len(found) >= 1)
        if len(reports) != 1:
            raise Failure(f"{len(reports)} reports arrived within 30 s")
        return f"{mail.what}; {expect_report(chain, mail, reports[0], name)}"
    return run


def expect_report(chain, mail, report, name):
    """RFC 3464: who failed, how, and which message it was."""
    if report.sender != "":
        raise Failure(f"a report with the reverse-path <{report.sender}> (RFC 5321 §4.5.5)")
    message = email.message_from_bytes(report.content, policy=email.policy.default)
    text = report.content.decode("utf-8", "replace")
    for needed in (mail.hostile[0], f"{mail.token}@source.test"):
        if needed not in text:
            raise Failure(f"the report does not name {needed}")
    by_hoptop = chain.reporter(name) == "hoptop"
    if message.get_content_type() != "multipart/report":
        if by_hoptop:
            raise Failure(f"the report is {message.get_content_type()} (RFC 3464 §2)")
        return f"{chain.reporter(name)} reported it in a form of its own"
    part = next((part for part in message.walk() if part.get_content_type() == "message/delivery-status"), None)
    if part is None:
        raise Failure("the report has no message/delivery-status (RFC 3464 §2.1)")
    groups = [dict((key.lower(), str(value)) for key, value in group.items()) for group in part.get_payload()]
    recipients = [group for group in groups if "final-recipient" in group]
    if len(recipients) != 1 or mail.hostile[0] not in recipients[0]["final-recipient"]:
        raise Failure(f"the report is about {[group['final-recipient'] for group in recipients]}")
    action, status = recipients[0].get("action", ""), recipients[0].get("status", "")
    if action.lower() != "failed" or not status.startswith("5."):
        raise Failure(f"the report says Action: {action}, Status: {status}")
    # OpenSMTPD gives no enhanced status code, so there is none to pass on.
    if by_hoptop and (status not in ("5.1.1", "5.0.0") or "550 " not in recipients[0].get("diagnostic-code", "")):
        raise Failure(f"the far end's reply is not in the report: {recipients[0]}")
    if by_hoptop and "reporting-mta" not in groups[0]:
        raise Failure("the report has no Reporting-MTA (RFC 3464 §2.2.2)")
    return f"{chain.reporter(name)} reported {status}"


def too_large(chain):
    """Over the limit that Hoptop announces with SIZE (RFC 1870 §6): refused, or reported by the hop before it."""
    mail = Composer().too_large()
    try:
        chain.submit(mail)
    except Refused as refusal:
        if not re.search(r"\b55[24]\b|5\.3\.4|(?i:too (big|large)|exceed)|size", str(refusal)):
            raise Failure(f"refused otherwise than for its size: {refusal}") from refusal
        return f"{mail.what}: {refusal}"[:150]
    if chain.first_is_hoptop:
        raise Failure(f"Hoptop took {len(mail.content)} octets with a limit of {MESSAGE_LIMIT}")
    reports = chain.mailbox.wait(
        lambda delivery: any(path == mail.sender for path, _ in delivery.recipients), lambda found: len(found) >= 1)
    if not reports:
        raise Failure("no report within 30 s")
    return f"{mail.what}: the hop before Hoptop reported it"


def session_of_many(chain, count=12):
    """Mail after mail, first as fast as it is taken, then each when the one before has arrived."""
    mails = [Composer().plain() for _ in range(count)]
    for number, mail in enumerate(mails):
        chain.submit(mail)
        if number >= count // 2:
            expect_arrival(chain, mail)
    for mail in mails[:count // 2]:
        expect_arrival(chain, mail)
    return f"{count} messages, one after the other, each arrived once and as it was sent"


def session_limit(chain):
    """421 to MAIL in a session that was used before says that the session is over (RFC 5321 §3.8), not that the mail is
    not wanted: a new session takes it at once, and it does not wait for its retry."""
    said = session_of_many(chain, 4 * SESSION_LIMIT)
    deferred = [line for hoptop in chain.hoptops for line in hoptop.deferrals() if " reply=\"421 " in line]
    if deferred:
        raise Failure(f"{len(deferred)} attempts ended in a deferral: {deferred[0]}")
    return f"{said}; none waited, though a session takes {SESSION_LIMIT}"


def half_close(chain):
    """QUIT right behind the dot, and no more to say: Exim ends its sessions so, and has to get its replies still."""
    mail = Composer().mebibyte()
    chain.submit(mail, half_close=True)
    expect_arrival(chain, mail)
    return f"{len(mail.content)} octets, QUIT and the end of the client's side in one; 250 and 221 came, all arrived"


def smuggling(chain):
    """What looks like an end of mail data to some is none (RFC 5321 §4.1.1.4), and is gone for the next hop."""
    mail = Composer().smuggled()
    wanted = dataclasses.replace(mail, content=re.sub(rb"\r\n|\r|\n", b"\r\n", mail.content))
    chain.submit(mail)
    expect_arrival(chain, wanted)
    return f"{mail.what}: one message arrived, its line ends made CRLF"


def with_extension(name, compose, check, chunk=None):
    """A case for an extension that Hoptop may lack, and the other hop too."""
    def run(chain):
        chain.need_extension(name)
        mail = compose(Composer())
        chain.submit(mail, chunk=chunk) if chunk else chain.submit(mail)
        deliveries = expect_arrival(chain, mail)
        said = check(mail, deliveries, chain)
        return ", ".join(filter(None, [mail.what, f"{len(mail.content)} octets arrived as they were sent", said]))
    return run


def utf8_declared(mail, deliveries, _):
    if any("SMTPUTF8" not in delivery.sender_parameters for delivery in deliveries):
        raise Failure(f"MAIL to the sink had {deliveries[0].sender_parameters} (RFC 6531 §3.4)")
    return "SMTPUTF8 passed on"


def notification_passed_on(mail, deliveries, _):
    """RFC 3461 §5.2.1: what a hop does not answer for, it hands on."""
    for delivery in deliveries:
        for parameter in mail.parameters:
            if parameter not in delivery.sender_parameters:
                raise Failure(f"{parameter} is lost: MAIL had {delivery.sender_parameters}")
        for path, parameters in delivery.recipients:
            said = {word.partition("=")[0].upper(): word.partition("=")[2] for word in parameters}
            notify = set(said.get("NOTIFY", "").upper().split(","))
            original = mail.recipient_parameters[1].partition("=")[2]
            if notify != {"SUCCESS", "FAILURE"} or said.get("ORCPT", "").lower() != original.lower():
                raise Failure(f"NOTIFY or ORCPT is lost: RCPT had {parameters}")
    return "all four passed on"


def binary_declared(mail, deliveries, _):
    if any("BODY=BINARYMIME" not in delivery.sender_parameters for delivery in deliveries):
        raise Failure(f"MAIL to the sink had {deliveries[0].sender_parameters} (RFC 3030 §3)")
    return "BODY=BINARYMIME passed on"


def sent_in_chunks(*_):
    return "sent with BDAT"


def relayed(mail, deliveries, chain):
    """The next hop knows no DSN, so Hoptop answers for the success that was asked for (RFC 3464 §2.3.3)."""
    reports = chain.mailbox.wait(
        lambda delivery: any(path == mail.sender for path, _ in delivery.recipients), lambda found: len(found) >= 1)
    if not reports:
        raise Failure("no report within 30 s")
    if b"\r\nAction: relayed\r\n" not in reports[0].content:
        raise Failure("the report does not say Action: relayed")
    return "reported as relayed"


def authenticated(mechanism):
    """A case: submission with a password (RFC 4954, RFC 6409)."""
    def run(chain):
        if mechanism not in chain.client.mechanisms:
            raise Unavailable(f"{chain.client.name} does not know {mechanism}")
        if mechanism not in chain.need_extension("auth").upper().split():
            raise Unavailable(f"this build does not offer AUTH {mechanism}")
        mail = Composer().plain()
        chain.submit(mail, mechanism=mechanism)
        expect_arrival(chain, mail)
        return f"AUTH {mechanism}, {len(mail.content)} octets arrived as they were sent"
    return run


def not_authenticated(chain):
    """RFC 6409 §4.3: who does not say who he is may not submit."""
    chain.need_extension("auth")
    return expect_refusal(lambda: chain.submit(Composer().plain()), r"\b530\b")


def wrong_password(chain):
    chain.need_extension("auth")
    return expect_refusal(
        lambda: chain.submit(Composer().plain(), mechanism="PLAIN", password="wrong"),
        r"\b535\b|(?i:authenticat|login denied)")


def expect_refusal(submit, pattern):
    try:
        submit()
    except Refused as refusal:
        if not re.search(pattern, str(refusal)):
            raise Failure(f"refused, but with {refusal}") from refusal
        return f"refused: {refusal}"[:150]
    raise Failure("taken without a right password")


def by_source(plan):
    return plan.direction in ("upstream", "downstream", "pair")


def through_mtas(plan):
    return by_source(plan) and plan.peer != "aiosmtpd"


def signs(plan):
    return plan.direction in ("downstream", "pair", "client")


def first_is_hoptop(plan):
    return plan.direction in ("downstream", "pair")


def last_is_hoptop(plan):
    """A hop that gets a 451 tries again after minutes, unless it is Hoptop, configured for seconds."""
    return plan.direction in ("upstream", "lmtp", "pair", "client") or plan.peer == "aiosmtpd"


def peer_refuses(plan):
    return plan.direction == "downstream" and plan.peer != "aiosmtpd"


def submission(plan):
    return plan.direction == "submission"


CASES = [
    Case("plain", arrives(Composer.plain)),
    Case("signed", signed, signs),
    Case("dots", arrives(Composer.dots)),
    Case("eight-bit", arrives(Composer.eight_bit, eight_bit)),
    Case("long-header", arrives(Composer.long_header)),
    Case("no-body", arrives(Composer.no_body), short=False),
    Case("mebibyte", arrives(Composer.mebibyte)),
    Case("recipients", arrives(Composer.many)),
    Case("null-sender", arrives(Composer.null_sender)),
    Case("quoted", arrives(Composer.quoted)),
    Case("unknown", bounces("unknown")),
    Case("refused", bounces("refused"), peer_refuses),
    Case("greylist", arrives(Composer.greylisted), last_is_hoptop),
    Case("too-large", too_large, short=False),
    Case("session", session_of_many, short=False),
    Case("session-limit", session_limit, lambda plan: plan.peer == "exim" and plan.direction == "downstream"),
    Case("half-close", half_close, first_is_hoptop),
    Case("smuggling", smuggling, first_is_hoptop),
    Case("smtputf8", with_extension("smtputf8", Composer.internationalized, utf8_declared), by_source),
    Case("dsn", with_extension("dsn", Composer.notified, notification_passed_on), through_mtas),
    Case("dsn-relayed", with_extension("dsn", Composer.notified, relayed), lambda plan: plan.peer == "aiosmtpd"),
    Case("chunking", with_extension("chunking", Composer.mebibyte, sent_in_chunks, chunk=100_000), through_mtas),
    Case("binary", with_extension("binarymime", Composer.binary, binary_declared, chunk=4096),
         lambda plan: plan.direction == "pair"),
    Case("auth-plain", authenticated("PLAIN"), submission),
    Case("auth-login", authenticated("LOGIN"), submission),
    Case("auth-scram", authenticated("SCRAM-SHA-256"), submission),
    Case("no-password", not_authenticated, submission),
    Case("wrong-password", wrong_password, submission),
]
