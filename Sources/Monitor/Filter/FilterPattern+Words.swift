extension FilterPattern {
    /// Words that are in every text which matches, as they stand there but for the case of their letters, in small letters of
    /// ASCII: so whoever has very many texts can pass over most of them. Empty where nothing is sure.
    ///
    /// Two letters beyond ASCII, which are compared as `s` and `i` (ſ and ı), are not thought of.
    public var words: [String] {
        var reader = WordReader()
        var place = self.text.startIndex
        while place < self.text.endIndex { place = reader.read(self.text, at: place) }
        return reader.ended()
    }
}

/// Reads what is literal in an expression. What stands in parentheses may be one of several, and counts for nothing.
private struct WordReader {
    private var words: [String] = []
    private var word = ""
    private var depth = 0
    private var hasAlternatives = false

    private mutating func end() {
        if !self.word.isEmpty { self.words.append(self.word) }
        self.word = ""
    }

    mutating func ended() -> [String] {
        self.end()
        return self.hasAlternatives ? [] : self.words
    }

    /// - Returns: the place behind what was read.
    mutating func read(_ text: String, at place: String.Index) -> String.Index {
        let next = text.index(after: place)
        switch text[place] {
        case "\\":
            guard next < text.endIndex else { return next }
            // Some of these are places in a text: `\<`.
            let isLiteral = text[next].isASCII && !text[next].isLetter && !"<>`'".contains(text[next])
            self.take(isLiteral ? text[next] : nil)
            return text.index(after: next)
        case "[":
            self.take(nil)
            return self.endOfBracket(text, next)
        case "(":
            self.end()
            self.depth += 1
        case ")":
            self.depth = max(0, self.depth - 1)
        case "|":
            self.end()
            self.hasAlternatives = self.hasAlternatives || self.depth == 0
        case "*", "?", "+":
            let end = text[next...].firstIndex { !"*?+".contains($0) } ?? text.endIndex
            // What stands before it may be missing.
            if text[place..<end].contains(where: { $0 != "+" }), !self.word.isEmpty { self.word.removeLast() }
            self.end()
            return end
        case ".", "^", "$": self.end()
        case let character: self.take(character.isASCII ? character : nil)
        }
        return next
    }

    /// - Parameter character: `nil`: it is one of several.
    private mutating func take(_ character: Character?) {
        guard self.depth == 0, let character else { return self.end() }
        self.word += character.lowercased()
    }

    private mutating func endOfBracket(_ text: String, _ start: String.Index) -> String.Index {
        var inside = ""
        for place in text[start...].indices {
            if text[place] == "]", !["", "^"].contains(inside) {
                // Classes have brackets of their own, `[[:digit:]]`: they are not read, and so nothing is sure.
                self.hasAlternatives = self.hasAlternatives || inside.contains("[")
                return text.index(after: place)
            }
            inside.append(text[place])
        }
        return text.endIndex
    }
}
