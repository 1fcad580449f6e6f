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
      swiftSettings: [.enableUpcomingFeature("MemberImportVisibility")]),

    // The examples of Docs/ExtendFromOutside.md, and a program that trains with them.
    .target(
      name: "Extension",
      dependencies: [
        .product(name: "Apus", package: "Apus"), .product(name: "ApusExtension", package: "Apus"),
      ]),
    .executableTarget(
      name: "TrainWithExtension", dependencies: ["Extension", .product(name: "Apus", package: "Apus")]),

    // The command `apus` with the operator and the pass of Docs/WriteAPass.md.
    .executableTarget(
      name: "OwnApus",
      dependencies: [
        .product(name: "Apus", package: "Apus"), .product(name: "ApusCommand", package: "Apus"),
        .product(name: "ApusGraph", package: "Apus"), .product(name: "ApusOperators", package: "Apus"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
