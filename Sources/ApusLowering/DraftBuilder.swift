import ApusCore
import ApusGraph
import ApusKernels
import ApusPlanning

/// Collects the buffers, kernels and steps of a draft while a graph is lowered.
final class DraftBuilder: LoweringSink {
  let target: ProcessorModel
  private(set) var draft: ProgramDraft
  var misfit: ApusError?
  private var kernels: [Kernel: Int] = [:]
  /// The loop depth at which each buffer is written: at deeper ones it does not change.
  private var homes: [Int] = []
  /// Variables that each run changes.
  var updated: Set<Int> = []
  /// Steps of each open block, outermost first; a block is a loop's body or a branch.
  private var blocks: [Block] = []
  /// Failures of the node that is being lowered are in the draft from this position on.
  private(set) var failureBase = 0

  private struct Block {
    var isLoop: Bool
    var steps: [DraftStep] = []
    /// What `hoisted` has computed in this block.
    var hoisted: [HoistedKey: TensorHandle] = [:]
    /// Steps at its start that read only what is there before the program runs.
    var preludeCount = 0
  }

  private struct HoistedKey: Hashable {
    let source: TensorHandle
    let key: String
  }

  init(name: String, target: ProcessorModel) {
    draft = ProgramDraft(name: name)
    self.target = target
    blocks = [Block(isLoop: false)]
  }

  /// How many loops are open.
  var depth: Int { blocks.count { $0.isLoop } }

  // MARK: Memory

  func buffer(_ name: String, _ view: TensorView, _ role: DraftBuffer.Role) -> TensorHandle {
    draft.buffers.append(
      DraftBuffer(name: name, byteCount: max(1, view.extent) * view.dtype.byteCount, role: role))
    homes.append(role == .temporary ? depth : 0)
    return TensorHandle(buffer: draft.buffers.count - 1, view: view)
  }

  func setRole(_ role: DraftBuffer.Role, of buffer: Int) { draft.buffers[buffer].role = role }

  /// Says that a buffer changes in the loop that is opened next: a carry.
  func changesInside(_ buffer: Int) { homes[buffer] = depth + 1 }

  func constant(_ value: Tensor, for node: NodeLowering) -> TensorHandle {
    buffer(node.origin + " (constant)", TensorView(value.dtype, value.dimensions), .constant(value))
  }

  func temporary(_ view: TensorView, for node: NodeLowering) -> TensorHandle {
    buffer(node.origin + " (temporary)", view, .temporary)
  }

  func home(of buffer: Int) -> Int { homes[buffer] }

  // MARK: Steps

  func append(_ step: DraftStep) { blocks[blocks.count - 1].steps.append(step) }

  /// Steps of the innermost open block.
  var steps: [DraftStep] { blocks[blocks.count - 1].steps }

  /// The steps that `body` appends.
  func block(isLoop: Bool, _ body: () throws -> Void) rethrows -> [DraftStep] {
    blocks.append(Block(isLoop: isLoop))
    defer { blocks.removeLast() }
    try body()
    return blocks[blocks.count - 1].steps
  }

  func finish(updates: [BufferUpdate]) -> ProgramDraft {
    draft.steps = blocks[0].steps
    draft.updates = updates
    return draft
  }

  /// Where a handle lies, in bytes.
  func location(_ handle: TensorHandle, base: Int) -> Location {
    let size = handle.dtype.byteCount
    return Location(buffer: handle.buffer, offset: base * size, strides: handle.loopStrides.map { $0 * size })
  }

  func add(_ kernel: Kernel, _ scope: KernelScope, flopCount: Int, isSerial: Bool, for node: NodeLowering) {
    let index: Int
    if let known = kernels[kernel] {
      index = known
    } else {
      index = draft.kernels.count
      draft.kernels.append(kernel)
      kernels[kernel] = index
    }
    let bytes = kernel.buffers.reduce(0) { $0 + $1.count * $1.dtype.byteCount }
    append(
      .launch(
        DraftLaunch(
          Launch(
            kernel: index, arguments: scope.tensors.map { location($0.handle, base: $0.base) }, origin: node.origin,
            failureBase: failureBase, flopCount: flopCount, byteCount: bytes, isSerial: isSerial),
          inPlace: scope.inPlace)))
  }

  /// A node's failures follow each other.
  func beginNode() { failureBase = draft.failures.count }

  func addFailure(_ message: String, help: String?, for node: NodeLowering) -> Int {
    draft.failures.append(ProgramFailure(origin: node.origin, message: message, help: help))
    return draft.failures.count - failureBase
  }

  /// Whether a tensor is there before the program runs.
  private func isGiven(_ source: TensorHandle) -> Bool {
    switch draft.buffers[source.buffer].role {
    case .parameter, .variable, .constant: true
    case .temporary, .precomputed, .output: false
    }
  }

  /// The outermost loop depth at which a tensor does not change any more.
  private func home(of source: TensorHandle) -> Int {
    max(source.loopStrides.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0, homes[source.buffer])
  }

  func isSameInEachRound(_ tensor: TensorHandle) -> Bool { home(of: tensor) < depth }

  func isUpdated(_ tensor: TensorHandle) -> Bool { updated.contains(tensor.buffer) }

  /// The position of the block that `hoisted` computes in.
  private func block(hoisting source: TensorHandle) -> Int {
    let home = home(of: source)
    // The last block of that depth: branches inside it may not be taken, so stay outside of them only for loops.
    var position = blocks.count - 1
    while position > 0, blocks[0...position].count(where: \.isLoop) > home { position -= 1 }
    return position
  }

  private func known(_ key: HoistedKey, to position: Int) -> TensorHandle? {
    blocks[0...position].reversed().lazy.compactMap { $0.hoisted[key] }.first
  }

  func isHoisted(_ source: TensorHandle, _ key: String) -> Bool {
    known(HoistedKey(source: source, key: key), to: block(hoisting: source)) != nil
  }

  /// Computed in the outermost block from whose loop on the source stays the same.
  func hoisted(
    _ source: TensorHandle, _ key: String, _ view: TensorView, for node: NodeLowering,
    _ compute: (TensorHandle) throws -> Void
  ) throws -> TensorHandle {
    let position = block(hoisting: source)
    let known = HoistedKey(source: source, key: key)
    if let handle = self.known(known, to: position) { return handle }
    // Later writes to the source would make it stale: variables and carries change only when all has been read, and
    // everything else is written once.
    let inner = Array(blocks[(position + 1)...])
    blocks.removeSubrange((position + 1)...)
    let handle = buffer("\(node.origin) (\(key))", view, .temporary)
    let stepCount = blocks[position].steps.count
    try compute(handle)
    blocks[position].hoisted[known] = handle
    if position == 0, view.count * view.dtype.byteCount <= target.smallBufferBytes, isGiven(source) {
      // Done while other work goes on, rather than between two barriers; what is large would be held for too long.
      let steps = blocks[0].steps[stepCount...]
      blocks[0].steps.removeSubrange(stepCount...)
      blocks[0].steps.insert(contentsOf: steps, at: blocks[0].preludeCount)
      blocks[0].preludeCount += steps.count
    }
    blocks += inner
    return handle
  }
}
