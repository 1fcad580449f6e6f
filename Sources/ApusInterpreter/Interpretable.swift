import ApusCore
import ApusGraph

/// An operator's reference kernel: simple, correct, and sharing no code with the native backend.
///
/// Every primitive operator conforms by extension in this module. Composites do not: the interpreter expands them.
public protocol Interpretable: Operator {
  /// The results for these operands, whose types the graph has checked.
  /// - Parameter context: runs regions; knows the result types.
  /// - Throws: `ApusError` where the numbers themselves are at fault (an index out of range).
  func evaluate(_ operands: [Tensor], _ context: KernelContext) throws -> [Tensor]
}

/// What a kernel may ask beyond its operands.
public struct KernelContext {
  /// The static types of the results.
  public let resultTypes: [TensorType]
  public let regions: [Graph]
  /// Runs a region on arguments and returns its outputs.
  public let run: (_ region: Int, _ arguments: [Tensor]) throws -> [Tensor]
}
