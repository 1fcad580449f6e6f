import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning

/// How hard LLVM works on kernels. What they compute does not depend on it, bit for bit.
public enum CodeLevel: Hashable, Sendable, CaseIterable {
  /// No pass, and the code generator's simplest ways: to find out whose fault a wrong number is.
  case none
  /// What is shipped: kernels are vectors and registers already, and the code generator moves what does not change out
  /// of loops. `licm` and `instcombine` would cost a seventh of the time to compile and change the speed of neither
  /// register tiles nor training steps; level 1 ("less") of the code generator gives the same loops as its default and
  /// is quicker.
  case standard
  /// All that LLVM does for `-O3`.
  case full

  /// LLVM's passes before code is generated; nil: none.
  var passes: String? {
    switch self {
    case .none: nil
    case .standard: "function(early-cse)"
    case .full: "default<O3>"
    }
  }

  var codeGeneratorLevel: UInt32 {
    switch self {
    case .none: CodeGeneratorLevel.none
    case .standard: CodeGeneratorLevel.less
    case .full: CodeGeneratorLevel.aggressive
    }
  }
}

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
  /// What lowering must know: figures of a processor of this kind. They belong to the target and are not read from the
  /// machine, so that the same target gives the same bits everywhere.
  package var processor: ProcessorModel
  /// What the kernel's list of processor flags must name for the code to run.
  let requiredFlags: [String]

  /// The part of the model that the form of kernels depends on.
  public var vector: VectorTarget { processor.vector }

  var isX86: Bool { triple.hasPrefix("x86_64") }

  /// Names that `named` knows.
  public static let names = ["native", "x86-64-v3", "x86-64-v4", "znver4", "emeraldrapids", "aarch64"]

  /// - Throws: `ApusError` with a suggestion if there is no such target.
  public static func named(_ name: String) throws -> NativeTarget {
    switch name {
    case "native": return host
    case "x86-64-v3": return level3(name)
    case "x86-64-v4": return level4(name)
    case "znver4": return level4(name)
    case "emeraldrapids": return emeraldRapids(name)
    case "aarch64": return aarch64(name)
    default:
      throw ApusError.usage(
        "there is no target '\(name)'",
        help: Suggestion.didYouMean(name, among: names) ?? "the targets: \(names.joined(separator: ", "))")
    }
  }

  // MARK: This machine

  /// This machine: the largest of the levels that Apus distinguishes. Code for a level is as fast as code for the exact
  /// model, for its vectors are explicit and its tiles are chosen by Apus; and it runs on every machine of the level.
  public static let host = native(on: .current)

  /// The target of a processor, whether or not native code runs on it.
  package static func native(on host: HostProcessor) -> NativeTarget {
    if !host.isX86 { return aarch64("native") }
    let largest = level4("native")
    return largest.obstacle(on: host) == nil ? largest : level3("native")
  }

  /// Whether this process can run the code.
  public var isRunnable: Bool { obstacle(on: .current) == nil }

  /// Why the code does not run on a processor; nil if it does.
  package func obstacle(on host: HostProcessor) -> String? {
    if !host.isX86 { return "native code does not run on this architecture yet" }
    if !isX86 { return "code for \(name) does not run on this machine" }
    let missing = requiredFlags.filter { !host.flags.contains($0) }
    return missing.isEmpty ? nil : "this processor lacks \(missing.joined(separator: ", "))"
  }

  /// - Throws: `ApusError` that says what is missing where this process cannot run the code.
  public func checkRunnable() throws {
    if let obstacle = obstacle(on: .current) {
      throw ApusError.input(obstacle, help: "run with the interpreter", commandHelp: "add --backend interpreter")
    }
  }

  // MARK: Levels

  private static let x86 = "x86_64-pc-linux-gnu"
  /// Fetching lines to be written, which LLVM does not count to the level: all processors of it can (LLVM, X86.td:
  /// `skylake-avx512`, `znver4` and what follows them). Below, such lines are fetched as if to be read.
  private static let level4Features = "+prfchw"
  private static let level3Flags = ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"]
  private static let level4Flags = level3Flags + ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]

  private static func level3(_ name: String) -> NativeTarget {
    NativeTarget(
      name: name, triple: x86, cpu: "x86-64-v3", features: "", processor: .laptopAVX2,
      requiredFlags: level3Flags)
  }

  private static func level4(_ name: String) -> NativeTarget {
    NativeTarget(
      name: name, triple: x86, cpu: name == "znver4" ? name : "x86-64-v4", features: level4Features, processor: .zen4,
      requiredFlags: name == "znver4" ? level4Flags + ["avx512_bf16", "avx512_vnni", "sse4a"] : level4Flags)
  }

  private static func emeraldRapids(_ name: String) -> NativeTarget {
    NativeTarget(
      name: name, triple: x86, cpu: name, features: level4Features, processor: .server64,
      requiredFlags: level4Flags + ["avx512_bf16", "avx512_vnni", "avx512_fp16"])
  }

  private static func aarch64(_ name: String) -> NativeTarget {
    NativeTarget(
      name: name, triple: "aarch64-unknown-linux-gnu", cpu: "generic", features: "+neon", processor: .neon,
      requiredFlags: [])
  }
}
