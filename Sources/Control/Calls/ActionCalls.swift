public import Mail
public import Monitor

/// Names exactly the recipients that a query matches now, for an action to follow.
public struct FreezeCall: ControlCall {
    public static let route = ControlRoute(.post, "/v1/queue/freeze")
    public var query: QueueQuery
    public init(_ query: QueueQuery) { self.query = query }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) { self.query = try arguments.body() }
    public var arguments: CallArguments { get throws { try CallArguments(body: self.query) } }
    public func answer(from feed: any MonitorFeed) async throws -> FrozenSet { try await feed.freeze(self.query) }
}

/// Does something to recipients.
public struct QueueActionCall: ControlCall {
    public static let route = ControlRoute(.post, "/v1/queue/actions", role: .operator)
    public var order: Order
    public init(_ action: QueueAction, on targets: Targets, because reason: String? = nil) {
        self.order = Order(action: action, targets: targets, reason: reason)
    }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) { self.order = try arguments.body() }
    public var arguments: CallArguments { get throws { try CallArguments(body: self.order) } }
    public func answer(from feed: any MonitorFeed) async throws -> Receipt {
        try await feed.perform(self.order.action, on: self.order.targets, because: self.order.reason)
    }

    public struct Order: Hashable, Sendable, Codable {
        public var action: QueueAction
        public var targets: Targets
        /// Why, in the operator's words.
        public var reason: String?
    }
}

/// Takes an action back.
public struct UndoCall: ControlCall {
    public static let route = ControlRoute(.post, "/v1/queue/undo", role: .operator)
    public var token: UndoToken
    public init(_ token: UndoToken) { self.token = token }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) { self.token = try arguments.body() }
    public var arguments: CallArguments { get throws { try CallArguments(body: self.token) } }
    public func answer(from feed: any MonitorFeed) async throws -> Receipt { try await feed.undo(self.token) }
}

/// What can still be taken back.
public struct UndoableCall: ControlCall {
    public static let route = ControlRoute(.get, "/v1/queue/undoable")
    public static let isPersonal = true
    public init() {}
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {}
    public var arguments: CallArguments { CallArguments() }
    public func answer(from feed: any MonitorFeed) async throws -> [UndoOffer] { try await feed.undoable() }
}

/// Forgets what was dropped.
public struct PurgeCall: ControlCall {
    public static let route = ControlRoute(.post, "/v1/queue/purge", role: .operator)
    public var order: Order
    public init(until end: Timestamp?, of recipients: Int?) { self.order = Order(until: end, recipients: recipients) }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.order = try arguments.body()
        guard 0...Int(Int32.max) ~= self.order.recipients ?? 0 else {
            throw FeedError(.invalid, "recipients is a number from 0 to \(Int32.max)")
        }
    }
    public var arguments: CallArguments { get throws { try CallArguments(body: self.order) } }
    public func answer(from feed: any MonitorFeed) async throws -> Receipt {
        try await feed.purge(until: self.order.until, of: self.order.recipients)
    }

    public struct Order: Hashable, Sendable, Codable {
        /// `nil`: a rehearsal.
        public var until: Timestamp?
        /// So many are meant; `nil`: however many there are.
        public var recipients: Int?
    }
}

/// Sends recipients to another next hop, or by their routes again.
public struct RerouteCall: ControlCall {
    public static let route = ControlRoute(.post, "/v1/queue/reroute", role: .operator)
    public var order: Order
    public init(_ targets: Targets, via: String?) { self.order = Order(targets: targets, via: via) }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) { self.order = try arguments.body() }
    public var arguments: CallArguments { get throws { try CallArguments(body: self.order) } }
    public func answer(from feed: any MonitorFeed) async throws -> Receipt {
        try await feed.reroute(self.order.targets, via: self.order.via)
    }

    public struct Order: Hashable, Sendable, Codable {
        public var targets: Targets
        /// `host:port`, or `mx`; `nil`: by their routes again.
        public var via: String?
    }
}

/// Changes recipients: their address, or when they are tried next.
public struct EditCall: ControlCall {
    public static let route = ControlRoute(.post, "/v1/queue/edit", role: .operator)
    public var order: Order
    public init(_ targets: Targets, _ edit: RecipientEdit) { self.order = Order(targets: targets, edit: edit) }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) { self.order = try arguments.body() }
    public var arguments: CallArguments { get throws { try CallArguments(body: self.order) } }
    public func answer(from feed: any MonitorFeed) async throws -> Receipt {
        try await feed.edit(self.order.targets, self.order.edit)
    }

    public struct Order: Hashable, Sendable, Codable {
        public var targets: Targets
        public var edit: RecipientEdit
    }
}

/// Ends a session.
public struct CloseCall: ControlCall {
    public static let route = ControlRoute(.post, "/v1/connections/{session}/close", role: .operator)
    public var session: SessionRef
    public init(_ session: SessionRef) { self.session = session }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.session = SessionRef(node: node, id: arguments.path["session"] ?? "")
    }
    public var arguments: CallArguments { CallArguments(path: ["session": self.session.id]) }
    public func answer(from feed: any MonitorFeed) async throws -> Receipt { try await feed.close(self.session) }
}

/// The standing rules that have not ended.
public struct RulesCall: ControlCall {
    public static let route = ControlRoute(.get, "/v1/rules")
    public init() {}
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {}
    public var arguments: CallArguments { CallArguments() }
    public func answer(from feed: any MonitorFeed) async throws -> [RuleRow] { try await feed.rules() }
}

/// What a rule would touch now.
public struct RulePreviewCall: ControlCall {
    public static let route = ControlRoute(.post, "/v1/rules/preview")
    public var terms: StandingRule.Terms
    public init(_ terms: StandingRule.Terms) { self.terms = terms }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) { self.terms = try arguments.body() }
    public var arguments: CallArguments { get throws { try CallArguments(body: self.terms) } }
    public func answer(from feed: any MonitorFeed) async throws -> RulePreview { try await feed.preview(self.terms) }
}

/// Sets or ends a rule, or limits a destination.
public struct StandingActionCall: ControlCall {
    public static let route = ControlRoute(.post, "/v1/rules/actions", role: .operator)
    public var action: StandingAction
    public init(_ action: StandingAction) { self.action = action }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) { self.action = try arguments.body() }
    public var arguments: CallArguments { get throws { try CallArguments(body: self.action) } }
    public func answer(from feed: any MonitorFeed) async throws -> Receipt { try await feed.perform(self.action) }
}
