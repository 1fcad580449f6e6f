import ApusCore
import ApusKernels
import ApusPlanning

/// A vector times a matrix so large that it comes from memory: what counts is that memory is read in order.
///
/// Register tiles would go down the matrix in narrow columns, which memory answers with half of its rate. Here a unit takes
/// some whole rows, one after the other, and adds them to a row of sums that stays in the first cache. The sums of all
/// units are then added, in order, by an ordinary product with ones, which also has the epilogue.
struct StreamedProduct {
  private let operands: ContractionOperands
  private let n: Int
  private let lanes: Int
  private let node: NodeLowering

  /// Bytes of a matrix that no cache is expected to hold until the next run.
  private static let leastBytes = 6 << 20
  /// How many units share the rows. Fixed, so that sums do not depend on the number of workers.
  private static let units = 16
  /// A row of sums must fit into the first cache.
  private static let mostColumns = 4096
  /// How far ahead the matrix is fetched: across the ends of pages, where the processor's own foresight ends.
  private static let distance = 1024

  /// Nil where the product is no such one.
  init?(_ operands: ContractionOperands, rows: Int, n: Int, batch: [Int], lanes: Int, _ node: NodeLowering) {
    let (a, b, k) = (operands.a, operands.b, operands.k)
    guard rows == 1, batch.allSatisfy({ $0 == 1 }), k.count == 1, b.free == 1, b.k == [n], n <= Self.mostColumns,
      b.handle.dtype.isFloating, a.handle.dtype == b.handle.dtype,
      n * k[0] * b.handle.dtype.byteCount >= Self.leastBytes, k[0] >= 4 * Self.units
    else { return nil }
    (self.operands, self.n, self.lanes, self.node) = (operands, n, lanes, node)
  }

  /// Adds the kernel of the partial sums.
  /// - Returns: the product that is left: ones times the partial sums.
  func lower(name: String) throws -> ContractionOperands {
    let (a, b, k) = (operands.a, operands.b, operands.k[0])
    let dtype = b.handle.dtype
    let partial = node.temporary(dtype, [Self.units, n])
    let share = (k + Self.units - 1) / Self.units
    node.kernel("\(name)_rows", units: Self.units, flopCount: 2 * n * k) { scope in
      let builder = scope.builder
      let (x, w, sums) = (scope.read(a.handle), scope.read(b.handle), scope.update(partial))
      builder.forEachUnit { unit in
        let target = builder.multiply(unit, n)
        forEachVector(builder) { column, mask in
          let zero = builder.constant(0, RegisterType(dtype.scalarType, lanes: lanes))
          builder.store(sums.buffer, builder.add(target, column), zero, mask: mask)
        }
        let first = builder.multiply(unit, share)
        let end = builder.binary(.minimumSigned, builder.add(first, share), builder.index(k))
        builder.loop(from: first, to: end) { row in
          let factor = builder.splat(
            builder.load(x.buffer, builder.add(builder.multiply(row, a.k[0]), x.view.offset)), lanes: lanes)
          let start = builder.add(builder.multiply(row, n), w.view.offset)
          forEachVector(builder) { column, mask in
            let place = builder.add(start, column)
            builder.prefetch(w.buffer, builder.add(place, Self.distance))
            let right = builder.load(w.buffer, place, lanes: lanes, mask: mask)
            let sum = builder.load(sums.buffer, builder.add(target, column), lanes: lanes, mask: mask)
            builder.store(
              sums.buffer, builder.add(target, column), builder.multiplyAdd(factor, right, sum), mask: mask)
          }
        }
      }
    }
    let ones = node.sink.constant(try Tensor(repeating: 1, dtype, [Self.units]), for: node)
    return ContractionOperands(
      a: ContractionOperand(handle: ones, batch: a.batch.map { _ in 0 }, free: 0, k: [1]),
      b: ContractionOperand(handle: partial, batch: b.batch.map { _ in 0 }, free: 1, k: [n]), k: [Self.units])
  }

  /// Vectors of a row: four a round, then what is left.
  private func forEachVector(_ builder: KernelBuilder, _ body: (_ column: Register, _ mask: Register?) -> Void) {
    let width = 4 * lanes
    let whole = n / width * width
    builder.loop(from: builder.index(0), to: builder.index(whole), step: width) { column in
      for vector in 0..<4 { body(builder.add(column, vector * lanes), nil) }
    }
    for column in stride(from: whole, to: n, by: lanes) {
      body(builder.index(column), n - column < lanes ? builder.mask(below: n - column, lanes: lanes) : nil)
    }
  }
}
