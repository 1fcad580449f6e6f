import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// Computes convolutions by 3 × 3 kernels, and both their gradients, by Winograd's algorithm: transforms of tiles, and a
/// product of matrices for each point of a tile instead of nine for each element.
///
/// For `f32` convolutions of stride 1 without groups or dilation, where a cost model finds it faster. Not bit for bit:
/// with tiles of 4 × 4 the error's root mean square is about 10⁻⁶ of the result's, five times that of the direct sum.
public struct Winograd: Pass {
  /// Side of a tile: 2, 4 or 6; 0: as the cost model says; 1: none.
  public var tile = 0
  /// Whose cycles the cost model counts.
  public var processor = ProcessorModel.zen4
  /// The side of a layer's tiles where the cost model would choose; 1: none; nil: as it says.
  public var choice: (@Sendable (TunableLayer) -> Int?)?

  public static let record = PassRecord(
    "winograd", "computes 3 × 3 convolutions and their gradients by Winograd's algorithm where that is faster (f32)",
    options: [option("tile", \.tile, "side of a tile: 2, 4 or 6; 0: as the cost model says; 1: none")],
    statistics: [PassStatistic("rewritten", "convolutions computed in another way")],
    rules: [tiles])

  private static let tiles = RewriteRule(
    "tiles", "convolution(x, w) and its gradients → products of transformed tiles, for 3 × 3 kernels of stride 1",
    .approximate(error: 1e-4))

  public init() {}

  public init(tile: Int, processor: ProcessorModel = .zen4) { (self.tile, self.processor) = (tile, processor) }

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    guard tile <= 1 || WinogradMatrix.tiles.contains(tile) else {
      throw ApusError.usage("winograd: tile must be 0, 1, 2, 4 or 6, not \(tile)")
    }
    if tile == 1 { return graph }
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    guard graph.nodes.contains(where: { $0.op.traits.contains(.contraction) }) else { return graph }
    let fixed = graph.fixedValues()
    var count = 0
    let result = try graph.rewritten { node, operands, builder in
      guard node.op.traits.contains(.contraction), let op = node.op as? any WinogradComputable else { return .keep }
      guard let cost = cost(op, node, graph, fixed, &context) else { return .keep }
      let layer = TunableLayer(
        op: op, operands: node.operands.map { graph.type(of: $0) },
        fixedOperand: op.filterOperand.flatMap { fixed.contains(node.operands[$0]) ? $0 : nil })
      guard let tile = chosen(layer, cost, node, graph, &context), context.permits(Self.tiles) else { return .keep }
      context.applied(
        "\(name(node, graph)) is computed by F(\(tile)×\(tile), 3×3): \(Self.cycles(cost.winograd(tile))) estimated cycles, "
          + "directly \(Self.cycles(cost.direct)); \(cost.saving(tile).formatted(significant: 2)) times fewer "
          + "multiplications, error \(WinogradCost.error(tile)) of the result's root mean square",
        at: node)
      count += 1
      let values = operands.map { builder.value($0) }
      let parts = Parts(tile: tile, builder: builder, origin: node.origin, names: graph.names(of: node))
      return .replace([try op.winograd(values, parts).id])
    }
    context.count("rewritten", count)
    return count == 0 ? graph : result
  }

  /// Nil if the algorithm does not apply; a remark says why if one might expect it.
  private func cost(
    _ op: any WinogradComputable, _ node: Node, _ graph: Graph, _ fixed: Set<ValueID>, _ context: inout PassContext
  ) -> WinogradCost? {
    let types = node.operands.map { graph.type(of: $0) }
    let (image, filter) = op.shapes(types, graph.type(of: node.result))
    guard filter.rank == 4, filter.dims[0] == 3, filter.dims[1] == 3, types[0].dtype == .f32,
      let geometry = try? op.geometry(x: image, w: filter)
    else { return nil }
    func missed(_ reason: String) -> WinogradCost? {
      context.missed("\(name(node, graph)) is computed directly: \(reason)", at: node)
      return nil
    }
    if op.groups != 1 { return missed("its channels fall into \(op.groups) groups") }
    let axes = geometry.window.axes
    if axes.contains(where: { $0.stride != 1 }) { return missed("its stride is not 1") }
    if axes.contains(where: { $0.dilation != 1 }) { return missed("its kernel is dilated") }
    if axes.contains(where: { $0.low > 2 || $0.high > 2 }) { return missed("its padding is wider than 2") }
    guard let images = image.dims[0].number else { return missed("its batch is the symbol '\(image.dims[0])'") }
    return WinogradCost(
      images: images, output: op.isOfImage ? axes.map(\.input) : axes.map(\.output),
      inputs: op.isOfImage ? geometry.outputChannels : geometry.inputChannels,
      outputs: op.isOfImage ? geometry.inputChannels : geometry.outputChannels,
      isFilterFixed: op.filterOperand.map { fixed.contains(node.operands[$0]) } ?? false, processor: processor)
  }

  private func chosen(
    _ layer: TunableLayer, _ cost: WinogradCost, _ node: Node, _ graph: Graph, _ context: inout PassContext
  ) -> Int? {
    if tile != 0 { return tile }
    if let measured = choice?(layer) {
      if measured > 1 { return measured }
      context.missed("\(name(node, graph)) is computed directly: that was measured to be faster", at: node)
      return nil
    }
    if let tile = cost.best { return tile }
    let least = [2, 4].map(cost.winograd).min() ?? 0
    context.missed(
      "\(name(node, graph)) is computed directly: \(Self.cycles(cost.direct)) estimated cycles, "
        + "by Winograd's algorithm \(Self.cycles(least))", at: node)
    return nil
  }

  private static func cycles(_ count: Double) -> String { count.formatted(significant: 3) }

  private func name(_ node: Node, _ graph: Graph) -> String { "\(node.op.name) \(graph.label(of: node.result))" }

  /// Appends the steps of the algorithm to a graph.
  struct Parts {
    let tile: Int
    let builder: GraphBuilder
    let origin: Origin
    let names: [String?]

    func append(_ op: any Operator, _ operands: [Value]) throws -> Value {
      builder.value(try builder.append(op, operands.map(\.id), origin: origin)[0])
    }

    /// The whole layer, with the names of the convolution that it replaces.
    func convolution(_ x: Value, _ w: Value, padding: Padding, keepsZeros: Bool = true) throws -> Value {
      let op = WinogradConvolution(tile: tile, padding: padding, keepsZeros: keepsZeros)
      return builder.value(try builder.append(op, [x.id, w.id], names: names, origin: origin)[0])
    }

    /// The gradient by the filter, with the names of the one that it replaces.
    func filterGradient(_ x: Value, _ g: Value, shape: Shape, padding: Padding) throws -> Value {
      let op = WinogradFilterGradient(tile: tile, padding: padding, shape: shape)
      return builder.value(try builder.append(op, [x.id, g.id], names: names, origin: origin)[0])
    }
  }
}

