import ApusCore
import ApusKernels
import ApusPlanning

/// How sums of many terms are cut into blocks.
///
/// One running sum of n terms of the unit roundoff ε is wrong by up to n · ε of the sum of magnitudes. If blocks of b terms
/// are added in the elements' type and the blocks' sums in `f64`, it is b · ε + n · 2⁻⁵³, whatever n is (Higham, Accuracy
/// and Stability of Numerical Algorithms, 2nd edition, section 4.2). Sizes are constants, not a processor's, so that they
/// bound the error on each.
enum SumBlock {
  /// Terms of a block in a reduction, in each lane. Equal terms, whose errors do not cancel, stay below 10⁻⁶.
  static let terms = 32
  /// How many blocks of a reduction are added at a time: their sums do not wait for each other.
  static let ways = 4
  /// Terms that need no blocks.
  static let mostTerms = 2 * terms
  /// Products of a block in a contraction: a tile's sums leave their registers after so many steps of k.
  static let products = 512
  /// Steps of k that need no blocks.
  static let mostProducts = 2 * products
  /// Blocks of products whose sums are added in the elements' type: so few add less to the error than a block itself, and a
  /// tile's totals take half of the room.
  static let fewBlocks = 16
}

/// A loop of a sweep.
struct SweepLoop {
  let size: Int
  /// How far an iteration goes. Only the last loop may have another than 1; what is left at its end is a tail.
  var step = 1
  /// Whether there is anything at a position; nil: always.
  var condition: ((_ at: Register) -> Register)?

  var iterations: Int { (size + step - 1) / step }
}

/// A register that a sweep carries.
struct SweepRegister {
  /// What it begins with: of a sum 0.
  let start: Register
  /// Whether terms are added to it, so that blocks of them may be added up by themselves.
  var isSum = false
  /// Joins what parts of the terms give, if it does not matter to which part a term belongs, as for maxima.
  var join: ((Register, Register) -> Register)?
}

extension KernelBuilder {
  /// What a sum of floats or integers begins with.
  func emptySum(_ dtype: DType, lanes: Int = 1) -> SweepRegister {
    SweepRegister(start: constant(0, RegisterType(dtype.scalarType, lanes: lanes)), isSum: true)
  }

  /// Loops one in the other that carry registers; floating-point sums of many terms in blocks.
  /// - Parameters:
  ///   - loops: the last varies fastest.
  ///   - ways: how many blocks of a long sum are added at a time.
  ///   - keepsWide: whether a sum that was cut is given as `f64`, rather than rounded to its type.
  ///   - body: gets the position along each loop, and whether this is the last loop's tail.
  /// - Returns: what the registers carry at the end.
  func sweep(
    over loops: [SweepLoop], carrying registers: [SweepRegister], ways: Int = 1, keepsWide: Bool = false,
    _ body: (_ at: [Register], _ isTail: Bool, _ carried: [Register]) -> [Register]
  ) -> [Register] {
    let isCut = registers.map { $0.isSum && type(of: $0.start).scalar.isFloating }
    let count = loops.reduce(1) { $0 * $1.iterations }
    guard count > SumBlock.mostTerms, isCut.contains(true) else {
      let joins = registers.compactMap(\.join)
      guard !joins.isEmpty, joins.count == registers.count, let last = loops.last, last.condition == nil, ways > 1,
        last.iterations >= 2 * ways
      else { return inBlock(loops[...], [], registers.map(\.start), body) }
      let parts = Ways(builder: self, count: ways, starts: registers.map(\.start), joins: joins)
      return inBlock(loops.dropLast(), [], registers.map(\.start)) { at, _, carried in
        inParts(last, at, parts, carried, body)
      }
    }
    let sums = BlockedSums(builder: self, starts: registers.map(\.start), isCut: isCut, ways: ways)
    let totals = inBlocks(loops[...], [], sums, sums.wideStarts, body)
    return keepsWide ? totals : sums.narrowed(totals)
  }

