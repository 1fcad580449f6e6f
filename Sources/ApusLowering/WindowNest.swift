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

/// How to compute what stands at places of windows: channels of what each window covers, taken in one after the other.
struct WindowComputation {
  /// Operations of an element, to judge whether sharing the work pays.
  let work: Int
  let axes: [WindowAxis]
  /// What a window begins with.
  let start: (_ builder: KernelBuilder) -> SweepRegister
  /// What stands at an index of the first operand, in lanes.
  let element: (_ operands: [TensorAccess], _ index: [Register], _ mask: Register?) -> Register
  /// What goes with a tap; nil: nothing.
  var weight: ((_ operands: [TensorAccess], _ tap: [Register], _ channel: Register, _ mask: Register?) -> Register)?
  /// Takes an element in.
  let combine: (_ builder: KernelBuilder, _ known: Register, _ element: Register, _ weight: Register?) -> Register

  /// Channels from `channel` on at a place `[batch, spatial…]`, those of `mask`.
  func value(
    _ b: KernelBuilder, _ operands: [TensorAccess], _ place: [Register], _ channel: Register, _ mask: Register?
  ) -> Register {
    b.covered(axes, Array(place.dropFirst()), carrying: [start(b)]) { index, tap, _, carried in
      let new = element(operands, [place[0]] + index + [channel], mask)
      return [combine(b, carried[0], new, weight?(operands, tap, channel, mask))]
    }[0]
  }

  /// The same at each place of a tile, of which `place` is the first.
  func values(
    _ b: KernelBuilder, _ operands: [TensorAccess], _ shape: WindowTile.Shape, _ place: [Register],
    _ channel: Register, _ mask: Register?
  ) -> [Register] {
    b.covered(axes, shape, Array(place.dropFirst()), from: start(b).start) { index in
      element(operands, [place[0]] + index + [channel], mask)
    } weight: { tap in
      weight?(operands, tap, channel, mask)
    } _: { known, element, weight in
      combine(b, known, element, weight)
    }
  }
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
    let tile = WindowTile(computation.axes)
    let places = tile.map { domain.dropLast(2) + [$0.count] } ?? domain.dropLast()
    node.forEachPosition(
      name, of: places + [vectors.count], work: (computation.work + others) * vectors.lanes * (tile?.size ?? 1)
    ) { scope in
      let b = scope.builder
      let accesses = sources.map { scope.read($0) }
      let (tensors, outputs) = nest.tensors(scope, besides: head)
      // What a window covers is read for several elements.
      scope.allowInPlace(
        outputs.map(\.1), over: tensors.values.filter { leaf in !accesses.contains { $0.buffer == leaf.access.buffer } }
      )
      let emitter = NestEmitter(nest: nest, builder: b, leaves: tensors)
      func point(_ place: [Register], _ channel: Register, _ mask: Register?, _ value: Register) -> NestPoint {
        var point = NestPoint(
          indices: place + [channel], vectorAxis: domain.count - 1, lanes: vectors.lanes, mask: mask)
        point.known[head.result.index] = value
        return point
      }
      return { at in
        let (first, mask) = vectors.place(at[at.count - 1], b)
        var place = Array(at.dropLast())
        guard let tile else {
          var point = point(place, first, mask, computation.value(b, accesses, place, first, mask))
          return emitter.store(outputs, &point)
        }
        let position = place.removeLast()
        let start = b.multiply(position, tile.size)
        b.forShape(of: tile, at: position) { shape in
          let values = computation.values(b, accesses, shape, place + [start], first, mask)
          emitter.store(
            outputs, values.enumerated().map { point(place + [b.add(start, $0)], first, mask, $1) })
        }
      }
    }
  }
}

// MARK: Windows

extension Convolution: WindowLowerable {
  func window(_ types: [TensorType], lanes: Int) throws -> WindowComputation {
    let geometry = try geometry(x: types[0].shape, w: types[1].shape)
    return WindowComputation(work: 2 * geometry.taps, axes: geometry.window.axes) { b in
      b.emptySum(types[0].dtype, lanes: lanes)
    } element: { operands, index, mask in
      operands[0].load(index, lanes: lanes, mask: mask)
    } weight: { operands, tap, channel, mask in
      // The filter has no axis of input channels but one of size 1.
      operands[1].load(tap + [operands[1].builder.index(0), channel], lanes: lanes, mask: mask)
    } combine: { b, sum, element, weight in
      weight.map { b.accumulate(element, $0, sum) } ?? sum
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
    return WindowComputation(work: geometry.taps, axes: geometry.axes) { b in
      SweepRegister(start: start(b, type), isSum: isSum)
    } element: { operands, index, mask in
      operands[0].load(index, lanes: lanes, mask: mask)
    } combine: { b, known, next, _ in
      combine(b, known, next)
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
