import ApusCore
import ApusGraph
import ApusOperators

/// What the gradient is by a value that the loss does not depend on.
public enum UnusedGradient: Sendable, Hashable {
  /// An error that names the value: usually it was forgotten somewhere.
  case error
  /// Zeros of its type. A path through numbers that have no derivative stays an error.
  case zeros
}

/// ∂loss/∂v for each of `values`, appended to the builder that they belong to. Each has the type of its value.
///
/// Only nodes between the values and the loss are visited. The new nodes are ordinary ones: differentiate them again
/// for higher orders.
/// - Parameters:
///   - loss: an f32 or f64 scalar.
///   - values: floating-point values of the same builder: variables, parameters or what was computed on the way.
///   - unused: what to do about a value that the loss does not depend on.
/// - Throws: `ApusError` if the loss is not a floating-point scalar; if a value cannot have a gradient; if the
///   only path between the two leads through an operator that has none: the message names it, its layer and why.
public func gradients(
  of loss: Value, withRespectTo values: [Value], unused: UnusedGradient = .error
) throws -> [Value] {
  try gradients(of: [loss], seeds: [scalarSeed(loss)], withRespectTo: values, unused: unused)
}

/// Vector-Jacobian products: Σᵢ seedᵢ · ∂outputᵢ/∂v for each of `values`.
/// - Parameters:
///   - outputs: floating-point values of any shape.
///   - seeds: a value of the same type for each of them.
///   - unused: what to do about a value that no output depends on.
/// - Throws: `ApusError`, as `gradients(of:withRespectTo:unused:)`.
public func gradients(
  of outputs: [Value], seeds: [Value], withRespectTo values: [Value], unused: UnusedGradient = .error
) throws -> [Value] {
  guard let builder = try checked(outputs, seeds, values) else { return [] }
  let mode = ReverseMode(graph: builder.graph, counterparts: nil, builder: builder)
  let result = try blockedPathsAsErrors {
    try mode.run(seeds: zip(outputs, seeds).map { ($0.id, $1) }, wanted: values.map(\.id))
  }
  return try zip(values, result.cotangents).map { value, cotangent in
    if let cotangent { return cotangent }
    let reason: String
    switch mode.graph.disconnection(of: value.id, from: outputs.map(\.id), silenced: result.silenced) {
    case .blocked(let error): throw error
    case .unused: reason = "the loss does not depend on it"
    case .zero(let place): reason = "on every path the derivative is zero by definition, first of \(place)"
    }
    switch unused {
    case .zeros: return try builder.constant(0, value.dtype).broadcast(to: value.shape)
    case .error:
      throw ApusError.input(
        "there is no gradient by \(value): \(reason)", help: "ask for zeros with unused: .zeros, or leave it out")
    }
  }
}

/// As `gradients(of:withRespectTo:unused:)`, with nil if no cotangent arrives, whatever the reason.
/// - Throws: `ApusError` if an operator between the loss and a value has no gradient.
public func optionalGradients(of loss: Value, withRespectTo values: [Value]) throws -> [Value?] {
  try optionalGradients(of: [loss], seeds: [scalarSeed(loss)], withRespectTo: values)
}

/// As `gradients(of:seeds:withRespectTo:unused:)`, with nil if no cotangent arrives, whatever the reason.
/// - Throws: `ApusError` if an operator between an output and a value has no gradient.
public func optionalGradients(of outputs: [Value], seeds: [Value], withRespectTo values: [Value]) throws -> [Value?] {
  guard let builder = try checked(outputs, seeds, values) else { return [] }
  let mode = ReverseMode(graph: builder.graph, counterparts: nil, builder: builder)
  return try blockedPathsAsErrors {
    try mode.run(seeds: zip(outputs, seeds).map { ($0.id, $1) }, wanted: values.map(\.id)).cotangents
  }
}

/// ∂loss/∂loss
private func scalarSeed(_ loss: Value) throws -> Value {
  guard loss.dtype.isFloating, loss.shape.isScalar else {
    throw ApusError.input(
      "a loss must be a floating-point scalar, but \(loss) is not",
      help: loss.dtype.isFloating
        ? "reduce it, with mean() or sum(), or give a seed for each of its elements"
        : "numbers of type \(loss.dtype) have no derivatives; cast before you compute")
  }
  return try loss.scalar(1)
}

/// The builder that all belong to; nil if no gradient is asked for.
private func checked(_ outputs: [Value], _ seeds: [Value], _ values: [Value]) throws -> GraphBuilder? {
  guard outputs.count == seeds.count else {
    throw ApusError.input("\(outputs.count) outputs need as many seeds, not \(seeds.count)")
  }
  guard let builder = values.first?.builder else { return nil }
  for value in outputs + seeds + values where value.builder !== builder {
    throw ApusError.input("\(value) belongs to another graph", help: "build all in one GraphBuilder")
  }
  for (output, seed) in zip(outputs, seeds) where output.type != seed.type {
    throw ApusError.input("the seed of \(output) must have its type, but is \(seed)")
  }
  for value in outputs + values where !value.dtype.isFloating {
    throw ApusError.input(
      "\(value) has no gradient: it is of type \(value.dtype), and only floating-point numbers have derivatives")
  }
  return builder
}

private func blockedPathsAsErrors<Result>(_ body: () throws -> Result) throws -> Result {
  do { return try body() } catch let error as BlockedPath { throw error.error }
}
