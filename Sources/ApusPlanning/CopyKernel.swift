import ApusCore
import ApusKernels

extension Kernel {
  /// Copies bytes from its first buffer to its second, in vectors. Both may be the same memory.
  package static func copy(byteCount: Int, target: ProcessorModel) -> Kernel {
    let builder = KernelBuilder(target: target.vector)
    let dtype: DType = byteCount % 4 == 0 ? .i32 : .u8
    let count = byteCount / dtype.byteCount
    let source = builder.buffer(dtype, .read, count: count)
    let destination = builder.buffer(dtype, .write, count: count)
    let lanes = target.lanes(of: dtype.scalarType)
    let (vectors, rest) = (count / lanes, count % lanes)
    let perUnit = max(1, target.copyUnitBytes / (lanes * dtype.byteCount))
    let units = max(1, (vectors + perUnit - 1) / perUnit)

    func move(_ at: Register, lanes: Int) {
      builder.store(destination, at, builder.load(source, at, lanes: lanes))
    }
    builder.forEachUnit { unit in
      if vectors > 0 {
        let first = builder.multiply(unit, perUnit)
        let end = builder.binary(.minimumSigned, builder.add(first, perUnit), builder.index(vectors))
        builder.loop(from: first, to: end) { vector in move(builder.multiply(vector, lanes), lanes: lanes) }
      }
      if rest > 0 {
        let isLast = builder.compare(.equal, unit, builder.index(units - 1))
        builder.branch(isLast) {
          builder.loop(from: builder.index(vectors * lanes), to: builder.index(count)) { move($0, lanes: 1) }
          return []
        }
      }
    }
    return builder.build(name: "copy", units: units)
  }
}

extension Planning {
  /// A launch that copies a whole buffer.
  func copy(from value: Int, to target: Int) -> DraftLaunch {
    let size = buffers[value].byteCount
    let kernel = intern(.copy(byteCount: size, target: options.target))
    return DraftLaunch(
      Launch(
        kernel: kernel, arguments: [Location(buffer: value), Location(buffer: target)],
        origin: "copy of \(buffers[value].name)", byteCount: 2 * size, isSerial: kernels[kernel].units == 1),
      inPlace: [(write: 1, read: 0)])
  }
}
