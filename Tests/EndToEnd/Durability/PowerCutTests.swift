import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("power cuts", .timeLimit(.minutes(3 + Effort.recordings)))
    struct PowerCutTests {
        private static let first = Task { try await Recording.make(seed: Effort.seed) }

        @Test("whatever unsynced writes and names a power cut takes: no message that got its 250 is lost")
        func powerCuts() async throws {
            for number in 0..<Effort.recordings {
                let seed = Effort.seed &+ UInt64(number)
                let recording = number == 0 ? try await Self.first.value : try await Recording.make(seed: seed)
                var cuts = try PowerCuts(of: recording, seed: seed)
                let complaints = try await cuts.complaints()
                print("seed \(seed): \(cuts.tally); complaints: \(complaints.count)")
                #expect(complaints.prefix(5) == [])
                #expect(cuts.tally.acknowledged >= recording.sent.count)
            }
        }

        @Test("a second power cut, while a start recovers from one, loses nothing either")
        func recoveries() async throws {
            var cuts = try PowerCuts(of: try await Self.first.value, seed: Effort.seed)
            let recoveries = 5 * Effort.recordings
            let complaints = try await cuts.complaintsAboutRecoveries(recoveries)
            print("seed \(Effort.seed): recoveries: \(recoveries), \(cuts.tally); complaints: \(complaints.count)")
            #expect(cuts.tally.states > 2 * recoveries)
            #expect(complaints.prefix(5) == [])
        }

        @Test("the record is whole: played back, it gives the files as the program left them")
        func recordIsWhole() async throws {
            let recording = try await Self.first.value
            var disk = try SimulatedDisk(root: recording.root)
            for event in recording.record.events { try disk.play(event) }
            let names = Set(disk.files.keys).union(recording.files.keys)
            #expect(names.contains("spool/spool.sqlite"))
            #expect(names.filter { disk.files[$0] != recording.files[$0] } == [])
        }

        @Test(
            "a disk that ignores some of the syncs loses mail, and it is noticed",
            arguments: [
                "spool/spool.sqlite-wal", "spool/spool.sqlite", "spool/incoming/*", "spool/content", "spool", "",
            ])
        func ignoredSyncs(path: String) async throws {
            let recording = try await Self.first.value
            var cuts = try PowerCuts(of: recording, seed: Effort.seed) { synced in
                path.hasSuffix("*") ? synced.hasPrefix(path.dropLast()) : synced == path
            }
            #expect(try await !cuts.complaints(atMost: 1).isEmpty)
        }
    }
}
