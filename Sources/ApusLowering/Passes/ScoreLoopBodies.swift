import ApusCore
import ApusGraph
import ApusOperators

/// Loops over matrices and blocks of rows.
///
/// Sums over rows are kept transposed, as X'·W of the weights W: the columns, which are many, are then elements side by side
/// of the second operand.
extension ScoreLoop {
  typealias Operands = [(read: Read, value: Value)]

  /// The results, computed by loops over matrices and blocks of rows.
  /// - Parameters:
  ///   - tiling: how rows are divided.
  ///   - operands: the values that are read from outside.
  func tiled(_ tiling: ScoreTiling, _ operands: Operands, in builder: GraphBuilder) throws -> [Value] {
    let values = try operands.map { read, value in
      let missing = batch.count + 2 - value.shape.rank
      let ones = [Dim](repeating: .number(1), count: max(0, missing))
      return (read: read, value: missing > 0 ? try value.reshaped(Shape(ones + value.shape.dims)) : value)
    }
    return try matrices(batch[...], tiling, values, builder)
  }

  /// A loop over the matrices along the first axis that is left.
  private func matrices(
    _ axes: ArraySlice<Int>, _ tiling: ScoreTiling, _ values: Operands, _ builder: GraphBuilder
  ) throws -> [Value] {
    guard let count = axes.first else { return try matrix(tiling, values, builder) }
    func dropped(_ value: Value) throws -> Value { try value.reshaped(Shape(Array(value.shape.dims.dropFirst()))) }
    if count == 1 {
      let inner = try matrices(axes.dropFirst(), tiling, values.map { ($0.read, try dropped($0.value)) }, builder)
      return try inner.map { try $0.reshaped(Shape([.number(1)] + $0.shape.dims)) }
    }
    let isSequence = values.map { $0.value.shape.dims.first == .number(count) }
    let sequences = zip(values, isSequence).filter(\.1).map(\.0)
    let invariants = try zip(values, isSequence).filter { !$0.1 }.map { ($0.0.read, try dropped($0.0.value)) }
    return try builder.scan(sequences: sequences.map(\.value), invariants: invariants.map(\.1)) { _, elements, others in
      let inner = zip(sequences.map(\.read) + invariants.map(\.0), elements + others).map { (read: $0, value: $1) }
      return ([], try matrices(axes.dropFirst(), tiling, inner, try Self.builder(of: inner)))
    }.outputs
  }

  /// Loops over blocks of rows of one matrix, one for each band.
  private func matrix(_ tiling: ScoreTiling, _ values: Operands, _ builder: GraphBuilder) throws -> [Value] {
    let parts = try tiling.bands.map { band in
      try blocks(tiling.rows, band, values.map { ($0.read, try part($0.read, $0.value, band)) }, builder)
    }
    return try results.indices.map { index in
      guard Self.isSum(results[index]) else {
        return parts.count == 1 ? parts[0][index] : try concatenate(parts.map { $0[index] }, axis: 0)
      }
      let sums = try zip(parts, tiling.bands).map { part, band in
        band.columns.count == columns
          ? part[index]
          : try part[index].padded(low: [0, band.columns.lowerBound], high: [0, columns - band.columns.upperBound])
      }
      let sum = try sums.dropFirst().reduce(sums[0]) { try $0 + $1 }
      return computed.contains(results[index].operands[0]) ? try sum.transposed() : sum
    }
  }

  /// What a band reads of a value.
  private func part(_ read: Read, _ value: Value, _ band: ScoreBand) throws -> Value {
    var value = value
    if read.hasRows, band.rows.count < rows {
      value = try value.sliced(axis: 0, from: band.rows.lowerBound, to: band.rows.upperBound)
    }
    if let axis = read.columnAxis, band.columns.count < columns {
      value = try value.sliced(axis: axis, from: band.columns.lowerBound, to: band.columns.upperBound)
    }
    return value
  }

  /// A loop over blocks of the rows of a band.
  private func blocks(_ count: Int, _ band: ScoreBand, _ values: Operands, _ builder: GraphBuilder) throws -> [Value] {
    let rows = band.rows.count
    if count >= rows { return try block(values, builder) }
    // What whole blocks leave over follows by itself.
    let whole = rows / count * count
    func part(_ from: Int, _ to: Int) throws -> Operands {
      try values.map { read, value in
        (read, read.hasRows && to - from < rows ? try value.sliced(axis: 0, from: from, to: to) : value)
      }
    }
    let blocks = try loop(count, whole / count, band.columns.count, part(0, whole), builder)
    if whole == rows { return blocks }
    let rest = try block(part(whole, rows), builder)
    return try zip(results, zip(blocks, rest)).map { result, parts in
      try Self.isSum(result) ? parts.0 + parts.1 : concatenate([parts.0, parts.1], axis: 0)
    }
  }

