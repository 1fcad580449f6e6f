import ApusCore
import ApusGraph
import ApusLowering
import ApusPasses

/// The passes by name: those of Apus, and those that other packages add. StandardPipeline.swift has the ready-made
/// pipelines.
///
/// A package registers its passes once, before a command line or a program names them:
/// `try PassRegistry.register(FoldScales.self)`. Any thread may do so. Docs/WriteAPass.md walks through one.
public enum PassRegistry {
  /// All passes of Apus: the only list.
  public static let standard: [any Pass.Type] = [
    ExpandComposites.self, MergeScans.self, Simplify.self, FoldConstants.self, FoldBatchNorm.self,
    CommonSubexpressions.self, DeadCode.self, Layout.self, Fuse.self, SelectIndices.self, ReciprocalRoots.self,
    JoinSlices.self, SinkSums.self,
    Winograd.self, SplitBatch.self, TileAttention.self, Rematerialize.self,
  ]

  private static let store = NameRegistry<any Pass.Type>(
    kind: "pass", registration: "PassRegistry.register", standard.map { (names: [$0.record.name], entry: $0) })

  /// All passes in order of registration.
  public static var all: [any Pass.Type] { store.entries }

  /// Adds a pass of another package, for the rest of the process.
  /// - Throws: `ApusError` if its name is taken.
  public static func register(_ type: any Pass.Type) throws { try store.register(type, names: [type.record.name]) }

  /// The pass of this name.
  /// - Throws: `ApusError` with fault `.usage` and a suggestion if there is none.
  public static func type(named name: String) throws -> any Pass.Type { try store.required(name) }

  /// The pass that `text` names, with its options: `fold-constants{limit=4096}`.
  /// - Throws: `ApusError` with fault `.usage` and a suggestion if there is no such pass or option.
  public static func pass(_ text: String) throws -> any Pass {
    let parts = text.split(separator: "{", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts.first.map(String.init) ?? ""
    let type = try type(named: name)
    var pass: any Pass = type.init()
    guard parts.count == 2 else { return pass }
    guard parts[1].hasSuffix("}") else { throw ApusError.usage("'\(text)' lacks its closing brace") }
    for setting in parts[1].dropLast().split(separator: ";") {
      let sides = setting.split(separator: "=", maxSplits: 1).map(String.init)
      guard sides.count == 2, let value = Int(sides[1]), value >= 0 else {
        throw ApusError.usage("'\(setting)' in '\(text)' is not option=number")
      }
      guard let option = type.record.options.first(where: { $0.name == sides[0] }) else {
        let known = type.record.options.map(\.name)
        throw ApusError.usage(
          "pass '\(name)' has no option '\(sides[0])'",
          help: Suggestion.didYouMean(sides[0], among: known)
            ?? (known.isEmpty ? "it has none" : "its options: \(known.joined(separator: ", "))"))
      }
      pass = option.write(pass, value)
    }
    return pass
  }
}

extension Pipeline {
  /// A list like `simplify,fold-constants{limit=4096},fuse`; empty for none.
  /// - Throws: `ApusError` with fault `.usage` if a pass or option does not exist.
  public init(parsing text: String) throws {
    self.init(
      try text.split(separator: ",").map {
        try PassRegistry.pass($0.trimmingPrefix(while: \.isWhitespace).description)
      })
  }
}
