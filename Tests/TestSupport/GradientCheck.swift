import Apus
import Testing

/// Checks gradients against central differences in double precision, in the interpreter.
///
/// `body` builds a value out of parameters that hold `inputs`. A value that is no scalar is reduced by fixed random
/// weights, so that every element counts and none cancels another. For the second order the gradient is projected on
/// fixed random directions, and the gradient of that scalar is checked in the same way.
///
/// Differences use five points, with an error of the fourth power of the step: f′(x) ≈ (8 (f(x + h) − f(x − h)) − (f(x
/// + 2h) − f(x − 2h))) / 12h. Where f has a kink or a jump (a maximum, a sort) the inputs must stay further than 2h from
/// it.
/// - Parameters:
///   - inputs: f64 tensors, one for each parameter.
///   - orders: 1 and 2, or one of them.
///   - tolerance: the relative error allowed; relative to the element, or to a thousandth of the largest element of its
///     gradient where that is more.
///   - step: h for an input of magnitude up to 1; larger inputs get a larger step.
public func expectGradients(
  _ inputs: [Tensor], orders: ClosedRange<Int> = 1...2, tolerance: Double = 1e-6, step: Double = 1e-4,
  sourceLocation: Testing.SourceLocation = #_sourceLocation,
  _ body: @escaping (GraphBuilder, [Value]) throws -> Value
) throws {
  for order in orders {
    for message in try gradientMismatches(inputs, order: order, tolerance: tolerance, step: step, body) {
      Issue.record("gradient of order \(order): \(message)", sourceLocation: sourceLocation)
    }
  }
}

/// What is wrong with the gradient of one order; empty where nothing is.
public func gradientMismatches(
  _ inputs: [Tensor], order: Int = 1, tolerance: Double = 1e-6, step: Double = 1e-4,
  _ body: (GraphBuilder, [Value]) throws -> Value
) throws -> [String] {
  let builder = GraphBuilder("check")
  let parameters = try inputs.enumerated().map { position, input in
    try builder.parameter("p\(position)", .f64, input.shape)
  }
  var loss = try projected(body(builder, parameters), stream: 0)
  for level in 1..<max(order, 1) {
    let found = try gradients(of: loss, withRespectTo: parameters, unused: .zeros)
    var sum = try builder.constant(0, .f64)
    for (position, gradient) in found.enumerated() {
      sum = try sum + projected(gradient, stream: UInt64(level * 100 + position))
    }
    loss = sum
  }
  let found = try gradients(of: loss, withRespectTo: parameters, unused: .zeros)
  let graph = try builder.build([loss] + found)
  try graph.verify(after: "gradients")
  let value = try Interpreter(builder.build([loss]))
  let analytic = try Interpreter(graph).run(inputs, variables: []).outputs.dropFirst().map { $0.doubles() }

  var messages: [String] = []
  for (position, input) in inputs.enumerated() {
    let elements = input.elements(as: Double.self)
    var numeric: [Double] = []
    for i in elements.indices {
      let h = step * max(1, abs(elements[i]))
      func at(_ offset: Double) throws -> Double {
        var (moved, all) = (elements, inputs)
        moved[i] += offset
        all[position] = try Tensor(moved, input.dimensions)
        return try value.run(all, variables: []).outputs[0].elements(as: Double.self)[0]
      }
      numeric.append(try (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h))
    }
    let largest = numeric.reduce(0) { max($0, abs($1)) }
    for (i, (got, expected)) in zip(analytic[position], numeric).enumerated() {
      let scale = max(abs(expected), largest * 1e-3, 1e-4)
      if !(abs(got - expected) <= tolerance * scale) {
        messages.append("by input \(position), element \(i): \(got), but differences give \(expected)")
      }
    }
  }
  return messages
}

/// The sum of a value's elements, each with its own fixed random weight.
private func projected(_ value: Value, stream: UInt64) throws -> Value {
  let weights = try samples(value.shape.numbers ?? [], seed: 0x9e37, stream: stream)
  return try (value * value.builder.constant(weights)).sum()
}

/// Reproducible f64 numbers, uniform in [low, high).
public func samples(
  _ dimensions: [Int], seed: UInt64 = 1, stream: UInt64 = 0, low: Double = -1, high: Double = 1
) throws -> Tensor {
  let philox = Philox(seed: seed)
  let count = Shape.elementCount(dimensions) ?? 0
  return try Tensor((0..<count).map { low + (high - low) * philox.uniform($0, stream: stream) }, dimensions)
}

/// Reproducible f64 numbers, no two closer than 0.05: for maxima and sorting, whose order small steps must not change.
public func distinctSamples(_ dimensions: [Int], seed: UInt64 = 1) throws -> Tensor {
  var generator = PhiloxGenerator(seed: seed)
  let count = Shape.elementCount(dimensions) ?? 0
  return try Tensor((0..<count).shuffled(using: &generator).map { Double($0) * 0.05 - Double(count) / 40 }, dimensions)
}
