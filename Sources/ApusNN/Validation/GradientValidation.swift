import ApusAutodiff
import ApusCore
import ApusGraph
import ApusInterpreter
import ApusOperators
import ApusPasses

/// Compares the gradients of a graph with differences, in double precision, along random directions.
///
/// For a value v, a direction d and L the sum of the output's elements times fixed random weights, ∂L/∂v · d must be
/// (8 (L(v + hd) − L(v − hd)) − (L(v + 2hd) − L(v − 2hd))) / 12h. If a gradient is wrong, the same is asked of each
/// operator alone, on the numbers that it has in this run: that names the one at fault.
public struct GradientValidation: Sendable {
  /// Seeds of inputs that are tried, until each gradient has been compared at one where it has no kink nearby.
  public var seeds: [UInt64] = [1, 2, 3]
  /// Makes gradients; tests plant faults in it.
  package var differentiate: @Sendable (Graph) throws -> Graph = { try $0.differentiated() }

  public init() {}

  public enum Verdict: Sendable, Hashable, CustomStringConvertible {
    /// All gradients agree: so many.
    case agreement(Int)
    /// So many agree; of the others differences say nothing: they have kinks, are not finite, or bend too much.
    case partialAgreement(Int, of: Int)
    /// Why nothing could be compared.
    case undecided(String)
    /// The operator or the value whose gradient is wrong, with both numbers.
    case mismatch(String)

    public var description: String {
      switch self {
      case .agreement(let count): "\(count) gradient\(count == 1 ? " agrees" : "s agree") with differences"
      case .partialAgreement(let count, let all):
        "\(count) of \(all) gradients agree with differences; the others have kinks, are not finite or bend too much"
      case .undecided(let reason): "gradients were not checked: \(reason)"
      case .mismatch(let words): words
      }
    }
  }

  /// - Parameter graph: static and bound to a mode; its first output is differentiated.
  public func verdict(on graph: Graph) throws -> Verdict {
    let double: Graph
    do { double = try graph.inDoublePrecision() } catch let error as ApusError {
      return .undecided("it cannot be computed in double precision: \(error.message)")
    }
    var reason = "its values have kinks, are not finite or bend too much"
    var decided: Set<String> = []
    var count = 0
    for seed in seeds {
      let inputs = RandomInputs(seed: seed)
      let found: [Comparison]
      do {
        let feeds = try inputs.arguments(of: double).feeds
        let variables = try double.variables.map { try inputs.weights($0.declaration) }
        found = try compare(double, feeds, variables, seed)
      } catch let error as ApusError where error.fault != .defect {
        reason = error.message
        continue
      }
      if let wrong = found.first(where: { $0.isWrong }) {
        let place = try operatorAtFault(double, inputs, seed)
        return .mismatch(
          (place.map { "the gradient of \($0)" } ?? "the gradient by %\(wrong.name)") + " is wrong: \(wrong)")
      }
      decided.formUnion(found.filter(\.isDecided).map(\.name))
      count = found.count
      if count > 0, decided.count == count { return .agreement(count) }
    }
    return decided.isEmpty ? .undecided(reason) : .partialAgreement(decided.count, of: count)
  }

  /// One gradient along one direction.
  private struct Comparison: CustomStringConvertible {
    let name: String
    let gradient: Double
    let difference: Double
    /// What rounding and the step may make of them.
    let tolerance: Double
    /// Whether two steps gave the same: there is no kink between them.
    let isDecided: Bool

    var isWrong: Bool { isDecided && !(abs(gradient - difference) <= tolerance) }
    var description: String {
      "along a random direction of %\(name) it gives \(Float(gradient)), and differences give \(Float(difference))"
    }
  }

