extension ThemeLibrary {
    /// The files of the same names in Themes/, word for word; a test holds them equal.
    static let builtin: [String: String] = [
        "ansi": #"""
        # The default: sixteen colours on the terminal's own background, so it follows a light or a dark one by itself.
        [theme]
        format = 1
        name = "ansi"
        mode = "any"

        [palette]
        accent = "cyan"
        amber = "yellow"
        grey = "bright-black"

        [ui]
        base = { fg = "default", bg = "default" }
        muted = { fg = "grey", mono = ["dim"] }
        border = { fg = "grey", mono = ["dim"] }
        border_focus = { fg = "accent", mono = ["bold"] }
        title = { fg = "default", attr = ["bold"] }
        header = { fg = "grey", attr = ["bold"] }
        sorted = { fg = "accent", attr = ["bold"], mono = ["bold", "underline"] }
        selection = { fg = "black", bg = "accent", mono = ["reverse"] }
        selection_off = { attr = ["bold"], mono = ["underline"] }
        tagged = { fg = "amber", attr = ["bold"] }
        follow = { fg = "black", bg = "green", mono = ["reverse"] }
        tab = { fg = "grey", mono = [] }
        tab_on = { fg = "black", bg = "accent", attr = ["bold"], mono = ["reverse", "bold"] }
        hint_key = { fg = "accent", attr = ["bold"] }
        hint_text = { fg = "grey", mono = [] }
        prompt = { fg = "default", attr = ["bold"] }
        prompt_bad = { fg = "red", attr = ["bold"], mono = ["reverse"] }
        flash_ok = { fg = "green", mono = [] }
        flash_warn = { fg = "amber", mono = ["bold"] }
        flash_bad = { fg = "red", attr = ["bold"], mono = ["reverse"] }
        locked = { fg = "grey", attr = ["reverse"] }
        unlocked = { fg = "green", mono = [] }
        badge_env = { fg = "black", bg = "red", attr = ["bold"], mono = ["reverse", "bold"] }
        scrollbar = { fg = "grey" }
        popup = { fg = "default", bg = "default" }
        match = { fg = "black", bg = "amber", mono = ["underline"] }
        match_on = { fg = "black", bg = "amber", attr = ["bold"], mono = ["underline", "bold"] }

        [state]
        queued = "default"
        active = { fg = "accent", attr = ["bold"] }
        deferred = { fg = "amber", mono = [] }
        hold = { fg = "magenta", mono = ["underline"] }
        relayed = { fg = "green", mono = [] }
        bounced = { fg = "red", attr = ["bold"] }
        expired = { fg = "red", mono = ["bold"] }
        dropped = { fg = "grey", mono = ["dim"] }
        ok = { fg = "green", mono = [] }
        limited = { fg = "amber", mono = [] }
        failed = { fg = "red", attr = ["bold"], mono = ["bold", "reverse"] }

        [wire]
        client = "default"
        server = { fg = "accent", mono = ["bold"] }
        meta = { fg = "grey", mono = ["dim"] }
        redacted = { fg = "black", bg = "white", mono = ["reverse"] }
        escape = { fg = "amber", attr = ["reverse"], mono = ["reverse"] }
        slow = { fg = "red", attr = ["underline"] }

        [hop]
        verified = { fg = "green", mono = [] }
        claimed = { fg = "grey", attr = ["italic"], mono = ["dim"] }
        next = { fg = "accent", attr = ["bold"] }
        pending = { fg = "grey", mono = ["dim"] }

        [graph]
        ramp = ["cyan", "yellow"]
        in = { fg = "accent", mono = [] }
        out = { fg = "green", mono = [] }
        grid = { fg = "grey", mono = ["dim"] }

        [glyphs]
        queued = { u = "○", a = "." }
        active = { u = "▶", a = ">" }
        deferred = { u = "◐", a = "~" }
        hold = { u = "■", a = "=" }
        relayed = { u = "✔", a = "+" }
        bounced = { u = "✖", a = "x" }
        expired = { u = "✖", a = "x" }
        dropped = { u = "−", a = "-" }
        ok = { u = "●", a = "o" }
        limited = { u = "◐", a = "~" }
        failed = { u = "✖", a = "x" }
        warn = { u = "▲", a = "!" }
        spark = { u = "▁▂▃▄▅▆▇█", a = "_.:-=+*#" }
        bar = { u = "━", a = "#" }
        track = { u = "─", a = "." }
        check = { u = "✔", a = "+" }
        tag = { u = "◆", a = "*" }
        cursor = { u = "▌", a = ">" }
        follow = { u = "▼", a = "v" }

        """#,
        "mono": #"""
        # No colours, on any terminal: weight, underline and reverse carry everything.
        [theme]
        format = 1
        name = "mono"
        mode = "any"

        [ui]
        base = { fg = "default", bg = "default" }
        muted = { attr = ["dim"] }
        border = { attr = ["dim"] }
        border_focus = { attr = ["bold"] }
        title = { attr = ["bold"] }
        header = { attr = ["bold"] }
        sorted = { attr = ["bold", "underline"] }
        selection = { attr = ["reverse"] }
        selection_off = { attr = ["underline"] }
        tagged = { attr = ["bold"] }
        follow = { attr = ["reverse"] }
        tab = { attr = [] }
        tab_on = { attr = ["reverse", "bold"] }
        hint_key = { attr = ["bold"] }
        hint_text = { attr = [] }
        prompt = { attr = ["bold"] }
        prompt_bad = { attr = ["reverse"] }
        flash_ok = { attr = [] }
        flash_warn = { attr = ["bold"] }
        flash_bad = { attr = ["reverse"] }
        locked = { attr = ["reverse"] }
        unlocked = { attr = ["bold"] }
        badge_env = { attr = ["reverse", "bold"] }
        scrollbar = { attr = ["dim"] }
        popup = { attr = [] }
        match = { attr = ["underline"] }
        match_on = { attr = ["underline", "bold"] }

        [state]
        queued = { attr = [] }
        active = { attr = ["bold"] }
        deferred = { attr = [] }
        hold = { attr = ["underline"] }
        relayed = { attr = [] }
        bounced = { attr = ["bold"] }
        expired = { attr = ["bold"] }
        dropped = { attr = ["dim"] }
        ok = { attr = [] }
        limited = { attr = [] }
        failed = { attr = ["bold", "reverse"] }

        [wire]
        client = { attr = [] }
        server = { attr = ["bold"] }
        meta = { attr = ["dim"] }
        redacted = { attr = ["reverse"] }
        escape = { attr = ["reverse"] }
        slow = { attr = ["underline", "bold"] }

        [hop]
        verified = { attr = [] }
        claimed = { attr = ["dim"] }
        next = { attr = ["bold"] }
        pending = { attr = ["dim"] }

        [graph]
        ramp = ["default", "default"]
        in = { attr = [] }
        out = { attr = ["bold"] }
        grid = { attr = ["dim"] }

        [glyphs]
        queued = { u = "○", a = "." }
        active = { u = "▶", a = ">" }
        deferred = { u = "◐", a = "~" }
        hold = { u = "■", a = "=" }
        relayed = { u = "✔", a = "+" }
        bounced = { u = "✖", a = "x" }
        expired = { u = "✖", a = "x" }
        dropped = { u = "−", a = "-" }
        ok = { u = "●", a = "o" }
        limited = { u = "◐", a = "~" }
        failed = { u = "✖", a = "x" }
        warn = { u = "▲", a = "!" }
        spark = { u = "▁▂▃▄▅▆▇█", a = "_.:-=+*#" }
        bar = { u = "━", a = "#" }
        track = { u = "─", a = "." }
        check = { u = "✔", a = "+" }
        tag = { u = "◆", a = "*" }
        cursor = { u = "▌", a = ">" }
        follow = { u = "▼", a = "v" }

        """#,
    ]
}
