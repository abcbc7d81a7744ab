import Mail
import Monitor

extension Pane {
    /// Opens what a fact is about.
    ///
    /// - Parameter owner: the node that has its message, where several are shown as one.
    func open(
        _ fact: FactRow, of owner: String?, _ feed: any MonitorFeed, _ around: Surroundings
    ) -> [Effect] {
        let keepsTranscripts = around.nodes[self.node].capabilities?.areas.contains(.transcripts) != false
        if fact.kind == .closed, fact.session != nil, keepsTranscripts {
            return TranscriptPane.open(TranscriptPart(of: fact), node: self.node, feed, around)
        }
        if let message = fact.message {
            return [.open(MessagePane(message, of: owner, at: fact.to, node: self.node, feed: feed))]
        }
        if fact.kind == .closed { return [.say("no transcript of that session is kept here", .plain)] }
        if fact.kind.isAboutNode { return [.say("no message: it is about the node", .plain)] }
        return [.open(RulesPane(node: self.node, feed: feed))]
    }
}
