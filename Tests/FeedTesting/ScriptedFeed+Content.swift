import Mail
import Monitor
import SMTP

// What stands in it.
extension ScriptedFeed {
    @discardableResult
    func queued(
        _ id: String, from: String, to: String, state: RecipientState = .queued, age minutes: Int64 = 1,
        octets: Int = 4096, reply: String? = nil, next seconds: Int64? = nil, recipients: Int = 1,
        progress: DeliveryProgress? = nil
    ) -> QueueRow {
        var counts = RecipientCounts()
        counts[state] = recipients
        let row = QueueRow(
            ref: MessageRef(node: self.node, id: id, generation: 0),
            arrived: Self.now.adding(milliseconds: -minutes * 60_000), contentOctets: octets, state: state,
            recipients: counts, from: "<\(from)>", to: "<\(to)>", tries: reply == nil ? 0 : 1,
            nextAttempt: seconds.map { Self.now.adding(milliseconds: $0 * 1000) }, destination: "mx.example.org:25",
            lastReply: reply, progress: progress)
        self.write { script in
            script.rows.append(row)
            script.overview.queuedMessages = script.rows.count
            script.overview.queuedOctets += octets
            script.overview.recipients[state] += recipients
        }
        return row
    }

    /// An entry of the journal, newer than those before.
    func journaled(
        _ kind: FactRow.Kind, _ message: String?, before seconds: Int64, from: String? = nil, to: String? = nil,
        nextHop: String? = nil, text: String? = nil, session: String? = nil, actor: String? = nil
    ) {
        self.write { script in
            let isOurs = kind == .accepted
            script.journal.append(
                JournalEntry(
                    ref: JournalRef(node: self.node, number: Int64(script.journal.count + 1)),
                    fact: FactRow(
                        at: Self.now.adding(milliseconds: -seconds * 1000), kind: kind, message: message,
                        from: from.map { "<\($0)>" }, recipient: to == nil ? nil : 0, to: to.map { "<\($0)>" },
                        nextHop: nextHop, remoteID: kind == .relayed ? "7T" : nil, text: text,
                        session: session.map { SessionRef(node: self.node, id: $0) }, actor: actor,
                        contentOctets: isOurs ? 4096 : nil, milliseconds: nextHop == nil ? nil : 81),
                    messageID: isOurs ? "<1@example.net>" : nil, subject: isOurs ? "the plan" : nil,
                    peer: isOurs ? "192.0.2.7:40112" : nil, hello: isOurs ? "client.example" : nil,
                    with: isOurs ? "ESMTPSA" : nil, user: isOurs ? "shop-app" : nil))
        }
    }

    /// A session of a second that is over.
    func ended(_ session: SessionRef, _ name: String, before seconds: Int64) {
        let end = Self.now.adding(milliseconds: -seconds * 1000)
        self.write { script in
            script.connections.append(
                ConnectionRow(
                    ref: session, direction: .outbound, peer: "192.0.2.1:25", name: name, phase: .closed,
                    started: end.adding(milliseconds: -1000), ended: end, lastActivity: end, messages: 0))
        }
    }

    /// What is said in a session, a line every 20 ms.
    func said(_ session: SessionRef, before seconds: Int64, _ lines: [(TranscriptLine.Speaker, String)]) {
        self.write { script in
            script.transcripts[session] = lines.enumerated().map { index, line in
                TranscriptLine(
                    number: index, at: Self.now.adding(milliseconds: Int64(index * 20) - seconds * 1000),
                    speaker: line.0, text: line.1)
            }
        }
    }

    /// A message of one recipient in full.
    func detail(
        _ row: QueueRow, _ states: [RecipientState], reply: String? = nil, progress: DeliveryProgress? = nil,
        attempts: [AttemptRow] = []
    ) -> MessageDetail {
        let why: [RecipientState: WaitReason] = [
            .queued: .due, .active: .active, .deferred: .retryTime, .hold: .held(by: nil),
        ]
        return MessageDetail(
            ref: row.ref, arrived: row.arrived, contentOctets: row.contentOctets, from: row.from,
            isSettled: states.allSatisfy(\.isSettled), peer: "192.0.2.7:40112", hello: "client.example", with: "ESMTP",
            session: SessionRef(node: self.node, id: "in#41"), subject: "the plan",
            header: "Subject: the plan\nTo: dan@example.com\n", text: "As agreed.\n",
            recipients: states.enumerated().map { index, state in
                RecipientDetail(
                    ref: RecipientRef(node: self.node, message: row.ref.id, index: index, generation: 1),
                    forwardPath: index == 0 ? row.to : "<user\(index)@example.com>", state: state, tries: row.tries,
                    nextAttempt: state == .deferred ? row.nextAttempt : nil, lastReply: reply ?? row.lastReply,
                    why: why[state] ?? .settled,
                    nextHops: ["mx.example.org:25"], ahead: ["example.com"],
                    relayedTo: state == .relayed ? "192.0.2.1:25" : nil,
                    progress: state == .active ? progress : nil,
                    destination: state.isSettled ? nil : "mx.example.org:25")
            }, attempts: attempts, expires: Self.now.adding(milliseconds: 4 * 86_400_000))
    }
}
