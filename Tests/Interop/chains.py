"""The chains that mail is sent through: source, one or two hops, sink. One of the hops is Hoptop."""
import dataclasses

from aiosmtpd_server import AiosmtpdServer
from certificates import Certificates
from clients import CLIENTS, Source
from hoptop import Hoptop, SigningKeys, offered
from packages import Packages
from peers import PEERS
from sink import Mailbox, Sink
from workspace import Failure, Unavailable


@dataclasses.dataclass(frozen=True)
class Plan:
    """One chain.

    upstream: the peer hands to Hoptop. lmtp: the same over LMTP. downstream: Hoptop hands to the peer.
    pair: Hoptop hands to another Hoptop.
    client: a client program hands to Hoptop. submission: the same, with a password.
    """
    peer: str
    direction: str
    transport: str  # Of the link between the two that `peer` and `direction` name: plain, starttls or implicit.
    short: bool

    def __str__(self):
        return f"{self.peer:<10} {self.direction:<10} {self.transport:<8}"


def plans():
    """All of them, in the order in which they run."""
    for peer in PEERS.values():
        for direction in peer.directions:
            for transport in peer.transports if direction != "lmtp" else ("plain",):
                yield Plan(peer.name, direction, transport, short=peer.name in ("postfix", "exim"))
    for transport in ("plain", "starttls"):
        yield Plan("hoptop", "pair", transport, short=True)
    for transport in ("plain", "starttls"):
        yield Plan("aiosmtpd", "downstream", transport, short=True)
    for client in CLIENTS:
        for transport in ("plain", "starttls", "implicit"):
            yield Plan(client, "client", transport, short=client in ("curl", "smtplib"))
    for client in CLIENTS:
        for transport in ("starttls", "implicit"):
            yield Plan(client, "submission", transport, short=client in ("curl", "smtplib"))


def lacks(plan, case):
    """Whether the peer is known to have no part in a case."""
    participant = PEERS.get(plan.peer) or CLIENTS.get(plan.peer)
    return participant is not None and (plan.direction, case.name) in participant.lacks


class Stage:
    """What every chain is built from."""

    def __init__(self, workspace, binary):
        self.workspace, self.binary, self.packages = workspace, binary, Packages()
        self.certificates = Certificates(workspace.folder("certificates"))
        self.keys = SigningKeys(workspace, binary)


class Chain:
    """A running chain. Made by `open`; `close` ends it."""

    def __init__(self, plan, stage):
        self.plan, self.stage = plan, stage
        self.transport, self.tls = plan.transport, plan.transport != "plain"
        self.mailbox, self.hops, self.running, self.entries = Mailbox(), 2, [], []
        self.far_end_records_tls = False

    @property
    def hoptops(self):
        return [hop for hop in self.running if isinstance(hop, Hoptop)]

    @property
    def first_is_hoptop(self):
        return self.plan.direction not in ("upstream", "lmtp")

    @property
    def last_is_hoptop(self):
        return self.plan.direction != "downstream" or self.plan.peer == "aiosmtpd"

    @property
    def declares_eight_bit(self):
        """Whether Hoptop is told BODY=8BITMIME: only these say it."""
        return self.plan.peer in ("postfix", "hoptop", "smtplib")

    def reporter(self, case):
        """Which hop is told that a recipient does not exist, and has to report it."""
        return "hoptop" if self.last_is_hoptop or case == "refused" else self.plan.peer

    def open(self):
        """Starts the hops from the last to the first."""
        match self.plan.direction:
            case "upstream":
                hoptop = self.hoptop(self.sink(), listen=self.transport)
                self.enter(self.mta(hoptop, send=self.transport))
            case "lmtp":
                hoptop = self.hoptop(self.sink(), role="lmtp")
                self.enter(self.mta(hoptop, protocol="lmtp"))
            case "downstream" if self.plan.peer == "aiosmtpd":
                self.hops, self.far_end_records_tls = 1, True
                server = AiosmtpdServer(self.stage.packages, self.stage.certificates, self.mailbox)
                address = server.start(self.tls)
                self.running.append(server)
                self.enter(self.hoptop(address, route=self.transport))
            case "downstream":
                self.enter(self.hoptop(self.mta(self.sink(), listen=self.transport), route=self.transport))
            case "pair":
                last = self.hoptop(self.sink(), listen=self.transport)
                self.enter(self.hoptop(last, route=self.transport, hostname="first.hoptop.test"))
            case "client":
                self.hops = 1
                self.enter(self.hoptop(self.sink(), listen=self.transport), CLIENTS[self.plan.peer], self.transport)
            case "submission":
                self.hops = 1
                address = self.hoptop(self.sink(), listen=self.transport, role="submission")
                self.enter(address, CLIENTS[self.plan.peer], self.transport)

    def close(self):
        """Ends every hop, the first one first; returns what was wrong at the end."""
        complaints = [hop.stop() for hop in reversed(self.running)]
        for stray in self.mailbox.strays():
            paths = [path for path, _ in stray.recipients]
            complaints.append(f"arrived twice, or for no case: <{stray.sender}> -> {paths[:3]}")
        return [complaint for complaint in complaints if complaint]

    def submit(self, mail, **options):
        self.client.submit(self.entry, mail, self.entry_transport, **options)

    def need_extension(self, name):
        """What every hop offers under this name; a peer without it skips the case."""
        for hop, address, transport in self.entries:
            context = self.stage.certificates.client_context() if transport != "plain" else None
            features = offered(address, context, implicit=transport == "implicit")
            if name not in features:
                raise (Failure if hop == "hoptop" else Unavailable)(f"{hop} does not offer {name.upper()}")
        return features[name]

    def sink(self):
        sink = Sink(self.mailbox)
        self.running.append(sink)
        return sink.address

    def mta(self, next_hop, listen="plain", send="plain", protocol="smtp"):
        peer = PEERS[self.plan.peer](self.stage.workspace, self.stage.packages, self.stage.certificates)
        self.running.append(peer)
        address = peer.start(next_hop, listen, send, protocol)
        self.entries.append((self.plan.peer, address, listen))
        return address

    def hoptop(self, next_hop, listen="plain", route="plain", role="relay", hostname="hoptop.test"):
        hoptop = Hoptop(self.stage.workspace, self.stage.binary, self.stage.keys, hostname)
        self.running.append(hoptop)
        users = hoptop.users_file() if role == "submission" else None
        address = hoptop.start(
            next_hop, certificates=self.stage.certificates, listen={"plain": "none"}.get(listen, listen),
            route={"plain": "none", "starttls": "required"}[route], role=role, users=users)
        self.entries.append(("hoptop", address, listen))
        return address

    def enter(self, address, client=Source, transport="plain"):
        """Mail goes in here, by this client."""
        self.entry, self.entry_transport = address, transport
        self.client = client(self.stage.workspace, self.stage.packages, self.stage.certificates)
