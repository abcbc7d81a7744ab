import Mail
import Monitor

/// What the map knows of a node.
struct MapNode {
    /// Its place on the screen.
    let index: Int
    let name: String
    let overview: Overview?
    /// When that came, by the clock of the screen.
    let taken: Timestamp?
    /// Since when it does not answer; `nil`: it does.
    let blindSince: Timestamp?
}

extension Surroundings {
    /// All nodes but those that are others as one.
    var mapNodes: [MapNode] {
        self.nodes.enumerated().filter { !$0.element.isJoined }.map { index, node in
            MapNode(
                index: index, name: node.name, overview: node.overview, taken: node.overviewTaken,
                blindSince: node.blindness?.since)
        }
    }
}

/// Which of the names that nodes have for their neighbours are those of other nodes here.
struct MapPlaces {
    private var byName: [String: Int] = [:]
    /// `nil`: several listen there, each on a machine of its own, so that it is nobody's name.
    private var byAddress: [String: Int?] = [:]
    private let names: NodeNames

    init(_ nodes: [MapNode]) {
        self.names = NodeNames(nodes.map(\.name))
        for node in nodes {
            self.byName[node.name.lowercased()] = node.index
            for address in node.overview?.listening ?? [] {
                self.byAddress[address] = self.byAddress[address] == nil ? .some(node.index) : .some(nil)
            }
        }
    }

    /// What a node is called on the map.
    func short(_ name: String) -> String { self.names[name] }

    func node(named name: String) -> Int? { self.byName[name.lowercased()] }

    /// The node that a next hop is; `nil`: none of these.
    func node(of hop: Neighbours.Hop) -> Int? {
        for name in [hop.destination, hop.host].compactMap({ $0 }) {
            if let node = self.node(named: Self.host(name)) { return node }
            if let node = self.byAddress[name], let node { return node }
        }
        return nil
    }

    /// Names without the ports by which no two of them differ.
    func withoutPorts(_ names: [String]) -> [String: String] {
        let hosts = Dictionary(grouping: names, by: Self.host)
        return hosts.reduce(into: [:]) { short, entry in
            for name in entry.value { short[name] = entry.value.count == 1 ? entry.key : name }
        }
    }

    private static func host(_ name: String) -> String {
        guard let colon = name.lastIndex(of: ":"), Int(name[name.index(after: colon)...]) != nil else { return name }
        return String(name[..<colon])
    }
}
