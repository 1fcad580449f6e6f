import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

extension WinogradTransform: Lowerable {
  public func lower(_ node: NodeLowering) throws {
    try WinogradTransformKernel(self, try geometry(Shape(node.operands[0].dimensions)), node).lower()
  }
}

/// Transforms all tiles of a tensor. Sizes and distances are numbers that the code reads, so that one piece of code serves
/// all layers of a network.
struct WinogradTransformKernel {
  private let op: WinogradTransform
  private let geometry: WinogradGeometry
  private let node: NodeLowering
  private let x: TensorHandle
  private let tiles: WinogradTiles
  /// How the transform lies in memory, in elements.
  private let layout: Layout

  private struct Layout {
    var handle: TensorHandle
    /// From one point of a tile to the next.
    var point: Int
    /// Over the tiles' own axes.
    var outer: [Int]
    /// Vectors of channels that lie side by side, and how far apart two such panels are; 0: there is one.
    var vectorsOfPanel: Int
    var panel: Int
    /// How many panels there are, and how many channels the last has.
    var panels = 1
    var lastWidth = 0
  }

  /// - Parameter geometry: of the operand, which may be some rows of an image.
  init(_ op: WinogradTransform, _ geometry: WinogradGeometry, _ node: NodeLowering) {
    (self.op, self.geometry, self.node, x) = (op, geometry, node, node.operands[0])
    tiles = WinogradTiles(geometry, x.dimensions, x.dtype, node.target)
    let view = node.results[0].view
    let outer =
      geometry.part == .filter
      ? [view.strides[2]] : [view.strides[1], geometry.tiles[1] * view.strides[2], view.strides[2]]
    layout = Layout(
      handle: node.results[0], point: view.strides[0], outer: outer, vectorsOfPanel: max(1, tiles.vectors.count),
      panel: 0)
  }

  /// Of a filter, into panels of `width` output channels: as the product that follows reads it.
  init(_ op: WinogradTransform, _ geometry: WinogradGeometry, panels width: Int, _ node: NodeLowering) {
    (self.op, self.geometry, self.node, x) = (op, geometry, node, node.operands[0])
    tiles = WinogradTiles(geometry, x.dimensions, x.dtype, node.target)
    let (inputs, outputs) = (x.dimensions[2], x.dimensions[3])
    layout = Layout(
      handle: node.results[0], point: node.results[0].view.strides[0], outer: [width],
      vectorsOfPanel: width / tiles.vectors.lanes,
      panel: inputs * width, panels: (outputs + width - 1) / width,
      lastWidth: outputs - (outputs - 1) / width * width)
  }

