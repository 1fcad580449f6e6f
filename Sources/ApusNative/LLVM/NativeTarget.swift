import ApusCore
import ApusKernels
import Foundation

/// A processor that code is made for. Known without LLVM: it is part of the cache's key.
public struct NativeTarget: Hashable, Sendable {
  /// How the user names it.
  public let name: String
  /// As `x86_64-pc-linux-gnu`.
  public let triple: String
  /// LLVM's name of the processor.
  public let cpu: String
  /// LLVM's names of instruction sets, with `+` or `-`, separated by commas.
  public let features: String
  /// What lowering must know.
  public let vector: VectorTarget

  /// This machine.
  public static let host = NativeTarget.detected()

  /// Whether this process can run the code.
  public var isRunnable: Bool { triple == NativeTarget.host.triple && !missingFeatures }

  private var missingFeatures: Bool {
    vector.vectorBytes > NativeTarget.host.vector.vectorBytes
  }

  /// Names that `init(named:)` knows.
  public static let names = ["native", "x86-64-v3", "x86-64-v4", "znver4", "aarch64"]

  /// - Throws: `ApusError` with a suggestion where there is no such target.
  public static func named(_ name: String) throws -> NativeTarget {
    let x86 = "x86_64-pc-linux-gnu"
    switch name {
    case "native": return host
    case "x86-64-v3": return NativeTarget(name: name, triple: x86, cpu: name, features: "", vector: .avx2)
    case "x86-64-v4": return NativeTarget(name: name, triple: x86, cpu: name, features: "", vector: .avx512)
    case "znver4": return NativeTarget(name: name, triple: x86, cpu: name, features: "", vector: .avx512)
    case "aarch64":
      return NativeTarget(
        name: name, triple: "aarch64-unknown-linux-gnu", cpu: "generic", features: "+neon", vector: .neon)
    default:
      throw ApusError.usage(
        "there is no target '\(name)'",
        help: Suggestion.didYouMean(name, among: names) ?? "the targets: \(names.joined(separator: ", "))")
    }
  }

  /// By the kernel's list of processor flags: the largest of the levels that Apus distinguishes. Code for a level is as
  /// fast as code for the exact model, for its vectors are explicit and its tiles are chosen here.
  private static func detected() -> NativeTarget {
    #if arch(arm64)
      return NativeTarget(
        name: "native", triple: "aarch64-unknown-linux-gnu", cpu: "generic", features: "+neon", vector: .neon)
    #else
      let flags = cpuFlags()
      let level4: Set = ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]
      let isLevel4 = level4.isSubset(of: flags)
      return NativeTarget(
        name: "native", triple: "x86_64-pc-linux-gnu", cpu: isLevel4 ? "x86-64-v4" : "x86-64-v3", features: "",
        vector: isLevel4 ? .avx512 : .avx2)
    #endif
  }

  private static func cpuFlags() -> Set<String> {
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("flags") }),
      let list = line.split(separator: ":").last
    else { return [] }
    return Set(list.split(separator: " ").map(String.init))
  }
}
