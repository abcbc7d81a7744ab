/// What replies of servers mean, in plain words: the enhanced status codes (RFC 3463, and the register that RFC 5248 made),
/// what large providers say in texts of their own, and the codes of RFC 5321 §4.2.3.
enum ReplyMeanings {
    /// What is the matter, and who can do what about it; both without a full stop.
    struct Meaning: Hashable, Sendable {
        /// Begins in lower case.
        var fault: String
        var remedy: String?
        init(_ fault: String, _ remedy: String? = nil) {
            self.fault = fault
            self.remedy = remedy
        }
    }

    /// Codes that say less than the words behind them: many a refusal is a 5.7.1.
    static let vague: Set<String> = [
        "0.0", "1.0", "2.0", "2.1", "3.0", "4.0", "4.1", "5.0", "6.0", "7.0", "7.1",
    ]

    /// Words in lower case, one of which the reply has; the first line that fits counts.
    static let texts: [(words: [String], meaning: Meaning)] = [
        (["greylist", "graylist", "grey-list", "gray-list"], greylisted),
        (
            ["tss04", "tss05", "[ts01]", "[ts02]", "unexpected volume or user complaints"],
            Meaning(
                "Yahoo slows us down for the volume of mail or for complaints of its users",
                "Send there more slowly (:limit), and look who sends what was complained about")
        ),
        (
            ["[ts03]", "permanently deferred"],
            Meaning("Yahoo takes no more mail from our address", "Ask its postmaster; trying again does not help")
        ),
        (["unusual rate of unsolicited mail", "unusual rate of email"], flooded("Gmail")),
        (
            ["s3140", "s3150", "part of their network is on our block list"],
            Meaning(
                "Microsoft has the network of our address on its block list",
                "Ask for it to be taken off at sender.office.com, or send from another address")
        ),
        (
            ["banned sending ip", "traffic not accepted from this ip"],
            Meaning("Microsoft has banned our address", "Ask for it to be taken off at sender.office.com")
        ),
        (
            ["doesn't meet the required authentication level", "does not pass dmarc", "dmarc"],
            Meaning(
                "the message does not pass the DMARC policy of the domain in its From field",
                "The sender's domain needs SPF or DKIM that agrees with its From field (RFC 7489)")
        ),
        (
            ["receiving mail at a rate", "receiving mail too quickly", "receiving email at a rate"],
            Meaning("the recipient gets more mail than the provider allows in a time", "It passes by itself")
        ),
        (
            ["recipientnotfound", "recipient address rejected: access denied"],
            Meaning("there is no such mailbox in the directory of its provider", "The sender has to check the address")
        ),
        (
            ["potential security issue", "blocked attachment", "executable content", "virus", "malware"],
            Meaning("the message has something in it that is not let in, mostly an attachment")
        ),
        (
            [
                "spamhaus", "spamcop", "barracudacentral", "sorbs", "blocklist", "block list", "blacklist",
                "black list",
                "dnsbl", " rbl",
            ],
            Meaning(
                "our address, or one in the message, is on a block list",
                "Ask the list that the reply names to take it off, once the cause is mended")
        ),
        (
            [
                "relay access denied", "relaying denied", "not permitted to relay", "relay not permitted",
                "unable to relay",
            ],
            Meaning(
                "the host does not take mail for that domain from us",
                "Look at the route (:route), or log in there with user and password")
        ),
        (
            ["over quota", "overquota", "quota exceeded", "out of storage", "mailbox full", "mailbox is full"],
            mailboxFull
        ),
        (
            ["sender address rejected", "domain of sender", "sender domain"],
            Meaning("the sender's address is refused", "The sender needs an address that can answer")
        ),
        (
            [
                "user unknown", "unknown user", "no such user", "no such mailbox", "unknown mailbox", "does not exist",
                "doesn't have a", "unknown recipient", "recipient unknown", "mailbox not found", "invalid recipient",
                "address rejected: undeliverable", "no mailbox here",
            ], noMailbox
        ),
        (
            ["likely unsolicited", "spam message", "considered spam", "detected as spam", "looks like spam"],
            Meaning("the message was taken for spam", "Its sender has to see why; the reply may tell where to ask")
        ),
        (
            ["too many connections", "too many concurrent", "connection limit", "maximum connections"],
            Meaning("we have too many sessions with it at a time", "Allow fewer (:limit)")
        ),
        (
            [
                "rate limit", "ratelimit", "rate-limit", "throttl", "too many messages", "too many emails", "slow down",
                "sending too fast", "too much mail",
            ],
            Meaning(
                "it wants less mail from us in a time",
                "It passes by itself; a limit on the destination makes it come more slowly")
        ),
        (
            ["reverse dns", "ptr record", "no ptr", "rdns", "reverse lookup"], noReverseName
        ),
    ]

