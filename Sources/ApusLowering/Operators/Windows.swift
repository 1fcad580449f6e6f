import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// Which of a window's two coordinates runs over all its positions while the other is known.
enum WindowRun {
  /// The taps of a window at a known place.
  case taps
  /// The places of the windows whose known tap covers an element.
  case places

  /// Elements from one known position to the next, and from one running position to the next, and how many of these
  /// there are.
  func steps(along axis: WindowAxis) -> (known: Int, running: Int, count: Int) {
    switch self {
    case .taps: (axis.stride, axis.dilation, axis.window)
    case .places: (axis.dilation, axis.stride, axis.output)
    }
  }
}

extension KernelBuilder {
  /// Visits what a window covers, padding left out.
  /// - Parameters:
  ///   - places: the window's place along each axis.
  ///   - inside: loops at each element.
  ///   - body: gets the covered element's index along each axis, the position within the window, and those of the loops
  ///     inside.
  func covered(
    _ axes: [WindowAxis], _ places: [Register], inside: [SweepLoop] = [], carrying: [SweepRegister],
    _ body: (_ element: [Register], _ tap: [Register], _ inner: [Register], _ carried: [Register]) -> [Register]
  ) -> [Register] {
    let taps = axes.reduce(1) { $0 * $1.window }
    let isShort = inside.reduce(taps) { $0 * $1.iterations } <= SumBlock.mostTerms
    guard taps <= WindowGeometry.unrolledTaps, isShort || !carrying.contains(where: \.isSum) else {
      return covered(axes, of: places, running: .taps, inside: inside, carrying: carrying) { element, at, carried in
        body(element, Array(at.prefix(axes.count)), Array(at.dropFirst(axes.count)), carried)
      }
    }
    let starts = zip(axes, places).map { add(multiply($1, $0.stride), -$0.low) }
    func whole() -> [Register] {
      combinations(axes.map(\.window)).reduce(carrying.map(\.start)) { carried, tap in
        let element = zip(starts, zip(tap, axes)).map { add($0, $1.0 * $1.1.dilation) }
        return sweep(over: inside, carrying: carried.map { SweepRegister(start: $0) }) { at, _, carried in
          body(element, tap.map { index($0) }, at, carried)
        }
      }
    }
    // Windows that may reach into the padding ask at each element.
    let conditions = zip(axes, starts).flatMap { axis, start in
      let reach = (axis.window - 1) * axis.dilation
      return (axis.low > 0 ? [compare(.lessEqual, index(0), start)] : [])
        + ((axis.output - 1) * axis.stride - axis.low + reach >= axis.input
          ? [compare(.less, start, index(axis.input - reach))] : [])
    }
    guard let first = conditions.first else { return whole() }
    return branch(conditions.dropFirst().reduce(first) { binary(.and, $0, $1) }) {
      whole()
    } otherwise: {
      covered(axes, of: places, running: .taps, inside: inside, carrying: carrying) { element, at, carried in
        body(element, Array(at.prefix(axes.count)), Array(at.dropFirst(axes.count)), carried)
      }
    }
  }

  /// All indices of a box, the last running fastest.
  func combinations(_ sizes: [Int]) -> [[Int]] {
    sizes.reduce([[]]) { prefixes, size in prefixes.flatMap { prefix in (0..<size).map { prefix + [$0] } } }
  }

  /// The elements inside an image that windows cover, axis by axis, one after the other.
  /// - Parameters:
  ///   - known: along each axis the place of the window, or the tap, whichever does not run.
  ///   - outside: loops around.
  ///   - inside: loops at each element.
  ///   - body: gets the element's index along each axis, and the positions of all loops.
  func covered(
    _ axes: [WindowAxis], of known: [Register], running: WindowRun, outside: [SweepLoop] = [],
    inside: [SweepLoop] = [], carrying: [SweepRegister],
    _ body: (_ element: [Register], _ at: [Register], _ carried: [Register]) -> [Register]
  ) -> [Register] {
    let steps = axes.map { running.steps(along: $0) }
    let starts = zip(axes, zip(known, steps)).map { add(multiply($1.0, $1.1.known), -$0.low) }
    func element(_ axis: Int, _ position: Register) -> Register {
      add(starts[axis], multiply(position, steps[axis].running))
    }
    let loops = axes.indices.map { axis in
      SweepLoop(size: steps[axis].count) { [self] in
        compare(.lessUnsigned, element(axis, $0), index(axes[axis].input))
      }
    }
    return sweep(over: outside + loops + inside, carrying: carrying) { at, _, carried in
      body(axes.indices.map { element($0, at[outside.count + $0]) }, at, carried)
    }
  }

