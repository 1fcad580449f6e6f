import ApusCore

/// Vectors as kernels use them, out of the instructions that there are.
extension KernelBuilder {
  /// Folds a vector's lanes in a fixed tree; as many lanes as a power of two.
  package func horizontal(_ x: Register, _ combine: (Register, Register) -> Register) -> Register {
    var x = x
    while type(of: x).lanes > 1 {
      let half = type(of: x).lanes / 2
      if half == 1 {
        x = combine(extract(x, lane: 0), extract(x, lane: 1))
      } else {
        x = combine(shuffle(x, x, Array(0..<half)), shuffle(x, x, Array(half..<(2 * half))))
      }
    }
    return x
  }

  /// The columns of a square matrix, given its rows: as many as a vector has lanes, a power of two. In each stage pairs of
  /// vectors exchange those lanes that are on the wrong side of the diagonal of blocks twice as large (Eklundh 1972).
  package func transposed(_ rows: [Register]) -> [Register] {
    var vectors = rows
    var size = 1
    while size < rows.count {
      for first in rows.indices where first & size == 0 {
        let (a, b) = (vectors[first], vectors[first + size])
        let (low, high) = (
          rows.indices.map { $0 & size == 0 ? $0 : rows.count + $0 - size },
          rows.indices.map {
            $0 & size == 0 ? $0 + size : rows.count + $0
          }
        )
        (vectors[first], vectors[first + size]) = (shuffle(a, b, low), shuffle(a, b, high))
      }
      size *= 2
    }
    return vectors
  }

  /// `start`, `start + stride`, … in the lanes.
  package func spread(_ start: Register, _ stride: Int, _ lanes: Int) -> Register {
    let type = RegisterType.index.with(lanes: lanes)
    return add(splat(start, lanes: lanes), multiply(self.lanes(type), stride))
  }

  /// The one element of a scalar constant, or of one that repeats it.
  package func constant(of tensor: Tensor) -> Register {
    let type = RegisterType(tensor.dtype.scalarType)
    let bits = tensor.withUnsafeBytes { bytes -> UInt64 in
      var bits: UInt64 = 0
      for (position, byte) in bytes.prefix(tensor.dtype.byteCount).enumerated() {
        bits |= UInt64(byte) << UInt64(8 * position)
      }
      return bits
    }
    return constant(bits: bits, type)
  }

  /// Lanes below `count`.
  package func mask(below count: Int, lanes: Int) -> Register {
    let type = RegisterType(.i32, lanes: lanes)
    return compare(.less, self.lanes(type), constant(count, type))
  }
}
