// swift-tools-version: 6.1
import PackageDescription

// What a user's package looks like: it depends on Apus and on nothing that Apus depends on.
let package = Package(
  name: "Consumer",
  dependencies: [.package(name: "Apus", path: "../..")],
  targets: [
    .executableTarget(
      name: "Consumer", dependencies: [.product(name: "Apus", package: "Apus")],
      // Members must come from modules that a file imports: `import Apus` has to be enough.
      swiftSettings: [.enableUpcomingFeature("MemberImportVisibility")])
  ],
  swiftLanguageModes: [.v6]
)
