import ApusCore
import ApusGraph
import ApusOperators

extension Graph {
  /// This graph with layers whose variables training leaves alone. Batch normalization in them uses its moving averages,
  /// and leaves them as they are, in training, too.
  /// - Parameter patterns: names of layers, in which `*` stands for any letters and `?` for one. The name of a model
  ///   inside the model means all its layers.
  /// - Returns: the graph, and the layers that are frozen now, in order.
  /// - Throws: `ApusError` that lists the layers if a pattern fits none with variables, or nothing is left to train.
  public func frozen(_ patterns: [String]) throws -> (graph: Graph, layers: [String]) {
    var layers: [String] = []
    for node in nodes where node.op is Variable {
      if let layer = node.layer, !layers.contains(layer) { layers.append(layer) }
    }
    for pattern in patterns where !layers.contains(where: { Self.fits($0, pattern) }) {
      throw ApusError.input(
        "no layer with weights fits '\(pattern)'",
        help: (Suggestion.didYouMean(pattern, among: layers).map { $0 + " " } ?? "")
          + "layers with weights: \(layers.joined(separator: ", "))")
    }
    let chosen = layers.filter { layer in patterns.contains { Self.fits(layer, $0) } }
    let graph = try rewritten { node, operands, builder in
      // A normalization that is written without a layer is in that of its averages.
      let averages = node.op is BatchNorm ? node.operands.lazy.map(producer(of:)).first { $0.op is Variable } : nil
      guard let layer = node.layer ?? averages?.layer, chosen.contains(layer) else { return .keep }
      builder.origin = node.origin
      defer { builder.origin = Origin() }
      if var variable = node.op as? Variable {
        variable.trainable = false
        return .replace(try builder.append(variable, [], names: names(of: node), origin: node.origin))
      }
      guard let normalization = node.op as? BatchNorm else { return .keep }
      return .replace(
        try normalization.bound(to: .inference, operands.map(builder.value), step: nil, builder).map(\.id))
    }
    guard graph.variables.contains(where: \.declaration.trainable) else {
      throw ApusError.input(
        "'\(patterns.joined(separator: ","))' freezes all layers with weights: nothing is left to train",
        help: "layers with weights: \(layers.joined(separator: ", "))")
    }
    return (graph, chosen)
  }

  /// Whether a layer, or a model around it, has a name that fits.
  private static func fits(_ layer: String, _ pattern: String) -> Bool {
    let parts = layer.split(separator: "/")
    return parts.indices.contains { fits(Array(parts[...$0].joined(separator: "/"))[...], Array(pattern)[...]) }
  }

  private static func fits(_ name: ArraySlice<Character>, _ pattern: ArraySlice<Character>) -> Bool {
    // The last star, and what was left of the name when it was met: if the rest does not fit, the star takes a letter more.
    var (name, pattern) = (name, pattern)
    var star: (pattern: ArraySlice<Character>, name: ArraySlice<Character>)?
    while !name.isEmpty {
      if pattern.first == "*" {
        pattern = pattern.dropFirst()
        star = (pattern, name)
      } else if let letter = pattern.first, letter == "?" || letter == name.first {
        (name, pattern) = (name.dropFirst(), pattern.dropFirst())
      } else if let last = star {
        star = (last.pattern, last.name.dropFirst())
        (pattern, name) = (last.pattern, last.name.dropFirst())
      } else {
        return false
      }
    }
    return pattern.allSatisfy { $0 == "*" }
  }
}
