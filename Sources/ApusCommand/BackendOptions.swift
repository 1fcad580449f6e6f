import Apus
import ArgumentParser
import Foundation

/// What runs graphs.
struct BackendOptions: ParsableArguments {
  @Option(
    help: """
      What runs the graph: \(BackendOptions.names.joined(separator: " or ")); native if left out, or the interpreter \
      if native code does not run here.
      """)
  var backend: String?

  @Option(help: "Workers that share each run of native code, at most; the processor's cores if left out.")
  var threads: Int?

  @Option(help: "The processor to make native code for: \(NativeTarget.names.joined(separator: ", ")).")
  var targetCpu = "native"

  @Option(
    help: "Tiles by which Winograd's algorithm computes 3 × 3 convolutions: auto, off, 2, 4 or 6 (native only).")
  var winograd = WinogradChoice.auto

  @OptionGroup var tuning: TuningOptions
  @OptionGroup var memory: MemoryOptions
  @OptionGroup var subnormals: SubnormalOptions
  @OptionGroup var verification: VerifyOptions

  /// A side of a tile, or how it is chosen.
  enum WinogradChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, off
    case two = "2"
    case four = "4"
    case six = "6"

    /// As `NativeBackend.winogradTile` says it.
    var tile: Int {
      switch self {
      case .auto: 0
      case .off: 1
      case .two, .four, .six: Int(rawValue) ?? 0
      }
    }
  }

  static let names = ["native", "interpreter", "kernels"]

  var workers: Int { threads ?? WorkerTeam.defaultCount }

  func validate() throws {
    guard threads ?? 1 >= 1, threads ?? 1 <= 1024 else { throw ValidationError("--threads must be 1 … 1024.") }
  }

  /// - Parameters:
  ///   - isProfiled: whether native programs measure their launches.
  ///   - readsTuning: whether the file of `--tuning` is read, and not going to be written.
  /// - Throws: `ApusError` with a suggestion if there is no such backend or processor.
  func make(isProfiled: Bool = false, readsTuning: Bool = true) throws -> any Backend {
    var native = NativeBackend(
      workers: workers, target: try NativeTarget.named(targetCpu), verifies: verification.verify, isProfiled: isProfiled
    )
    native.winogradTile = winograd.tile
    if readsTuning { native.tuning = try tuning.record() }
    memory.apply(to: &native)
    native.subnormals = subnormals.choice
    return try backend.map { try BackendOptions.make($0, native: native) } ?? DefaultBackend.make(native)
  }

  static func make(_ name: String, native: NativeBackend = NativeBackend()) throws -> any Backend {
    switch name {
    case "native": return native
    case "interpreter": return InterpreterBackend()
    case "kernels": return KernelInterpreterBackend(native)
    default:
      throw ApusError.usage(
        "there is no backend '\(name)'",
        help: Suggestion.didYouMean(name, among: names) ?? "one of \(names.joined(separator: ", "))")
    }
  }
}

/// How layers are computed, by a file.
struct TuningOptions: ParsableArguments {
  @Option(
    name: .customLong("tuning"),
    help: ArgumentHelp(
      "How convolutions are computed, layer by layer: a file that `bench --tune` wrote (native only).",
      valueName: "file"))
  var file: String?

  /// - Throws: `ApusError` if it cannot be read, or does not have this form.
  func record() throws -> TuningRecord? {
    try file.map {
      let (text, file) = try GraphFile.text($0)
      return try TuningRecord(text: text, file: file)
    }
  }
}

/// What becomes of results that are all but 0.
struct SubnormalOptions: ParsableArguments {
  @Option(
    name: .customLong("subnormals"),
    help: """
      Results below the least normal number (2^-126 in f32): keep, flush (make them 0) or auto: keep, but flush in \
      training steps, where they slow many processors down (native only).
      """)
  var choice = Subnormals.auto
}

extension Subnormals: ExpressibleByArgument {}

/// How much memory native code may use.
struct MemoryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Bytes that values on the way may take (as 800k, 64M or 2G, or none); cheap ones are then computed twice (native only).",
      valueName: "bytes"))
  var memoryLimit = ByteCount(count: 0)

  func apply(to backend: inout NativeBackend) {
    backend.memoryLimit = memoryLimit.count
    backend.warningHandler = { Terminal.report($0) }
  }
}

/// A number of bytes, written `4096`, `800k`, `64M` or `2G`: multiples of 1024. `none` is 0, which stands for no limit.
struct ByteCount: ExpressibleByArgument {
  var count: Int

  init(count: Int) { self.count = count }

  init?(argument: String) {
    if argument == "none" {
      count = 0
      return
    }
    let factors: [Character: Int] = ["k": 1 << 10, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
    let factor = argument.last.flatMap { factors[$0] }
    guard let number = Int(factor == nil ? argument : String(argument.dropLast())), number >= 0 else { return nil }
    let (bytes, overflows) = number.multipliedReportingOverflow(by: factor ?? 1)
    guard !overflows else { return nil }
    count = bytes
  }

  var defaultValueDescription: String { count == 0 ? "none" : "\(count)" }
}
