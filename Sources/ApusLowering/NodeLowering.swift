import ApusCore
import ApusGraph
import ApusKernels
import ApusPlanning

/// An operator that is lowered to kernels of its own, rather than as part of a fused nest.
public protocol Lowerable: Operator {
  /// Adds the kernels that compute the node's results.
  /// - Throws: `ApusError` if these types cannot be lowered.
  func lower(_ node: NodeLowering) throws
}

extension Operator {
  /// The error of an operator without native code, with what its author has to write.
  func missingLowering(_ place: String) -> ApusError {
    let type = Swift.type(of: self)
    return fault(
      "\(place): there is no native code for \(name)",
      help:
        "an elementwise \(type) conforms to ElementLowerable (Sources/ApusLowering/ElementLowerable.swift), any other "
        + "to Lowerable (Sources/ApusLowering/NodeLowering.swift), or to CompositeOperator if smaller operators define it"
    )
  }
}

/// A tensor that kernels read or write: memory, and how elements lie in it.
public struct TensorHandle: Hashable, Sendable {
  /// Of the draft that is being made.
  public let buffer: Int
  public let view: TensorView
  /// For each loop around, outermost first, how many elements each round moves the tensor on. Missing ones are 0.
  public let loopStrides: [Int]

  public init(buffer: Int, view: TensorView, loopStrides: [Int] = []) {
    self.buffer = buffer
    self.view = view
    self.loopStrides = loopStrides
  }

  /// Another look at the same memory.
  public func with(view: TensorView) -> TensorHandle {
    TensorHandle(buffer: buffer, view: view, loopStrides: loopStrides)
  }

  public var dtype: DType { view.dtype }
  public var dimensions: [Int] { view.dimensions }
  public var count: Int { view.count }
}

/// What one node's lowering works with: its tensors, and a place for its kernels.
public final class NodeLowering {
  /// The processor that code is made for.
  public let target: ProcessorModel
  /// Any strides: transposed, sliced and broadcast tensors come as views.
  public let operands: [TensorHandle]
  /// Row-major.
  public let results: [TensorHandle]
  /// The node as the text prints it, for failures and profiles.
  public let origin: String
  /// How to compute the second operand of a product, where that is not done yet.
  var secondOperand: DeferredOperand?
  /// Where kernels, memory and failures go.
  let sink: any LoweringSink
  /// The operands that are products, by position: they are rounded, so a product that is added to one must be, too.
  let products: Set<Int>
  /// The operands that are indices for which something before fails, if one is out of range.
  let checked: Set<Int>

  init(
    target: ProcessorModel, operands: [TensorHandle], results: [TensorHandle], origin: String, sink: any LoweringSink,
    products: Set<Int> = [], checked: Set<Int> = []
  ) {
    self.products = products
    self.checked = checked
    self.target = target
    self.operands = operands
    self.results = results
    self.origin = origin
    self.sink = sink
  }

  /// Row-major memory that lives from the first kernel of this node that writes it to the last that reads it.
  public func temporary(_ dtype: DType, _ dimensions: [Int]) -> TensorHandle {
    sink.temporary(TensorView(dtype, dimensions), for: self)
  }

  /// Adds a kernel; kernels of a node run in the order they are added, each seeing all that those before wrote.
  /// - Parameters:
  ///   - units: pieces of work that workers share; none may read what another writes. 0: nothing is added.
  ///   - flopCount: of the whole launch, for profiles.
  ///   - isSerial: whether one worker does it all, for want of work to share.
  ///   - body: usually one `builder.forEachUnit`.
  public func kernel(
    _ name: String, units: Int, flopCount: Int = 0, isSerial: Bool = false,
    _ body: (KernelScope) throws -> Void
  ) rethrows {
    guard units > 0 else { return }
    let scope = KernelScope(builder: KernelBuilder(target: target.vector))
    try body(scope)
    sink.add(
      scope.builder.build(name: name, units: units), scope, flopCount: flopCount, isSerial: isSerial, for: self)
  }

  /// A temporary that depends on `source` only, and so is computed where that is: once for all iterations of a loop that does
  /// not change it, once for all nodes that ask with the same key.
  func hoisted(
    _ source: TensorHandle, _ key: String, _ view: TensorView, _ compute: (TensorHandle) throws -> Void
  ) throws -> TensorHandle {
    try sink.hoisted(source, key, view, for: self, compute)
  }

  /// Whether `hoisted` would compute nothing: it is there.
  func isHoisted(_ source: TensorHandle, _ key: String) -> Bool { sink.isHoisted(source, key) }

  /// Whether a loop is around and does not change the tensor.
  func isSameInEachRound(_ tensor: TensorHandle) -> Bool { sink.isSameInEachRound(tensor) }

  /// Whether the tensor is a variable that each run changes.
  func isUpdated(_ tensor: TensorHandle) -> Bool { sink.isUpdated(tensor) }

  /// A code for `KernelBuilder.fail`.
  /// - Parameter message: what to tell the user; `{value}` stands for the value that failed.
  public func failure(_ message: String, help: String? = nil) -> Int {
    sink.addFailure(message, help: help, for: self)
  }
}

/// An operand that is computed as its first reader wants it.
final class DeferredOperand {
  /// The width that the first reader has chosen.
  var width: Int?
  /// Computes it in panels of so many columns; nil if it cannot.
  let panels: (_ width: Int) throws -> TensorHandle?
  /// Computes it as it is.
  let whole: () throws -> TensorHandle

  init(panels: @escaping (_ width: Int) throws -> TensorHandle?, whole: @escaping () throws -> TensorHandle) {
    (self.panels, self.whole) = (panels, whole)
  }
}

