// swift-tools-version: 6.1
import PackageDescription

/// One target a stage of the compiler; arrows point only at targets further up in this list.
/// Docs/Architecture.md draws the picture.
let package = Package(
  name: "Apus",
  products: [
    .library(name: "Apus", targets: ["Apus"]),
    // For compilers' authors: operator types, passes, and the command line to extend.
    .library(name: "ApusGraph", targets: ["ApusGraph"]),
    .library(name: "ApusOperators", targets: ["ApusOperators"]),
    .library(name: "ApusPasses", targets: ["ApusPasses"]),
    .library(name: "ApusKernels", targets: ["ApusKernels"]),
    .library(name: "ApusLowering", targets: ["ApusLowering"]),
    .library(name: "ApusMeasurement", targets: ["ApusMeasurement"]),
    .library(name: "ApusCommand", targets: ["ApusCommand"]),
    .executable(name: "apus", targets: ["ApusProgram"]),
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
    .target(name: "ApusOperators", dependencies: ["ApusGraph"]),
    .target(name: "ApusAutodiff", dependencies: ["ApusOperators"]),
    .target(
      name: "ApusInterpreter",
      dependencies: ["ApusOperators", "COpenBLAS", .product(name: "RealModule", package: "swift-numerics")]),
    .target(name: "ApusPasses", dependencies: ["ApusOperators", "ApusInterpreter"]),

    // Native code.
    .target(name: "ApusKernels", dependencies: ["ApusCore"]),
    .target(name: "ApusPlanning", dependencies: ["ApusKernels"]),
    .target(name: "ApusKernelInterpreter", dependencies: ["ApusPlanning"]),
    .target(name: "ApusLowering", dependencies: ["ApusPasses", "ApusPlanning"]),
    .target(name: "ApusNative", dependencies: ["ApusLowering", "ApusKernelInterpreter"]),

    // What a user trains with.
    .target(name: "ApusData", dependencies: ["ApusCore", "CZlib"]),
    .target(name: "ApusPresentation", dependencies: ["ApusData"]),
    .target(
      name: "ApusNN",
      dependencies: [
        "ApusAutodiff", "ApusPasses", "ApusInterpreter", "ApusNative", "ApusData", "ApusPresentation",
      ]),
    .target(name: "ApusInspection", dependencies: ["ApusNN"]),
    .target(
      name: "ApusMeasurement", dependencies: ["ApusNN", "ApusNative", "ApusKernels", "ApusLowering", "ApusPlanning"]),
    .target(
      name: "Apus",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusOperators", "ApusAutodiff", "ApusInterpreter", "ApusPasses",
        "ApusNative", "ApusData", "ApusPresentation", "ApusNN", "ApusInspection",
      ]),
    .target(
      name: "ApusCommand",
      dependencies: [
        "Apus", "ApusKernels", "ApusPlanning", "ApusKernelInterpreter", "ApusLowering", "ApusMeasurement",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(name: "ApusProgram", dependencies: ["ApusCommand"]),

    // Tests, one target a module.
    .target(name: "TestSupport", dependencies: ["Apus", "ApusOperators"], path: "Tests/TestSupport"),
    .testTarget(name: "ApusCoreTests", dependencies: ["ApusCore"]),
    .testTarget(name: "ApusGraphTests", dependencies: ["Apus", "TestSupport"]),
    .testTarget(
      name: "ApusOperatorsTests", dependencies: ["Apus", "ApusOperators", "TestSupport"], exclude: ["Reference"]),
    .testTarget(name: "ApusAutodiffTests", dependencies: ["Apus", "TestSupport"]),
    .testTarget(name: "ApusPassesTests", dependencies: ["Apus", "ApusGraph", "ApusOperators", "TestSupport"]),
    .testTarget(name: "ApusKernelsTests", dependencies: ["ApusKernels", "TestSupport"]),
    .testTarget(name: "ApusPlanningTests", dependencies: ["ApusPlanning", "TestSupport"]),
    .testTarget(
      name: "ApusLoweringTests",
      dependencies: ["Apus", "ApusCore", "ApusKernels", "ApusLowering", "ApusNative", "ApusPasses", "TestSupport"],
      exclude: ["Resources"]),
    .testTarget(
      name: "ApusNativeTests",
      dependencies: ["Apus", "ApusLowering", "ApusKernelInterpreter", "ApusNative", "TestSupport"],
      exclude: ["Resources"]),
    .testTarget(name: "ApusDataTests", dependencies: ["ApusData", "TestSupport"], exclude: ["Resources"]),
    .testTarget(name: "ApusPresentationTests", dependencies: ["ApusPresentation"], exclude: ["Resources"]),
    .testTarget(name: "ApusMeasurementTests", dependencies: ["Apus", "ApusMeasurement", "TestSupport"]),
    .testTarget(name: "ApusNNTests", dependencies: ["Apus", "ApusGraph", "TestSupport"], exclude: ["Resources"]),
    .executableTarget(
      name: "CommandExample", dependencies: ["Apus", "ApusCommand", "ApusGraph"], path: "Tests/CommandExample"),
    .testTarget(
      name: "CommandTests", dependencies: ["Apus", "TestSupport", "ApusProgram", "CommandExample"],
      exclude: ["Resources"]),
    .testTarget(
      name: "FuzzTests",
      dependencies: ["Apus", "ApusGraph", "ApusOperators", "ApusPasses", "ApusNative", "TestSupport"],
      exclude: ["run.sh"]),
  ],
  swiftLanguageModes: [.v6]
)
