// swift-tools-version: 6.1
import PackageDescription

/// One target for each stage of the compiler; a target depends only on targets that precede it in this list, and on
/// exactly those that it imports (ManifestTests). Docs/Architecture.md draws the picture.
let package = Package(
  name: "Apus",
  products: [
    .library(name: "Apus", targets: ["Apus"]),
    // For packages that declare operators with native code: Docs/ExtendFromOutside.md.
    .library(name: "ApusExtension", targets: ["ApusOperators", "ApusKernels", "ApusLowering"]),
    .executable(name: "apus", targets: ["ApusCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
  ],
  targets: [
    // System libraries: module maps, no code.
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

    // The graph and its operators.
    .target(name: "ApusCore"),
    .target(name: "ApusGraph", dependencies: ["ApusCore"]),
    .target(name: "ApusOperators", dependencies: ["ApusCore", "ApusGraph"]),
    .target(name: "ApusAutodiff", dependencies: ["ApusCore", "ApusGraph", "ApusOperators"]),
    .target(
      name: "ApusInterpreter",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusOperators", "COpenBLAS", .product(name: "RealModule", package: "swift-numerics"),
      ]),
    .target(name: "ApusPasses", dependencies: ["ApusCore", "ApusGraph", "ApusOperators", "ApusInterpreter"]),

    // Native code.
    .target(name: "ApusKernels", dependencies: ["ApusCore"]),
    .target(name: "ApusPlanning", dependencies: ["ApusCore", "ApusKernels"]),
    .target(
      name: "ApusLowering", dependencies: ["ApusCore", "ApusGraph", "ApusOperators", "ApusKernels", "ApusPlanning"]),
    .target(
      name: "ApusNative",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusOperators", "ApusPasses", "ApusKernels", "ApusPlanning", "ApusLowering",
      ]),

    // What a user trains with.
    .target(name: "ApusData", dependencies: ["ApusCore", "CZlib"]),
    .target(name: "ApusPresentation", dependencies: ["ApusData"]),
    .target(
      name: "ApusNN",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusOperators", "ApusAutodiff", "ApusInterpreter", "ApusPasses", "ApusNative",
        "ApusData", "ApusPresentation",
      ]),
    .target(name: "ApusInspection", dependencies: ["ApusCore", "ApusGraph"]),
    .target(
      name: "Apus",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusAutodiff", "ApusInterpreter", "ApusPasses", "ApusNative", "ApusData",
        "ApusPresentation", "ApusNN", "ApusInspection",
      ]),
    .executableTarget(
      name: "ApusCommand",
      dependencies: [
        "Apus", "ApusKernels", "ApusPlanning", "ApusLowering",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // Tests, one target a module.
    .target(name: "TestSupport", dependencies: ["Apus"], path: "Tests/TestSupport"),
    .testTarget(name: "ApusCoreTests", dependencies: ["ApusCore"]),
    .testTarget(name: "ApusGraphTests", dependencies: ["Apus", "ApusGraph"]),
    .testTarget(
      name: "ApusOperatorsTests", dependencies: ["Apus", "ApusGraph", "ApusOperators", "TestSupport"],
      exclude: ["Reference"]),
    .testTarget(name: "ApusAutodiffTests", dependencies: ["Apus", "TestSupport"]),
    .testTarget(
      name: "ApusPassesTests", dependencies: ["Apus", "ApusOperators", "ApusPasses", "TestSupport"]),
    .testTarget(name: "ApusKernelsTests", dependencies: ["ApusCore", "ApusKernels"]),
    .testTarget(name: "ApusPlanningTests", dependencies: ["ApusCore", "ApusKernels", "ApusPlanning"]),
    .testTarget(
      name: "ApusNativeTests",
      dependencies: [
        "Apus", "ApusCore", "ApusKernels", "ApusPlanning", "ApusLowering", "ApusNative", "TestSupport",
      ],
      exclude: ["Resources"]),
    .testTarget(name: "ApusDataTests", dependencies: ["ApusCore", "ApusData"], exclude: ["Resources"]),
    .testTarget(
      name: "ApusPresentationTests", dependencies: ["ApusCore", "ApusPresentation"], exclude: ["Resources"]),
    .testTarget(name: "ApusNNTests", dependencies: ["Apus", "TestSupport"], exclude: ["Resources"]),
    .testTarget(
      name: "CommandTests", dependencies: ["Apus", "TestSupport", "ApusCommand"], exclude: ["Resources"]),
    .testTarget(
      name: "FuzzTests",
      dependencies: ["Apus", "ApusGraph", "ApusOperators", "ApusPasses", "ApusNative", "TestSupport"],
      exclude: ["run.sh"]),
  ],
  swiftLanguageModes: [.v6]
)
