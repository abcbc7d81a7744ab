import ArgumentParser
import Monitor

/// Words that a shell offers, out of the daemon that runs: the one that the command line names with `--to`, or this
/// machine's. Where none answers soon, nothing is offered and nothing is said.
enum Completions {
    /// A key was pressed, and somebody waits.
    private static let patience = Duration.milliseconds(700)
    private static let limit = 200

    static var queueIDs: CompletionKind {
        Self.words { feed, prefix in
            let filter = prefix.isEmpty ? FilterExpression.all : FilterExpression([(.id, ":", prefix)])
            let window = WindowRequest<MessageRef>(.row(number: 0), count: Self.limit)
            return try await feed.queue(QueueQuery(filter: filter), window: window).rows.map(\.ref.id)
        }
    }
    static var sessions: CompletionKind {
        Self.words { feed, _ in
            let window = WindowRequest<SessionRef>(.row(number: 0), count: Self.limit)
            return try await feed.connections(ConnectionQuery(descending: true), window: window).rows.map(\.ref.id)
        }
    }
    static var destinations: CompletionKind {
        Self.words { feed, _ in
            try await feed.overview().destinations.map(\.destination).filter { $0 != noRoute }
        }
    }
    static var rules: CompletionKind {
        Self.words { feed, _ in try await feed.rules().map { "\($0.ref.id)" } }
    }
    /// Filters about the domains and next hops that have mail queued, and about queue IDs where nothing else is begun.
    static var queueFilters: CompletionKind {
        Self.words { feed, prefix in
            async let overview = feed.overview()
            let filter = FilterExpression([(.id, ":", prefix)])
            let window = WindowRequest<MessageRef>(.row(number: 0), count: Self.limit)
            let rows = try await feed.queue(QueueQuery(filter: prefix.contains(":") ? .all : filter), window: window)
                .rows
            let domains = rows.compactMap { $0.to.split(separator: "@").last?.filter { $0 != ">" } }
            let hops = try await overview.destinations.map(\.destination).filter { $0 != noRoute }
            return rows.map(\.ref.id) + Set(domains).sorted().map { "to:\($0)" } + hops.map { "dest=\($0)" }
        }
    }

    private static func words(
        _ look: @escaping @Sendable (any MonitorFeed, _ prefix: String) async throws -> [String]
    ) -> CompletionKind {
        .custom { words, index, prefix async in
            let typed = index < words.count ? words[index] : prefix
            let found = await Self.soon { try await look(try await Self.feed(words), typed) } ?? []
            return found.filter { $0.hasPrefix(typed) && Self.isHarmless($0) }.map(Self.written)
        }
    }

    /// zsh takes what stands behind a colon for a description.
    private static func written(_ word: String) -> String {
        CompletionShell.requesting == .zsh
            ? word.split(separator: ":", omittingEmptySubsequences: false).joined(separator: "\\:") : word
    }

    /// A shell takes what is offered for words of its own language, and peers chose some of them.
    static func isHarmless(_ word: String) -> Bool {
        word.utf8.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: ":"), UInt8(ascii: "#"), UInt8(ascii: "="), UInt8(ascii: "@"):
                true
            default: false
            }
        }
    }

    private static func feed(_ words: [String]) async throws -> any MonitorFeed {
        var options: [String] = []
        for (word, value) in zip(words, words.dropFirst()) where ["--to", "--token-file", "--ca"].contains(word) {
            options += [word, value]
        }
        let daemon = try DaemonOptions.parse(options)
        // A tunnel takes its time, and may ask for a password.
        guard !daemon.to.contains(where: { $0.hasPrefix("ssh:") }) else { throw FeedError(.unavailable, "far away") }
        return try await daemon.feed()
    }

    /// - Returns: `nil` when it fails, or takes too long.
    private static func soon<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async -> Value? {
        await withTaskGroup(of: Value?.self) { group in
            group.addTask { try? await body() }
            group.addTask {
                try? await Task.sleep(for: Self.patience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
