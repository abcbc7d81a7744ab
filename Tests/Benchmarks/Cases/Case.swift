/// Something that is done over and over, to be measured.
public struct Case: Sendable {
    /// The room and what is done, as `server/pipelined`.
    public let name: String
    /// What a figure is given for, as `message`.
    public let unit: String
    /// How many of these one step handles.
    public let units: Int
    /// The number of steps that is enough for a count.
    public let steps: Int
    /// Makes what the steps need, and gives the step.
    public let prepare: @Sendable () throws -> () throws -> Void

    init(
        _ name: String, unit: String, units: Int = 1, steps: Int,
        prepare: @escaping @Sendable () throws -> () throws -> Void
    ) {
        self.name = name
        self.unit = unit
        self.units = units
        self.steps = steps
        self.prepare = prepare
    }

    public static let all = grammar + server + client + spool + screen + queue
}
