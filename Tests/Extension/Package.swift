// swift-tools-version: 6.1
import PackageDescription

// A package that extends Apus from outside: the examples of Docs/ExtendFromOutside.md, and a program that trains with
// them.
let package = Package(
  name: "Extension",
  dependencies: [.package(name: "Apus", path: "../..")],
  targets: [
    .target(
      name: "Extension",
      dependencies: [
        .product(name: "Apus", package: "Apus"), .product(name: "ApusExtension", package: "Apus"),
      ]),
    .executableTarget(
      name: "TrainWithExtension", dependencies: ["Extension", .product(name: "Apus", package: "Apus")]),
  ],
  swiftLanguageModes: [.v6]
)
