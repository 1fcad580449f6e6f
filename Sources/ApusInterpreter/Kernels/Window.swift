import ApusCore
import ApusGraph
import ApusOperators

extension ReduceWindowMax: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    return [try ExtremumKernel.run(.reduce, .max, try geometry(x.shape), x, x, try context.unsetResult())]
  }
}

extension ReduceWindowMin: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    return [try ExtremumKernel.run(.reduce, .min, try geometry(x.shape), x, x, try context.unsetResult())]
  }
}

extension WindowSelect: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let (x, v) = (operands[0], operands[1])
    return [try ExtremumKernel.run(.select, kind, try geometry(x.shape), x, v, try context.unsetResult())]
  }
}

extension WindowScatter: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let (x, g) = (operands[0], operands[1])
    return [try ExtremumKernel.run(.scatter, kind, try geometry(x.shape), x, g, try context.zeroResult())]
  }
}

/// Finds the place of each window's extremum in x, then reads or writes there.
private struct ExtremumKernel: ArithmeticVisitor {
  enum Use { case reduce, select, scatter }

  let use: Use
  let finder: ExtremumFinder
  let x: Tensor
  /// What is read: x itself, the elements to select from, or a cotangent for each window.
  let v: Tensor
  var result: Tensor

  static func run(
    _ use: Use, _ kind: WindowExtremum, _ geometry: WindowGeometry, _ x: Tensor, _ v: Tensor, _ result: Tensor
  ) throws -> Tensor {
    if result.count == 0 || v.count == 0 && use == .scatter { return result }
    var kernel = ExtremumKernel(
      use: use,
      finder: ExtremumFinder(kind: kind, walk: WindowWalk(geometry), channels: x.dimensions[x.rank - 1]), x: x, v: v,
      result: result)
    return try x.dtype.dispatchArithmetic(&kernel)
  }

  mutating func visit<Element: ArithmeticElement>(_ type: Element.Type) throws -> Tensor {
    let image = finder.walk.elements * finder.channels
    let windows = finder.walk.positions * finder.channels
    let images = result.count / (use == .scatter ? image : windows)
    let nothing = finder.kind == .max ? Element.lowest : .highest
    try Memory.check(MemoryLayout<Int>.stride * windows)
    var chosen = [Int](repeating: -1, count: windows)
    try Tensor.withPointers(x, v, as: type) { x, v in
      try result.withMutablePointer(as: type) { y in
        for n in 0..<images {
          finder.choose(x + n * image, &chosen)
          for (window, place) in chosen.enumerated() {
            switch use {
            case .reduce: y[n * windows + window] = place < 0 ? nothing : v[n * image + place]
            case .select: y[n * windows + window] = place < 0 ? .zero : v[n * image + place]
            case .scatter where place >= 0:
              y[n * image + place] = .sum(y[n * image + place], v[n * windows + window])
            case .scatter: break
            }
          }
        }
      }
    }
    return result
  }
}

private struct ExtremumFinder {
  let kind: WindowExtremum
  let walk: WindowWalk
  let channels: Int

  /// For each window and channel of an image the place of the extremum, -1 where the window holds padding alone.
  func choose<Element: ArithmeticElement>(_ x: UnsafePointer<Element>, _ chosen: inout [Int]) {
    chosen.withUnsafeMutableBufferPointer { chosen in
      chosen.update(repeating: -1)
      walk.visit { window, _, element in
        for c in 0..<channels {
          let place = element * channels + c
          let best = chosen[window * channels + c]
          if best < 0 || wins(x[place], x[best]) { chosen[window * channels + c] = place }
        }
      }
    }
  }

  private func wins<Element: ArithmeticElement>(_ new: Element, _ old: Element) -> Bool {
    if old.isNotANumber { return false }
    if new.isNotANumber { return true }
    return kind == .max ? Element.isLess(old, new) : Element.isLess(new, old)
  }
}

extension ReduceWindowSum: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    return [try WindowSumKernel.run(try geometry(x.shape), x, try context.zeroResult(), transposed: false)]
  }
}

extension WindowSumGradient: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    [try WindowSumKernel.run(try geometry(shape), operands[0], try context.zeroResult(), transposed: true)]
  }
}

/// Adds elements to windows, or windows to elements.
private struct WindowSumKernel: ArithmeticVisitor {
  let walk: WindowWalk
  let transposed: Bool
  let source: Tensor
  /// Zeros at first.
  var result: Tensor

  private static let longestNarrowSum = 64

  static func run(
    _ geometry: WindowGeometry, _ source: Tensor, _ result: Tensor, transposed: Bool
  ) throws -> Tensor {
    if source.count == 0 || result.count == 0 { return result }
    let walk = WindowWalk(geometry)
    // Sums of many elements in double precision: the reference must be accurate.
    if source.dtype == .f32, walk.taps > longestNarrowSum {
      let wide = try map(source, Float.self, to: Double.self) { Double($0) }
      let sums = try run(geometry, wide, Tensor(zeros: .f64, result.dimensions), transposed: transposed)
      return try map(sums, Double.self, to: Float.self) { Float($0) }
    }
    var kernel = WindowSumKernel(walk: walk, transposed: transposed, source: source, result: result)
    return try source.dtype.dispatchArithmetic(&kernel)
  }

  mutating func visit<Element: ArithmeticElement>(_ type: Element.Type) throws -> Tensor {
    let (images, channels) = (source.dimensions[0], source.dimensions[source.rank - 1])
    let (image, windows) = (walk.elements * channels, walk.positions * channels)
    try Tensor.withPointers(source, source, as: type) { source, _ in
      try result.withMutablePointer(as: type) { result in
        for n in 0..<images {
          let from = source + n * (transposed ? windows : image)
          let to = result + n * (transposed ? image : windows)
          walk.visit { window, _, element in
            let (i, j) = (
              (transposed ? window : element) * channels, (transposed ? element : window) * channels
            )
            for c in 0..<channels { to[j + c] = .sum(to[j + c], from[i + c]) }
          }
        }
      }
    }
    return result
  }
}
