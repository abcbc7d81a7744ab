import Monitor

/// Where on a path its mail is drawn: each message walks it once, from when it was handed over.
enum MapMotion {
    /// Cells of the path, from 0, on which there is mail now, with how much.
    ///
    /// - Parameters:
    ///   - cells: how many the path has. A message goes on by one in each ``LinkTraffic/step``, and faster where it would not get
    ///     to the end in the time that is told of.
    ///   - elapsed: milliseconds since the last of ``LinkTraffic/recent``.
    static func marks(_ traffic: LinkTraffic, elapsed: Int64, cells: Int) -> [Int: Int] {
        let steps = traffic.recent.count
        guard steps > 0, cells > 0 else { return [:] }
        let speed = max(1, Double(cells) / Double(LinkTraffic.steps))
        var marks: [Int: Int] = [:]
        for (place, count) in traffic.recent.enumerated() where count > 0 {
            let age = Int64(steps - 1 - place) + elapsed / LinkTraffic.step
            guard age >= 0, age < Int64(LinkTraffic.steps) else { continue }
            let cell = Int(Double(age) * speed)
            if cell < cells { marks[cell, default: 0] += count }
        }
        return marks
    }
}