  /// Loops whose terms are added one after the other.
  /// - Parameter range: where the first loop begins and ends, if that is not all of it.
  private func inBlock(
    _ loops: ArraySlice<SweepLoop>, range: (start: Register, end: Register)? = nil, _ at: [Register],
    _ carried: [Register], _ body: (_ at: [Register], _ isTail: Bool, _ carried: [Register]) -> [Register]
  ) -> [Register] {
    guard let first = loops.first else { return body(at, false, carried) }
    let whole = first.size / first.step * first.step
    let result = loop(
      from: range?.start ?? index(0), to: range?.end ?? index(whole), step: first.step, carrying: carried
    ) { position, carried in
      entered(first, position, carried) { inBlock(loops.dropFirst(), at + [position], carried, body) }
    }
    return range == nil && whole < first.size ? body(at + [index(whole)], true, result) : result
  }

  /// One loop of which a few positions at a time are treated by themselves.
  private func inParts(
    _ last: SweepLoop, _ at: [Register], _ parts: Ways, _ carried: [Register],
    _ body: (_ at: [Register], _ isTail: Bool, _ carried: [Register]) -> [Register]
  ) -> [Register] {
    let granule = last.step * parts.count
    let whole = last.size / granule * granule
    let result = parts.run(carried, from: index(0), to: index(whole), step: last.step) { body(at + [$0], false, $1) }
    return whole < last.size ? inRest(last, from: whole, at, result, body) : result
  }

  /// Loops whose blocks are added up.
  private func inBlocks(
    _ loops: ArraySlice<SweepLoop>, _ at: [Register], _ sums: BlockedSums, _ totals: [Register],
    _ body: (_ at: [Register], _ isTail: Bool, _ carried: [Register]) -> [Register]
  ) -> [Register] {
    guard let first = loops.first else { return totals }
    let inner = loops.dropFirst().reduce(1) { $0 * $1.iterations }
    if inner >= SumBlock.terms {
      return loop(from: index(0), to: index(first.size), carrying: totals) { position, totals in
        entered(first, position, totals) { inBlocks(loops.dropFirst(), at + [position], sums, totals, body) }
      }
    }
    let ways = loops.count == 1 && first.condition == nil && first.iterations >= 4 * sums.ways ? sums.ways : 1
    let granule = first.step * ways
    let whole = first.size / granule * granule
    let length = SumBlock.terms / max(1, inner) * granule
    let result = loop(from: index(0), to: index(whole), step: length, carrying: totals) { start, totals in
      let end = add(start, length)
      let range = (start, whole.isMultiple(of: length) ? end : binary(.minimumSigned, end, index(whole)))
      return sums.adding(totals) { block in
        ways == 1
          ? inBlock(loops, range: range, at, block, body)
          : sums.inWays(block, from: range.0, to: range.1, step: first.step) { body(at + [$0], false, $1) }
      }
    }
    if whole == first.size { return result }
    return sums.adding(result) { inRest(first, from: whole, at, $0, body) }
  }

  /// What whole blocks leave over of the last loop.
  private func inRest(
    _ last: SweepLoop, from start: Int, _ at: [Register], _ carried: [Register],
    _ body: (_ at: [Register], _ isTail: Bool, _ carried: [Register]) -> [Register]
  ) -> [Register] {
    let end = last.size / last.step * last.step
    let result = loop(from: index(start), to: index(end), step: last.step, carrying: carried) {
      body(at + [$0], false, $1)
    }
    return end < last.size ? body(at + [index(end)], true, result) : result
  }

  private func entered(
    _ loop: SweepLoop, _ position: Register, _ carried: [Register], _ body: () -> [Register]
  ) -> [Register] {
    guard let condition = loop.condition?(position) else { return body() }
    return branch(condition, then: body, otherwise: { carried })
  }
}

