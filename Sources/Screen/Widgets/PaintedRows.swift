/// Rows of a list as they were painted last: a click is about what is on the screen.
struct PaintedRows {
    /// Where the first of them stands, and those below it.
    var area = Rect(x: 0, y: 0, width: 0, height: 0)
    /// Their numbers in the list.
    var numbers = 0..<0

    /// The number of the row that stands there; `nil`: none does.
    func number(at place: Point) -> Int? {
        let number = self.numbers.lowerBound + place.y - self.area.y
        return self.area.contains(place) && self.numbers.contains(number) ? number : nil
    }
}
