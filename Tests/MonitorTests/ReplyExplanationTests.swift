import Mail
import Monitor
import Testing

@Suite("replies in plain words")
struct ReplyExplanationTests {
    @Test(
        "what it means: by its enhanced code, by a provider's words, by its code",
        arguments: [
            ("452 4.2.2 The recipient's inbox is out of storage space", "4.2.2", "the mailbox is full"),
            (
                "550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown", "5.1.1",
                "there is no such mailbox"
            ),
            ("550 No such user here", "550", "there is no such mailbox"),
            (
                "450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted", "4.2.0",
                "the host puts off a sender"
            ),
            (
                "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
                "4.7.0", "Yahoo slows us down"
            ),
            (
                "421-4.7.28 Gmail has detected an unusual rate of unsolicited mail", "4.7.28",
                "The other side sees more unwanted mail"
            ),
            (
                "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service "
                    + "provider since part of their network is on our block list (S3150).", "5.7.1",
                "Microsoft has the network of our address on its block list"
            ),
            (
                "550 5.4.1 Recipient address rejected: Access denied.", "5.4.1",
                "there is no such mailbox in the directory"
            ),
            (
                "550 5.7.26 This mail has been blocked because the sender is unauthenticated.", "5.7.26",
                "neither SPF nor DKIM"
            ),
            (
                "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "5.7.1",
                "our address, or"
            ),
            (
                "554 5.7.1 <bob@example.org>: Relay access denied", "5.7.1",
                "the host does not take mail for that domain"
            ),
            ("530 5.7.0 Must issue a STARTTLS command first", "5.7.0", "the message is refused by a policy"),
            ("550 5.1.8 Domain of sender address ann@example.net does not exist", "5.1.8", "the sender's domain"),
            ("452 too much", "452", "the server has too little room"), ("4xx", nil, nil), ("250 2.0.0 Ok", nil, nil),
            ("451 4.99.99 whatever", "4.99.99", "the server had a fault of its own"),
            ("connection refused", nil, "nothing answers at that port"), ("", nil, nil), ("42", nil, nil),
        ])
    func meanings(_ reply: String, _ code: String?, _ fault: String?) {
        let known = ReplyExplanation(reply)
        #expect(known?.code == code)
        if let fault {
            #expect(known?.fault.hasPrefix(fault) == true, "\(known?.fault ?? "nothing")")
        } else {
            #expect(known == nil)
        }
    }

    @Test("said of a recipient, it tells who can do what and when it goes on")
    func recipients() {
        let now = Timestamp(milliseconds: 1_795_510_800_000)
        var recipient = RecipientDetail(
            ref: RecipientRef(node: "mx1", message: "4Q7K", index: 0, generation: 1), forwardPath: "<bob@example.org>",
            state: .deferred, tries: 2, nextAttempt: now.adding(milliseconds: 15_900_000),
            lastReply: "452 4.2.2 Over quota")
        #expect(
            recipient.explanation(now)
                == "4.2.2: the mailbox is full. The recipient has to make room; we try again at 13:25.")
        recipient.state = .bounced
        recipient.lastReply = "550 5.1.1 No such user"
        #expect(
            recipient.explanation(now)
                == "5.1.1: there is no such mailbox. The sender has to check the address; the sender was told, and it is not "
                + "tried again.")
        recipient.state = .hold
        recipient.lastReply = "connection refused"
        #expect(recipient.explanation(now)?.hasPrefix("Nothing answers at that port of the host. See whether") == true)
        recipient.lastReply = nil
        #expect(recipient.explanation(now) == nil)
    }
}
