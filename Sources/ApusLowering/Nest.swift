import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// A fusion's region as one loop nest: what every family of nests (element, contraction, window) starts from.
struct Nest {
  let region: Graph
  private(set) var node: NodeLowering
  /// Sizes of the axes that the loops run over.
  let domain: [Int]
  /// Domain axes that reductions fold.
  let foldedAxes: [Int]
  /// The contraction or window that the loops are built around; nil: elementwise nodes and reductions.
  let head: Node?
  /// For each value of the region whether it lacks the folded axes.
  let isFolded: [Bool]
  let escapes: [Bool]
  /// How many operands each value is.
  let readerCounts: [Int]
  /// For each value whether it is a product but for its shape and its sign.
  let isProduct: [Bool]

  /// - Parameter shape: as the pass that made the fusion decided it.
  init(_ region: Graph, _ shape: NestShape, _ node: NodeLowering) throws {
    self.region = region
    self.node = node
    guard let domain = shape.domain.numbers else {
      throw ApusError.input("\(node.origin): a nest over the symbolic shape \(shape.domain)")
    }
    self.domain = domain
    foldedAxes = shape.foldedAxes
    head = region.nodes.first { $0.headsNest(region) }
    for node in region.nodes {
      let isKnown =
        !node.op.traits.isDisjoint(with: [.declaration, .broadcasts]) || node.op is any ElementLowerable
        || node.op.asReduction is any ReductionLowerable || node.id == head?.id || node.op is any ViewLowerable
        || node.op is Iota && head == nil
      guard isKnown else { throw node.op.missingLowering("a fusion") }
    }
    var isFolded = [Bool](repeating: false, count: region.valueCount)
    for position in shape.foldedValues { isFolded[position] = true }
    self.isFolded = isFolded
    escapes = region.escaping()
    var counts = [Int](repeating: 0, count: region.valueCount)
    for operand in region.nodes.flatMap(\.operands) { counts[operand.index] += 1 }
    readerCounts = counts
    isProduct = region.productValues(given: node.products)
  }

  /// A node as a nest by itself.
  init(_ op: any Operator, _ types: [TensorType], _ node: NodeLowering) throws {
    let region = try GraphBuilder.region("body", types.enumerated().map { ("x\($0)", $1) }) { arguments in
      try arguments[0].builder.append(op, arguments)
    }
    try self.init(region, NestShape(of: region), node)
  }

  /// The same nest over other tensors: parts of those that the region speaks of.
  func with(node: NodeLowering) -> Nest {
    var nest = self
    nest.node = node
    return nest
  }

  /// What the head reads.
  /// - Throws: `ApusError` with fault `.defect` if an operand is computed in the nest: the head reads it many times.
  func operands(of head: Node) throws -> [TensorHandle] {
    let parameters = region.parameters
    return try head.operands.map { id in
      guard let position = parameters.firstIndex(of: id) else {
        throw ApusError.defect("\(node.origin): an operand of \(head.op.name) is computed in the same nest")
      }
      return node.operands[position]
    }
  }

  /// Values that are positions along an axis, with their strides: such a value is where an element would lie in memory.
  var positions: [(id: ValueID, strides: [Int])] {
    region.nodes.compactMap { node in
      guard let iota = node.op as? Iota, let dimensions = iota.shape.numbers,
        let axis = try? Axis.normalized(iota.axis, rank: dimensions.count)
      else { return nil }
      let strides = dimensions.indices.map { $0 == axis ? 1 : 0 }
      return (node.result, domainStrides(node.result, TensorView(iota.dtype, dimensions, strides: strides)))
    }
  }

  /// A value's strides over the domain's axes, given those of its own axes; 0 where it does not vary.
  func domainStrides(_ value: ValueID, _ view: TensorView) -> [Int] {
    let axes =
      isFolded[value.index] ? domain.indices.filter { !foldedAxes.contains($0) } : Array(domain.indices)
    var strides = [Int](repeating: 0, count: domain.count)
    for (own, axis) in zip(view.dimensions.indices.reversed(), axes.reversed()) where view.dimensions[own] != 1 {
      strides[axis] = view.strides[own]
    }
    return strides
  }
}

extension Nest {
  /// What a kernel built around `head` reads besides its operands, by `ValueID.index`, and what it writes.
  func tensors(
    _ scope: KernelScope, besides head: Node
  ) -> (leaves: [Int: NestTensor], outputs: [(ValueID, NestTensor)]) {
    var leaves: [Int: NestTensor] = [:]
    for (id, handle) in zip(region.parameters, node.operands)
    where region.nodes.contains(where: { $0.id != head.id && $0.operands.contains(id) }) {
      leaves[id.index] = NestTensor(access: scope.read(handle), strides: domainStrides(id, handle.view))
    }
    let outputs = zip(region.outputs, node.results).map {
      ($0, NestTensor(access: scope.write($1), strides: domainStrides($0, $1.view)))
    }
    return (leaves, outputs)
  }
}