/// What takes the kernels of a node.
protocol LoweringSink: AnyObject {
  /// What is wrong with an operator's own code: the lowering fails with it in the end.
  var misfit: ApusError? { get set }
  /// Memory that holds a tensor known now.
  func constant(_ value: Tensor, for node: NodeLowering) -> TensorHandle
  func temporary(_ view: TensorView, for node: NodeLowering) -> TensorHandle
  func add(_ kernel: Kernel, _ scope: KernelScope, flopCount: Int, isSerial: Bool, for node: NodeLowering)
  func addFailure(_ message: String, help: String?, for node: NodeLowering) -> Int
  func hoisted(
    _ source: TensorHandle, _ key: String, _ view: TensorView, for node: NodeLowering,
    _ compute: (TensorHandle) throws -> Void
  ) throws -> TensorHandle
  func isHoisted(_ source: TensorHandle, _ key: String) -> Bool
  func isSameInEachRound(_ tensor: TensorHandle) -> Bool
  func isUpdated(_ tensor: TensorHandle) -> Bool
}

/// One kernel under construction, with the tensors that it touches.
public final class KernelScope {
  public let builder: KernelBuilder
  /// What each of the kernel's buffers is.
  private(set) var tensors: [Argument] = []
  /// Pairs of the kernel's buffers, written and read, that may be the same memory; see `DraftLaunch.inPlace`.
  var inPlace: [(write: Int, read: Int)] = []

  struct Argument {
    var handle: TensorHandle
    /// Where in the draft's buffer the kernel's begins, in elements.
    var base: Int
    var use: KernelBuffer.Use
  }

  init(builder: KernelBuilder) { self.builder = builder }

  /// Access to a tensor that the kernel only reads.
  public func read(_ tensor: TensorHandle) -> TensorAccess { access(tensor, .read) }
  /// Access to a tensor that the kernel writes and does not read.
  public func write(_ tensor: TensorHandle) -> TensorAccess { access(tensor, .write) }
  /// Access to a tensor that the kernel reads and writes.
  public func update(_ tensor: TensorHandle) -> TensorAccess { access(tensor, .readWrite) }

  /// Numbers that the kernel reads when it runs: kernels that differ in nothing else share their code.
  func parameters(_ values: [Int], of node: NodeLowering) throws -> [Register] {
    let access = read(node.sink.constant(try Tensor(values.map(Int64.init), [values.count]), for: node))
    return values.indices.map { builder.load(access.buffer, builder.index($0)) }
  }

  private func access(_ tensor: TensorHandle, _ use: KernelBuffer.Use) -> TensorAccess {
    // The view's offset goes into the address, so that kernels that differ in it only are equal.
    var view = tensor.view
    let base = view.lowest
    view.offset -= base
    if use == .read,
      let known = tensors.firstIndex(where: {
        $0.handle.buffer == tensor.buffer && $0.handle.loopStrides == tensor.loopStrides && $0.base == base
          && $0.use == use
      }),
      builder.buffers[known].count >= view.extent, builder.buffers[known].dtype == tensor.dtype
    {
      return TensorAccess(buffer: known, view: view, builder: builder)
    }
    tensors.append(Argument(handle: tensor, base: base, use: use))
    return TensorAccess(
      buffer: builder.buffer(tensor.dtype, use, count: view.extent), view: view, builder: builder)
  }
}

extension TensorView {
  /// The smallest position that an element has.
  var lowest: Int {
    count == 0 ? 0 : zip(dimensions, strides).reduce(offset) { $0 + ($1.0 - 1) * min(0, $1.1) }
  }
}

/// A tensor as one kernel sees it.
public struct TensorAccess {
  public let buffer: Int
  public let view: TensorView
  let builder: KernelBuilder

  public var dimensions: [Int] { view.dimensions }

  /// The position in the buffer of an element.
  /// - Parameter indices: one for each axis.
  public func position(_ indices: [Register]) -> Register {
    zip(indices, view.strides).reduce(builder.index(view.offset)) { sum, axis in
      builder.add(sum, builder.multiply(axis.0, axis.1))
    }
  }

  /// The element at `indices`, or `lanes` elements from there on along the last axis.
  public func load(_ indices: [Register], lanes: Int = 1, mask: Register? = nil) -> Register {
    let start = position(indices)
    if lanes == 1 { return builder.load(buffer, start, mask: mask) }
    switch view.strides.last ?? 0 {
    case 1: return builder.load(buffer, start, lanes: lanes, mask: mask)
    // Lanes that are left out are zeros, and may lie anywhere.
    case 0 where mask == nil: return builder.splat(builder.load(buffer, start), lanes: lanes)
    case let stride: return builder.load(buffer, spread(start, stride, lanes), mask: mask)
    }
  }

  /// Stores an element, or the lanes of a vector along the last axis.
  public func store(_ indices: [Register], _ value: Register, mask: Register? = nil) {
    let start = position(indices)
    let lanes = builder.type(of: value).lanes
    let stride = view.strides.last ?? 1
    if lanes == 1 || stride == 1 {
      builder.store(buffer, start, value, mask: mask)
    } else {
      builder.store(buffer, spread(start, stride, lanes), value, mask: mask)
    }
  }

  private func spread(_ start: Register, _ stride: Int, _ lanes: Int) -> Register {
    let type = RegisterType.index.with(lanes: lanes)
    return builder.add(builder.splat(start, lanes: lanes), builder.multiply(builder.lanes(type), stride))
  }
}
