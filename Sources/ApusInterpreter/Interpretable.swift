import ApusCore
import ApusGraph

/// An operator's reference kernel: simple, correct, and sharing no code with the native backend.
///
/// Every primitive operator conforms by extension in this module. Composites do not: the interpreter expands them.
public protocol Interpretable: Operator {
  /// The results for these operands, whose types the graph has checked.
  /// - Parameters:
  ///   - operands: the kernel's own: an operand without later readers is referenced from here only, so taking it
  ///     out and writing to it copies nothing.
  ///   - context: runs regions; knows the result types.
  /// - Throws: `ApusError` if a number is invalid (an index out of range).
  func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor]
}

/// What a kernel may ask beyond its operands.
public struct KernelContext: Sendable {
  /// The static types of the results.
  public let resultTypes: [TensorType]
  let regions: [Interpreter]

  /// The sizes of a result.
  public func dimensions(_ result: Int = 0) throws -> [Int] {
    guard let numbers = resultTypes[result].shape.numbers else {
      throw ApusError.defect("a kernel met the symbolic shape \(resultTypes[result].shape)")
    }
    return numbers
  }

  /// Runs a region on arguments and returns its outputs.
  public func run(_ region: Int, _ arguments: [Tensor]) throws -> [Tensor] {
    try regions[region].run(arguments, variables: []).outputs
  }
}
