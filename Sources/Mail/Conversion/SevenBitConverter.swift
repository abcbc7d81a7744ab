public import NIOCore

/// Turns content into 7-bit MIME, leaf by leaf, as ``SevenBitInspection`` planned it for the same content (RFC 6152 §3,
/// RFC 3030 §3). Chunks in, chunks out; of the content it holds a line.
///
/// Leaves that need nothing come out octet for octet, and so does everything between. Preambles and epilogues, which no
/// reader shows (RFC 2046 §5.1.1), lose what 7-bit lines cannot hold.
public struct SevenBitConverter: Sendable {
    private enum Body: Sendable {
        case asItIs
        case quotedPrintable(QuotedPrintableEncoder)
        case base64(Base64LineEncoder)
    }

    private let plan: SevenBitPlan
    private var walker = MIMEWalker()
    private var output = Output()

    public init(_ plan: SevenBitPlan) { self.plan = plan }

    public mutating func convert(_ chunk: ByteBuffer) -> ByteBuffer {
        var walker = self.walker
        walker.receive(chunk.readableBytesView) { self.output.take($0, self.plan) }
        self.walker = walker
        return self.output.taken()
    }

    /// The rest, when the content is complete.
    public mutating func finish() -> ByteBuffer {
        var walker = self.walker
        walker.finish { self.output.take($0, self.plan) }
        self.output.finish()
        return self.output.taken()
    }

    /// What comes out, apart from the walker that drives it.
    private struct Output: Sendable {
        private var octets: [UInt8] = []
        private var entity = 0
        private var body = Body.asItIs
        private var hasLabel = false
        /// A label that is replaced, with its folded lines.
        private var isDroppingField = false
        private var mask = SevenBitMask()
        private var isMissingLineEnd = false

        mutating func take(_ event: MIMEWalker.Event, _ plan: SevenBitPlan) {
            let treatment = plan.treatments.indices.contains(self.entity) ? plan.treatments[self.entity] : .leave
            switch event {
            case .field(let piece, let startsField): self.takeField(piece, startsField, treatment)
            case .headerEnd(let entity, let line): self.endHeader(entity, line, treatment)
            case .body(let piece):
                switch self.body {
                case .asItIs: self.octets += piece
                case .quotedPrintable(var encoder):
                    encoder.encode(piece, into: &self.octets)
                    self.body = .quotedPrintable(encoder)
                case .base64(var encoder):
                    encoder.encode(piece, into: &self.octets)
                    self.body = .base64(encoder)
                }
            case .bodyEnd: self.isMissingLineEnd = self.endBody()
            case .outside(let piece): self.mask.encode(piece, into: &self.octets)
            case .delimiter(let piece):
                self.mask = SevenBitMask()
                self.isMissingLineEnd = false
                self.octets += piece
            }
        }

        /// The message ends with the leaf: its last line has no delimiter to end it.
        mutating func finish() {
            guard self.isMissingLineEnd else { return }
            switch self.body {
            case .asItIs: break
            case .quotedPrintable: self.octets += Array("=\r\n".utf8)
            case .base64: self.octets += [0x0D, 0x0A]
            }
        }

        mutating func taken() -> ByteBuffer {
            defer { self.octets.removeAll(keepingCapacity: true) }
            return ByteBuffer(bytes: self.octets)
        }

        private mutating func takeField(
            _ piece: ArraySlice<UInt8>, _ startsField: Bool, _ treatment: SevenBitPlan.Treatment
        ) {
            if startsField {
                let name = piece.prefix { $0 != UInt8(ascii: ":") }
                let isLabel =
                    String(decoding: name, as: UTF8.self).trimmingSpaces.lowercased()
                    == "content-transfer-encoding"
                self.isDroppingField = isLabel && treatment != .leave
                if self.isDroppingField, !self.hasLabel { self.writeLabel(treatment) }
            }
            if !self.isDroppingField { self.octets += piece }
        }

        private mutating func writeLabel(_ treatment: SevenBitPlan.Treatment) {
            self.hasLabel = true
            let word =
                switch treatment {
                case .leave, .relabel: "7bit"
                case .quotedPrintable, .typedUTF8, .typedUnknown: "quoted-printable"
                case .base64: "base64"
                }
            self.octets += Array("Content-Transfer-Encoding: \(word)\r\n".utf8)
        }

        private mutating func endHeader(
            _ entity: MIMEEntity, _ line: ArraySlice<UInt8>, _ treatment: SevenBitPlan.Treatment
        ) {
            switch treatment {
            case .leave: break
            case .relabel, .quotedPrintable, .base64, .typedUTF8, .typedUnknown:
                if entity.isMessage, !entity.hasVersion { self.octets += Array("MIME-Version: 1.0\r\n".utf8) }
            }
            switch treatment {
            case .leave, .relabel: self.body = .asItIs
            case .quotedPrintable: self.body = .quotedPrintable(QuotedPrintableEncoder())
            case .base64: self.body = .base64(Base64LineEncoder())
            case .typedUTF8, .typedUnknown:
                let charset = treatment == .typedUTF8 ? "utf-8" : "unknown-8bit"
                self.octets += Array("Content-Type: text/plain; charset=\(charset)\r\n".utf8)
                self.body = .quotedPrintable(QuotedPrintableEncoder())
            }
            switch treatment {
            case .leave, .relabel: self.octets += line
            case .quotedPrintable, .base64, .typedUTF8, .typedUnknown:
                if !self.hasLabel { self.writeLabel(treatment) }
                self.octets += [0x0D, 0x0A]
            }
            self.entity += 1
            self.hasLabel = false
            self.isDroppingField = false
            self.mask = SevenBitMask()
        }

        /// - Returns: whether the last line is still open.
        private mutating func endBody() -> Bool {
            switch self.body {
            case .asItIs: return false
            case .quotedPrintable(var encoder):
                encoder.finish(into: &self.octets)
                return encoder.isMidLine
            case .base64(var encoder):
                encoder.finish(into: &self.octets)
                return true
            }
        }
    }
}