  /// Visits the windows that cover an element.
  /// - Parameters:
  ///   - inside: loops at each window.
  ///   - body: gets the window's place along each axis, and the positions of all loops: those within the window first.
  func covering(
    _ axes: [WindowAxis], _ element: [Register], inside: [SweepLoop] = [], carrying: [SweepRegister],
    _ body: (_ place: [Register], _ at: [Register], _ carried: [Register]) -> [Register]
  ) -> [Register] {
    let starts = zip(axes, element).map { add($1, $0.low) }
    func place(_ axis: Int, _ tap: Register) -> (scaled: Register, place: Register) {
      let scaled = binary(.subtract, starts[axis], multiply(tap, axes[axis].dilation))
      // Before the first window the difference is negative: as an unsigned number its quotient is beyond the last.
      return (scaled, binary(.divideUnsigned, scaled, index(axes[axis].stride)))
    }
    let loops = axes.indices.map { axis in
      SweepLoop(size: axes[axis].window) { [self] in
        let (scaled, place) = place(axis, $0)
        return binary(
          .and, compare(.equal, multiply(place, axes[axis].stride), scaled),
          compare(.lessUnsigned, place, index(axes[axis].output)))
      }
    }
    return sweep(over: loops + inside, carrying: carrying) { at, _, carried in
      body(axes.indices.map { place($0, at[$0]).place }, at, carried)
    }
  }
}

/// Channels, the last axis, in vectors.
struct ChannelVectors {
  let channels: Int
  let lanes: Int
  var count: Int { (channels + lanes - 1) / lanes }

  init(_ channels: Int, _ dtype: DType, _ target: ProcessorModel) {
    self.init(channels, lanes: target.lanes(of: dtype == .f64 || dtype == .i64 ? .f64 : .f32))
  }

  init(_ channels: Int, lanes: Int) {
    self.channels = channels
    self.lanes = lanes
  }

  /// The first channel of a vector, and which lanes hold channels.
  func place(_ vector: Register, _ b: KernelBuilder) -> (first: Register, mask: Register?) {
    let first = b.multiply(vector, lanes)
    guard channels % lanes != 0 else { return (first, nil) }
    let type = RegisterType.index.with(lanes: lanes)
    let all = b.add(b.splat(first, lanes: lanes), b.lanes(type))
    return (first, b.compare(.less, all, b.constant(channels, type)))
  }
}

extension NodeLowering {
  /// Adds a kernel that computes vectors of channels at each place of [batch, spatial…, channels].
  func forEachChannelVector(
    _ name: String, of dimensions: [Int], _ dtype: DType, work: Int,
    _ make: (KernelScope, ChannelVectors) -> (_ place: [Register], _ first: Register, _ mask: Register?) -> Void
  ) {
    let vectors = ChannelVectors(dimensions[dimensions.count - 1], dtype, target)
    guard dimensions.reduce(1, *) > 0 else { return }
    forEachPosition(name, of: Array(dimensions.dropLast()) + [vectors.count], work: work * vectors.lanes) { scope in
      let emit = make(scope, vectors)
      return { at in
        let (first, mask) = vectors.place(at[at.count - 1], scope.builder)
        emit(Array(at.dropLast()), first, mask)
      }
    }
  }
}

extension KernelBuilder {
  /// Whether a new element takes the place of the best so far: the first of equals stays, and NaN wins.
  func wins(_ new: Register, over old: Register, _ kind: WindowExtremum, _ dtype: DType) -> Register {
    switch dtype.kind {
    case .floating:
      let better = compare(kind == .max ? .greater : .less, new, old)
      let isFirstNaN = binary(.and, compare(.notEqual, new, new), compare(.equal, old, old))
      return binary(.or, better, isFirstNaN)
    case .signed: return compare(kind == .max ? .greater : .less, new, old)
    case .unsigned, .boolean:
      return kind == .max ? compare(.lessUnsigned, old, new) : compare(.lessUnsigned, new, old)
    }
  }
}

