import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning

extension KernelEmitter {
  /// As elements lie in memory: truth values as bytes.
  private func memoryType(_ dtype: DType, lanes: Int) -> Handle? {
    ir.vector(dtype == .bool ? ir.int(8) : scalar(dtype.scalarType), lanes)
  }

  private func address(_ access: Access, _ dtype: DType) throws -> Handle? {
    ir.address(memoryType(dtype, lanes: 1), argument(access.buffer), try value(access.index))
  }

  private func dtype(_ access: Access) throws -> DType {
    guard kernel.buffers.indices.contains(access.buffer) else { throw defect("there is no buffer \(access.buffer)") }
    return kernel.buffers[access.buffer].dtype
  }

  private func allLanes(_ lanes: Int) -> Handle? { constant(1, RegisterType(.i1, lanes: lanes)) }

  // Elements are aligned as their type needs, vectors no more than that: unaligned accesses of aligned addresses cost
  // nothing.

  func load(_ access: Access, _ type: RegisterType) throws -> Handle? {
    let dtype = try dtype(access)
    let memory = memoryType(dtype, lanes: type.lanes)
    let address = try address(access, dtype)
    let isGather = kernel.type(of: access.index).lanes > 1
    let mask = try access.mask.map(value)
    let loaded: Handle?
    if isGather {
      loaded = maskedLoad(
        "llvm.masked.gather", memory, ir.vector(ir.pointer, type.lanes), address, dtype, mask ?? allLanes(type.lanes))
    } else if let mask {
      loaded =
        type.lanes == 1
        ? conditionalLoad(mask, address, memory, dtype)
        : maskedLoad("llvm.masked.load", memory, ir.pointer, address, dtype, mask)
    } else {
      loaded = llvm.load(builder, memory, address, "")
      llvm.setAlignment(loaded, UInt32(dtype.byteCount))
    }
    guard dtype == .bool else { return loaded }
    return llvm.integerCompare(builder, Predicate.notEqual, loaded, llvm.constNull(memory), "")
  }

  private func maskedLoad(
    _ name: String, _ memory: Handle?, _ pointers: Handle?, _ address: Handle?, _ dtype: DType, _ mask: Handle?
  ) -> Handle? {
    let declaration = ir.declaration(name, [memory, pointers])
    // Until release 21 the alignment was an operand; since then it is an attribute of the call.
    let hasAlignment = llvm.parameterCount(declaration) == 4
    let zero = llvm.constNull(memory)
    if hasAlignment {
      return ir.call(declaration, [address, ir.constant(dtype.byteCount, bits: 32), mask, zero])
    }
    return aligned(ir.call(declaration, [address, mask, zero]), argument: 0, dtype)
  }

  private func aligned(_ call: Handle?, argument: Int, _ dtype: DType) -> Handle? {
    let name = "align"
    let kind = llvm.enumAttributeKind(name, name.utf8.count)
    llvm.addCallAttribute(
      call, AttributePlace.parameter(argument), llvm.enumAttribute(ir.context, kind, UInt64(dtype.byteCount)))
    return call
  }

  /// One element: no access at all where the mask does not hold.
  private func conditionalLoad(_ mask: Handle?, _ address: Handle?, _ memory: Handle?, _ dtype: DType) -> Handle? {
    let start = llvm.insertBlock(builder)
    let (then, end) = (ir.block(function, "load"), ir.block(function, "loaded"))
    _ = llvm.conditionalJump(builder, mask, then, end)
    llvm.positionAtEnd(builder, then)
    let loaded = llvm.load(builder, memory, address, "")
    llvm.setAlignment(loaded, UInt32(dtype.byteCount))
    _ = llvm.jump(builder, end)
    llvm.positionAtEnd(builder, end)
    let phi = ir.phi(memory)
    ir.addIncoming(phi, loaded, from: then)
    ir.addIncoming(phi, llvm.constNull(memory), from: start)
    return phi
  }

  func store(_ access: Access, _ register: Register) throws {
    let dtype = try dtype(access)
    let lanes = kernel.type(of: register).lanes
    let memory = memoryType(dtype, lanes: lanes)
    let stored = try value(register)
    let value = dtype == .bool ? ir.cast(Opcode.zeroExtend, stored, memory) : stored
    let address = try address(access, dtype)
    let isScatter = kernel.type(of: access.index).lanes > 1
    let mask = try access.mask.map(self.value)
    if !isScatter, dtype.byteCount < 4, let mask, let lane = onlyLane(of: mask, lanes) {
      storeLane(value, ir.constant(lane), address, dtype)
    } else if !isScatter, dtype.byteCount < 4, lanes > 1, let mask {
      storeNarrow(value, mask, lanes, address, dtype)
    } else if isScatter || (mask != nil && lanes > 1) {
      maskedStore(value, mask ?? allLanes(lanes), lanes, address, dtype, isScatter: isScatter)
    } else if let mask {
      let (then, end) = (ir.block(function, "store"), ir.block(function, "stored"))
      _ = llvm.conditionalJump(builder, mask, then, end)
      llvm.positionAtEnd(builder, then)
      llvm.setAlignment(llvm.store(builder, value, address), UInt32(dtype.byteCount))
      _ = llvm.jump(builder, end)
      llvm.positionAtEnd(builder, end)
    } else {
      llvm.setAlignment(llvm.store(builder, value, address), UInt32(dtype.byteCount))
    }
  }