  /// Compares all gradients that `differentiate` makes.
  private func compare(
    _ graph: Graph, _ feeds: [Tensor], _ variables: [Tensor], _ seed: UInt64
  ) throws -> [Comparison] {
    let derived = try differentiate(graph)
    let names = graph.differentiableByDefault.map { graph.name(of: $0) ?? "" }
    guard let output = graph.outputs.first else { return [] }
    let value = try Interpreter(GraphBuilder(extending: graph).build(outputs: [output]))
    // The seed of a vector-Jacobian product is the weights of the sum.
    let hasSeed = derived.parameters.count > graph.parameters.count
    let weights =
      try hasSeed
      ? RandomInputs(seed: seed).tensor("weights", graph.type(of: output), floats: 0.5..<1.5)
      : Tensor(repeating: 1, graph.type(of: output).dtype, [])
    let factors = weights.doubles()
    let results = try Interpreter(derived).run(feeds + (hasSeed ? [weights] : []), variables: variables).outputs
    var found: [Comparison] = []
    for (wanted, gradient) in zip(names, results.dropFirst(graph.outputs.count)) {
      let parameter = graph.parameters.firstIndex { graph.name(of: $0) == wanted }
      let variable = graph.variables.firstIndex { $0.declaration.label == wanted }
      guard let point = parameter.map({ feeds[$0] }) ?? variable.map({ variables[$0] }) else { continue }
      let direction = try RandomInputs(seed: seed + 100).tensor(wanted, point.type).doubles()
      func sum(at offset: Double) throws -> Double {
        let moved = try Tensor(zip(point.doubles(), direction).map { $0 + offset * $1 }, point.dimensions)
        var (feeds, variables) = (feeds, variables)
        if let parameter { feeds[parameter] = moved } else if let variable { variables[variable] = moved }
        return try zip(value.run(feeds, variables: variables).outputs[0].doubles(), factors).reduce(0) {
          $0 + $1.0 * $1.1
        }
      }
      let center = try sum(at: 0)
      /// The slope, and by how much it differs on both sides.
      func difference(_ h: Double) throws -> (slope: Double, bend: Double) {
        let (ahead, behind) = (try sum(at: h), try sum(at: -h))
        let slope = try (8 * (ahead - behind) - (sum(at: 2 * h) - sum(at: -2 * h))) / (12 * h)
        return (slope, abs(ahead - 2 * center + behind) / h)
      }
      let terms = zip(gradient.doubles(), direction).map { $0 * $1 }
      func comparison(_ h: Double) throws -> Comparison {
        let (first, second) = (try difference(h), try difference(h / 2))
        let scale = max(abs(first.slope), terms.reduce(0) { max($0, abs($1)) }, 1e-6 * abs(center), 1e-12)
        let isSteady = abs(first.slope - second.slope) <= 1e-6 * scale
        // Right at a kink slopes agree, too, but the bend stays however small the step; elsewhere it shrinks with it.
        let isSmooth = second.bend <= max(1e-5 * scale, 0.75 * first.bend)
        return Comparison(
          name: wanted, gradient: terms.reduce(0, +), difference: second.slope, tolerance: 1e-5 * scale,
          isDecided: first.slope.isFinite && second.slope.isFinite && isSteady && isSmooth)
      }
      let coarse = try comparison(1e-4)
      // What bends much, as a recurrent network does, is steady in smaller steps, which round more.
      found.append(coarse.isDecided ? coarse : try comparison(1e-5))
    }
    return found
  }

  /// The first operator whose own gradient is wrong on the numbers that it has in this run.
  private func operatorAtFault(_ graph: Graph, _ inputs: RandomInputs, _ seed: UInt64) throws -> String? {
    let feeds = try inputs.arguments(of: graph).feeds
    let variables = try graph.variables.map { try inputs.weights($0.declaration) }
    let expanded = try graph.expandingComposites()
    // Composites first, as they are: some have a gradient of their own.
    for graph in [graph, expanded] {
      let trace = try ValueTrace(graph, feeds, variables: variables)
      for node in graph.nodes where !node.op.traits.contains(.declaration) && !node.operands.isEmpty {
        let values = node.operands.compactMap { trace[$0] }
        guard values.count == node.operands.count else { continue }
        let builder = GraphBuilder("alone")
        let operands = try values.enumerated().map { try builder.parameter("x\($0)", $1.dtype, $1.shape) }
        guard
          let result = try? builder.append(node.op, operands.map(\.id), regions: node.regions, origin: node.origin),
          let found = try? compare(builder.build(outputs: [result[0]]), values, [], seed)
        else { continue }
        if found.contains(where: \.isWrong) {
          let layer = node.origin.name.map { " of layer '\($0)'" } ?? ""
          return "operator '\(node.op.name)'\(layer)"
        }
      }
    }
    return nil
  }
}
