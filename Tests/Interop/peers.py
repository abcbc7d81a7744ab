"""The MTAs that Hoptop is put beside, each a pure relay on loopback.

They want root, users of their own and files under /etc, /var/spool and /var/lib. Each gets these in name spaces of
its own (mounts and processes), so that the machine is left as it was, nothing is looked up in the DNS, and killing the
first process ends all of them.
"""
import glob
import os
import shutil
import signal
import subprocess
import time

from workspace import Unavailable, free_port, tail, wait_for_greeting, write

ETC = ("ld.so.cache", "nsswitch.conf", "services", "protocols", "localtime", "ssl", "gnutls", "crypto-policies")
USERS = ("postfix", "opensmtpd", "opensmtpq", "Debian-exim")
GROUPS = ("postdrop",)
SESSION_LIMIT = 5  # Exim ends a session with 421 when more messages come in it; its own default is 1000.
REFUSAL = "550 5.1.1 no such mailbox at the peer"


class Peer:
    """An MTA that relays everything to one next hop and refuses recipients whose address begins with `refused`."""

    name = ""
    transports = ("plain", "starttls")
    directions = ("upstream", "downstream", "lmtp")
    queued = ()  # Patterns under the peer's folder: a file for each message that it still has to deliver.
    report = "/log"  # There too: what it says of its deliveries.
    lacks = {}  # (direction, case), and why the peer has no part in that.

    def __init__(self, workspace, packages, certificates):
        if os.geteuid() != 0:
            raise Unavailable("needs root: name spaces, and users of its own")
        self.workspace, self.certificates = workspace, certificates
        self.top = packages.unpack(self.name)
        self.environment = packages.environment(self.top)
        self.folder = workspace.folder(self.name)
        self.log = os.path.join(self.folder, "log")
        self.etc = os.path.join(self.folder, "etc")
        self.ids = self.lay_out_etc()
        self.process = None
        self.directory(self.folder + "/var-spool", 0o755)

    def start(self, next_hop, listen="plain", send="plain", protocol="smtp"):
        """Relays from a port, whose address is returned, to `next_hop`; `listen` and `send`: plain or starttls."""
        port = free_port()
        arguments = self.prepare(port, next_hop, listen == "starttls", send == "starttls", protocol)
        self.process = self.workspace.start(self.apart(arguments), self.log, self.environment)
        address = ("127.0.0.1", port)
        wait_for_greeting(address, self.process, self.log)
        return address

    def stop(self):
        if self.process is None:
            return None
        if self.process.poll() is not None:
            return f"{self.name} had ended by itself with {self.process.returncode}: {tail(self.log)}"
        deadline = time.monotonic() + 5
        while (held := self.held()) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.workspace.end(self.process, signal.SIGKILL)
        if held:
            return f"{self.name} still holds {held} messages, to send them again: {tail(self.folder + self.report, 2)}"
        return None

    def held(self):
        return sum(len(glob.glob(self.folder + pattern)) for pattern in self.queued)

    def prepare(self, port, next_hop, listen, send, protocol):
        """Writes the configuration and returns the command."""
        raise NotImplementedError

    def lay_out_etc(self):
        """An /etc with what programs need of the machine's, the peers' users, and a resolver that is a closed port."""
        os.mkdir(self.etc)
        for name in ETC:
            source = os.path.join("/etc", name)
            if os.path.isdir(source):
                shutil.copytree(source, os.path.join(self.etc, name), symlinks=True)
            elif os.path.exists(source):
                shutil.copy(source, os.path.join(self.etc, name))
        os.makedirs(self.etc + "/exim4")
        ids = {name: 700 + index for index, name in enumerate(USERS + GROUPS)}
        people = "".join(f"{name}:x:{ids[name]}:{ids[name]}::/nonexistent:/usr/sbin/nologin\n" for name in USERS)
        groups = "".join(f"{name}:x:{number}:\n" for name, number in ids.items())
        nobody = "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"
        write(self.etc + "/passwd", "root:x:0:0:root:/root:/bin/sh\n" + nobody + people)
        write(self.etc + "/group", "root:x:0:\nnogroup:x:65534:\n" + groups)
        write(self.etc + "/hosts", "127.0.0.1 localhost peer.test\n")
        write(self.etc + "/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        write(self.etc + "/mailname", "peer.test\n")
        return ids

    def apart(self, arguments):
        """The command in name spaces of its own: this /etc, and an empty /var/spool and /var/lib."""
        if not shutil.which("unshare"):
            raise Unavailable("needs unshare, of util-linux")
        mounts = " && ".join([
            f"mount --bind '{self.etc}' /etc", f"mount --bind '{self.folder}/var-spool' /var/spool",
            "mount -t tmpfs -o mode=755 tmpfs /var/lib", "mkdir -p /var/lib/opensmtpd/empty",
            # The shell stays: it dies with unshare, and all in its name space with it. The peers change their user,
            # at which the kernel forgets whose death was to be theirs.
            '{ "$@" & wait $!; }'])
        spaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if subprocess.run([*spaces, "true"], capture_output=True).returncode != 0:
            raise Unavailable("this machine, or its container, allows no name spaces")
        return [*spaces, "sh", "-c", mounts, "sh", *arguments]

    def directory(self, path, mode, owner=0, group=0):
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        os.chown(path, owner, group)


class Postfix(Peer):
    name = "postfix"
    queued = ("/queue/incoming/*", "/queue/active/*", "/queue/deferred/*/*")
    report = "/maillog"

    def prepare(self, port, next_hop, listen, send, protocol):
        programs = self.top + "/usr/lib/postfix"
        configuration, queue = self.folder + "/postfix", self.folder + "/queue"
        self.environment = {"LD_LIBRARY_PATH": programs + ":" + self.environment["LD_LIBRARY_PATH"]}
        write(configuration + "/refused", f"/^refused/ {REFUSAL}\n")
        write(configuration + "/main.cf", f"""
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {self.folder}/data
command_directory = {self.top}/usr/sbin
daemon_directory = {programs}/sbin
shlib_directory = {programs}
meta_directory = {configuration}
mail_owner = postfix
setgid_group = postdrop
import_environment = MAIL_CONFIG MAIL_LOGTAG TZ LANG=C LD_LIBRARY_PATH={self.environment["LD_LIBRARY_PATH"]}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = peer.test
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{next_hop[1]}
default_transport = {protocol}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access regexp:{configuration}/refused
local_header_rewrite_clients =
alias_maps =
alias_database =
local_recipient_maps =
notify_classes =
maillog_file_prefixes = {self.folder}
maillog_file = {self.folder}/maillog
smtpd_tls_security_level = {"encrypt" if listen else "none"}
smtpd_tls_cert_file = {self.certificates.certificate}
smtpd_tls_key_file = {self.certificates.key}
smtpd_tls_received_header = yes
smtp_tls_security_level = {"secure" if send else "none"}
smtp_tls_CAfile = {self.certificates.authority}
smtp_tls_secure_cert_match = hoptop.test
""")
        services = "".join(f"{line}\n" for line in (
            f"127.0.0.1:{port} inet n - n - - smtpd", "pickup unix n - n 60 1 pickup",
            "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "tlsmgr unix - - n 1000? 1 tlsmgr",
            "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce",
            "trace unix - - n - 0 bounce", "verify unix - - n - 1 verify", "flush unix n - n 1000? 0 flush",
            "proxymap unix - - n - - proxymap", "smtp unix - - n - - smtp", "relay unix - - n - - smtp",
            "error unix - - n - - error", "retry unix - - n - - error", "anvil unix - - n - 1 anvil",
            "lmtp unix - - n - - lmtp", "scache unix - - n - 1 scache", "postlog unix-dgram n - n - 1 postlogd"))
        write(configuration + "/master.cf", services)
        write(configuration + "/postfix-files", "")
        postfix, postdrop = self.ids["postfix"], self.ids["postdrop"]
        self.directory(queue, 0o755)
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
                     "saved", "trace"):
            self.directory(f"{queue}/{name}", 0o700, postfix)
        self.directory(queue + "/pid", 0o755)
        self.directory(queue + "/maildrop", 0o1730, postfix, postdrop)
        self.directory(queue + "/public", 0o710, postfix, postdrop)
        self.directory(self.folder + "/data", 0o700, postfix)
        return [programs + "/sbin/master", "-c", configuration, "-d"]


