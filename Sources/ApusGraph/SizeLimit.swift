import ApusCore

extension Graph {
  /// Bytes that no value may exceed, 1 TiB: arithmetic on sizes of smaller ones, products of three dimensions of their
  /// operands included, does not overflow.
  static let largestValue = 1 << 40

  /// Refuses what no machine could hold, before passes and backends compute with its sizes. Symbolic shapes pass.
  /// - Parameter emptyOnes: whether also the dimensions of empty values are multiplied, as strides are computed.
  /// - Throws: `ApusError` that names the value, also one in a region.
  package func checkSizes(emptyOnes: Bool = false) throws {
    for node in nodes {
      for id in node.results {
        let type = type(of: id)
        guard var numbers = type.shape.numbers else { continue }
        if emptyOnes { numbers = numbers.map { max($0, 1) } }
        guard let bytes = type.with(shape: Shape(numbers)).byteCount, bytes <= Self.largestValue else {
          throw ApusError.input(
            "\(label(of: id)) of graph @\(name) is a \(type): larger than any memory",
            help: "a value has at most \(Memory.text(bytes: Self.largestValue))")
        }
      }
      for region in node.regions { try region.checkSizes(emptyOnes: emptyOnes) }
    }
  }
}
