import Foundation
import Mail
import SeededRandom

@testable import hoptop

/// The disk states that power cuts could leave, each opened and looked into: one directly before and one directly after each
/// sync, and some in between.
struct PowerCuts {
    struct Tally: CustomStringConvertible {
        var calls = 0
        var syncs = 0
        var acknowledged = 0
        var states = 0

        var description: String {
            "calls: \(self.calls), syncs: \(self.syncs), acknowledged: \(self.acknowledged), states: \(self.states)"
        }
    }

    private let recording: Recording
    private var disk: SimulatedDisk
    private var random: SeededGenerator
    private var acknowledged: Set<QueueID> = []
    private let folder: TemporaryFolder
    private(set) var tally = Tally()

    /// - Parameters:
    ///   - state: what the disk held at the start, if anything, with what had been acknowledged by then.
    ///   - ignoringSyncs: of which paths, relative to the recorded folder, a sync does nothing.
    init(
        of recording: Recording, on state: (folder: String, acknowledged: Set<QueueID>)? = nil, seed: UInt64,
        ignoringSyncs: @escaping (String) -> Bool = { _ in false }
    ) throws {
        self.recording = recording
        self.disk = try SimulatedDisk(root: recording.root, holding: state?.folder, ignoringSyncs: ignoringSyncs)
        self.random = SeededGenerator(seed: seed)
        self.acknowledged = state?.acknowledged ?? []
        self.folder = try TemporaryFolder()
    }

    /// - Returns: what is wrong with the states, up to so many.
    mutating func complaints(atMost limit: Int = .max) async throws -> [String] {
        var complaints: [String] = []
        let events = self.recording.record.events
        for (index, event) in events.enumerated() where complaints.count < limit {
            try self.play(event)
            let isBeforeSync = index + 1 < events.count && events[index + 1].isSync
            guard event.isSync || isBeforeSync || Int.random(in: 0..<20, using: &self.random) == 0 else { continue }
            // The worst a disk may do, and something that no order of calls explains.
            for luck in [Luck.allLost, Luck.mixed(using: &self.random)] {
                let state = try self.cut(luck)
                let found = await SpoolExamination.complaints(
                    about: "\(state)/spool", sent: self.recording.sent, acknowledged: self.acknowledged)
                complaints += found.map { "call \(index), \(luck): \($0)" }
                try FileManager.default.removeItem(atPath: state)
            }
        }
        return complaints
    }

    /// - Returns: what is wrong with the states that a second cut leaves, while a start recovers from the first; for so many
    ///   of those.
    mutating func complaintsAboutRecoveries(_ count: Int) async throws -> [String] {
        var complaints: [String] = []
        let events = self.recording.record.events
        let firstCuts = Set(events.indices.shuffled(using: &self.random).prefix(count))
        for (index, event) in events.enumerated() {
            try self.play(event)
            guard firstCuts.contains(index) else { continue }
            let state = try self.cut(.mixed(using: &self.random))
            let recovery = try await Recording.ofRecovery(on: state, sent: self.recording.sent)
            var secondCuts = try PowerCuts(
                of: recovery, on: (state, self.acknowledged), seed: self.random.next())
            complaints += try await secondCuts.complaints().map { "recovery after call \(index): \($0)" }
            self.tally.states += secondCuts.tally.states
            try FileManager.default.removeItem(atPath: state)
        }
        return complaints
    }

    private mutating func play(_ event: DiskRecord.Event) throws {
        try self.disk.play(event)
        self.tally.calls += 1
        if event.isSync { self.tally.syncs += 1 }
        if case .acknowledged(let id) = event, let id = QueueID(id) { self.acknowledged.insert(id) }
        self.tally.acknowledged = self.acknowledged.count
    }

    /// - Returns: the folder of what a cut now leaves.
    private mutating func cut(_ luck: Luck) throws -> String {
        let state = "\(self.folder.path)/\(self.tally.states)"
        self.tally.states += 1
        try self.disk.write(to: state, luck, using: &self.random)
        return state
    }
}