/// A convolution or a gradient of one that the algorithm can compute.
private protocol WinogradComputable: ConvolutionOperator {
  /// The shapes of the convolution's image and kernel.
  func shapes(_ operands: [TensorType], _ result: TensorType) -> (image: Shape, filter: Shape)
  /// The operand that is the kernel, if any is.
  var filterOperand: Int? { get }
  /// Whether it gives the image's gradient.
  var isOfImage: Bool { get }
  func winograd(_ operands: [Value], _ parts: Winograd.Parts) throws -> Value
}

extension Convolution: WinogradComputable {
  fileprivate func shapes(_ operands: [TensorType], _ result: TensorType) -> (image: Shape, filter: Shape) {
    (operands[0].shape, operands[1].shape)
  }
  fileprivate var filterOperand: Int? { 1 }
  fileprivate var isOfImage: Bool { false }

  fileprivate func winograd(_ operands: [Value], _ parts: Winograd.Parts) throws -> Value {
    try parts.convolution(operands[0], operands[1], padding: settings.padding)
  }
}

extension ConvolutionInputGradient: WinogradComputable {
  fileprivate func shapes(_ operands: [TensorType], _ result: TensorType) -> (image: Shape, filter: Shape) {
    (shape, operands[1].shape)
  }
  fileprivate var filterOperand: Int? { 1 }
  fileprivate var isOfImage: Bool { true }

  /// The convolution of the cotangent by the kernel flipped, with its channels exchanged.
  fileprivate func winograd(_ operands: [Value], _ parts: Winograd.Parts) throws -> Value {
    let (g, w) = (operands[0], operands[1])
    let axes = try geometry(x: shape, w: w.shape).window.axes
    var (flip, exchange) = (Reverse(), Transpose())
    (flip.axes, exchange.permutation) = ([0, 1], [0, 1, 3, 2])
    let flipped = try parts.append(exchange, [parts.append(flip, [w])])
    // No kink follows a gradient.
    return try parts.convolution(
      g, flipped, padding: .explicit(axes.map { [2 - $0.low, 2 - $0.high] }), keepsZeros: false)
  }
}

extension ConvolutionFilterGradient: WinogradComputable {
  fileprivate func shapes(_ operands: [TensorType], _ result: TensorType) -> (image: Shape, filter: Shape) {
    (operands[0].shape, shape)
  }
  fileprivate var filterOperand: Int? { nil }
  fileprivate var isOfImage: Bool { false }

  fileprivate func winograd(_ operands: [Value], _ parts: Winograd.Parts) throws -> Value {
    try parts.filterGradient(operands[0], operands[1], shape: shape, padding: settings.padding)
  }
}

extension Double {
  /// As `%.3g` prints it.
  fileprivate func formatted(significant digits: Int) -> String {
    guard self > 0, isFinite else { return "0" }
    var (mantissa, exponent) = (self, 0)
    while mantissa >= 1000 { (mantissa, exponent) = (mantissa / 1000, exponent + 3) }
    let scale = mantissa >= 100 ? 1.0 : mantissa >= 10 ? 10 : 100
    let rounded = (mantissa * scale).rounded() / scale
    let text = rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
    return exponent == 0 ? text : "\(text)e\(exponent)"
  }
}
