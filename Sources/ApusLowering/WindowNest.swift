import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// A channelwise window that is computed a vector of channels at a time.
protocol WindowLowerable: ChannelwiseWindow {
  /// - Parameters:
  ///   - types: of the operands.
  ///   - lanes: how many channels are computed at a time.
  func window(_ types: [TensorType], lanes: Int) throws -> WindowComputation
}

/// How to compute what stands at places of windows.
struct WindowComputation {
  /// Operations of an element, to judge whether sharing the work pays.
  let work: Int
  /// Channels from `first` on at a place `[batch, spatial…]`, those of `mask`.
  let value:
    (
      _ builder: KernelBuilder, _ operands: [TensorAccess], _ place: [Register], _ first: Register, _ mask: Register?
    ) -> Register
}

/// Lowers a region with one channelwise window and an elementwise epilogue on its result before it is stored.
struct WindowNest {
  private let nest: Nest
  private let head: Node
  private let computation: WindowComputation
  private let lanes: Int

  /// Nil unless the nest is built around such a window.
  init?(_ nest: Nest) throws {
    guard let head = nest.head, let op = head.op as? any WindowLowerable else { return nil }
    let types = nest.region.operandTypes(of: head)
    guard op.isChannelwise(types) else { return nil }
    (self.nest, self.head) = (nest, head)
    lanes = nestLanes(nest.region, nest.node.target)
    computation = try op.window(types, lanes: lanes)
  }

  func lower(name: String) throws {
    let (node, region) = (nest.node, nest.region)
    let domain = try region.dimensions(of: head.result)
    guard domain.reduce(1, *) > 0 else { return }
    let sources = try nest.operands(of: head)
    let vectors = ChannelVectors(domain[domain.count - 1], lanes: lanes)
    let others = region.flopCount / max(1, domain.reduce(1, *))
    node.forEachPosition(
      name, of: domain.dropLast() + [vectors.count], work: (computation.work + others) * vectors.lanes
    ) { scope in
      let b = scope.builder
      let accesses = sources.map { scope.read($0) }
      let (tensors, outputs) = nest.tensors(scope, besides: head)
      // What a window covers is read for several elements.
      scope.allowInPlace(
        outputs.map(\.1), over: tensors.values.filter { leaf in !accesses.contains { $0.buffer == leaf.access.buffer } }
      )
      let emitter = NestEmitter(nest: nest, builder: b, leaves: tensors)
      return { at in
        let (first, mask) = vectors.place(at[at.count - 1], b)
        let place = Array(at.dropLast())
        var point = NestPoint(
          indices: place + [first], vectorAxis: domain.count - 1, lanes: vectors.lanes, mask: mask)
        point.known[head.result.index] = computation.value(b, accesses, place, first, mask)
        emitter.store(outputs, &point)
      }
    }
  }
}

// MARK: Windows

extension Convolution: WindowLowerable {
  func window(_ types: [TensorType], lanes: Int) throws -> WindowComputation {
    let geometry = try geometry(x: types[0].shape, w: types[1].shape)
    return WindowComputation(work: 2 * geometry.taps) { b, operands, place, channel, mask in
      let (image, kernel) = (operands[0], operands[1])
      return b.covered(
        geometry.window.axes, Array(place.dropFirst()), carrying: [b.emptySum(types[0].dtype, lanes: lanes)]
      ) { element, tap, _, sums in
        let left = image.load([place[0]] + element + [channel], lanes: lanes, mask: mask)
        let right = kernel.load(tap + [b.index(0), channel], lanes: lanes, mask: mask)
        return [b.accumulate(left, right, sums[0])]
      }[0]
    }
  }
}

extension WindowOperator {
  /// Elements of each window, combined one after the other.
  fileprivate func reduction(
    _ types: [TensorType], lanes: Int, isSum: Bool = false,
    from start: @escaping (KernelBuilder, RegisterType) -> Register,
    _ combine: @escaping (_ builder: KernelBuilder, _ known: Register, _ next: Register) -> Register
  ) throws -> WindowComputation {
    let geometry = try geometry(types[0].shape)
    let type = RegisterType(types[0].dtype.scalarType, lanes: lanes)
    return WindowComputation(work: geometry.taps) { b, operands, place, channel, mask in
      let start = SweepRegister(start: start(b, type), isSum: isSum)
      return b.covered(geometry.axes, Array(place.dropFirst()), carrying: [start]) { element, _, _, carried in
        [combine(b, carried[0], operands[0].load([place[0]] + element + [channel], lanes: lanes, mask: mask))]
      }[0]
    }
  }

  fileprivate func extremum(_ types: [TensorType], lanes: Int, _ kind: WindowExtremum) throws -> WindowComputation {
    let dtype = types[0].dtype
    return try reduction(types, lanes: lanes) { b, type in
      kind == .max ? b.leastElement(type, dtype) : b.greatestElement(type, dtype)
    } _: { b, best, new in
      b.select(b.wins(new, over: best, kind, dtype), new, best)
    }
  }
}

extension ReduceWindowMax: WindowLowerable {
  func window(_ types: [TensorType], lanes: Int) throws -> WindowComputation {
    try extremum(types, lanes: lanes, .max)
  }
}

extension ReduceWindowMin: WindowLowerable {
  func window(_ types: [TensorType], lanes: Int) throws -> WindowComputation {
    try extremum(types, lanes: lanes, .min)
  }
}

extension ReduceWindowSum: WindowLowerable {
  func window(_ types: [TensorType], lanes: Int) throws -> WindowComputation {
    let dtype = types[0].dtype
    return try reduction(types, lanes: lanes, isSum: true) { b, type in
      b.constant(0, type)
    } _: { b, sum, next in
      b.sum(sum, next, dtype)
    }
  }
}
