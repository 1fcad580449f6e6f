import ApusCore
import ApusGraph
import ApusPresentation

/// A model of layers one after the other.
public struct Sequential: LayeredModel {
  public static let typeName = "Sequential"
  public static let automaticName = "sequential"
  public let name: String
  /// The forward graph: parameter `input` of shape (batch, …), one output. Dropout and the like are not bound yet.
  public let graph: Graph
  public let summaryTable: SummaryTable
  public let structure: ModelStructure

  /// - Parameters:
  ///   - input: the shape of one sample, without the batch.
  ///   - batchSize: of all batches, if a layer keeps states from one to the next; else nil, for batches of any size.
  ///   - dtype: the element type of the samples. Bytes fed where floats are declared are cast, not scaled: images are
  ///     brought to [0, 1] by `Rescaling(scale: 1 / 255)`, inside the graph.
  /// - Throws: `ApusError` that names the layer if a layer does not fit the one before it.
  public init(
    name: String = "sequential", input: [Int], batchSize: Int? = nil, dtype: DType = .f32,
    @LayerBuilder _ layers: () throws -> [any Layer]
  ) throws {
    let first = Input(input, batchSize: batchSize, dtype: dtype, name: "input")
    let last = try layers().reduce(first) { x, layer in layer(x) }
    var structure = ModelStructure(inputs: [first], outputs: [last])
    structure.hidesInput = true
    try self.init(name: name, structure: structure)
  }

  public init(name: String, structure: ModelStructure) throws {
    self.name = name
    self.structure = structure
    (graph, summaryTable) = try ModelAssembly.build(name, structure)
  }
}

/// Layers one after the other, as a list.
@resultBuilder
public enum LayerBuilder {
  public static func buildExpression(_ layer: any Layer) -> [any Layer] { [layer] }
  public static func buildExpression(_ model: any LayeredModel) -> [any Layer] { [SubModel(model)] }
  public static func buildBlock(_ parts: [any Layer]...) -> [any Layer] { parts.flatMap(\.self) }
  public static func buildOptional(_ part: [any Layer]?) -> [any Layer] { part ?? [] }
  public static func buildEither(first part: [any Layer]) -> [any Layer] { part }
  public static func buildEither(second part: [any Layer]) -> [any Layer] { part }
  public static func buildArray(_ parts: [[any Layer]]) -> [any Layer] { parts.flatMap(\.self) }
}
