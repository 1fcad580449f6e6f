import ApusCore
import ApusGraph
import ApusOperators

extension Graph {
  /// This graph with the gradients of its first output as additional outputs, each named `gradient/…` after its value.
  ///
  /// An output that is not a scalar gets an additional parameter `seed` of its type: the gradients are vector-Jacobian
  /// products then. Bind the graph to a mode first if operators in it depend on one.
  /// - Parameter names: the variables or parameters to differentiate by; nil: the trainable variables, or the
  ///   floating-point parameters if there are none. Those that the output does not depend on get zeros.
  /// - Throws: `ApusError` if the output or a value does not exist, or a path has no gradient.
  public func differentiated(withRespectTo names: [String]? = nil) throws -> Graph {
    let builder = GraphBuilder(extending: self)
    guard let output = outputs.first.map(builder.value) else {
      throw ApusError.input("graph @\(name) returns nothing that could be differentiated")
    }
    let wanted = try differentiable(names).map(builder.value)
    let found: [Value]
    if output.shape.isScalar || !output.dtype.isFloating {
      found = try gradients(of: output, withRespectTo: wanted, unused: .zeros)
    } else {
      let seed = try builder.parameter(unused("seed"), output.dtype, output.shape)
      found = try gradients(of: [output], seeds: [seed], withRespectTo: wanted, unused: .zeros)
    }
    for (value, gradient) in zip(wanted, found) {
      builder.name(gradient, "gradient/" + String(label(of: value.id).dropFirst()))
    }
    return try builder.build(outputs.map(builder.value) + found)
  }

  /// What is differentiated by if nothing else is said: the trainable variables, or the inputs if there are none.
  package var differentiableByDefault: [ValueID] {
    let trainable = variables.filter { $0.declaration.trainable && type(of: $0.id).dtype.isFloating }.map(\.id)
    return trainable.isEmpty ? parameters.filter { type(of: $0).dtype.isFloating } : trainable
  }

  /// The values to differentiate by.
  private func differentiable(_ names: [String]?) throws -> [ValueID] {
    guard let names else {
      let standard = differentiableByDefault
      guard !standard.isEmpty else {
        throw ApusError.input("graph @\(name) has no floating-point variable or parameter to differentiate by")
      }
      return standard
    }
    let all = variables.map(\.id) + parameters
    return try names.map { wanted in
      guard let id = all.first(where: { name(of: $0) == wanted }) else {
        throw ApusError.input(
          "graph @\(name) has no variable or parameter '\(wanted)'",
          help: Suggestion.didYouMean(wanted, among: all.compactMap(name)))
      }
      return id
    }
  }

  /// `name`, with a number if it is taken.
  private func unused(_ name: String) -> String {
    let taken = Set((0..<valueCount).compactMap { self.name(of: ValueID($0)) })
    var candidate = name
    var count = 0
    while taken.contains(candidate) {
      count += 1
      candidate = "\(name)_\(count)"
    }
    return candidate
  }
}
