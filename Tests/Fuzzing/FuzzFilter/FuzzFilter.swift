import Monitor

/// What reads as a filter can be put to rows, and means the same when it is joined with itself.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    let filter: FilterExpression
    do { filter = try FilterExpression(parsing: text) } catch {
        _ = "\(error)"
        return 0
    }
    let row = Row(words: text)
    let matches = filter.matches(row)
    // A mark at the beginning of one would combine with the space before it.
    guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return 0 }
    precondition(filter.narrowed(to: filter).matches(row) == matches, "narrowed to itself it means something else")
    precondition(FilterExpression(anyOf: [filter]).matches(row) == matches, "any of one filter is another one")
    return 0
}

private struct Row: FilterSubject {
    let words: String
    var plainTexts: [String] { [self.words] }
    func text(_ field: FilterField) -> String? { field == .subject ? nil : self.words }
    func number(_ field: FilterField) -> Int64? { Int64(self.words.utf8.count) }
}
