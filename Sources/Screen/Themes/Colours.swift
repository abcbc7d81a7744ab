import Foundation

/// A colour as light: red, green and blue of sRGB made linear, 0 to 1 (IEC 61966-2-1).
struct LinearColour: Hashable, Sendable {
    var red: Double
    var green: Double
    var blue: Double

    init(red: Double, green: Double, blue: Double) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// - Parameter rgb: 0xRRGGBB.
    init(_ rgb: UInt32) {
        func channel(_ shift: UInt32) -> Double {
            let value = Double(rgb >> shift & 255) / 255
            return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
        }
        self.init(red: channel(16), green: channel(8), blue: channel(0))
    }

    /// Relative luminance (WCAG 2.2, definition).
    var luminance: Double { 0.2126 * self.red + 0.7152 * self.green + 0.0722 * self.blue }

    /// 1 to 21 (WCAG 2.2, "contrast ratio").
    func contrast(to other: LinearColour) -> Double {
        let (first, second) = (self.luminance + 0.05, other.luminance + 0.05)
        return max(first, second) / min(first, second)
    }

    /// How far apart two colours are, as CIE 1976 L*a*b* (D65) measures it: about 2.3 can just be seen.
    func difference(from other: LinearColour) -> Double {
        let (first, second) = (self.lab, other.lab)
        return zip(first, second).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
    }

    private var lab: [Double] {
        func root(_ value: Double) -> Double {
            value > 216.0 / 24_389 ? cbrt(value) : (24_389.0 / 27 * value + 16) / 116
        }
        let x = root((0.4124564 * self.red + 0.3575761 * self.green + 0.1804375 * self.blue) / 0.95047)
        let y = root(0.2126729 * self.red + 0.7151522 * self.green + 0.0721750 * self.blue)
        let z = root((0.0193339 * self.red + 0.1191920 * self.green + 0.9503041 * self.blue) / 1.08883)
        return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
    }
}

/// How somebody sees colours.
enum ColourVision: String, CaseIterable, Sendable {
    case usual, protanopia, deuteranopia, tritanopia

    /// What the colour looks like to them, after Machado, Oliveira and Fernandes, "A Physiologically-based Model for
    /// Simulation of Color Vision Deficiency", IEEE TVCG 15 (2009), severity 1.0.
    func seen(_ colour: LinearColour) -> LinearColour {
        guard let rows = self.matrix else { return colour }
        let light = [colour.red, colour.green, colour.blue]
        let seen = rows.map { row in min(max(zip(row, light).map { $0 * $1 }.reduce(0, +), 0), 1) }
        return LinearColour(red: seen[0], green: seen[1], blue: seen[2])
    }

    private var matrix: [[Double]]? {
        switch self {
        case .usual: nil
        case .protanopia:
            [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
        case .deuteranopia:
            [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
        case .tritanopia:
            [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
        }
    }
}