    /// Why there was no reply at all, as ``texts``.
    static let troubles: [(words: [String], meaning: Meaning)] = [
        (
            ["connection refused"],
            Meaning(
                "nothing answers at that port of the host", "See whether its mail server runs, or the port is right")
        ),
        (
            ["no route to host", "network is unreachable", "network unreachable", "host is unreachable"],
            Meaning("no packets get to the host", "Look at the network between here and there, and at firewalls")
        ),
        (
            ["timed out", "timeout", "did not answer"],
            Meaning("the host does not answer in time", "It is down, or a firewall drops what we send it")
        ),
        (
            ["certificate", "starttls", "tls handshake", "handshake failure"],
            Meaning("TLS to the host failed", "hoptop tls-policy DOMAIN tells what is demanded of it, and why")
        ),
    ]

    /// By subject and detail of an enhanced status code; the class says whether it lasts.
    static let codes: [String: Meaning] = [
        "1.0": Meaning("something is wrong with the address"), "1.1": noMailbox,
        "1.2": Meaning("there is no such domain, or it takes no mail", "The sender has to check the part behind the @"),
        "1.3": Meaning("the address is written wrongly", "The sender has to check it"),
        "1.4": Meaning("the address could mean several mailboxes", "The sender has to name one of them"),
        "1.6": Meaning("the mailbox has moved, and nobody knows where to", "The sender has to find the new address"),
        "1.7": Meaning("the sender's address is written wrongly", "The sender has to mend it"),
        "1.8": Meaning(
            "the sender's domain does not exist, or takes no mail itself", "The sender needs an address that can answer"
        ),
        "1.9": Meaning("it went on to a system that cannot report what becomes of it"),
        "1.10": Meaning("the domain says that it takes no mail (RFC 7505)", "The sender has to check the address"),
        "2.0": Meaning("something is wrong with the mailbox"),
        "2.1": Meaning("the mailbox is disabled, or takes no mail for now", "The recipient has to see to it"),
        "2.2": mailboxFull,
        "2.3": Meaning("the message is larger than the mailbox takes", "The sender has to make it smaller"),
        "2.4": Meaning("a mailing list behind the address does not work", "Its owner has to mend it"),
        "3.0": Meaning("something is wrong with the system at the other end"),
        "3.1": Meaning("the disk of the system at the other end is full", "Its operator has to make room"),
        "3.2": Meaning("the system at the other end takes no mail for now"),
        "3.3": Meaning("the system at the other end lacks something that the message needs"),
        "3.4": Meaning("the message is larger than the system takes", "The sender has to make it smaller"),
        "3.5": Meaning("the system at the other end is set up wrongly", "Its operator has to mend it"),
        "4.0": Meaning("something is wrong on the way"), "4.1": Meaning("the host at the other end does not answer"),
        "4.2": Meaning("the connection broke"),
        "4.3": Meaning(
            "a directory at the other end, such as its DNS, does not answer", "Its operator has to see to it"),
        "4.4": Meaning("the system there does not know where the mail should go on", "Look at MX records and routes"),
        "4.5": Meaning("the system at the other end has too much mail at the moment"),
        "4.6": Meaning("the message goes round in a circle", "Somebody forwards it back: look at its Received fields"),
        "4.7": Meaning("its time ran out on the way"), "5.0": protocolFault, "5.1": protocolFault, "5.2": protocolFault,
        "5.3": Meaning("there are more recipients than it takes at a time"), "5.4": protocolFault, "5.5": protocolFault,
        "6.0": Meaning("something is wrong with the content of the message"),
        "6.1": Meaning("the content is of a kind that is not taken there"),
        "6.2": Meaning("the content would have to be converted, and must not be"),
        "6.3": Meaning("the content would have to be converted, and cannot be"),
        "6.6": Meaning("the content of the message cannot be had"),
        "6.7": Meaning("addresses with letters beyond ASCII are not taken there (RFC 6531)"),
        "6.9": Meaning("a header with letters beyond ASCII is not taken there (RFC 6531)"),
        "7.0": Meaning("the message is refused by a policy"),
        "7.1": Meaning("the message is refused by a policy", "The reply may tell which, and where to ask"),
        "7.2": Meaning("the sender may not write to that mailing list", "Its owner can allow it"),
        "7.3": Meaning("it would have to be encrypted or signed otherwise, and cannot be"),
        "7.4": Meaning("the system there lacks what would make the message secure"),
        "7.5": Meaning("encryption failed"), "7.7": Meaning("the message was changed on the way"),
        "7.8": Meaning("user or password is wrong", "Look at user and password of the route"),
        "7.9": Meaning("the way of logging in is too weak for it"),
        "7.10": Meaning("it takes mail over TLS only", "tls = \"required\" in the route"),
        "7.11": Meaning("it lets us log in over TLS only", "tls = \"required\" in the route"),
        "7.13": Meaning("the account with which we log in is disabled"),
        "7.14": Meaning("we are nobody that it trusts"),
        "7.17": Meaning("the mailbox belongs to somebody else by now (RFC 7293)"),
        "7.18": Meaning("the domain belongs to somebody else by now (RFC 7293)"),
        "7.20": unsigned, "7.21": unsigned, "7.22": unsigned,
        "7.23": Meaning("SPF does not allow our address to send for that domain", "The domain's owner has to add it"),
        "7.24": Meaning("the SPF record of the sender's domain cannot be used", "The domain's owner has to mend it"),
        "7.25": noReverseName,
        "7.26": Meaning(
            "neither SPF nor DKIM vouches for the message", "The sender's domain needs one of them (hoptop dkim)"),
        "7.27": Meaning("the sender's domain says that it takes no mail (RFC 7505)"), "7.28": flooded("The other side"),
        "7.29": Meaning("the chain of those who forwarded it (ARC) is broken"),
        "7.30": Meaning("REQUIRETLS is asked for and not offered (RFC 8689)"),
    ]

