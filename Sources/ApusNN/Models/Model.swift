import ApusCore
import ApusGraph
import ApusPresentation

/// A model whose layers branch and join, with one or more inputs and outputs.
public struct Model: LayeredModel {
  public let name: String
  /// The forward graph: a parameter of shape (batch, …) for each input, an output for each output, in the order in
  /// which they were given. Dropout and the like are not bound yet.
  public let graph: Graph
  public let summaryTable: SummaryTable

  /// The layers between some inputs and some outputs. Automatic names count in the order in which layers were applied.
  /// - Parameters:
  ///   - inputs: made by `Input`; all that the outputs depend on, and no other.
  /// - Throws: `ApusError` that names the layer if a layer does not fit what it reads, or the input that is missing
  ///   or not used.
  public init(name: String = "functional", inputs: [SymbolicTensor], outputs: [SymbolicTensor]) throws {
    let assembly = try ModelAssembly(name, inputs: inputs.map(\.call), outputs: outputs.map(\.call))
    self.name = name
    graph = assembly.graph
    summaryTable = assembly.graph.summaryTable(name: name, rows: assembly.rows)
  }

  /// The layers between one input and one output.
  /// - Throws: `ApusError` that names the layer if a layer does not fit what it reads.
  public init(name: String = "functional", _ input: SymbolicTensor, _ output: SymbolicTensor) throws {
    try self.init(name: name, inputs: [input], outputs: [output])
  }
}