class Exim(Peer):
    name = "exim"
    queued = ("/spool/input/*-H",)
    report = "/spool/log/mainlog"

    def prepare(self, port, next_hop, listen, send, protocol):
        program = self.top + "/usr/sbin/exim4"
        spool = self.folder + "/spool"
        exim = self.ids["Debian-exim"]
        self.directory(spool, 0o750, exim, exim)
        self.directory(spool + "/log", 0o750, exim, exim)
        code, _, text = REFUSAL.partition(" ")
        # The name in the certificate is not asked for: the next hop is an address to Exim.
        outward = (f"hosts_require_tls = *\n  tls_verify_hosts = *\n  tls_verify_cert_hostnames =\n"
                   f"  tls_verify_certificates = {self.certificates.authority}" if send else "hosts_avoid_tls = *")
        write(self.etc + "/exim4/exim4.conf", f"""
exim_path = {program}
primary_hostname = peer.test
spool_directory = {spool}
log_file_path = {spool}/log/%slog
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
disable_ipv6 = true
tls_advertise_hosts = {"*" if listen else ""}
tls_certificate = {self.certificates.certificate}
tls_privatekey = {self.certificates.key}
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
acl_smtp_rcpt = recipient
acl_smtp_data = data
host_lookup =
smtp_accept_max_per_connection = {SESSION_LIMIT}
smtp_accept_queue_per_connection = 0
keep_environment =

begin acl
recipient:
  deny local_parts = ^refused
       message = {code} {text}
  accept hosts = 127.0.0.0/8
         {"encrypted = *" if listen else ""}
  deny
data:
  accept

begin routers
smarthost:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = out

begin transports
out:
  driver = smtp
  protocol = {protocol}
  port = {next_hop[1]}
  allow_localhost = true
  hosts_try_auth =
  {outward}

begin retry
* * F,2h,1m
""")
        return [program, "-bdf", "-q1m", "-oP", spool + "/exim.pid"]