    /// By reply code alone (RFC 5321 §4.2.3).
    static let replies: [Int: Meaning] = [
        421: Meaning("the server ends the session for now"), 432: Meaning("a new password is needed there"),
        450: Meaning("the mailbox cannot be reached for now"), 451: Meaning("the server had a fault of its own"),
        452: Meaning("the server has too little room for now"), 454: Meaning("TLS or login does not work for now"),
        455: Meaning("the server does not take the parameters for now"), 500: protocolFault, 501: protocolFault,
        502: protocolFault, 503: protocolFault, 504: protocolFault,
        521: Meaning("the host takes no mail at all (RFC 7504)"),
        530: Meaning("it wants us to log in, or TLS", "Look at tls, user and password of the route"),
        534: Meaning("the way of logging in is too weak for it"),
        535: Meaning("user or password is wrong", "Look at user and password of the route"),
        538: Meaning("it lets us log in over TLS only"),
        550: Meaning("the mailbox is not there, or refuses the message"),
        551: Meaning("the mailbox is elsewhere", "The sender has to find the new address"),
        552: Meaning("the message is larger than the mailbox has room for"),
        553: Meaning("the address is not allowed there"), 554: Meaning("the message, or all mail from us, is refused"),
        555: Meaning("the server does not know the parameters of MAIL or RCPT"),
        556: Meaning("the domain takes no mail at all (RFC 7504)"),
    ]

    private static let noMailbox = Meaning("there is no such mailbox", "The sender has to check the address")
    private static let mailboxFull = Meaning("the mailbox is full", "The recipient has to make room")
    private static let greylisted = Meaning(
        "the host puts off a sender that it does not know yet (greylisting)", "It passes by itself with a later attempt"
    )
    private static let protocolFault = Meaning(
        "the server did not understand what we said, or did not want it there",
        "The transcript shows it: if it looks right, tell its operator")
    private static let noReverseName = Meaning(
        "our address has no name in the DNS, or one that does not lead back to it",
        "Whoever owns the address has to give it a PTR record")
    private static let unsigned = Meaning(
        "the message has no DKIM signature that counts there", "Sign for the sender's domain (hoptop dkim)")
    private static func flooded(_ who: String) -> Meaning {
        Meaning(
            "\(who) sees more unwanted mail from us than usual, and slows us down",
            "Look who sends it; send more slowly (:limit)")
    }
}
