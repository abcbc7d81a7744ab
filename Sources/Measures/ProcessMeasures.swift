import Glibc

/// What the kernel says of this process, under the names that exporters of all kinds use.
public enum ProcessMeasures {
    /// What cannot be read is missing.
    public static func now() -> [Sample] {
        var samples: [Sample] = []
        var usage = rusage()
        if getrusage(RUSAGE_SELF.rawValue, &usage) == 0 {
            samples.append(Sample(.cpu, value: Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime)))
        }
        // proc(5): size and resident set in pages.
        let pages = Self.words(of: "/proc/self/statm").prefix(2).compactMap { Double($0) }
        if pages.count == 2 {
            let octets = Double(sysconf(CInt(_SC_PAGESIZE)))
            samples.append(Sample(.virtualMemory, value: pages[0] * octets))
            samples.append(Sample(.residentMemory, value: pages[1] * octets))
        }
        if let count = Self.openDescriptors { samples.append(Sample(.descriptors, value: count)) }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            samples.append(Sample(.descriptorLimit, value: Double(limit.rlim_cur)))
        }
        if let start = Self.started { samples.append(Sample(.startTime, value: start)) }
        return samples
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    /// The one that reads the folder is not counted.
    private static var openDescriptors: Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        return count - 1
    }

    /// Seconds since 1970: when the machine started, and proc(5)'s ticks from there until we did. The name of the program stands
    /// in parentheses, and may have spaces of its own.
    private static let started: Double? = {
        guard let stat = Self.text(of: "/proc/self/stat"), let end = stat.lastIndex(of: ")"),
            let ticks = stat[stat.index(after: end)...].split(separator: " ").dropFirst(19).first.flatMap({ Double($0) }
            ),
            let boot = Self.text(of: "/proc/stat")?.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let booted = Double(boot.dropFirst(6))
        else { return nil }
        return booted + ticks / Double(sysconf(CInt(_SC_CLK_TCK)))
    }()

    private static func words(of file: String) -> [Substring] {
        Self.text(of: file)?.split(whereSeparator: \.isWhitespace) ?? []
    }

    private static func text(of path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&piece, 1, piece.count, file), count > 0, octets.count < 1 << 20 {
            octets += piece.prefix(count)
        }
        return String(decoding: octets, as: UTF8.self)
    }
}
