import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// A nest's axes in the order of its loops, neighbors merged where every tensor allows it.
struct NestLoops {
  /// Loop axes that stay; units of work are made of these.
  var kept: [Int]
  /// Loop axes that reductions fold.
  var folded: [Int]
  /// Sizes by loop axis.
  var sizes: [Int]
  /// For each tensor (leaves, then outputs), strides by loop axis.
  var strides: [[Int]]
  /// The axis that lies along the lanes; nil if there are no axes.
  var vectorAxis: Int?
  var isVectorFolded: Bool { vectorAxis.map(folded.contains) ?? false }

  /// - Parameters:
  ///   - strides: of each tensor over the domain's axes.
  init(domain: [Int], folded foldedAxes: [Int], strides: [[Int]]) {
    // Kept axes, then folded ones; but the last axis of the domain stays last, for there elements are neighbors.
    let keptAxes = domain.indices.filter { !foldedAxes.contains($0) }
    let isLastKept = domain.isEmpty || keptAxes.last == domain.count - 1
    let order = isLastKept ? keptAxes.dropLast() + foldedAxes + keptAxes.suffix(1) : keptAxes + foldedAxes
    var sizes: [Int] = []
    var merged = strides.map { _ in [Int]() }
    var isFolded: [Bool] = []
    for axis in order where domain[axis] != 1 {
      let folds = foldedAxes.contains(axis)
      if let last = sizes.indices.last, isFolded[last] == folds,
        zip(merged, strides).allSatisfy({ $0[last] == $1[axis] * domain[axis] })
      {
        sizes[last] *= domain[axis]
        for tensor in merged.indices { merged[tensor][last] = strides[tensor][axis] }
      } else {
        sizes.append(domain[axis])
        isFolded.append(folds)
        for tensor in merged.indices { merged[tensor].append(strides[tensor][axis]) }
      }
    }
    self.sizes = sizes
    self.strides = merged
    kept = sizes.indices.filter { !isFolded[$0] }
    folded = sizes.indices.filter { isFolded[$0] }
    vectorAxis = sizes.indices.last
  }
}

extension KernelBuilder {
  /// The parts of `number` in a mixed radix, the last varying fastest.
  func split(_ number: Register, by sizes: [Int]) -> [Register] {
    var rest = number
    var parts: [Register] = []
    for (position, size) in sizes.enumerated().reversed() {
      if position == 0 {
        parts.append(rest)
      } else {
        parts.append(binary(.remainderUnsigned, rest, index(size)))
        rest = binary(.divideUnsigned, rest, index(size))
      }
    }
    return parts.reversed()
  }

  /// Loops over `axes` one in the other.
  func nest(
    _ axes: [(size: Int, set: (inout NestPoint, Register) -> Void)], _ point: NestPoint, carrying: [Register] = [],
    _ body: (NestPoint, [Register]) -> [Register]
  ) -> [Register] {
    guard let axis = axes.first else { return body(point, carrying) }
    return loop(from: index(0), to: index(axis.size), carrying: carrying) { i, carried in
      var inner = point
      axis.set(&inner, i)
      return nest(Array(axes.dropFirst()), inner, carrying: carried, body)
    }
  }
}