extension Graph {
  /// A value's static dimensions.
  func dimensions(of value: ValueID) throws -> [Int] {
    guard let numbers = type(of: value).shape.numbers else {
      throw ApusError.input("\(label(of: value)) of graph @\(name) has a symbolic shape, \(type(of: value))")
    }
    return numbers
  }
}

/// A tensor over a nest's loop axes.
struct NestTensor {
  let access: TensorAccess
  /// For each loop axis, in elements.
  let strides: [Int]

  func varies(along axis: Int) -> Bool { strides[axis] != 0 }
}

/// A point of a nest's loops: where each axis stands, and what is known there already.
struct NestPoint {
  /// A register for each loop axis; the vector axis holds the first lane's position.
  var indices: [Register]
  /// The axis whose consecutive positions the lanes hold; nil: single elements.
  var vectorAxis: Int?
  var lanes = 1
  /// Lanes that hold elements; nil: all.
  var mask: Register?
  /// Values computed at this point or at one around it, by `ValueID.index`.
  var known: [Int: Register] = [:]
}

/// Emits a nest's values at points of its loops.
struct NestEmitter {
  let nest: Nest
  let builder: KernelBuilder
  /// Tensors that the region reads, by `ValueID.index` of its parameters.
  let leaves: [Int: NestTensor]
  /// For each value that is a position its strides over the loop axes, by `ValueID.index`.
  var positions: [Int: [Int]] = [:]

  /// A value of the region at a point; as many lanes as the point has, or one where it is the same in all of them.
  func value(_ id: ValueID, _ point: inout NestPoint) -> Register {
    if let known = point.known[id.index] { return known }
    let region = nest.region
    let node = region.producer(of: id)
    if let register = sumWithProduct(node, &point) {
      point.known[id.index] = register
      return register
    }
    let register: Register
    switch node.op {
    case is Parameter:
      register = leaves[id.index].map { load($0, point) } ?? builder.index(0)
    case let constant as Constant:
      register = builder.constant(of: constant.value)
    case let iota as Iota:
      register = number(positions[id.index] ?? [], iota.dtype, point)
    case let op as any ElementLowerable:
      var operands = node.operands.map { value($0, &point) }
      let lanes = operands.map { builder.type(of: $0).lanes }.max() ?? 1
      operands = operands.map { builder.splat($0, lanes: lanes) }
      let given = op.element(
        operands,
        ElementContext(
          builder: builder, dtypes: node.operands.map { region.type(of: $0).dtype }, result: region.type(of: id).dtype,
          mask: lanes == 1 ? nil : point.mask, failure: failure(of: op)))
      register = checked(given, RegisterType(region.type(of: id).dtype.scalarType, lanes: lanes), of: op)
    default:
      // A broadcast, or a reshape that only adds or drops axes of size 1.
      register = value(node.operands[0], &point)
    }
    point.known[id.index] = register
    return register
  }

  /// A position as an element, or one for each lane.
  private func number(_ strides: [Int], _ dtype: DType, _ point: NestPoint) -> Register {
    let start = zip(point.indices, strides).reduce(builder.index(0)) { builder.add($0, builder.multiply($1.0, $1.1)) }
    let stride = point.vectorAxis.map { strides[$0] } ?? 0
    guard point.lanes > 1, stride != 0 else { return builder.cast(start, from: .i64, to: dtype) }
    // In as few bits as the element has.
    let index: DType = dtype.isFloating || dtype == .i64 ? .i64 : .i32
    let first = builder.splat(builder.cast(start, from: .i64, to: index), lanes: point.lanes)
    let lanes = builder.multiply(builder.lanes(builder.type(of: first)), stride)
    return builder.cast(builder.add(first, lanes), from: index, to: dtype)
  }

  /// The register if it has the type of the operator's result. If not, the node's lowering fails with the operator's
  /// name when all is lowered, and a zero takes its place until then.
  private func checked(_ register: Register, _ expected: RegisterType, of op: any ElementLowerable) -> Register {
    let found = builder.type(of: register)
    if found == expected { return register }
    nest.node.sink.misfit =
      nest.node.sink.misfit
      ?? op.fault(
        "\(nest.node.origin): the kernel of \(op.name) gives a register \(found), not \(expected)",
        help: "element of \(type(of: op)) must give a register of the result's type, of as many lanes as its operands")
    return builder.constant(bits: 0, expected)
  }

  /// A sum of which one term, and only one, is a product: rounded once, in one instruction.
  private func sumWithProduct(_ node: Node, _ point: inout NestPoint) -> Register? {
    guard let position = product(in: node), let op = node.op as? any SumLowerable else { return nil }
    let factors = nest.region.producer(of: node.operands[position]).operands
    var terms = (factors + [node.operands[1 - position]]).map { value($0, &point) }
    let lanes = terms.map { builder.type(of: $0).lanes }.max() ?? 1
    terms = terms.map { builder.splat($0, lanes: lanes) }
    return op.element(product: (terms[0], terms[1]), isFirst: position == 0, other: terms[2], builder)
  }

