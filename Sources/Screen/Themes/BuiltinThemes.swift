extension ThemeLibrary {
    /// The files of Themes/, which Shipped/ links to, as the package manager compiles them in.
    static let builtin = [
        "ansi": PackageResources.ansi_toml, "contrast": PackageResources.contrast_toml,
        "dark": PackageResources.dark_toml, "deuteranopia": PackageResources.deuteranopia_toml,
        "light": PackageResources.light_toml, "mono": PackageResources.mono_toml, "prod": PackageResources.prod_toml,
        "tritanopia": PackageResources.tritanopia_toml,
    ].mapValues { String(decoding: $0, as: UTF8.self) }
}
