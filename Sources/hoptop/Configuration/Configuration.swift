import Journal
import Relay
import Screen

/// Everything that the file says.
struct Configuration: Hashable, Sendable {
    /// The engine's part.
    var relay: RelayConfiguration
    var control = ControlConfiguration()
    var service = ServiceConfiguration()
    var metrics = MetricsConfiguration()
    var log = LogConfiguration()
    var journal = JournalSettings()
    var screen = ScreenConfiguration()
}

/// How screens of this machine are used: `[screen]`, and the keys of their commands.
struct ScreenConfiguration: Hashable, Sendable {
    var usesMouse = false
    var usesClipboard = false
    var keymap = Keymap()
}

/// `[metrics]`: who may read how the relay is doing without a token.
struct MetricsConfiguration: Hashable, Sendable {
    /// Where it is served, without TLS; `nil`: only where the API is.
    var listen: SocketEndpoint?
}

/// How the program runs as a service of this machine.
struct ServiceConfiguration: Hashable, Sendable {
    /// Whom it becomes when it was started as root, and which group; `nil`: nobody else, and that user's.
    var user: String?
    var group: String?
    /// How long sessions may take to end; milliseconds.
    var stopTimeout: Int64 = 30_000
}

/// `[control]`: who watches and operates this relay from elsewhere.
struct ControlConfiguration: Hashable, Sendable {
    enum Socket: Hashable, Sendable {
        /// Where everybody looks for it; a relay that cannot open it there runs all the same.
        case automatic
        case none
        case path(String)
    }
    var socket = Socket.automatic
    /// A group of this machine whose members may connect.
    var group: String?
    /// Members of the group who may do everything, or `*`.
    var operators: [String] = []
    /// Where it is served with TLS; `nil`: nowhere.
    var listen: SocketEndpoint?
    /// The file of `hoptop control token`.
    var tokens: String?
    /// Its own certificate; empty: that of `[tls]`.
    var certificate: String?
    var key: String?
}