  private func maskedStore(
    _ value: Handle?, _ mask: Handle?, _ lanes: Int, _ address: Handle?, _ dtype: DType, isScatter: Bool
  ) {
    let declaration = ir.declaration(
      isScatter ? "llvm.masked.scatter" : "llvm.masked.store",
      [memoryType(dtype, lanes: lanes), isScatter ? ir.vector(ir.pointer, lanes) : ir.pointer])
    if llvm.parameterCount(declaration) == 4 {
      _ = ir.call(declaration, [value, address, ir.constant(dtype.byteCount, bits: 32), mask])
    } else {
      _ = aligned(ir.call(declaration, [value, address, mask]), argument: 1, dtype)
    }
  }

  /// Stores a vector of elements of less than 32 bits where a mask holds.
  ///
  /// LLVM would store 32 bits where the mask holds in one lane: it narrows a vector while it stores it, and forgets that where
  /// one lane is left. It may find out about the mask later than here, when it has unrolled a loop; so one lane has its own
  /// code, and the store of a vector with such a mask is never reached.
  private func storeNarrow(_ value: Handle?, _ mask: Handle?, _ lanes: Int, _ address: Handle?, _ dtype: DType) {
    let number = ir.int(lanes)
    let bits = ir.cast(.bitCast, mask, number)
    let count = ir.intrinsic("llvm.ctpop", [number], [bits])
    let isOne = llvm.integerCompare(builder, Predicate.equal, count, ir.constant(1, bits: lanes), "")
    let (one, several, end) = (
      ir.block(function, "one"), ir.block(function, "several"), ir.block(function, "stored")
    )
    _ = llvm.conditionalJump(builder, isOne, one, several)
    llvm.positionAtEnd(builder, one)
    let lane = ir.intrinsic("llvm.cttz", [number], [bits, ir.constant(0, bits: 1)])
    storeLane(value, lanes < 64 ? ir.cast(.zeroExtend, lane, ir.int(64)) : lane, address, dtype)
    _ = llvm.jump(builder, end)
    llvm.positionAtEnd(builder, several)
    maskedStore(value, mask, lanes, address, dtype, isScatter: false)
    _ = llvm.jump(builder, end)
    llvm.positionAtEnd(builder, end)
  }

  /// Stores one lane of a vector where it lies in memory.
  private func storeLane(_ value: Handle?, _ lane: Handle?, _ address: Handle?, _ dtype: DType) {
    let element = llvm.extractElement(builder, value, lane, "")
    let place = ir.address(memoryType(dtype, lanes: 1), address, lane)
    llvm.setAlignment(llvm.store(builder, element, place), UInt32(dtype.byteCount))
  }

  /// The lane in which alone a constant mask holds; nil: none, several, or what only a run knows.
  private func onlyLane(of mask: Handle?, _ lanes: Int) -> Int? {
    guard lanes > 1, llvm.isConstant(mask) != 0 else { return nil }
    let held = (0..<lanes).filter { lane in
      llvm.aggregateElement(mask, UInt32(lane)).map { llvm.integerValue($0) != 0 } ?? false
    }
    return held.count == 1 ? held[0] : nil
  }

  /// Asks for data that will be read or written.
  func prefetch(_ access: Access, into level: Int, isWrite: Bool) throws {
    let address = try address(access, dtype(access))
    _ = ir.call(
      ir.declaration("llvm.prefetch", [ir.pointer]),
      [
        address, ir.constant(isWrite ? Prefetch.write : Prefetch.read, bits: 32),
        ir.constant(Prefetch.locality(level: level), bits: 32),
        ir.constant(Prefetch.data, bits: 32),
      ])
  }

  /// The first failure of a run keeps its code and value. The host reads them after the run has ended, so the value
  /// needs no ordering of its own.
  func fail(_ condition: Handle?, _ code: Int, _ value: Handle?) throws {
    let (then, first, end) = (
      ir.block(function, "fail"), ir.block(function, "first"), ir.block(function, "go_on")
    )
    _ = llvm.conditionalJump(builder, condition, then, end)
    llvm.positionAtEnd(builder, then)
    let own = ir.binary(Opcode.add, failureBase, ir.constant(code))
    let exchange = llvm.compareExchange(
      builder, status, ir.constant(0), own, Ordering.sequential, Ordering.relaxed, Flag.no)
    _ = llvm.conditionalJump(builder, llvm.extractValue(builder, exchange, ExchangeResult.succeeded, ""), first, end)
    llvm.positionAtEnd(builder, first)
    _ = llvm.store(builder, value, ir.address(ir.int(64), status, ir.constant(1)))
    _ = llvm.jump(builder, end)
    llvm.positionAtEnd(builder, end)
  }
}
