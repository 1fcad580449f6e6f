// swift-tools-version: 6.1
import PackageDescription

/// One target for each stage of the compiler; a target depends only on targets that precede it in this list, and on
/// exactly those that it imports (ManifestTests). Docs/Architecture.md draws the picture.
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
    // For packages that declare operators with native code: Docs/ExtendFromOutside.md.
    .library(name: "ApusExtension", targets: ["ApusOperators", "ApusKernels", "ApusLowering"]),
    .executable(name: "apus", targets: ["ApusProgram"]),
    .executable(name: "apus-course", targets: ["Examples"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
  ],
  targets: [
    // A system library: a module map, no code.
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

    // The graph and its operators.
    .target(name: "ApusCore"),
    .target(name: "ApusGraph", dependencies: ["ApusCore"]),
    .target(name: "ApusOperators", dependencies: ["ApusCore", "ApusGraph"]),
    .target(name: "ApusAutodiff", dependencies: ["ApusCore", "ApusGraph", "ApusOperators"]),
    .target(
      name: "ApusInterpreter",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusOperators", .product(name: "RealModule", package: "swift-numerics"),
      ]),
    .target(name: "ApusPasses", dependencies: ["ApusCore", "ApusGraph", "ApusOperators", "ApusInterpreter"]),

    // Native code.
    .target(name: "ApusKernels", dependencies: ["ApusCore"]),
    .target(name: "ApusPlanning", dependencies: ["ApusCore", "ApusKernels"]),
    .target(name: "ApusKernelInterpreter", dependencies: ["ApusCore", "ApusKernels", "ApusPlanning"]),
    .target(
      name: "ApusLowering",
      dependencies: ["ApusCore", "ApusGraph", "ApusOperators", "ApusPasses", "ApusKernels", "ApusPlanning"]),
    .target(
      name: "ApusNative",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusOperators", "ApusInterpreter", "ApusPasses", "ApusKernels", "ApusPlanning",
        "ApusKernelInterpreter", "ApusLowering",
      ]),

    // What a user trains with.
    .target(name: "ApusData", dependencies: ["CZlib", "ApusCore"]),
    .target(name: "ApusPresentation", dependencies: ["ApusCore", "ApusData"]),
    .target(
      name: "ApusNN",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusOperators", "ApusAutodiff", "ApusInterpreter", "ApusPasses", "ApusNative",
        "ApusData", "ApusPresentation",
      ]),
    .target(
      name: "ApusInspection",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusOperators", "ApusAutodiff", "ApusInterpreter", "ApusLowering", "ApusPresentation",
        "ApusNN",
      ]),
    .target(
      name: "ApusMeasurement",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusInterpreter", "ApusPasses", "ApusKernels", "ApusPlanning", "ApusLowering",
        "ApusNative", "ApusData", "ApusNN",
      ]),
    .target(
      name: "ApusReport",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusOperators", "ApusInterpreter", "ApusPasses", "ApusKernels", "ApusPlanning",
        "ApusLowering", "ApusNative", "ApusData", "ApusInspection", "ApusMeasurement",
      ],
      // The page's parts are in the program: it works wherever it is copied.
      resources: [.embedInCode("Page")]),
    .target(
      name: "Apus",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusOperators", "ApusAutodiff", "ApusInterpreter", "ApusPasses", "ApusNative",
        "ApusData", "ApusPresentation", "ApusNN", "ApusInspection",
      ]),
    .target(
      name: "ApusCommand",
      dependencies: [
        "ApusCore", "ApusKernels", "ApusPlanning", "ApusKernelInterpreter", "ApusLowering", "ApusNative", "ApusData",
        "ApusMeasurement", "ApusReport", "Apus",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(name: "ApusProgram", dependencies: ["ApusCommand"]),
    // The lessons of Docs/Course.md, as users write programs.
    .executableTarget(
      name: "Examples", dependencies: ["Apus", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

    // Tests, one target a module.
    // Sets the environment of a test process before it begins: Swift has no such place.
    .target(name: "CTestEnvironment", path: "Tests/CTestEnvironment"),
    .target(
      name: "TestSupport", dependencies: ["CTestEnvironment", "ApusGraph", "ApusOperators", "Apus"],
      path: "Tests/TestSupport"),
    .testTarget(name: "ApusCoreTests", dependencies: ["ApusCore"]),
    .testTarget(name: "ApusGraphTests", dependencies: ["ApusGraph", "Apus"]),
    .testTarget(
      name: "ApusOperatorsTests",
      dependencies: ["ApusCore", "ApusGraph", "ApusOperators", "ApusPasses", "Apus", "TestSupport"],
      exclude: ["Reference"]),
    .testTarget(name: "ApusAutodiffTests", dependencies: ["Apus", "TestSupport"]),
    .testTarget(
      name: "ApusPassesTests", dependencies: ["ApusGraph", "ApusOperators", "ApusPasses", "Apus", "TestSupport"]),
    .testTarget(name: "ApusKernelsTests", dependencies: ["ApusCore", "ApusKernels"]),
    .testTarget(name: "ApusPlanningTests", dependencies: ["ApusCore", "ApusKernels", "ApusPlanning"]),
    .testTarget(
      name: "ApusLoweringTests",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusOperators", "ApusPasses", "ApusKernels", "ApusKernelInterpreter", "ApusPlanning",
        "ApusLowering", "ApusNative", "Apus", "TestSupport",
      ],
      exclude: ["Resources"]),
    .testTarget(
      name: "ApusNativeTests",
      dependencies: [
        "ApusCore", "ApusGraph", "ApusOperators", "ApusPasses", "ApusKernels", "ApusPlanning", "ApusKernelInterpreter",
        "ApusLowering", "ApusNative", "Apus", "TestSupport",
      ],
      exclude: ["Resources"]),
    .testTarget(name: "ApusDataTests", dependencies: ["ApusCore", "ApusData", "TestSupport"], exclude: ["Resources"]),
    .testTarget(name: "ApusPresentationTests", dependencies: ["ApusCore", "ApusPresentation"], exclude: ["Resources"]),
    .testTarget(name: "ApusMeasurementTests", dependencies: ["ApusMeasurement", "Apus", "TestSupport"]),
    .testTarget(name: "ApusInspectionTests", dependencies: ["Apus", "TestSupport"]),
    .testTarget(
      name: "ApusReportTests",
      dependencies: ["ApusGraph", "ApusLowering", "ApusData", "ApusReport", "Apus", "TestSupport"]),
    .testTarget(
      name: "ApusNNTests", dependencies: ["ApusGraph", "ApusOperators", "ApusNN", "Apus", "TestSupport"],
      exclude: ["Resources"]),
    .executableTarget(
      name: "CommandExample", dependencies: ["ApusGraph", "ApusOperators", "Apus", "ApusCommand"],
      path: "Tests/CommandExample"),
    .testTarget(
      name: "CommandTests", dependencies: ["ApusGraph", "Apus", "TestSupport", "ApusProgram", "CommandExample"],
      exclude: ["Resources"]),
    .testTarget(name: "ExamplesTests", dependencies: ["Apus", "TestSupport", "Examples"]),
    .testTarget(
      name: "SituationTests", dependencies: ["ApusNative", "Apus", "TestSupport"], exclude: ["Resources"]),
    .testTarget(
      name: "FuzzTests",
      dependencies: ["ApusGraph", "ApusOperators", "ApusNative", "Apus", "TestSupport"],
      exclude: ["run.sh"]),
  ],
  swiftLanguageModes: [.v6]
)

// Scripts/test.sh sets this: all that compiles and computes is optimized, assertions stay, and the suite takes half of the
// time. Targets of their own flags cannot be in a package that others depend on, so nothing else does.
if Context.environment["APUS_OPTIMIZED_TESTS"] != nil {
  let names = [
    "ApusCore", "ApusGraph", "ApusOperators", "ApusAutodiff", "ApusInterpreter", "ApusPasses", "ApusKernels",
    "ApusPlanning", "ApusKernelInterpreter", "ApusLowering", "ApusNative",
  ]
  for target in package.targets where names.contains(target.name) {
    target.swiftSettings = [.unsafeFlags(["-O", "-wmo", "-num-threads", "2", "-assert-config", "Debug"])]
  }
}
