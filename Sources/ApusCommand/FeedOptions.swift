import Apus
import ArgumentParser

/// Tensors from files for a graph's parameters, and the seed of what no file gives.
struct InputOptions: ParsableArguments {
  @Option(
    name: [.customShort("i"), .customLong("input")],
    help: ArgumentHelp("A NumPy file for the next parameter, or for one by name.", valueName: "[name=]file"))
  var inputs: [String] = []

  @Option(help: "Seed of first values and random inputs.")
  var seed: UInt64 = 0

  /// Whether the command line says anything of inputs.
  var isGiven: Bool { !inputs.isEmpty || seed != 0 }

  /// The inputs that are given, by the parameters' names.
  /// - Throws: `ApusError` if a file cannot be read, or an input is given twice or does not exist.
  func files(for graph: Graph) throws -> [String: Tensor] {
    let names = graph.parameters.map { graph.name(of: $0) ?? "" }
    var feeds: [String: Tensor] = [:]
    for text in inputs {
      let sides = text.split(separator: "=", maxSplits: 1).map(String.init)
      let name = sides.count == 2 ? sides[0] : names.first { feeds[$0] == nil }
      guard let name else {
        throw ApusError.usage(
          "graph @\(graph.name) has \(names.count) input\(names.count == 1 ? "" : "s"), but --input is given more often",
          help: names.isEmpty ? nil : "its inputs: \(names.joined(separator: ", "))")
      }
      guard names.contains(name) else {
        throw ApusError.input(
          "graph @\(graph.name) has no input '\(name)'",
          help: Suggestion.didYouMean(name, among: names) ?? "its inputs: \(names.joined(separator: ", "))")
      }
      guard feeds[name] == nil else { throw ApusError.usage("input '\(name)' is given twice") }
      feeds[name] = try NPY.read(sides.last ?? text)
    }
    return feeds
  }
}

/// Tensors for a graph's parameters, where those that no file gives may be random.
struct FeedOptions: ParsableArguments {
  @OptionGroup var given: InputOptions

  @Flag(help: "Fill the inputs that are not given with seeded random numbers (symbols need --bind).")
  var random = false

  var seed: UInt64 { given.seed }

  /// The inputs that are given, and with --random all others.
  /// - Throws: as `InputOptions.files`.
  func feeds(for graph: Graph) throws -> [String: Tensor] {
    var feeds = try given.files(for: graph)
    if random {
      let inputs = RandomInputs(seed: seed)
      for id in graph.parameters {
        let name = graph.name(of: id) ?? ""
        if feeds[name] == nil { feeds[name] = try inputs.tensor(for: id, of: graph) }
      }
    }
    return feeds
  }
}
