import ApusCore
import ApusKernels
import ApusPlanning

/// A vector times a matrix so large that it comes from memory, or from the last cache: what counts is that it is read in
/// order.
///
/// Register tiles would go down the matrix in narrow columns, which memory answers with half of its rate. Here a unit takes
/// some whole rows, one after the other, and adds them to a row of sums that stays in the first cache. The sums of all
/// units are then added, in order, by an ordinary product with ones, which also has the epilogue. A unit with many rows adds
/// them in blocks, whose sums go to a row of totals in `f64` (`SumBlock`).
struct StreamedProduct {
  private let operands: ContractionOperands
  private let n: Int
  private let lanes: Int
  private let node: NodeLowering

  /// How many units share the rows: one for each core, and some more for balance where cores are few. By the model, so
  /// that sums do not depend on the number of workers.
  private let units: Int

  /// Bytes of a matrix from which it is read in rows.
  ///
  /// - Of most matrices: a quarter of what can stay in the caches until the next run, since a run reads other things too.
  /// - Where rows are a multiple of eight lines apart, what the second cache keeps. The lines of a column share few sets of
  ///   each cache then, and hold each other up; 1 × 1024 times 1024 × 1024 takes 0.21 ms by tiles, 0.085 by rows.
  /// - Where rows are shorter than two lines, three quarters of what can stay: tiles read whole rows, too.
  static func leastBytes(columns: Int, elementBytes: Int, _ processor: ProcessorModel) -> Int {
    let row = columns * elementBytes
    if row < 2 * processor.lineBytes { return processor.retainedBytes / 4 * 3 }
    return row.isMultiple(of: 8 * processor.lineBytes) ? processor.secondCache.bytes : processor.retainedBytes / 4
  }

  /// The most columns: a row of `f32` sums takes half of the first cache.
  static func mostColumns(_ processor: ProcessorModel) -> Int { processor.firstCache.bytes / 8 }

  static func units(_ processor: ProcessorModel) -> Int { max(16, processor.cores) }

  /// Nil unless the product has this form.
  init?(_ operands: ContractionOperands, rows: Int, n: Int, batch: [Int], lanes: Int, _ node: NodeLowering) {
    let (a, b, k) = (operands.a, operands.b, operands.k)
    let units = Self.units(node.target)
    guard rows == 1, batch.allSatisfy({ $0 == 1 }), k.count == 1, b.free == 1, b.k == [n],
      n <= Self.mostColumns(node.target),
      b.handle.dtype.isFloating, a.handle.dtype == b.handle.dtype,
      n * k[0] * b.handle.dtype.byteCount
        >= Self.leastBytes(columns: n, elementBytes: b.handle.dtype.byteCount, node.target), k[0] >= 4 * units
    else { return nil }
    (self.operands, self.n, self.lanes, self.node, self.units) = (operands, n, lanes, node, units)
  }

  /// Adds the kernel of the partial sums.
  /// - Returns: the product that is left: ones times the partial sums.
  func lower(name: String) throws -> ContractionOperands {
    let (a, b, k) = (operands.a, operands.b, operands.k[0])
    let dtype = b.handle.dtype
    let partial = node.temporary(dtype, [units, n])
    let share = (k + units - 1) / units
    let totals = share > SumBlock.mostProducts ? node.temporary(.f64, [units, n]) : nil
    node.kernel("\(name)_rows", units: units, flopCount: 2 * n * k) { scope in
      let builder = scope.builder
      let (x, w, sums) = (scope.read(a.handle), scope.read(b.handle), scope.update(partial))
      let wide = totals.map { scope.update($0) }
      builder.forEachUnit { unit in
        let target = builder.multiply(unit, n)
        func clear(_ access: TensorAccess) {
          forEachVector(builder) { column, mask in
            let zero = builder.constant(0, RegisterType(access.view.dtype.scalarType, lanes: lanes))
            builder.store(access.buffer, builder.add(target, column), zero, mask: mask)
          }
        }
        func add(_ rows: (start: Register, end: Register)) {
          builder.loop(from: rows.start, to: rows.end) { row in
            let factor = builder.splat(
              builder.load(x.buffer, builder.add(builder.multiply(row, a.k[0]), x.view.offset)), lanes: lanes)
            let start = builder.add(builder.multiply(row, n), w.view.offset)
            forEachVector(builder) { column, mask in
              let place = builder.add(start, column)
              // Across the ends of pages, where the hardware prefetcher stops.
              builder.prefetch(w.buffer, builder.add(place, node.target.prefetchElements))
              let right = builder.load(w.buffer, place, lanes: lanes, mask: mask)
              let sum = builder.load(sums.buffer, builder.add(target, column), lanes: lanes, mask: mask)
              builder.store(
                sums.buffer, builder.add(target, column), builder.multiplyAdd(factor, right, sum), mask: mask)
            }
          }
        }
        let first = builder.multiply(unit, share)
        let end = builder.binary(.minimumSigned, builder.add(first, share), builder.index(k))
        clear(sums)
        guard let wide else { return add((first, end)) }
        clear(wide)
        builder.loop(from: first, to: end, step: SumBlock.products) { start in
          add((start, builder.binary(.minimumSigned, builder.add(start, SumBlock.products), end)))
          forEachVector(builder) { column, mask in
            let place = builder.add(target, column)
            let sum = builder.load(sums.buffer, place, lanes: lanes, mask: mask)
            let total = builder.binary(
              .add, builder.load(wide.buffer, place, lanes: lanes, mask: mask), builder.cast(sum, from: dtype, to: .f64)
            )
            builder.store(wide.buffer, place, total, mask: mask)
          }
          clear(sums)
        }
        forEachVector(builder) { column, mask in
          let place = builder.add(target, column)
          let total = builder.load(wide.buffer, place, lanes: lanes, mask: mask)
          builder.store(sums.buffer, place, builder.cast(total, from: .f64, to: dtype), mask: mask)
        }
      }
    }
    let ones = node.sink.constant(try Tensor(repeating: 1, dtype, [units]), for: node)
    return ContractionOperands(
      a: ContractionOperand(handle: ones, batch: a.batch.map { _ in 0 }, free: 0, k: [1]),
      b: ContractionOperand(handle: partial, batch: b.batch.map { _ in 0 }, free: 1, k: [n]), k: [units])
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
