import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// Lowers a region with the gradient of a pool whose windows lie side by side, and an elementwise epilogue on it before it is
/// stored.
///
/// Each element is in one window at most, so that a window's elements are computed at once, a vector of channels at a
/// time: the chosen one gets the cotangent, the others nothing. So do elements that are in no window, behind the last one.
struct ScatterNest {
  private let nest: Nest
  private let head: Node
  private let op: WindowScatter
  private let axes: [WindowAxis]

  /// Nil unless the nest is built around such a gradient.
  init?(_ nest: Nest) throws {
    guard let head = nest.head, let op = head.op as? WindowScatter else { return nil }
    (self.nest, self.head, self.op) = (nest, head, op)
    axes = try op.geometry(nest.region.type(of: head.operands[0]).shape).axes
  }

  func lower(name: String) throws {
    let (node, region) = (nest.node, nest.region)
    let domain = try region.dimensions(of: head.result)
    guard domain.reduce(1, *) > 0 else { return }
    let sources = try nest.operands(of: head)
    let vectors = ChannelVectors(domain[domain.count - 1], lanes: nestLanes(region, node.target))
    let taps = axes.reduce(1) { $0 * $1.window }
    let epilogue = region.flopCount / max(1, domain.reduce(1, *))
    // Those behind the last window, too.
    let windows = axes.map { ($0.input + $0.window - 1) / $0.window }
    node.forEachPosition(
      name, of: [domain[0]] + windows + [vectors.count], work: (3 + epilogue) * taps * vectors.lanes
    ) { scope in
      let b = scope.builder
      var (leaves, outputs) = nest.tensors(scope, besides: head)
      // An element of x is read where the result's is written, by the same unit: one may lie where the other does.
      let x = head.operands[0]
      let from = leaves[x.index]?.access ?? scope.read(sources[0])
      leaves[x.index] = NestTensor(access: from, strides: nest.domainStrides(x, sources[0].view))
      let cotangent = scope.read(sources[1])
      scope.allowInPlace(
        outputs.map(\.1), over: leaves.values.filter { $0.access.buffer != cotangent.buffer })
      let window = Window(
        nest: nest, head: head, op: op, axes: axes, lanes: vectors.lanes, from: from, cotangent: cotangent,
        outputs: outputs, emitter: NestEmitter(nest: nest, builder: b, leaves: leaves))
      return { at in
        let (channel, mask) = vectors.place(at[at.count - 1], b)
        window.emit(at: Array(at.dropLast()), channel, mask)
      }
    }
  }

  /// The windows of a kernel.
  private struct Window {
    let nest: Nest
    let head: Node
    let op: WindowScatter
    let axes: [WindowAxis]
    let lanes: Int
    let from: TensorAccess
    let cotangent: TensorAccess
    let outputs: [(ValueID, NestTensor)]
    let emitter: NestEmitter

    private var b: KernelBuilder { emitter.builder }

    /// Channels of a window's elements.
    func emit(at place: [Register], _ channel: Register, _ mask: Register?) {
      let partial = axes.indices.filter { axes[$0].output * axes[$0].window < axes[$0].input }
      let whole = partial.map { b.compare(.less, place[$0 + 1], b.index(axes[$0].output)) }
      guard let first = whole.first else { return scatter(place, channel, mask) }
      b.branch(whole.dropFirst().reduce(first) { b.binary(.and, $0, $1) }) {
        scatter(place, channel, mask)
        return []
      } otherwise: {
        emptyWindow(place, channel, mask)
        return []
      }
    }

    /// Where a tap of a window lies.
    private func element(_ tap: [Int], _ place: [Register]) -> [Register] {
      zip(zip(place.dropFirst(), axes), tap).map { b.add(b.multiply($0.0, $0.1.window), $1) }
    }

    private func point(
      _ place: [Register], _ element: [Register], _ channel: Register, _ mask: Register?, _ value: Register
    ) -> NestPoint {
      var point = NestPoint(
        indices: [place[0]] + element + [channel], vectorAxis: place.count, lanes: lanes, mask: mask)
      point.known[head.result.index] = value
      return point
    }

    private func scatter(_ place: [Register], _ channel: Register, _ mask: Register?) {
      let (type, dtype) = (b.type(of: nothing), from.view.dtype)
      let elements = b.combinations(axes.map(\.window)).map { element($0, place) }
      let values = elements.map { from.load([place[0]] + $0 + [channel], lanes: lanes, mask: mask) }
      let number = RegisterType.index.with(lanes: lanes).with(type.scalar.bits == 64 ? .i64 : .i32)
      var (best, chosen) = (values[0], b.constant(0, number))
      for (position, new) in values.enumerated().dropFirst() {
        let takes = b.wins(new, over: best, op.kind, dtype)
        best = b.select(takes, new, best)
        chosen = b.select(takes, b.constant(position, number), chosen)
      }
      let value = cotangent.load(place + [channel], lanes: lanes, mask: mask)
      emitter.store(
        outputs,
        zip(elements, values).enumerated().map { position, element in
          let isChosen = b.compare(.equal, chosen, b.constant(position, number))
          var point = point(place, element.0, channel, mask, b.select(isChosen, value, nothing))
          point.known[head.operands[0].index] = element.1
          return point
        })
    }

    /// Elements behind the last window, those that exist.
    private func emptyWindow(_ place: [Register], _ channel: Register, _ mask: Register?) {
      emitter.store(
        outputs,
        b.combinations(axes.map(\.window)).map { tap in
          let lines = zip(element(tap, place), axes).map { b.inside($0, $1.input) }
          let exists = lines.dropFirst().reduce(lines[0].exists) { b.binary(.and, $0, $1.exists) }
          let all = b.splat(exists, lanes: lanes)
          return point(
            place, lines.map(\.position), channel, mask.map { b.binary(.and, all, $0) } ?? all, nothing)
        })
    }

    private var nothing: Register {
      b.constant(0, RegisterType(cotangent.view.dtype.scalarType, lanes: lanes))
    }
  }
}
