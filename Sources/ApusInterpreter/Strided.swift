import ApusCore

/// A walk over a box of elements in row-major order, for several tensors at once, each with its own stride along each
/// axis (0 if it is broadcast, negative if it is reversed). Axes that are contiguous in all of them
/// are merged first, so the inner loop is as long as it can be.
struct StridedWalk {
  /// Sizes, outermost first; never empty.
  private(set) var sizes: [Int]
  /// For each tensor its stride along each axis, in elements.
  private(set) var strides: [[Int]]

  init(sizes: [Int], strides: [[Int]]) {
    var merged: [Int] = []
    var mergedStrides = [[Int]](repeating: [], count: strides.count)
    for (axis, size) in sizes.enumerated() where size != 1 {
      let fits = strides.indices.allSatisfy { t in
        mergedStrides[t].last.map { $0 == strides[t][axis] &* size } ?? false
      }
      if let last = merged.indices.last, fits {
        merged[last] &*= size
        for t in strides.indices { mergedStrides[t][last] = strides[t][axis] }
      } else {
        merged.append(size)
        for t in strides.indices { mergedStrides[t].append(strides[t][axis]) }
      }
    }
    if merged.isEmpty {
      merged = [1]
      mergedStrides = mergedStrides.map { _ in [0] }
    }
    self.sizes = merged
    self.strides = mergedStrides
  }

  var innerSize: Int { sizes[sizes.count - 1] }
  func innerStride(_ tensor: Int) -> Int { strides[tensor][sizes.count - 1] }

  /// The innermost rows in order.
  func rows() -> Rows { Rows(self) }

  /// Walks from row to row. Not a sequence: a loop body that is no closure keeps the kernels' inner loops tight.
  struct Rows {
    /// For each tensor the offset at which the current row starts.
    private(set) var offsets: [Int]
    private let walk: StridedWalk
    private var counter: [Int]
    private var isStarted = false

    fileprivate init(_ walk: StridedWalk) {
      self.walk = walk
      offsets = [Int](repeating: 0, count: walk.strides.count)
      counter = [Int](repeating: 0, count: walk.sizes.count - 1)
    }

    /// Goes to the next row; false after the last.
    mutating func advance() -> Bool {
      guard isStarted else {
        isStarted = true
        return !walk.sizes.contains(0)
      }
      for axis in counter.indices.reversed() {
        counter[axis] += 1
        for t in offsets.indices { offsets[t] += walk.strides[t][axis] }
        if counter[axis] < walk.sizes[axis] { return true }
        for t in offsets.indices { offsets[t] -= walk.strides[t][axis] * walk.sizes[axis] }
        counter[axis] = 0
      }
      return false
    }
  }

  /// Strides of a dense tensor of these sizes.
  static func dense(_ sizes: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: sizes.count)
    for axis in sizes.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] &* max(1, sizes[axis + 1]) }
    return strides
  }

  /// Strides of a dense tensor seen as broadcast to `target`: 0 along what is repeated.
  static func broadcast(_ sizes: [Int], to target: [Int]) -> [Int] {
    let own = dense(sizes)
    let missing = target.count - sizes.count
    return target.indices.map { axis in
      axis < missing || sizes[axis - missing] == 1 ? 0 : own[axis - missing]
    }
  }
}

/// Applies `f` to the elements of a tensor.
@inline(__always)
func map<T: TensorElement, R: TensorElement>(
  _ x: Tensor, _ type: T.Type = T.self, to result: R.Type = R.self, _ f: (T) -> R
) throws -> Tensor {
  var y = try Tensor(uninitialized: R.dtype, x.dimensions)
  let (px, py) = (x.address(of: T.self), y.mutableAddress(of: R.self))
  for i in 0..<x.count { py[i] = f(px[i]) }
  extendLifetime(x)
  return y
}

