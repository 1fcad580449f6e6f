import Glibc

/// A dense, row-major array of numbers in host memory, aligned to 64 bytes.
///
/// A value: copies share their storage until one of them is written to.
public struct Tensor: Sendable {
  public let dtype: DType
  public private(set) var dimensions: [Int]
  private var storage: TensorStorage

  /// A tensor of zeros.
  /// - Throws: `ApusError` if a dimension is negative or the memory cannot be allocated.
  public init(zeros dtype: DType, _ dimensions: [Int]) throws {
    try self.init(uninitialized: dtype, dimensions)
    storage.bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  /// A tensor whose elements are not set yet: write all of them before any is read.
  public init(uninitialized dtype: DType, _ dimensions: [Int]) throws {
    guard dimensions.allSatisfy({ $0 >= 0 }) else {
      throw ApusError.input("a tensor's dimensions cannot be negative: \(Shape(dimensions))")
    }
    storage = try TensorType(dtype, Shape(dimensions)).allocating { TensorStorage(try Memory.allocate($0), $0) }
    self.dtype = dtype
    self.dimensions = dimensions
  }

  /// A tensor whose elements are not set yet, in the memory of another one if nothing else holds it and it has the size.
  /// - Parameter old: nil after the call if its memory was taken.
  package init(uninitialized dtype: DType, _ dimensions: [Int], reusing old: inout Tensor?) throws {
    if var taken = old.take(), taken.dtype == dtype, Shape.elementCount(dimensions) == taken.count,
      isKnownUniquelyReferenced(&taken.storage)
    {
      taken.dimensions = dimensions
      self = taken
    } else {
      try self.init(uninitialized: dtype, dimensions)
    }
  }

  /// A tensor of the given elements in row-major order.
  /// - Throws: `ApusError` if their number is not the shape's.
  public init<Element: TensorElement>(_ elements: [Element], _ dimensions: [Int]) throws {
    guard Shape.elementCount(dimensions) == elements.count else {
      throw ApusError.input("\(elements.count) elements do not fill a tensor of shape \(Shape(dimensions))")
    }
    try self.init(uninitialized: Element.dtype, dimensions)
    elements.withUnsafeBytes { storage.bytes.copyMemory(from: $0) }
  }

  /// A vector.
  public init<Element: TensorElement>(_ elements: [Element]) {
    dtype = Element.dtype
    dimensions = [elements.count]
    storage = TensorStorage(byteCount: elements.count * Element.dtype.byteCount)
    elements.withUnsafeBytes { storage.bytes.copyMemory(from: $0) }
  }

  /// A scalar.
  public init<Element: TensorElement>(scalar element: Element) {
    dtype = Element.dtype
    dimensions = []
    storage = TensorStorage(byteCount: Element.dtype.byteCount)
    storage.bytes.storeBytes(of: element, as: Element.self)
  }

  /// A tensor that repeats one number, converted to `dtype` as `cast` does.
  public init(repeating value: Double, _ dtype: DType, _ dimensions: [Int]) throws {
    try self.init(uninitialized: dtype, dimensions)
    var fill = Fill(value: value, target: self)
    try dtype.dispatch(&fill)
  }

  public var shape: Shape { Shape(dimensions) }
  public var type: TensorType { TensorType(dtype, shape) }
  public var rank: Int { dimensions.count }
  public var count: Int { storage.bytes.count / dtype.byteCount }
  public var byteCount: Int { storage.bytes.count }

  /// The same elements under another shape with as many elements; shares the storage.
  /// - Throws: `ApusError` that names both shapes if the counts differ.
  public func reshaped(_ dimensions: [Int]) throws -> Tensor {
    guard Shape.elementCount(dimensions) == count else {
      throw ApusError.input("cannot reshape \(type) to \(Shape(dimensions)): \(count) elements do not fill it")
    }
    var result = self
    result.dimensions = dimensions
    return result
  }

  /// The elements in row-major order.
  /// - Precondition: `Element` is the Swift counterpart of `dtype`; use `converted()` otherwise.
  public func elements<Element: TensorElement>(as type: Element.Type = Element.self) -> [Element] {
    withElements(as: type) { Array($0) }
  }

  /// The elements as doubles, whatever the type.
  public func doubles() -> [Double] {
    var read = ReadDoubles(source: self)
    return (try? dtype.dispatch(&read)) ?? []
  }

  /// Read access to the elements.
  /// - Precondition: `Element` is the Swift counterpart of `dtype`.
  @inlinable public func withElements<Element: TensorElement, Result, Failure: Error>(
    as type: Element.Type = Element.self, _ body: (UnsafeBufferPointer<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(Element.dtype == dtype, "a \(dtype) tensor was read as \(Element.dtype)")
    return try withUnsafeBytes { (bytes) throws(Failure) in try body(bytes.assumingMemoryBound(to: Element.self)) }
  }

  /// Write access to the elements; copies them first if the storage is shared.
  /// - Precondition: `Element` is the Swift counterpart of `dtype`.
  @inlinable public mutating func withMutableElements<Element: TensorElement, Result, Failure: Error>(
    as type: Element.Type = Element.self, _ body: (UnsafeMutableBufferPointer<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(Element.dtype == dtype, "a \(dtype) tensor was written as \(Element.dtype)")
    return try withUnsafeMutableBytes { (bytes) throws(Failure) in
      try body(bytes.assumingMemoryBound(to: Element.self))
    }
  }

  /// The elements' address, for inner loops that a closure would slow down.
  /// - Precondition: the tensor is kept alive by the caller (`extendLifetime`) and not written to meanwhile.
  package func address<Element: TensorElement>(of type: Element.Type) -> UnsafePointer<Element> {
    precondition(Element.dtype == dtype, "a \(dtype) tensor was read as \(Element.dtype)")
    return UnsafePointer(storage.address.assumingMemoryBound(to: Element.self))
  }

  /// The elements' address for writing; the storage is this tensor's own after the call.
  package mutating func mutableAddress<Element: TensorElement>(of type: Element.Type) -> UnsafeMutablePointer<Element> {
    precondition(Element.dtype == dtype, "a \(dtype) tensor was written as \(Element.dtype)")
    if !isKnownUniquelyReferenced(&storage) { storage = TensorStorage(copying: storage) }
    return storage.address.assumingMemoryBound(to: Element.self)
  }

  /// Where the elements begin; valid while this tensor, or a copy of it, lives and is not written to.
  package var rawAddress: UnsafeRawPointer { UnsafeRawPointer(storage.address) }

  /// Gives the tensor memory of its own, so that what is written at `rawAddress` changes no copy.
  /// - Throws: `ApusError` if this process cannot have so much memory.
  package mutating func makeUnique() throws {
    if isKnownUniquelyReferenced(&storage) { return }
    let copy = try Tensor(uninitialized: dtype, dimensions)
    copy.storage.bytes.copyMemory(from: UnsafeRawBufferPointer(storage.bytes))
    storage = copy.storage
  }

  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { extendLifetime(storage) }
    return try body(UnsafeRawBufferPointer(storage.bytes))
  }

  public mutating func withUnsafeMutableBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if !isKnownUniquelyReferenced(&storage) { storage = TensorStorage(copying: storage) }
    defer { extendLifetime(storage) }
    return try body(storage.bytes)
  }
}

/// Bitwise equality: a NaN equals the same NaN, 0 and -0 differ.
extension Tensor: Hashable {
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.dtype == b.dtype, a.dimensions == b.dimensions else { return false }
    if a.storage === b.storage { return true }
    return a.withUnsafeBytes { x in
      b.withUnsafeBytes { y in
        guard let p = x.baseAddress, let q = y.baseAddress, x.count == y.count else { return x.count == y.count }
        return memcmp(p, q, x.count) == 0
      }
    }
  }