  /// Which operand of a sum is a product that it may take in: if the other is none, so that of two equal products both are
  /// rounded and their difference is 0; and if nothing else reads it, so that what is read is what was added.
  private func product(in sum: Node) -> Int? {
    let region = nest.region
    guard sum.operands.count == 2, [.f32, .f64].contains(region.type(of: sum.result).dtype) else { return nil }
    let products = sum.operands.indices.filter { nest.isProduct[sum.operands[$0].index] }
    guard products.count == 1 || haveOtherFactors(sum.operands) else { return nil }
    return products.first { position in
      let operand = sum.operands[position]
      return nest.readerCounts[operand.index] == 1 && !nest.escapes[operand.index]
        && region.producer(of: operand).op is any ProductLowerable
    }
  }

  /// Whether both values are multiples by constants, of other magnitude: of equal inputs such products differ. The running
  /// means of optimizers are such sums.
  private func haveOtherFactors(_ values: [ValueID]) -> Bool {
    let factors = values.map { value -> Double? in
      let producer = nest.region.producer(of: value)
      guard producer.op is any ProductLowerable else { return nil }
      let constants = producer.operands.compactMap { nest.region.producer(of: $0).op as? Constant }.map(\.value)
      guard let constant = constants.first, constant.count == 1 else { return nil }
      return constant.doubles()[0].magnitude
    }
    guard let first = factors[0], let second = factors[1] else { return false }
    return first != second
  }

  /// What an operator calls to say how it fails: by name, where the nest is more than it.
  private func failure(of op: any Operator) -> (_ message: String, _ help: String) -> Int {
    let isAlone = nest.region.nodes.count { !($0.op is Parameter) } == 1
    let prefix = isAlone ? "" : "\(op.name): "
    return { message, help in nest.node.failure(prefix + message, help: help) }
  }

  /// The value with as many lanes as the point has.
  func vector(_ id: ValueID, _ point: inout NestPoint) -> Register {
    let register = value(id, &point)
    return builder.splat(register, lanes: point.lanes)
  }

  func position(_ tensor: NestTensor, _ point: NestPoint) -> Register {
    zip(point.indices, tensor.strides).reduce(builder.index(tensor.access.view.offset)) { sum, axis in
      axis.1 == 0 ? sum : builder.add(sum, builder.multiply(axis.0, axis.1))
    }
  }

  func load(_ tensor: NestTensor, _ point: NestPoint) -> Register {
    let start = position(tensor, point)
    guard let axis = point.vectorAxis, point.lanes > 1, tensor.varies(along: axis) else {
      return builder.load(tensor.access.buffer, start)
    }
    if tensor.strides[axis] == 1 {
      return builder.load(tensor.access.buffer, start, lanes: point.lanes, mask: point.mask)
    }
    return builder.load(
      tensor.access.buffer, builder.spread(start, tensor.strides[axis], point.lanes), mask: point.mask)
  }

  /// Computes values at a point, all of them before the first is stored: what is stored may lie where something was read.
  func store(_ outputs: [(ValueID, NestTensor)], _ point: inout NestPoint) {
    let registers = outputs.map { vector($0.0, &point) }
    for (output, register) in zip(outputs, registers) { store(register, output.1, point) }
  }

  /// The same at several points, of which none may read what another writes but where it writes itself.
  func store(_ outputs: [(ValueID, NestTensor)], _ points: [NestPoint]) {
    var points = points
    let registers = points.indices.map { position in outputs.map { vector($0.0, &points[position]) } }
    for (point, registers) in zip(points, registers) {
      for (output, register) in zip(outputs, registers) { store(register, output.1, point) }
    }
  }

  func store(_ register: Register, _ tensor: NestTensor, _ point: NestPoint) {
    let start = position(tensor, point)
    let lanes = builder.type(of: register).lanes
    guard lanes > 1, let axis = point.vectorAxis else {
      builder.store(tensor.access.buffer, start, register)
      return
    }
    if tensor.strides[axis] == 1 {
      builder.store(tensor.access.buffer, start, register, mask: point.mask)
    } else {
      builder.store(
        tensor.access.buffer, builder.spread(start, tensor.strides[axis], lanes), register, mask: point.mask)
    }
  }
}

extension KernelScope {
  /// Says that results may take the memory of operands that lie in the same way: an element is read where it is written,
  /// just before. `operands` are all that the nest reads: one that is read in two ways is not overwritten.
  func allowInPlace(_ results: [NestTensor], over operands: [NestTensor]) {
    for result in results {
      for operand in operands.sorted(by: { $0.access.buffer < $1.access.buffer })
      where operand.access.view == result.access.view && operand.strides == result.strides
        && operands.allSatisfy({ $0.access.buffer != operand.access.buffer || $0.strides == result.strides })
        && tensors.count(where: { $0.handle.buffer == tensors[operand.access.buffer].handle.buffer }) == 1
      {
        inPlace.append((write: result.access.buffer, read: operand.access.buffer))
      }
    }
  }
}
