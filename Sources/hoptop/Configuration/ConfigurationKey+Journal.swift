import Journal

extension ConfigurationKey<JournalSettings> {
    static let journal: [ConfigurationKey<JournalSettings>] = [
        .flag(
            "journal.keep",
            "Keep what became of each message beside the spool; without it that is known as long as the spool has it.",
            \.isKept),
        .text(
            "journal.directory",
            "Its folder, of a disk of its own if you like; without it journal in the spool's folder.",
            "a folder", example: "\"/var/lib/hoptop/journal\"", \.directory),
        .duration("journal.age", "Older entries go.", \.age, least: 3_600_000),
        .size("journal.size", "The oldest entries go before it takes more.", \.octets, least: 10_000_000),
        .number(
            "journal.transcripts",
            "Transcripts of good sessions that are kept; those of failed ones are, as long as they take no more than a quarter "
                + "of its size.", \.transcripts, 0...1_000_000),
    ]
}
