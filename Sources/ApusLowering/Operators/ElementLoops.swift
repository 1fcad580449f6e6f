import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

extension NodeLowering {
  /// Adds a kernel that visits each position of a shape once, in row-major order within a unit.
  /// - Parameters:
  ///   - work: operations of each position, to judge whether sharing pays.
  ///   - make: gets the kernel; gives what is emitted for the registers of a position.
  func forEachPosition(
    _ name: String, of dimensions: [Int], work: Int = 1, isSerial: Bool = false,
    _ make: (KernelScope) throws -> ([Register]) -> Void
  ) rethrows {
    let count = dimensions.reduce(1, *)
    guard count > 0 else { return }
    let last = dimensions.last ?? 1
    let outer = Array(dimensions.dropLast())
    let rows = outer.reduce(1, *)
    let share = rows >= target.manyUnits ? last : min(last, max(1, target.scalarUnitWork / max(1, work)))
    let chunks = (last + share - 1) / share
    try kernel(
      name, units: rows * chunks, flopCount: count &* work,
      isSerial: isSerial || count &* work < target.serialWork
    ) { scope in
      let b = scope.builder
      let emit = try make(scope)
      b.forEachUnit { unit in
        let parts = b.split(unit, by: outer + [chunks])
        let start = b.multiply(parts[parts.count - 1], share)
        let end = chunks == 1 ? b.index(last) : b.binary(.minimumSigned, b.add(start, share), b.index(last))
        b.loop(from: start, to: end) { emit(dimensions.isEmpty ? [] : parts.dropLast() + [$0]) }
      }
    }
  }
}

extension KernelBuilder {
  /// An index element as a position on an axis of `size`: negative ones count from the end. Where it lies outside, the run
  /// fails with `code`, if there is one; the result is a valid position all the same.
  func resolved(_ element: Register, _ dtype: DType, size: Int, code: Int?) -> Register {
    let index = cast(element, from: dtype, to: .i64)
    let zero = self.index(0)
    let own = dtype.kind == .signed ? select(compare(.less, index, zero), add(index, size), index) : index
    let isInside = compare(.lessUnsigned, own, self.index(size))
    if let code { fail(where: unary(.not, isInside), code: code, value: index) }
    return select(isInside, own, zero)
  }
}

extension NodeLowering {
  /// The code of an index that lies outside of an axis; nil if something before has failed, then.
  /// - Parameter operand: the position of the indices among the operands.
  func indexFailure(operand: Int, axis: Int, size: Int) -> Int? {
    if checked.contains(operand) { return nil }
    return failure("index {value} is out of range for axis \(axis) of size \(size)")
  }
}
