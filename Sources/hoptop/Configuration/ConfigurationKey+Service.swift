extension ConfigurationKey<ServiceConfiguration> {
    static let service: [ConfigurationKey<ServiceConfiguration>] = [
        .text(
            "user",
            "Started as root, become that user when ports are bound and keys are read; nothing makes it root again.",
            "a user of this machine", example: "\"hoptop\"", \.user),
        .text("group", "With that group; without it the user's own.", "a group", example: "\"hoptop\"", \.group),
        .duration(
            "stop-timeout",
            "How long messages under way may take when hoptop serve is to stop; then their sessions are broken off (421).",
            \.stopTimeout, least: 0),
    ]
}