extension WindowSelect: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let (x, v, y) = (node.operands[0], node.operands[1], node.results[0])
    let geometry = try geometry(Shape(x.dimensions))
    let kind = kind
    node.forEachChannelVector("window_select", of: y.dimensions, x.dtype, work: geometry.taps) { scope, vectors in
      let b = scope.builder
      let (from, other, to) = (scope.read(x), scope.read(v), scope.write(y))
      let type = RegisterType(x.dtype.scalarType, lanes: vectors.lanes)
      let chosen = RegisterType(v.dtype.scalarType, lanes: vectors.lanes)
      return { place, channel, mask in
        let start = [b.constant(0, type), b.constant(0, chosen), b.constant(0, type.with(.i1))]
          .map { SweepRegister(start: $0) }
        let best = b.covered(geometry.axes, Array(place.dropFirst()), carrying: start) { element, _, _, carried in
          let at = [place[0]] + element + [channel]
          let new = from.load(at, lanes: vectors.lanes, mask: mask)
          let value = other.load(at, lanes: vectors.lanes, mask: mask)
          let takes = b.binary(
            .or, b.unary(.not, carried[2]), b.wins(new, over: carried[0], kind, x.dtype))
          return [
            b.select(takes, new, carried[0]), b.select(takes, value, carried[1]), b.constant(1, type.with(.i1)),
          ]
        }
        to.store(place + [channel], best[1], mask: mask)
      }
    }
  }
}

extension WindowScatter: Lowerable {
  /// Of windows that overlap; others are a nest's head (`ScatterNest`). A unit does all windows of one image and one vector
  /// of channels, in order.
  public func lower(_ node: NodeLowering) throws {
    let (x, g, y) = (node.operands[0], node.operands[1], node.results[0])
    let geometry = try geometry(Shape(x.dimensions))
    let kind = kind
    guard y.count > 0 else { return }
    let spatial = Array(x.dimensions.dropFirst().dropLast())
    let places = geometry.axes.map(\.output)
    let vectors = ChannelVectors(x.dimensions[x.dimensions.count - 1], x.dtype, node.target)
    let work = (spatial.reduce(1, *) + places.reduce(1, *) * geometry.taps) * vectors.lanes
    node.forEachPosition("window_scatter", of: [x.dimensions[0], vectors.count], work: work) { scope in
      let b = scope.builder
      let (from, cotangent, to) = (scope.read(x), scope.read(g), scope.update(y))
      let type = RegisterType(x.dtype.scalarType, lanes: vectors.lanes)
      let index = RegisterType.index.with(lanes: vectors.lanes)
      return { at in
        let (channel, mask) = vectors.place(at[1], b)
        b.nested(spatial) { element in
          to.store(
            [at[0]] + element + [channel], b.constant(0, RegisterType(y.dtype.scalarType, lanes: vectors.lanes)),
            mask: mask)
        }
        b.nested(places) { place in
          let start = [b.constant(0, type), b.constant(-1, index)].map { SweepRegister(start: $0) }
          let best = b.covered(geometry.axes, place, carrying: start) { element, _, _, carried in
            let at = [at[0]] + element + [channel]
            let new = from.load(at, lanes: vectors.lanes, mask: mask)
            let none = b.compare(.less, carried[1], b.constant(0, index))
            let takes = b.binary(.or, none, b.wins(new, over: carried[0], kind, x.dtype))
            let position = b.spread(to.position(at), to.view.strides.last ?? 1, vectors.lanes)
            return [b.select(takes, new, carried[0]), b.select(takes, position, carried[1])]
          }
          var isChosen = b.compare(.greaterEqual, best[1], b.constant(0, index))
          if let mask { isChosen = b.binary(.and, isChosen, mask) }
          let value = cotangent.load([at[0]] + place + [channel], lanes: vectors.lanes, mask: mask)
          let safe = b.select(isChosen, best[1], b.constant(0, index))
          let old = b.load(to.buffer, safe, mask: isChosen)
          b.store(to.buffer, safe, b.sum(old, value, y.dtype), mask: isChosen)
        }
      }
    }
  }
}

extension WindowSumGradient: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    let (g, y) = (node.operands[0], node.results[0])
    let geometry = try geometry(shape.numbers == nil ? Shape(y.dimensions) : shape)
    node.forEachChannelVector("window_sum_gradient", of: y.dimensions, g.dtype, work: geometry.taps) {
      scope, vectors in
      let b = scope.builder
      let (from, to) = (scope.read(g), scope.write(y))
      return { place, channel, mask in
        let zero = b.emptySum(g.dtype, lanes: vectors.lanes)
        let sum = b.covering(geometry.axes, Array(place.dropFirst()), carrying: [zero]) { window, _, carried in
          [b.sum(carried[0], from.load([place[0]] + window + [channel], lanes: vectors.lanes, mask: mask), g.dtype)]
        }
        to.store(place + [channel], sum[0], mask: mask)
      }
    }
  }
}
