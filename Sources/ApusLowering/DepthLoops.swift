import ApusCore
import ApusKernels
import ApusPlanning

/// The loops over k of a register tile.
///
/// Where k is long, its steps are cut into blocks: a tile's sums begin anew in each, and are added to totals, which wait
/// outside of the registers meanwhile (`SumBlock`). They are `f64` where blocks are many.
struct DepthLoops {
  let builder: KernelBuilder
  /// Sizes of the axes of k, outermost first.
  let k: [Int]
  /// How far both operands are apart at neighboring positions of each axis. The last axis is the step's affair.
  let steps: (a: [Int], b: [Int])
  /// Sums of the tile, all of one type.
  let count: Int
  let type: RegisterType
  let fetches: Fetches?
  let processor: ProcessorModel

  /// What is asked for ahead while k runs, one thing after the other.
  struct Fetches {
    let count: Int
    let emit: (_ number: Register) -> Void
  }

  /// Positions in both operands that the outer axes of k give.
  typealias Position = (a: Register, b: Register)
  /// Adds the products at a place of the inner axis of k to a set of sums.
  typealias Step = (_ outer: Position, _ at: Register, _ sums: ArraySlice<Register>) -> [Register]

  /// Multiply-adds in an iteration of the loop, which itself costs about a cycle: more would only be more code.
  private static let unrolledSums = 32
  /// Steps of k from which an iteration has several of them. Below it, what is left over would be most of the loop.
  private static let unrolledDepth = 64

  private var depth: Int { k.reduce(1, *) }

  /// Where sums are few, steps are dealt out to several sets of them.
  private var ways: Int {
    depth >= DepthLoops.unrolledDepth ? max(1, processor.multiplyAddsInFlight / count) : 1
  }

  /// Steps of k in a block: each set of sums has its share.
  private var blockSteps: Int { SumBlock.products * ways }

  /// The sums over all of k.
  /// - Parameters:
  ///   - before: sums that these are added to; nil: none. They may be wider.
  ///   - isWide: whether the result is to be `f64`.
  func sums(from start: Position, adding before: [Register]?, isWide: Bool, _ step: Step) -> [Register] {
    let zeros = [Register](repeating: builder.constant(0, type), count: count)
    let isBeforeWide = before.map { builder.type(of: $0[0]) != type } ?? false
    let isCut = type.scalar.isFloating && depth > SumBlock.mostProducts * ways
    guard isCut || isBeforeWide || isWide else { return block(start, before ?? zeros, step) }
    let areFew = isCut && !isBeforeWide && !isWide && depth <= SumBlock.fewBlocks * blockSteps
    let blocks = BlockedSums(builder: builder, starts: zeros, isCut: zeros.map { _ in true }, isWide: !areFew)
    let first = before ?? blocks.wideStarts
    let totals =
      isCut
      ? inBlocks(0, start, isBeforeWide || before == nil ? first : blocks.widened(first), blocks, step)
      : blocks.adding(first) { block(start, $0, step) }
    return isWide ? totals : blocks.narrowed(totals)
  }

  // MARK: Without blocks

  /// All of k.
  private func block(_ start: Position, _ sums: [Register], _ step: Step) -> [Register] {
    total(overAxes(0, nil, start, withWays(sums), step))
  }

  /// The sums with as many zeros for each additional way.
  private func withWays(_ sums: [Register]) -> [Register] {
    sums + [Register](repeating: builder.constant(0, type), count: count * (ways - 1))
  }

  /// Loops over the axes of k from one on.
  /// - Parameter range: where the first of them begins and ends; nil: all of it.
  private func overAxes(
    _ axis: Int, _ range: (start: Register, end: Register)?, _ start: Position, _ sums: [Register], _ step: Step
  ) -> [Register] {
    guard axis < k.count - 1 else { return rest(start, overInner(range, start, sums, step), step) }
    let (lower, upper) = range ?? (builder.index(0), builder.index(k[axis]))
    return builder.loop(from: lower, to: upper, carrying: sums) { at, sums in
      overAxes(axis + 1, nil, position(axis, at, start), sums, step)
    }
  }

  private func position(_ axis: Int, _ at: Register, _ start: Position) -> Position {
    (
      a: builder.add(start.a, builder.multiply(at, steps.a[axis])),
      b: builder.add(start.b, builder.multiply(at, steps.b[axis]))
    )
  }

