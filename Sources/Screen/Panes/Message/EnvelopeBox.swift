import Mail
import Monitor

/// Who wrote a message, how it came in, what it is about, and how long it is here.
struct EnvelopeBox {
    let detail: MessageDetail
    let now: Timestamp

    /// `was here for 4m09`
    var ageWords: String { "\(self.detail.isSettled ? "was here" : "here") for \(self.detail.stay(self.now))" }

    /// - Returns: how many rows it took.
    func paint(_ painter: inout Painter, _ area: Rect) -> Int {
        let detail = self.detail
        let expires = detail.expires.map { "expires in \(Format.span(milliseconds: $0.since(self.now)))" }
        let size = detail.contentOctets.map(Format.octetsLong) ?? ""
        let right = [size, detail.isSettled ? "settled" : expires ?? ""].filter { !$0.isEmpty }.joined(separator: ", ")
        let height = min(area.height, area.height >= 17 ? 4 : 3)
        let inner = painter.box(
            Rect(x: area.x, y: area.y, width: area.width, height: height),
            title: "\(detail.ref.id)  \(self.ageWords)", right: right)
        var from: [Run] = [Run("From     ", .muted), Run(address: detail.from)]
        let user = detail.user.map { "as \($0)" }
        let how = [detail.with, detail.hello, detail.peer.map { "[\($0)]" }, user, detail.tls].compactMap { $0 }
            .joined(separator: " ")
        from.append(Run(how.isEmpty ? "   made here" : "   by \(how)", .muted))
        if !detail.parameters.isEmpty { from.append(Run("   " + detail.parameters.joined(separator: " "), .muted)) }
        painter.runs(from, x: inner.x + 1, y: inner.y, columns: inner.width - 2)
        if inner.height > 1 {
            painter.runs(
                [Run("Subject  ", .muted), Run(detail.subject ?? "-", .title)], x: inner.x + 1, y: inner.y + 1,
                columns: inner.width - 2)
        }
        return height
    }
}

extension MessageDetail {
    /// How long it is here, or was.
    func stay(_ now: Timestamp) -> String {
        let end = self.isSettled ? self.recipients.compactMap(\.settledAt).max() ?? now : now
        return Format.age(milliseconds: end.since(self.arrived))
    }
}
