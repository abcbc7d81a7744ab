import Foundation
import Mail

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

    init(
        of recording: Recording, seed: UInt64, ignoringSyncs: @escaping (String) -> Bool = { _ in false }
    ) throws {
        self.recording = recording
        self.disk = SimulatedDisk(root: recording.root, ignoringSyncs: ignoringSyncs)
        self.random = SeededGenerator(seed: seed)
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
            for luck in [Luck.allLost, Luck.allCases.dropFirst().randomElement(using: &self.random) ?? .half] {
                complaints += try await self.complaints(luck).map { "call \(index), \(luck): \($0)" }
            }
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

    /// Of a cut now.
    private mutating func complaints(_ luck: Luck) async throws -> [String] {
        let state = "\(self.folder.path)/\(self.tally.states)"
        self.tally.states += 1
        try self.disk.write(to: state, luck, using: &self.random)
        defer { try? FileManager.default.removeItem(atPath: state) }
        return await SpoolExamination.complaints(
            about: "\(state)/spool", sent: self.recording.sent, acknowledged: self.acknowledged)
    }
}
