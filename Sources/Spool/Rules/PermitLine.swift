/// The permits for one site that nodes have, and the nodes that wait for some, as a store keeps them.
package struct PermitLine: Sendable {
    /// Who waits and has not asked for so many milliseconds waits no more: nodes ask once a second.
    package static let patience: Int64 = 5000

    package struct Place: Sendable, Hashable {
        package var node: UInt8
        package var held: Int
        /// At least `held`.
        package var wanted: Int
        /// Goes up with each that joins the line.
        package var turn: Int64
        package init(node: UInt8, held: Int, wanted: Int, turn: Int64) {
            self.node = node
            self.held = held
            self.wanted = wanted
            self.turn = turn
        }

        package var isWaiting: Bool { self.wanted > self.held }
    }

    /// What becomes of a request.
    package struct Answer: Sendable {
        /// `nil`: nothing is to be kept of the node.
        package var place: Place?
        package var grant: PermitGrant
        /// Others have something to do about it: one may be had, or is to be given back.
        package var concernsOthers: Bool
    }

    private let places: [Place]

    /// - Parameter places: of nodes whose lease is on; those that wait no more want what they have.
    package init(_ places: [Place]) { self.places = places }

    /// Whoever has fewer goes first, then who has waited longer. Who gives one back and wants another goes to the end of the
    /// line.
    package func answer(_ request: PermitRequest, of node: UInt8) -> Answer {
        let before = self.places.first { $0.node == node } ?? Place(node: node, held: 0, wanted: 0, turn: 0)
        let others = self.places.filter { $0.node != node }
        var own = before
        own.held = min(before.held, request.kept)
        own.wanted = max(request.wanted, own.held)
        let hasGivenBack = own.held < before.held
        if hasGivenBack || before.turn == 0 || own.isWaiting && !before.isWaiting {
            own.turn = (others.map(\.turn).max() ?? 0) + 1
        }
        let free = request.limit - own.held - others.reduce(0) { $0 + $1.held }
        let ahead = others.reduce(0) { ahead, other in
            let isAhead = other.isWaiting && (other.held, other.turn) < (own.held, own.turn)
            return isAhead ? ahead + other.wanted - other.held : ahead
        }
        let gain = max(0, min(own.wanted - own.held, free - ahead))
        own.held += gain
        // What is left is theirs as soon as they ask. Of two that both want more, one that has one more keeps it: else it would
        // go to and fro.
        let needed = others.reduce(0) { needed, other in
            let isBehind = other.held < own.held && (!own.isWaiting || other.held == 0 || other.held + 1 < own.held)
            return other.isWaiting && isBehind ? needed + other.wanted - other.held : needed
        }
        let isTooMany = own.held + others.reduce(0) { $0 + ($1.turn < own.turn ? $1.held : 0) } > request.limit
        let grant = PermitGrant(
            site: request.site, held: own.held,
            isWaitedFor: own.held > 0 && (isTooMany || needed > max(0, free - gain)))
        return Answer(
            place: own.wanted > 0 ? own : nil, grant: grant,
            concernsOthers: hasGivenBack && others.contains(where: \.isWaiting)
                || own.isWaiting && !before.isWaiting && others.contains { $0.held > 0 })
    }
}
