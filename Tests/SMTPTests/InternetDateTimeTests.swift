import Testing

@testable import SMTP

struct InternetDateTimeTests {
    @Test(
        "date-times of RFC 3339 §5.6",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-25T14:00:00Z", 1_795_615_200_000),
            ("2026-11-25T14:00:00.5Z", 1_795_615_200_500), ("2026-11-25t14:00:00.12345z", 1_795_615_200_123),
            ("2026-11-25T15:30:00+01:30", 1_795_615_200_000), ("2026-11-25T09:00:00-05:00", 1_795_615_200_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000), ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ] as [(String, Int64)])
    func wellFormed(_ text: String, _ milliseconds: Int64) {
        #expect(InternetDateTime.milliseconds(text) == milliseconds)
    }

    @Test(
        "what is no date-time",
        arguments: [
            "", "now", "2026-11-25", "2026-11-25T14:00Z", "2026-11-25T14:00:00", "2026-11-25 14:00:00Z",
            "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-04-31T00:00:00Z", "2023-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z", "2026-11-25T24:00:00Z", "2026-11-25T14:60:00Z", "2026-11-25T14:00:00.Z",
            "2026-11-25T14:00:00+1:00", "2026-11-25T14:00:00Zx", "1969-12-31T23:59:59Z", "2026-11-25T14:00:00+24:00",
        ])
    func malformed(_ text: String) { #expect(InternetDateTime.milliseconds(text) == nil) }

    @Test("written as it is read, on every day of some years")
    func text() {
        var milliseconds: Int64 = 1_700_000_000_000
        while milliseconds < 1_900_000_000_000 {
            #expect(InternetDateTime.milliseconds(InternetDateTime.text(milliseconds: milliseconds)) == milliseconds)
            milliseconds += 86_413_000
        }
        #expect(InternetDateTime.text(milliseconds: 1_795_615_200_999) == "2026-11-25T14:00:00Z")
        #expect(InternetDateTime.text(milliseconds: 0) == "1970-01-01T00:00:00Z")
    }
}