  private func loop(
    _ count: Int, _ steps: Int, _ columns: Int, _ values: Operands, _ builder: GraphBuilder
  ) throws -> [Value] {
    if steps == 1 { return try block(values, builder) }
    let sequences = values.filter(\.read.hasRows)
    let invariants = values.filter { !$0.read.hasRows }
    let parts = [Dim.number(steps), .number(count)]
    let sums = try results.filter(Self.isSum).map { result in
      let type = graph.type(of: result.result)
      let dims = type.shape.dims.suffix(2)
      let other = computed.contains(result.operands[0]) ? dims.last : dims.first
      return try builder.constant(0, type.dtype).broadcast(to: Shape([other ?? 1, .number(columns)]))
    }
    let (carries, stacked) = try builder.scan(
      sums, sequences: sequences.map { try $0.value.reshaped(Shape(parts + $0.value.shape.dims.dropFirst())) },
      invariants: invariants.map(\.value)
    ) { sums, elements, others in
      let inner = zip((sequences + invariants).map(\.read), elements + others).map { (read: $0, value: $1) }
      let values = zip(results, try block(inner, try Self.builder(of: inner)))
      let added = try zip(sums, values.filter { Self.isSum($0.0) }).map { sum, value in try sum + value.1 }
      return (added, values.filter { !Self.isSum($0.0) }.map(\.1))
    }
    var ends = (sums: carries.makeIterator(), rows: stacked.makeIterator())
    return try results.map { result in
      if Self.isSum(result), let sum = ends.sums.next() { return sum }
      guard let rows = ends.rows.next() else { throw ApusError.defect("tile-attention: a result is missing") }
      return try rows.reshaped(Shape([.number(steps * count)] + rows.shape.dims.dropFirst(2)))
    }
  }

  private static func builder(of values: Operands) throws -> GraphBuilder {
    guard let builder = values.first?.value.builder else { throw ApusError.defect("tile-attention: nothing is read") }
    return builder
  }

  /// The nodes on a block of rows.
  private func block(_ values: Operands, _ builder: GraphBuilder) throws -> [Value] {
    var known = Dictionary(values.map { ($0.read, $0.value) }) { first, _ in first }
    var inside: [ValueID: Value] = [:]
    func operand(_ node: Node, _ position: Int) throws -> Value {
      let id = node.operands[position]
      if let value = inside[id] { return value }
      let read = read(node, position)
      if let value = known[read] { return value }
      let number = graph.producer(of: id)
      guard number.op is Constant else { throw ApusError.defect("tile-attention: \(graph.label(of: id)) is not read") }
      let copy = try builder.append(number.op, [], names: graph.names(of: number), origin: number.origin)
      known[read] = builder.value(copy[0])
      return builder.value(copy[0])
    }
    let ends = Set(results.map(\.id))
    for node in nodes {
      var operands = try node.operands.indices.map { try operand(node, $0) }
      if node.id == quotient?.id {
        // What reads it reads what is to be divided.
        inside[node.result] = operands[0]
        continue
      }
      if Self.isSum(node), computed.contains(node.operands[0]) { operands.reverse() }
      let op: any Operator = node.op.asReduction.map { $0.alongRows } ?? node.op
      let values = try builder.append(
        op, operands.map(\.id), names: ends.contains(node.id) ? [nil] : graph.names(of: node), origin: node.origin)
      inside[node.result] = builder.value(values[0])
    }
    return try results.map { result in
      guard let value = inside[result.result] else { throw ApusError.defect("tile-attention: no result") }
      return try quotient.map { try value / operand($0, 1) } ?? value
    }
  }
}

/// How the rows of scores are divided.
struct ScoreTiling {
  /// How many make a block.
  let rows: Int
  /// In order, with the columns that are computed.
  let bands: [ScoreBand]

  /// Whether some rows are computed without some of the columns.
  func leavesOut(of columns: Int) -> Bool { bands.contains { $0.columns.count < columns } }
}

extension ReductionOperator {
  /// The same over the last axis.
  fileprivate var alongRows: any Operator {
    var result = self
    result.axes = [-1]
    return result
  }
}
