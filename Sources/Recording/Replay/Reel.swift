import Mail
import Monitor

/// A place in a recording, and what was known of its nodes there.
struct Reel {
    let file: RecordingFile
    let begins: Timestamp
    let ends: Timestamp
    private(set) var pictures: [NodePicture]
    /// Lines that were not understood in what was read so far.
    private(set) var unreadable = 0
    /// What its recorder missed.
    private let missed: MissedDetails

    /// The segment that is in memory, and its moment that is shown.
    private var segment: Int
    private var moments: [RecordedMoment] = []
    private var place = -1

    /// - Throws: ``RecordingError`` when there is no moment that can be read.
    init(_ file: RecordingFile) throws {
        self.file = file
        self.pictures = file.header.nodes.map { _ in NodePicture() }
        // The last one may have been cut off before its first moment.
        var last: (segment: Int, moments: [RecordedMoment])?
        for segment in file.segments.indices.reversed() {
            let (moments, unreadable) = try file.moments(of: segment)
            self.unreadable += unreadable
            if !moments.isEmpty {
                last = (segment, moments)
                break
            }
        }
        guard let last, let ends = last.moments.last?.at else {
            throw RecordingError("the recording ends before anything was recorded")
        }
        self.ends = ends
        var missed = file.header.nodes.map { _ in MissedDetails() }
        for line in last.moments.lazy.flatMap(\.changes) {
            if case .missed(let details) = line.change { missed[line.node] = details }
        }
        self.missed = missed.reduce(MissedDetails(), +)
        self.segment = last.segment
        self.moments = last.moments
        self.begins = min(file.segments[0].begins, last.moments[0].at)
        if self.segment > 0 { try self.load(0) }
        self.show(0)
    }

    /// Why not all of it is there; `nil`: all that was read is.
    var damage: String? {
        var words: [String] = []
        if let last = self.file.segments.last, last.length == nil { words.append("it was not ended by its recorder") }
        if self.unreadable > 0 { words.append("\(Format.plural(self.unreadable, "line")) cut or not understood") }
        if self.file.excess > 0 { words.append("\(Format.octetsLong(self.file.excess)) at the end are damaged") }
        if let missed = self.missed.words { words.append("without \(missed): its node was too busy to ask") }
        return words.isEmpty ? nil : "the recording: " + words.joined(separator: ", ")
    }

    /// When something changes next, as far as it is known without reading on; `nil`: never.
    var next: Timestamp? {
        if self.place + 1 < self.moments.count { return self.moments[self.place + 1].at }
        return self.segment + 1 < self.file.segments.count ? self.file.segments[self.segment + 1].begins : nil
    }

    // MARK: Ways

    /// Shows what was at a time.
    mutating func go(to time: Timestamp) throws {
        let segment = self.file.segments.lastIndex { $0.begins <= time } ?? 0
        if segment != self.segment { try self.load(segment) }
        self.show(max(0, self.moments.lastIndex { $0.at <= time } ?? 0))
    }

    /// Shows what time has come to.
    ///
    /// - Returns: what changed; `nil`: nothing did.
    mutating func advance(to time: Timestamp) throws -> FeedChange? {
        guard let next = self.next, next <= time else { return nil }
        let segment = self.file.segments.lastIndex { $0.begins <= time } ?? 0
        guard segment == self.segment else {
            try self.go(to: time)
            return .missed(events: 0)
        }
        var change = FeedChange.changed(areas: [])
        while self.place + 1 < self.moments.count, self.moments[self.place + 1].at <= time {
            self.showNext()
            for line in self.moments[self.place].changes { change = change.merged(with: line.change.told) }
        }
        return change
    }

    /// The next change, or the one before.
    ///
    /// - Returns: when it is; `nil`: there is none.
    mutating func step(isForward: Bool) throws -> Timestamp? {
        let start = (self.segment, self.place)
        repeat {
            let place = self.place + (isForward ? 1 : -1)
            if self.moments.indices.contains(place) {
                self.show(place)
            } else {
                let segment = self.segment + (isForward ? 1 : -1)
                guard self.file.segments.indices.contains(segment) else {
                    // Whole pictures at an end are no change.
                    if start.0 != self.segment { try self.load(start.0) }
                    self.show(start.1)
                    return nil
                }
                try self.load(segment)
                self.show(isForward ? 0 : self.moments.count - 1)
            }
        } while !self.isStop
        return self.moments[self.place].at
    }

    /// A picture that is only written down anew is no change; the first of all is where everything begins.
    private var isStop: Bool {
        self.moments.indices.contains(self.place)
            && (!self.moments[self.place].isWhole || self.segment == 0 && self.place == 0)
    }

    /// The next moment that tells of a failure, or the one before.
    ///
    /// - Returns: when it is, and what failed; `nil`: there is none, and nothing changed here.
    mutating func failure(isForward: Bool) throws -> (at: Timestamp, words: String)? {
        var segment = self.segment
        var range = isForward ? self.place + 1..<max(self.moments.count, self.place + 1) : 0..<max(0, self.place)
        var moments = self.moments
        while true {
            let places = isForward ? Array(range) : range.reversed()
            for place in places {
                guard !moments[place].isWhole, let words = Self.failure(in: moments[place].changes) else { continue }
                if segment != self.segment { try self.load(segment) }
                self.show(place)
                return (moments[place].at, words)
            }
            segment += isForward ? 1 : -1
            guard self.file.segments.indices.contains(segment) else { return nil }
            moments = try self.file.moments(of: segment).moments
            range = moments.indices
        }
    }

    private static func failure(in changes: [RecordedLine]) -> String? {
        for line in changes {
            switch line.change {
            case .fact(let fact) where fact.kind.isTrouble: return fact.words
            case .entry(let entry) where entry.fact.kind.isTrouble: return entry.fact.words
            case .silent(let reason?): return "the node does not answer: \(reason)"
            default: continue
            }
        }
        return nil
    }

    // MARK: Moments

    private mutating func load(_ segment: Int) throws {
        let (moments, unreadable) = try self.file.moments(of: segment)
        self.unreadable += unreadable
        self.segment = segment
        self.moments = moments
        self.place = -1
    }

    private mutating func show(_ place: Int) {
        if place < self.place || self.place < 0 {
            self.pictures = self.pictures.map { _ in NodePicture() }
            self.place = -1
        }
        while self.place < place, self.place + 1 < self.moments.count { self.showNext() }
    }

    private mutating func showNext() {
        self.place += 1
        let moment = self.moments[self.place]
        if moment.isWhole { self.pictures = self.pictures.map { _ in NodePicture() } }
        for line in moment.changes { self.pictures[line.node].apply(line.change) }
    }
}

extension FactRow {
    fileprivate var words: String {
        [self.kind.rawValue, self.message, self.to].compactMap { $0 }.joined(separator: " ")
            + (self.text.map { ": \($0)" } ?? "")
    }
}

extension RecordedChange {
    /// What a front end has to read anew.
    fileprivate var told: FeedChange {
        switch self {
        case .overview, .fact, .entry, .facts, .rules: .changed(areas: [.facts])
        case .queued, .row, .departed, .message, .forgotten: .changed(areas: [.queue])
        case .session, .closed: .changed(areas: [.connections])
        case .lines, .erased: .changed(areas: [.transcripts])
        case .missed: .changed(areas: [])
        case .capabilities, .silent: .missed(events: 0)
        }
    }
}
