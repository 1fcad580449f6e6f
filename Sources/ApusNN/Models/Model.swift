import ApusCore
import ApusGraph
import ApusPresentation

/// A model whose layers branch and join, with one or more inputs and outputs.
public struct Model: LayeredModel {
  public static let typeName = "Functional"
  public static let automaticName = "functional"
  public let name: String
  /// The forward graph: a parameter of shape (batch, …) for each input, an output for each output, in the order in
  /// which they were given. Dropout and the like are not bound yet.
  public let graph: Graph
  public let summaryTable: SummaryTable
  public let structure: ModelStructure

  /// The layers between some inputs and some outputs. Automatic names count in the order in which layers were applied.
  /// - Parameters:
  ///   - inputs: made by `Input`; all that the outputs depend on, and no other.
  /// - Throws: `ApusError` that names the layer if a layer does not fit what it reads, or the input that is missing
  ///   or not used.
  public init(name: String = "functional", inputs: [SymbolicTensor], outputs: [SymbolicTensor]) throws {
    try self.init(name: name, structure: ModelStructure(inputs: inputs, outputs: outputs))
  }

  public init(name: String, structure: ModelStructure) throws {
    self.name = name
    self.structure = structure
    (graph, summaryTable) = try ModelAssembly.build(name, structure)
  }

  /// The layers between one input and one output.
  /// - Throws: `ApusError` that names the layer if a layer does not fit what it reads.
  public init(name: String = "functional", _ input: SymbolicTensor, _ output: SymbolicTensor) throws {
    try self.init(name: name, inputs: [input], outputs: [output])
  }
}
