import Mail
import Monitor

/// One line of a dialogue with all its words, or its octets.
struct LineDetailBox {
    /// `nil`: there is none.
    let line: TranscriptLine?
    let isHex: Bool

    func paint(_ painter: inout Painter, _ area: Rect) {
        guard let line = self.line else {
            painter.box(area, title: "")
            return
        }
        let inner = painter.box(
            area, title: "line \(line.number + 1)  \(line.speaker.words)", right: self.isHex ? "X text" : "X octets")
        let texts =
            self.isHex
            ? line.text.hexLines(octets: inner.width >= 78 ? 16 : 8).map { SafeText($0) }
            : SafeText(line.text).wrapped(inner.width - 2)
        for (row, text) in texts.prefix(inner.height).enumerated() {
            painter.text(
                text, x: inner.x + 1, y: inner.y + row, columns: inner.width - 2, role: self.isHex ? .base : line.role)
        }
    }
}

extension String {
    /// `0000  32 35 30 20  |250 |`: its octets in UTF-8.
    func hexLines(octets width: Int) -> [String] {
        let octets = Array(self.utf8)
        return stride(from: 0, to: octets.count, by: width).map { start in
            let part = octets[start..<min(start + width, octets.count)]
            let hex = part.map { $0.hex }.joined(separator: " ").padded(width * 3)
            let text = part.map { (0x20..<0x7F).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
            let place = UInt8(truncatingIfNeeded: start >> 8).hex + UInt8(truncatingIfNeeded: start).hex
            return "\(place)  \(hex) |\(text)|"
        }
    }
}

extension UInt8 {
    fileprivate var hex: String { (self < 16 ? "0" : "") + String(self, radix: 16) }
}
