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
  /// Terms that need no blocks.
  static let mostTerms = 2 * terms
  /// Products of a block in a contraction: a tile's sums leave their registers after so many steps of k.
  static let products = 512
  /// Steps of k that need no blocks.
  static let mostProducts = 2 * products
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
}

extension KernelBuilder {
  /// What a sum of floats or integers begins with.
  func emptySum(_ dtype: DType, lanes: Int = 1) -> SweepRegister {
    SweepRegister(start: constant(0, RegisterType(dtype.scalarType, lanes: lanes)), isSum: true)
  }

  /// Loops one in the other that carry registers; floating-point sums of many terms in blocks.
  /// - Parameters:
  ///   - loops: the last varies fastest.
  ///   - keepsWide: whether a sum that was cut is given as `f64`, rather than rounded to its type.
  ///   - body: gets the position along each loop, and whether this is the last loop's tail.
  /// - Returns: what the registers carry at the end.
  func sweep(
    over loops: [SweepLoop], carrying registers: [SweepRegister], keepsWide: Bool = false,
    _ body: (_ at: [Register], _ isTail: Bool, _ carried: [Register]) -> [Register]
  ) -> [Register] {
    let isCut = registers.map { $0.isSum && type(of: $0.start).scalar.isFloating }
    let count = loops.reduce(1) { $0 * $1.iterations }
    guard count > SumBlock.mostTerms, isCut.contains(true) else {
      return inBlock(loops[...], [], registers.map(\.start), body)
    }
    let sums = BlockedSums(builder: self, starts: registers.map(\.start), isCut: isCut)
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
    let whole = first.size / first.step * first.step
    let length = SumBlock.terms / max(1, inner) * first.step
    let result = loop(from: index(0), to: index(whole), step: length, carrying: totals) { start, totals in
      let end = add(start, length)
      return sums.adding(totals) {
        inBlock(
          loops, range: (start, whole.isMultiple(of: length) ? end : binary(.minimumSigned, end, index(whole))), at, $0,
          body)
      }
    }
    return whole < first.size ? sums.adding(result) { body(at + [index(whole)], true, $0) } : result
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

  /// What the first block is added to.
  var wideStarts: [Register] {
    widened(starts)
  }

  /// Registers with the sums in double precision.
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

  /// The totals, rounded to the types of the sums.
  func narrowed(_ totals: [Register]) -> [Register] {
    zip(totals, starts).map { total, start in
      let scalar = builder.type(of: start).scalar
      return scalar == builder.type(of: total).scalar ? total : builder.convert(.narrow, total, to: scalar)
    }
  }

  private func widened(_ sum: Register) -> Register {
    builder.type(of: sum).scalar == .f64 ? sum : builder.convert(.extend, sum, to: .f64)
  }
}
