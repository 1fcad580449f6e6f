import ApusCore

/// The composites whose definitions are being followed, so that a definition that leads back to itself ends in an error
/// and not on the end of the stack.
package enum Expansion {
  /// Deeper than any definition in Apus (4), and shallow enough for the stack of any thread.
  static let depthLimit = 16

  /// Names of the composites around the one that is being followed, outermost first.
  @TaskLocal private static var path: [String] = []

  /// The limit was reached. Only the outermost call makes a message of it, so that no level adds its own words.
  private struct Endless: Error {
    let path: [String]
  }

  /// Runs `body` as part of following the definition of `op`.
  /// - Throws: what `body` throws; `ApusError` that names the operators if their definitions lead back to themselves.
  package static func following<Result>(_ op: some CompositeOperator, _ body: () throws -> Result) throws -> Result {
    let outer = path
    guard outer.count < depthLimit else { throw Endless(path: outer + [op.name]) }
    do { return try $path.withValue(outer + [op.name], operation: body) } catch let error as Endless
      where outer.isEmpty
    {
      throw op.fault(
        "the expansion of \(op.name) does not end: \(cycle(error.path).joined(separator: " → ")) …",
        help: "expand (CompositeOperator, Sources/ApusGraph/Operator.swift) must lead to operators with a kernel")
    }
  }

  /// The names up to the first that returns.
  private static func cycle(_ path: [String]) -> ArraySlice<String> {
    let end = path.indices.first { path[..<$0].contains(path[$0]) } ?? path.endIndex - 1
    return path[...end]
  }
}

extension GraphBuilder {
  /// A composite's definition as a graph of its own, whose parameters are the operands.
  /// - Throws: what `expand` throws; `ApusError` if the definition leads back to itself.
  package static func expansion(of op: some CompositeOperator, _ operands: [TensorType]) throws -> Graph {
    let scratch = GraphBuilder("expansion")
    let values = try operands.enumerated().map { try scratch.parameter("p\($0)", $1.dtype, $1.shape) }
    return try scratch.build(Expansion.following(op) { try op.expand(values, scratch) })
  }

  /// As `expansion(of:_:)`, checked against the types that the operator's shape rule gave.
  /// - Throws: `ApusError` that names the operator if the expansion gives other results.
  package static func expansion(
    of op: some CompositeOperator, _ operands: [TensorType], giving results: [TensorType]
  ) throws -> Graph {
    let graph = try expansion(of: op, operands)
    guard graph.outputTypes == results else {
      throw op.fault(
        "the expansion of \(op.name) gives \(graph.outputTypes.list), but its shape rule says \(results.list)",
        help: "expand and resultTypes of an operator must agree")
    }
    return graph
  }

  /// The result types of a composite, found by expanding it on a scratch graph.
  package static func resultTypes(ofExpanding op: some CompositeOperator, _ operands: [TensorType]) throws
    -> [TensorType]
  {
    do { return try expansion(of: op, operands).outputTypes } catch let error as ApusError {
      throw TypeError(error.message, help: error.diagnostics.first?.help)
    }
  }
}
