import ApusCore
import ApusGraph

// Which operators treat each sample of a batch by itself. What folds, moves or multiplies the samples' axis is told by its
// types; see `Operator.forSamples`.

extension ReductionOperator {
  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? { self }
}

extension Matmul {
  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? { self }
}

extension Convolution {
  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? {
    hasSamples[1] ? nil : self
  }
}

extension WinogradConvolution {
  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? {
    hasSamples[1] ? nil : self
  }
}

extension WindowReduction {
  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? {
    self
  }
}

extension Reshape {
  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? {
    guard let samples = operands[0].shape.dims.first, shape.dims.first == samples else { return nil }
    return Reshape(Shape([count] + shape.dims.dropFirst()))
  }
}

extension Broadcast {
  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? {
    guard operands[0].rank == shape.rank, operands[0].shape.dims.first == shape.dims.first else { return nil }
    return Broadcast(Shape([count] + shape.dims.dropFirst()))
  }
}

extension Transpose {
  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? { self }
}

extension Slice {
  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? {
    guard let start = starts.first, let limit = limits.first, start == 0, stride(0) == 1 else { return nil }
    guard limit == Slice.end || Dim.number(limit) == operands[0].shape[0] else { return nil }
    var whole = self
    whole.limits[0] = Slice.end
    return whole
  }
}

extension Pad {
  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? {
    guard let low = low.first, low == 0, high[0] == 0 else { return nil }
    return self
  }
}

extension Concatenate {
  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? {
    guard hasSamples.allSatisfy({ $0 }), let axis = try? Axis.normalized(axis, rank: operands[0].rank), axis > 0 else {
      return nil
    }
    return self
  }
}

extension Gather {
  /// Rows of a table by the samples' indices.
  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? {
    hasSamples == [false, true] ? self : nil
  }
}
