import ApusCore
import ApusGraph

/// Which stage of the compiler a wrong number comes from, by three runs of one graph: the graph's interpreter, the kernel
/// interpreter, and native code. Each computes what the one before was translated to.
public enum StageVerdict: Hashable, Sendable, CustomStringConvertible {
  /// All three agree.
  case agreement
  /// The kernels are wrong: they do not compute what the graph says.
  case lowering(String)
  /// The kernels are right, their machine code is not.
  case codeGeneration(String)
  /// Both differ: kernels from the graph, and native code from the kernels.
  case both(lowering: String, codeGeneration: String)

  /// - Parameters:
  ///   - fromGraph: how the kernel interpreter's results differ from the graph interpreter's; nil: not.
  ///   - fromKernels: how native code's results differ from the kernel interpreter's; nil: not.
  public init(fromGraph: String?, fromKernels: String?) {
    switch (fromGraph, fromKernels) {
    case (nil, nil): self = .agreement
    case (let difference?, nil): self = .lowering(difference)
    case (nil, let difference?): self = .codeGeneration(difference)
    case (let first?, let second?): self = .both(lowering: first, codeGeneration: second)
    }
  }

  /// Compares the results of three runs.
  /// - Parameter difference: how two lists of results differ, in words; nil: not by more than rounding.
  public static func of(
    graph: [Tensor], kernels: [Tensor], native: [Tensor], difference: ([Tensor], [Tensor]) throws -> String?
  ) rethrows -> StageVerdict {
    StageVerdict(fromGraph: try difference(graph, kernels), fromKernels: try difference(kernels, native))
  }

  public var description: String {
    switch self {
    case .agreement: "the graph interpreter, the kernel interpreter and native code agree"
    case .lowering(let difference):
      "lowering is at fault: the kernels do not compute what the graph says: \(difference); native code gives what the "
        + "kernels do"
    case .codeGeneration(let difference):
      "code generation is at fault: native code does not give what its kernels do: \(difference); the kernels compute "
        + "what the graph says"
    case .both(let first, let second):
      "lowering is at fault: the kernels do not compute what the graph says: \(first); and so is code generation, or "
        + "the plan's order: native code does not give what its kernels do: \(second)"
    }
  }
}