/// Applies `f` to pairs of elements, shapes broadcast to `dimensions`.
@inline(__always)
func zipMap<T: TensorElement, R: TensorElement>(
  _ a: Tensor, _ b: Tensor, _ dimensions: [Int], _ type: T.Type = T.self, to result: R.Type = R.self,
  _ f: (T, T) -> R
) throws -> Tensor {
  var y = try Tensor(uninitialized: R.dtype, dimensions)
  let walk = StridedWalk(
    sizes: dimensions,
    strides: [
      StridedWalk.dense(dimensions), StridedWalk.broadcast(a.dimensions, to: dimensions),
      StridedWalk.broadcast(b.dimensions, to: dimensions),
    ])
  let n = walk.innerSize
  let (sa, sb) = (walk.innerStride(1), walk.innerStride(2))
  let (pa, pb, py) = (a.address(of: T.self), b.address(of: T.self), y.mutableAddress(of: R.self))
  var rows = walk.rows()
  while rows.advance() {
    let (y, a, b) = (py + rows.offsets[0], pa + rows.offsets[1], pb + rows.offsets[2])
    // Special cases whose loops read contiguous elements.
    switch (sa, sb) {
    case (1, 1): for i in 0..<n { y[i] = f(a[i], b[i]) }
    case (1, 0):
      let b = b[0]
      for i in 0..<n { y[i] = f(a[i], b) }
    case (0, 1):
      let a = a[0]
      for i in 0..<n { y[i] = f(a, b[i]) }
    default: for i in 0..<n { y[i] = f(a[i * sa], b[i * sb]) }
    }
  }
  extendLifetime(a)
  extendLifetime(b)
  return y
}

/// Elements picked from a tensor by strides, as a dense tensor of `dimensions`: the one kernel for transpose,
/// slice, reverse and broadcast. It moves bits and does not ask what they mean.
func gatherStrided(_ x: Tensor, _ dimensions: [Int], offset: Int = 0, strides: [Int]) throws -> Tensor {
  var move = StridedMove(x: x, dimensions: dimensions, offset: offset, strides: strides)
  return try x.dtype.dispatch(&move)
}

private struct StridedMove: TensorElementVisitor {
  let x: Tensor
  let dimensions: [Int]
  let offset: Int
  let strides: [Int]

  func visit<T: TensorElement>(_ type: T.Type) throws -> Tensor {
    var y = try Tensor(uninitialized: x.dtype, dimensions)
    if y.count == 0 { return y }
    let walk = StridedWalk(sizes: dimensions, strides: [StridedWalk.dense(dimensions), strides])
    let n = walk.innerSize
    let stride = walk.innerStride(1)
    let (px, py) = (x.address(of: T.self), y.mutableAddress(of: T.self))
    var rows = walk.rows()
    while rows.advance() {
      let (to, from) = (py + rows.offsets[0], px + (offset + rows.offsets[1]))
      switch stride {
      case 1: to.update(from: from, count: n)
      case 0: to.update(repeating: from[0], count: n)
      default: for i in 0..<n { to[i] = from[i * stride] }
      }
    }
    extendLifetime(x)
    return y
  }
}

/// Writes a dense tensor into places of another that strides name: the transpose of `gatherStrided`.
func scatterStrided(_ x: Tensor, into y: inout Tensor, offset: Int, strides: [Int]) throws {
  guard x.count > 0 else { return }
  let walk = StridedWalk(sizes: x.dimensions, strides: [StridedWalk.dense(x.dimensions), strides])
  let n = walk.innerSize
  let width = x.dtype.byteCount
  let stride = walk.innerStride(1) * width
  x.withUnsafeBytes { x in
    y.withUnsafeMutableBytes { y in
      guard let px = x.baseAddress, let py = y.baseAddress else { return }
      var rows = walk.rows()
      while rows.advance() {
        let (from, to) = (px + rows.offsets[0] * width, py + (offset + rows.offsets[1]) * width)
        if stride == width {
          to.copyMemory(from: from, byteCount: n * width)
        } else {
          for i in 0..<n { (to + i * stride).copyMemory(from: from + i * width, byteCount: width) }
        }
      }
    }
  }
}
