extension Node {
  /// The layer that a node belongs to: the name of its origin, or of a variable without one the first part of its label
  /// (`conv1/kernel`); nil if the node has neither.
  public var layer: String? {
    origin.name ?? (op as? Variable).flatMap { $0.label.split(separator: "/").first.map(String.init) }
  }
}
