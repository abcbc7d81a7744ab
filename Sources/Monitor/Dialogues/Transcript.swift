public import Mail

/// One line of a session's dialogue, or a remark of the relay's own.
public struct TranscriptLine: Hashable, Sendable, Codable {
    public enum Speaker: String, Hashable, Sendable, Codable { case client, server, relay }
    /// Counts from 0 over the whole session; elided lines are counted too, so numbers may jump.
    public var number: Int
    public var at: Timestamp
    public var speaker: Speaker
    /// The line without its end, AUTH already masked; hostile until it is `SafeText`.
    public var text: String
    public init(number: Int, at: Timestamp, speaker: Speaker, text: String) {
        self.number = number
        self.at = at
        self.speaker = speaker
        self.text = text
    }
}

public struct TranscriptPage: Hashable, Sendable, Codable {
    public var session: ConnectionRow
    public var lines: [TranscriptLine]
    /// The number after the session's last line.
    public var end: Int
    /// Lines that were dropped from the middle.
    public var elided: Int
    public init(session: ConnectionRow, lines: [TranscriptLine], end: Int, elided: Int) {
        self.session = session
        self.lines = lines
        self.end = end
        self.elided = elided
    }
}