  func lower() throws {
    guard layout.handle.count > 0 else { return }
    // Tiles of nothing but padding.
    if x.count == 0 { return try node.fill(layout.handle, with: Tensor(repeating: 0, x.dtype, [])) }
    let vectors = tiles.vectors
    try node.kernel(
      "winograd_transform_\(op.part)", units: tiles.units, flopCount: geometry.flopCount,
      isSerial: geometry.flopCount < node.target.serialWork
    ) { scope in
      let b = scope.builder
      let (from, to) = (scope.read(x), scope.write(layout.handle))
      let strides =
        geometry.part == .filter
        ? [x.view.strides[2], x.view.strides[0], x.view.strides[1]] : Array(x.view.strides.dropLast())
      let sizes = tiles.outer.dropFirst() + [vectors.count]
      let numbers = try scope.parameters(
        [
          from.view.offset, to.view.offset, layout.point, layout.vectorsOfPanel, layout.panel, vectors.channels,
          layout.panels - 1, layout.lastWidth,
        ]
          + strides + layout.outer + sizes + (geometry.part == .filter ? [] : geometry.size + geometry.low), of: node)
      var rest = numbers[...]
      func next(_ count: Int) -> [Register] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
      }
      let fixed = next(8)
      let frame = Frame(
        from: from, to: to, start: fixed[0], target: fixed[1], point: fixed[2], vectorsOfPanel: fixed[3],
        panel: fixed[4], channels: fixed[5], lastPanel: fixed[6],
        lastWidth: fixed[7], strides: next(strides.count), outer: next(layout.outer.count),
        sizes: next(sizes.count), size: next(geometry.part == .filter ? 0 : 2),
        low: next(geometry.part == .filter ? 0 : 2))
      b.forEachUnit { unit in emit(unit, frame, b) }
    }
  }

  /// The numbers of a launch.
  private struct Frame {
    let from, to: TensorAccess
    let start, target, point, vectorsOfPanel, panel, channels, lastPanel, lastWidth: Register
    /// Of the tensor: over images, rows and columns; of a filter over inputs, rows and columns.
    let strides: [Register]
    let outer: [Register]
    /// Of all axes of the units but the first, and vectors of channels.
    let sizes: [Register]
    let size, low: [Register]
  }

  private func emit(_ unit: Register, _ frame: Frame, _ b: KernelBuilder) {
    // From the last axis to the first.
    var (number, places): (Register, [Register]) = (unit, [])
    for size in frame.sizes.dropLast(tiles.sharesChannels ? 0 : 1).reversed() {
      places.insert(b.binary(.remainderUnsigned, number, size), at: 0)
      number = b.binary(.divideUnsigned, number, size)
    }
    places.insert(number, at: 0)
    let outer = Array(places.prefix(tiles.outer.count))
    let isPanelled = layout.panel != 0
    let target =
      isPanelled
      ? frame.target : zip(outer, frame.outer).reduce(frame.target) { b.add($0, b.multiply($1.0, $1.1)) }
    let isFilter = geometry.part == .filter
    let origin =
      isFilter ? [] : [0, 1].map { b.binary(.subtract, b.multiply(outer[$0 + 1], geometry.step), frame.low[$0]) }
    let start = b.add(frame.start, b.multiply(outer[0], frame.strides[0]))
    /// Rows and columns of the tile, from the start.
    let lines = [0, 1].map { axis in
      (0..<geometry.window).map { at in
        b.multiply(isFilter ? b.index(at) : b.add(origin[axis], at), frame.strides[axis + 1])
      }
    }
    func vector(_ number: Register) {
      let first = b.multiply(number, tiles.vectors.lanes)
      let mask = tiles.vectors.channels.isMultiple(of: tiles.vectors.lanes) ? nil : mask(first, frame, b)
      var to = b.add(target, first)
      if isPanelled {
        // Rows of the last panel are as long as it is wide.
        let panel = b.binary(.divideUnsigned, number, frame.vectorsOfPanel)
        let place = b.binary(.remainderUnsigned, number, frame.vectorsOfPanel)
        let row = b.select(b.compare(.equal, panel, frame.lastPanel), frame.lastWidth, frame.outer[0])
        to = [b.multiply(panel, frame.panel), b.multiply(outer[0], row), b.multiply(place, tiles.vectors.lanes)]
          .reduce(target, b.add)
      }
      let step = x.view.strides.last ?? 1
      let from = b.add(start, b.multiply(first, step))
      emitInsideOrNot(origin, frame, mask, b) { exists in
        transform(lines, from, to, step, frame, mask, exists, b)
      }
    }
    if tiles.sharesChannels {
      vector(places[places.count - 1])
    } else {
      b.loop(from: b.index(0), to: frame.sizes[frame.sizes.count - 1], vector)
    }
  }

  /// Lanes below the number of channels.
  private func mask(_ first: Register, _ frame: Frame, _ b: KernelBuilder) -> Register {
    let lanes = tiles.vectors.lanes
    let all = b.add(b.splat(first, lanes: lanes), b.lanes(RegisterType.index.with(lanes: lanes)))
    return b.compare(.less, all, b.splat(frame.channels, lanes: lanes))
  }

  /// Emits `body` for tiles that lie wholly inside, and again for those that do not.
  /// - Parameter body: gets the lanes of an element that exist; nil: all.
  private func emitInsideOrNot(
    _ origin: [Register], _ frame: Frame, _ mask: Register?, _ b: KernelBuilder,
    _ body: @escaping (_ exists: (_ u: Int, _ v: Int) -> Register?) -> Void
  ) {
    let inside = { body { _, _ in mask } }
    if origin.isEmpty { return inside() }
    let window = geometry.window
    let border = {
      let lines = [0, 1].map { axis in
        (0..<window).map { at in
          b.splat(b.compare(.lessUnsigned, b.add(origin[axis], at), frame.size[axis]), lanes: tiles.vectors.lanes)
        }
      }
      body { u, v in
        let both = b.binary(.and, lines[0][u], lines[1][v])
        return mask.map { b.binary(.and, both, $0) } ?? both
      }
    }
    let conditions = [0, 1].flatMap { axis in
      [
        b.compare(.lessEqual, b.index(0), origin[axis]),
        b.compare(.lessEqual, b.add(origin[axis], window), frame.size[axis]),
      ]
    }
    b.branch(conditions.dropFirst().reduce(conditions[0]) { b.binary(.and, $0, $1) }) {
      inside()
      return []
    } otherwise: {
      border()
      return []
    }
  }

  /// P t Pᵀ of one tile in one vector of channels.
  private func transform(
    _ lines: [[Register]], _ from: Register, _ to: Register, _ step: Int, _ frame: Frame, _ mask: Register?,
    _ exists: (_ u: Int, _ v: Int) -> Register?, _ b: KernelBuilder
  ) {
    let lanes = tiles.vectors.lanes
    let p = geometry.matrix.rows
    func load(_ u: Int, _ v: Int) -> Register {
      let position = b.add(b.add(from, lines[0][u]), lines[1][v])
      if step == 1 { return b.load(frame.from.buffer, position, lanes: lanes, mask: exists(u, v)) }
      let type = RegisterType.index.with(lanes: lanes)
      let spread = b.add(b.splat(position, lanes: lanes), b.multiply(b.lanes(type), step))
      return b.load(frame.from.buffer, spread, mask: exists(u, v))
    }
    let columns = (0..<geometry.window).map { v in b.product(p, (0..<geometry.window).map { load($0, v) }) }
    var place = to
    for i in p.indices {
      for value in b.product(p, columns.map { $0[i] }) {
        b.store(frame.to.buffer, place, value, mask: mask)
        place = b.add(place, frame.point)
      }
    }
  }
}