class OpenSMTPD(Peer):
    name = "opensmtpd"
    directions = ("upstream", "downstream")
    transports = ("plain",)  # Debian 12's OpenSMTPD cannot do TLS with Debian 12's OpenSSL.
    queued = ("/var-spool/smtpd/queue/*/*/*",)
    lacks = {
        ("upstream", "quoted"): "it refuses a local part with a space in it",
        ("downstream", "quoted"): "it refuses a local part with a space in it",
        ("upstream", "too-large"): "its report holds the whole message, and so is too large as well",
    }

    def prepare(self, port, next_hop, listen, send, protocol):
        configuration = write(self.folder + "/smtpd.conf", f"""
listen on 127.0.0.1 port {port} hostname peer.test
action "out" relay host smtp+notls://127.0.0.1:{next_hop[1]}
match from any for rcpt-to regex "^refused.*" reject
match from any for any action "out"
mta limit conn-delay-host 0
mta limit conn-delay-source 0
mta limit conn-delay-connector 0
mta limit conn-delay-relay 0
mta limit conn-delay-domain 0
mta limit reconn-delay-route 0
mta limit session-transaction-delay 0
""")
        self.directory(self.folder + "/var-spool/smtpd", 0o711)
        return [self.top + "/usr/sbin/smtpd", "-d", "-f", configuration]


PEERS = {peer.name: peer for peer in (Postfix, Exim, OpenSMTPD)}
