import Apus
import ApusGraph
import ApusKernels
import ApusLowering
import ApusNative
import ApusOperators
import TestSupport
import Testing

/// Reductions of long rows, of which native code folds several parts at a time where that changes nothing, and results that
/// the last of them stores as it reads.
@Suite struct SplitReductionTests {
  /// On both sides of the sizes from which rows are folded in parts, with and without a rest.
  static let lengths = [1, 7, 8, 63, 64, 65, 127, 128, 129, 255, 256, 257, 520, 1000, 1031]

  private static func fold(_ name: String, _ dtype: String, rows: Int, columns: Int, axis: Int) throws -> Graph {
    let result = axis == 1 ? rows : columns
    return try Graph.parse(
      """
      graph @fold(%x: \(dtype)[\(rows), \(columns)]) {
        %y: \(dtype)[\(result)] = \(name)(%x, axes: [\(axis)])
        return %y
      }
      """)[0]
  }

  /// Extrema with NaN, infinities and what is below all others at each part of a row.
  @Test(arguments: ["reduce_max", "reduce_min"], lengths) func extremaOfRows(_ name: String, length: Int) throws {
    for axis in [1, 0] {
      let rows = 40
      let graph = try Self.fold(
        name, "f32", rows: axis == 1 ? rows : length, columns: axis == 1 ? length : rows, axis: axis)
      var values = [Float](repeating: 0, count: rows * length)
      func at(_ row: Int, _ column: Int) -> Int { axis == 1 ? row * length + column : column * rows + row }
      var expected: [Float] = []
      for row in 0..<rows {
        var numbers = (0..<length).map { Float(($0 * 7919 + row * 104_729) % 1009) - 500 }
        let place = (row * 37) % length
        switch row % 4 {
        case 0: numbers[place] = .nan
        case 1: numbers[place] = name == "reduce_max" ? .infinity : -.infinity
        case 2: numbers[place] = name == "reduce_max" ? 501 : -501
        default: numbers = numbers.map { _ in name == "reduce_max" ? -.infinity : .infinity }
        }
        for (column, number) in numbers.enumerated() { values[at(row, column)] = number }
        let hasNaN = numbers.contains { $0.isNaN }
        expected.append(hasNaN ? .nan : name == "reduce_max" ? numbers.max() ?? 0 : numbers.min() ?? 0)
      }
      let x = try Tensor(values, graph.parameters.map { graph.type(of: $0).shape.numbers ?? [] }[0])
      for workers in [1, 3] {
        let y = try NativeBackend(workers: workers, verifies: true).compile(graph).run([x], variables: []).outputs[0]
        for (row, pair) in zip(y.doubles(), expected).enumerated() {
          #expect(pair.0 == Double(pair.1) || pair.0.isNaN && pair.1.isNaN, "row \(row): \(pair)")
        }
      }
    }
  }

  /// One element that differs, at each place of a row.
  @Test func whetherAnyAndWhetherAll() throws {
    for length in [64, 130, 264] {
      let any = try Self.fold("reduce_any", "bool", rows: length + 1, columns: length, axis: 1)
      let all = try Self.fold("reduce_all", "bool", rows: length + 1, columns: length, axis: 1)
      let single = (0...length).flatMap { row in (0..<length).map { $0 == row } }
      let native = NativeBackend(workers: 1, verifies: true)
      let x = try Tensor(single, [length + 1, length])
      let y = try native.compile(any).run([x], variables: []).outputs[0].doubles()
      #expect(y == (0...length).map { $0 < length ? 1 : 0 })
      let z = try native.compile(all).run([Tensor(single.map(!), [length + 1, length])], variables: []).outputs[0]
        .doubles()
      #expect(z == (0...length).map { $0 < length ? 0 : 1 })
    }
  }

  /// Exponentials are stored as their sum reads them: loops for the maximum and the sum, and no third.
  @Test(arguments: lengths) func whatASumReadsIsStored(_ length: Int) throws {
    let graph = try Graph.parse(
      """
      graph @exponentials(%a: f32[5, \(length)]) {
        %x: f32[5, \(length)] = negate(%a)
        %m: f32[5, 1] = reduce_max(%x, axes: [1], keep_dims: true)
        %d: f32[5, \(length)] = subtract(%x, %m)
        %e: f32[5, \(length)] = exp(%d)
        %s: f32[5, 1] = reduce_sum(%e, axes: [1], keep_dims: true)
        return %e, %s
      }
      """)[0]
    let values = (0..<5 * length).map { Float(($0 * 7919) % 1009) / 100 }
    let x = try Tensor(values, [5, length])
    let native = try NativeBackend(workers: 2, verifies: true).compile(graph)
    #expect(native.program.kernels.count == 1)
    // Of a single vector they are computed once.
    if [7, 8].contains(length) {
      #expect(native.program.text(isComplete: true).matches(of: /= scale_near_one/).count == 1)
    }
    let outputs = try native.run([x], variables: []).outputs
    let expected = try InterpreterBackend().compile(graph).run([x], variables: []).outputs
    for (actual, right) in zip(outputs, expected) {
      for (a, b) in zip(actual.doubles(), right.doubles()) { #expect(abs(a - b) <= 1e-6 * max(1, abs(b))) }
    }
  }
}
