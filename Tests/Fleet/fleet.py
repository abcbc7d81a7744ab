"""Relays that share one queue, with all that they need: the database, a next hop, senders. For Scripts/fleet-costs and -cut."""
import asyncio, atexit, collections, glob, os, shutil, signal, subprocess, time

TICK = os.sysconf("SC_CLK_TCK")


def processor_time(pid):
    """Seconds of a process, and of its children that have ended."""
    try:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15]) / TICK


class Refused(Exception):
    """The other side said something else than was hoped for."""


class Database:
    """A PostgreSQL of its own."""

    def __init__(self, folder, listen="", network=None):
        os.makedirs(folder)
        self.folder, self.listen = folder, listen
        self.programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.user = []
        if os.getuid() == 0:
            self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(folder, "postgres", "postgres")
        self.run(*self.user, f"{self.programs}/initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8")
        if network:
            with open(f"{folder}/data/pg_hba.conf", "a") as file:
                file.write(f"host all all {network} trust\n")
        self.process = subprocess.Popen(
            [*self.user, f"{self.programs}/postgres", "-D", f"{folder}/data", "-k", folder, "-c", f"listen_addresses={listen}", "-c",
             "shared_buffers=256MB", "-c", "max_wal_size=4GB"], cwd="/", stderr=open(f"{folder}/log", "w"))
        while subprocess.run([f"{self.programs}/pg_isready", "-q", "-h", folder]).returncode:
            time.sleep(0.1)

    def run(self, *command):
        return subprocess.run(command, cwd="/", check=True, stdout=subprocess.PIPE, text=True).stdout

    def sql(self, text, database="postgres"):
        return self.run(f"{self.programs}/psql", "-X", "-q", "-A", "-t", "-h", self.folder, "-U", "postgres", "-c", text, database)

    def address(self, name):
        return f"postgresql://postgres@{self.listen or self.folder.replace('/', '%2F')}/{name}"

    def processor_time(self):
        """Of all its processes; those of the relays' connections live as long as these do."""
        children = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()
        return processor_time(self.process.pid) + sum(processor_time(child) for child in children)

    def written(self):
        """Octets of the write-ahead log, since the cluster was made."""
        return int(self.sql("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"))

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


async def expect(reader, code):
    while True:
        line = await reader.readline()
        if line[:3] != code:
            raise Refused(f"{line!r} where {code!r} should be")
        if line[3:4] != b"-":
            return


async def sender(port, count, content, host="127.0.0.1"):
    reader, writer = await asyncio.open_connection(host, port)
    await expect(reader, b"220")
    writer.write(b"EHLO client.example\r\n")
    await expect(reader, b"250")
    for _ in range(count):
        writer.write(b"MAIL FROM:<ann@a.example>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\n")
        for code in (b"250", b"250", b"354"):
            await expect(reader, code)
        writer.write(content)
        await expect(reader, b"250")
    writer.close()


class NextHop:
    """Takes all mail, and counts it by its Subject."""

    def __init__(self):
        self.taken = 0
        self.subjects = collections.Counter()

    async def session(self, reader, writer):
        writer.write(b"220 hop.example ESMTP\r\n")
        subject, isContent = None, False
        try:
            while line := await reader.readline():
                if isContent:
                    if line == b".\r\n":
                        isContent = False
                        self.taken += 1
                        self.subjects[subject] += 1
                        writer.write(b"250 2.0.0 taken\r\n")
                    elif line.startswith(b"Subject: "):
                        subject = line[9:].strip().decode()
                    continue
                verb = line[:4].upper()
                if verb == b"EHLO":
                    writer.write(b"250-hop.example\r\n250 PIPELINING\r\n")
                elif verb == b"DATA":
                    isContent = True
                    writer.write(b"354 go on\r\n")
                elif verb == b"QUIT":
                    writer.write(b"221 2.0.0 bye\r\n")
                    break
                else:
                    writer.write(b"250 2.0.0 Ok\r\n")
        except (ConnectionError, asyncio.CancelledError):
            pass
        writer.close()


class Node:
    """`hoptop serve` with a folder of its own.

    `namespace` is the network that it runs in, with what it listens on there; `hop` is where it sends to.
    """

    def __init__(self, number, folder, hoptop, hop, store, lease="30s", namespace=None, host="127.0.0.1"):
        own = f"{folder}/node{number}"
        os.makedirs(own)
        with open(f"{own}/hoptop.toml", "w") as file:
            file.write(f'hostname = "mx{number}.example"\n[[listen]]\naddress = "{host}:0"\n'
                       f'[relay]\nnetworks = ["127.0.0.0/8", "{host}/16"]\n'
                       f'[queue.retry]\nfirst = "1s"\nlongest = "2s"\n'
                f'[[route]]\ndomain = "*"\nvia = ["{hop}"]\n'
                       f'[spool]\ndirectory = "{own}/spool"\n' + (f'store = "{store}"\nnode = {number}\nlease = "{lease}"\n' if store else "")
                       + f'[control]\nsocket = "{own}/control.sock"\n')
        self.log = f"{own}/log"
        command = ["ip", "netns", "exec", namespace] if namespace else []
        self.process = subprocess.Popen([*command, hoptop, "serve", "--quiet", "--config", f"{own}/hoptop.toml"],
                                        stdout=subprocess.DEVNULL, stderr=open(self.log, "w"))
        self.host = host
        # Whatever ends the script ends its relays.
        atexit.register(self.process.kill)
        self.port = None
        while self.port is None:
            time.sleep(0.1)
            if self.process.poll() is not None:
                raise SystemExit(open(self.log).read())
            text = open(self.log).read()
            if "is ready" in text:
                self.port = int(text.split("listening address=" + host + ":")[1].split()[0])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