  /// Steps of an iteration along the inner axis.
  private var unrolled: Int {
    let length = k[k.count - 1]
    let most = max(1, DepthLoops.unrolledSums / (count * ways))
    return length <= most * ways
      ? max(1, length) : ways * (length >= DepthLoops.unrolledDepth || k.count > 1 ? most : 1)
  }

  /// Steps along the inner axis that whole iterations do.
  private var whole: Int { k[k.count - 1] / unrolled * unrolled }

  private func overInner(
    _ range: (start: Register, end: Register)?, _ outer: Position, _ start: [Register], _ step: Step
  ) -> [Register] {
    let (lower, upper) = (range?.start ?? builder.index(0), range?.end ?? builder.index(whole))
    let interval = fetchInterval
    func fetch(_ at: Register) {
      guard let fetches, let interval else { return }
      let number = builder.binary(.divideUnsigned, at, builder.index(interval))
      fetches.emit(builder.binary(.minimumSigned, number, builder.index(fetches.count - 1)))
    }
    func iterations(from lower: Register, to upper: Register, _ start: [Register]) -> [Register] {
      builder.loop(from: lower, to: upper, step: unrolled, carrying: start) { at, sums in
        var sums = sums
        for number in 0..<unrolled {
          let place = builder.add(at, number)
          if let interval, interval <= unrolled, number.isMultiple(of: interval) { fetch(place) }
          let way = (number % ways * count)..<((number % ways + 1) * count)
          sums.replaceSubrange(way, with: step(outer, place, sums[way]))
        }
        return sums
      }
    }
    guard let interval, interval > unrolled else { return iterations(from: lower, to: upper, start) }
    return builder.loop(from: lower, to: upper, step: interval, carrying: start) { at, sums in
      fetch(at)
      let end = builder.add(at, interval)
      // Parts of k need not be as many whole intervals.
      return iterations(
        from: at,
        to: range == nil && whole.isMultiple(of: interval) ? end : builder.binary(.minimumSigned, end, upper), sums)
    }
  }

  /// Steps along the inner axis from fetch to fetch, so that all of them are spread evenly; whole iterations if it is more
  /// than one of them. There are never two in a step: the last ones are left out if k is that short. If k has several axes,
  /// each of their places fetches all again, which costs nothing where it is there.
  private var fetchInterval: Int? {
    fetches.map {
      let interval = max(1, whole / $0.count)
      return interval > unrolled ? interval / unrolled * unrolled : interval
    }
  }

  /// What whole iterations leave over along the inner axis.
  private func rest(_ outer: Position, _ sums: [Register], _ step: Step) -> [Register] {
    var sums = sums
    let rest = builder.loop(
      from: builder.index(whole), to: builder.index(k[k.count - 1]), carrying: Array(sums.prefix(count))
    ) {
      step(outer, $0, $1[...])
    }
    sums.replaceSubrange(..<count, with: rest)
    return sums
  }

  /// The sets of sums added up.
  private func total(_ sums: [Register]) -> [Register] {
    var sums = sums
    while sums.count > count {
      let half = (sums.count / count + 1) / 2 * count
      sums = sums.prefix(half).enumerated().map { position, sum in
        position + half < sums.count ? builder.binary(.add, sum, sums[position + half]) : sum
      }
    }
    return sums
  }

  // MARK: In blocks

  private func inBlocks(
    _ axis: Int, _ start: Position, _ totals: [Register], _ blocks: BlockedSums, _ step: Step
  ) -> [Register] {
    let inner = k[(axis + 1)...].reduce(1, *)
    if axis < k.count - 1, inner >= blockSteps {
      return builder.loop(from: builder.index(0), to: builder.index(k[axis]), carrying: totals) { at, totals in
        inBlocks(axis + 1, position(axis, at, start), totals, blocks, step)
      }
    }
    let isInner = axis == k.count - 1
    let (granule, size) = isInner ? (unrolled, whole) : (1, k[axis])
    let length = max(1, blockSteps / inner / granule) * granule
    let result = builder.loop(from: builder.index(0), to: builder.index(size), step: length, carrying: totals) {
      at, totals in
      let end = builder.add(at, length)
      let range = (
        at, size.isMultiple(of: length) ? end : builder.binary(.minimumSigned, end, builder.index(size))
      )
      return blocks.adding(totals) { zeros in
        total(
          isInner
            ? overInner(range, start, withWays(zeros), step) : overAxes(axis, range, start, withWays(zeros), step))
      }
    }
    guard isInner, size < k[axis] else { return result }
    return blocks.adding(result) { total(rest(start, withWays($0), step)) }
  }
}