  /// Hashes at most the first kilobyte: enough to tell constants apart without reading large weights.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(dtype)
    hasher.combine(dimensions)
    withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0.prefix(1024))) }
  }
}

extension TensorType {
  /// Bytes of such a tensor.
  /// - Throws: `ApusError` that names the type if its size overflows, or this process could not hold it.
  package func byteCountInMemory() throws -> Int {
    try allocating {
      try Memory.check($0)
      return $0
    }
  }

  /// - Parameter allocate: makes memory of so many bytes, or throws.
  /// - Throws: as `allocate`, with the type in the message.
  fileprivate func allocating<Result>(_ allocate: (Int) throws -> Result) throws -> Result {
    guard let bytes = byteCount else {
      throw ApusError.input("a tensor \(self) does not fit into any memory: its size overflows")
    }
    do { return try allocate(bytes) } catch let error as ApusError {
      throw ApusError.input("a tensor \(self) does not fit: \(error.message)")
    }
  }
}

/// Memory that a tensor and its copies share. Written to only while one tensor holds it (`Tensor` checks),
/// which is what makes it safe to send.
private final class TensorStorage: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer

  let address: UnsafeMutableRawPointer

  /// An empty buffer has an address too; nothing is read or written there.
  init(_ address: UnsafeMutableRawPointer, _ byteCount: Int) {
    self.address = address
    bytes = UnsafeMutableRawBufferPointer(start: address, count: byteCount)
  }

  /// For what is no larger than memory that the caller holds.
  convenience init(byteCount: Int) { self.init(Memory.allocateOrStop(byteCount), byteCount) }

  convenience init(copying other: TensorStorage) {
    self.init(byteCount: other.bytes.count)
    bytes.copyMemory(from: UnsafeRawBufferPointer(other.bytes))
  }

  deinit { Memory.free(address) }
}

private struct Fill: TensorElementVisitor {
  let value: Double
  var target: Tensor
  mutating func visit<Element: TensorElement>(_ type: Element.Type) throws {
    // The storage is not shared yet: `init` holds the only other reference and has not returned.
    target.withUnsafeBytes { bytes in
      UnsafeMutableRawBufferPointer(mutating: bytes).assumingMemoryBound(to: Element.self)
        .update(repeating: Element(converting: value))
    }
  }
}

private struct ReadDoubles: TensorElementVisitor {
  let source: Tensor
  mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> [Double] {
    source.withElements(as: type) { $0.map(\.asDouble) }
  }
}
