import Mail
import Monitor

extension ClaimedHop {
    /// The hops of the Received fields, the first one first, each with its delay since the one before.
    static func hops(of header: MessageHeader) -> [ClaimedHop] {
        var before: Timestamp?
        return TraceHop.hops(in: header).map { hop in
            let delay = hop.at.flatMap { at in before.map { at.since($0) } }
            before = hop.at ?? before
            return ClaimedHop(from: hop.from, by: hop.by, with: hop.with, id: hop.id, at: hop.at, delay: delay)
        }
    }
}
