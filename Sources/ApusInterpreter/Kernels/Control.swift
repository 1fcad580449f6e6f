import ApusCore
import ApusGraph
import ApusOperators

extension Fusion: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    try context.run(0, operands)
  }
}

extension If: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    try context.run(operands[0].isTrue ? 0 : 1, Array(operands.dropFirst()))
  }
}

extension While: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let invariants = operands.dropFirst(carries)
    var carried = Array(operands.prefix(carries))
    var rounds = 0
    while tripCount.map({ rounds < $0 }) ?? true, try context.run(0, carried + invariants)[0].isTrue {
      carried = try context.run(1, carried + invariants)
      rounds += 1
    }
    return carried
  }
}

extension Scan: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let sources = operands[carries..<(carries + sequences)]
    let invariants = operands.dropFirst(carries + sequences)
    guard let steps = sources.first?.dimensions.first ?? length?.number else {
      throw ApusError.defect("a scan of unknown length")
    }
    var carried = Array(operands.prefix(carries))
    var outputs = try (carries..<context.resultTypes.count).map { result in
      try Tensor(uninitialized: context.resultTypes[result].dtype, context.dimensions(result))
    }
    for step in 0..<steps {
      let position = reverse ? steps - 1 - step : step
      let elements = try sources.map { try $0.element(position) }
      let found = try context.run(0, carried + elements + invariants)
      carried = Array(found.prefix(carries))
      for (index, output) in found.dropFirst(carries).enumerated() { outputs[index].setElement(position, output) }
    }
    return carried + outputs
  }
}

extension Tensor {
  /// The value of a `bool` scalar.
  fileprivate var isTrue: Bool { withElements(as: Bool.self) { $0.first ?? false } }

  /// The slice at one position of the leading axis, without it.
  fileprivate func element(_ position: Int) throws -> Tensor {
    var result = try Tensor(uninitialized: dtype, Array(dimensions.dropFirst()))
    let size = result.byteCount
    withUnsafeBytes { source in
      result.withUnsafeMutableBytes { target in
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[(position * size)..<((position + 1) * size)]))
      }
    }
    return result
  }

  /// Writes a slice at one position of the leading axis.
  fileprivate mutating func setElement(_ position: Int, _ element: Tensor) {
    let size = element.byteCount
    withUnsafeMutableBytes { target in
      element.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: target[(position * size)..<((position + 1) * size)])
          .copyMemory(from: source)
      }
    }
  }
}