/// Registers of which some are sums that blocks are added to.
struct BlockedSums {
  let builder: KernelBuilder
  /// What a block begins with.
  let starts: [Register]
  /// Whether a register is such a sum; others go through all blocks.
  let isCut: [Bool]
  /// How many blocks are added at a time.
  var ways = 1
  /// Whether blocks are added in `f64`.
  var isWide = true

  /// What the first block is added to.
  var wideStarts: [Register] {
    widened(starts)
  }

  /// Registers with the sums in the type in which blocks are added.
  func widened(_ registers: [Register]) -> [Register] {
    zip(registers, isCut).map { $1 ? widened($0) : $0 }
  }

  /// The totals with a block's sums added.
  /// - Parameter block: gets what it begins with.
  func adding(_ totals: [Register], _ block: (_ start: [Register]) -> [Register]) -> [Register] {
    let start = totals.indices.map { isCut[$0] ? starts[$0] : totals[$0] }
    return zip(totals, zip(block(start), isCut)).map { total, sum in
      sum.1 ? builder.binary(.add, total, widened(sum.0)) : sum.0
    }
  }

  /// As many blocks as there are ways, a position of each in turn; then their sums are added.
  func inWays(
    _ start: [Register], from lower: Register, to upper: Register, step: Int,
    _ body: (_ at: Register, _ carried: [Register]) -> [Register]
  ) -> [Register] {
    let joins = isCut.map { isCut in isCut ? { builder.binary(.add, $0, $1) } : nil }
    return Ways(builder: builder, count: ways, starts: starts, joins: joins)
      .run(start, from: lower, to: upper, step: step, body)
  }

  /// The totals, rounded to the types of the sums.
  func narrowed(_ totals: [Register]) -> [Register] {
    zip(totals, starts).map { total, start in
      let scalar = builder.type(of: start).scalar
      return scalar == builder.type(of: total).scalar ? total : builder.convert(.narrow, total, to: scalar)
    }
  }

  private func widened(_ sum: Register) -> Register {
    !isWide || builder.type(of: sum).scalar == .f64 ? sum : builder.convert(.extend, sum, to: .f64)
  }
}

/// A loop that treats several positions in turn, each with registers of its own, so that no position waits for the one
/// before it.
private struct Ways {
  let builder: KernelBuilder
  /// How many positions.
  let count: Int
  /// What registers begin with.
  let starts: [Register]
  /// Joins what the ways give; nil: the register goes through all positions in their order.
  let joins: [((Register, Register) -> Register)?]

  /// - Parameters:
  ///   - start: what the first way begins with, and what goes through all.
  ///   - upper: so that whole rounds of all ways end there.
  func run(
    _ start: [Register], from lower: Register, to upper: Register, step: Int,
    _ body: (_ at: Register, _ carried: [Register]) -> [Register]
  ) -> [Register] {
    let split = joins.indices.filter { joins[$0] != nil }
    let others = (1..<count).flatMap { _ in split.map { starts[$0] } }
    let end = builder.loop(from: lower, to: upper, step: count * step, carrying: start + others) { at, carried in
      var (first, rest) = (Array(carried.prefix(start.count)), Array(carried.dropFirst(start.count)))
      for way in 0..<count {
        var own = first
        let place = (way - 1) * split.count
        if way > 0 { for (number, position) in split.enumerated() { own[position] = rest[place + number] } }
        let next = body(builder.add(at, way * step), own)
        for position in first.indices where way == 0 || joins[position] == nil { first[position] = next[position] }
        if way > 0 { for (number, position) in split.enumerated() { rest[place + number] = next[position] } }
      }
      return first + rest
    }
    var result = Array(end.prefix(start.count))
    for (number, position) in split.enumerated() {
      guard let join = joins[position] else { continue }
      var parts = [result[position]] + (1..<count).map { end[start.count + ($0 - 1) * split.count + number] }
      while parts.count > 1 {
        let half = (parts.count + 1) / 2
        for other in half..<parts.count { parts[other - half] = join(parts[other - half], parts[other]) }
        parts.removeSubrange(half...)
      }
      result[position] = parts[0]
    }
    return result
  }
}
