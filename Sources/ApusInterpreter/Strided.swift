import ApusCore

/// A walk over a box of elements in row-major order, for several tensors at once, each with its own stride along each
/// axis (0 where it is broadcast, negative where it runs backwards). Axes that lie one behind the other in all of them
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
        mergedStrides[t].last.map { $0 == strides[t][axis] * size } ?? false
      }
      if let last = merged.indices.last, fits {
        merged[last] *= size
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

  /// Calls `body` for each innermost row with the tensors' offsets at its start.
  func forEachRow(_ body: (UnsafeBufferPointer<Int>) -> Void) {
    if sizes.contains(0) { return }
    var offsets = [Int](repeating: 0, count: strides.count)
    let outer = sizes.count - 1
    var counter = [Int](repeating: 0, count: outer)
    while true {
      offsets.withUnsafeBufferPointer(body)
      var axis = outer - 1
      while axis >= 0 {
        counter[axis] += 1
        for t in strides.indices { offsets[t] += strides[t][axis] }
        if counter[axis] < sizes[axis] { break }
        for t in strides.indices { offsets[t] -= strides[t][axis] * sizes[axis] }
        counter[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }

  /// Strides of a dense tensor of these sizes.
  static func dense(_ sizes: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: sizes.count)
    for axis in sizes.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * max(1, sizes[axis + 1]) }
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
  x.withElements(as: T.self) { x in
    y.withMutableElements(as: R.self) { y in
      for i in 0..<x.count { y[i] = f(x[i]) }
    }
  }
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
  a.withElements(as: T.self) { a in
    b.withElements(as: T.self) { b in
      y.withMutableElements(as: R.self) { y in
        guard let pa = a.baseAddress, let pb = b.baseAddress, let py = y.baseAddress else { return }
        walk.forEachRow { offsets in
          let (y, a, b) = (py + offsets[0], pa + offsets[1], pb + offsets[2])
          // The common cases apart, so that each is a loop over neighbours.
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
      }
    }
  }
  return y
}

/// Elements picked from a tensor by strides, as a dense tensor of `dimensions`: the one kernel behind transpose,
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
    x.withElements(as: T.self) { x in
      y.withMutableElements(as: T.self) { y in
        guard let px = x.baseAddress, let py = y.baseAddress else { return }
        walk.forEachRow { offsets in
          let (to, from) = (py + offsets[0], px + (offset + offsets[1]))
          switch stride {
          case 1: to.update(from: from, count: n)
          case 0: to.update(repeating: from[0], count: n)
          default: for i in 0..<n { to[i] = from[i * stride] }
          }
        }
      }
    }
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
      walk.forEachRow { offsets in
        let (from, to) = (px + offsets[0] * width, py + (offset + offsets[1]) * width)
        if stride == width {
          to.copyMemory(from: from, byteCount: n * width)
        } else {
          for i in 0..<n { (to + i * stride).copyMemory(from: from + i * width, byteCount: width) }
        }
      }
    }
  }
}
