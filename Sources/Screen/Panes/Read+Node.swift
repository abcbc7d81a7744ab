import Monitor

// What is asked of a node itself, whatever is shown of it.
extension Read {
    static let overviewKind = "overview"

    static func capabilities(of entry: FeedEntry, _ node: Int) -> Read {
        Read(
            Key(owner: nil, node: node, kind: "capabilities"), begin: { { try await entry.feed.capabilities() } },
            take: { answer, _ in [.learned(node, .capabilities(answer))] })
    }

    static func overview(of entry: FeedEntry, _ node: Int) -> Read {
        Read(
            Key(owner: nil, node: node, kind: Self.overviewKind), begin: { { try await entry.feed.overview() } },
            take: { answer, _ in [.learned(node, .overview(answer))] })
    }

    static func undoable(of entry: FeedEntry, _ node: Int) -> Read {
        Read(
            Key(owner: nil, node: node, kind: "undoable"),
            // Each node is asked for its own.
            begin: {
                guard !entry.isJoined else { return nil }
                return { try await entry.feed.undoable() }
            },
            take: { answer, _ in [.learned(node, .undoable(answer))] }, failed: { _ in [] })
    }
}
