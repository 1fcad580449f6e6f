import ApusCore
import ApusKernels

extension PlanParser {
  /// `k0 @name(read b0, write b1+64) units 8, …, from "…"`; nil if no launch comes next.
  mutating func launch() throws -> DraftLaunch? {
    var ahead = cursor
    guard let word = ahead.word(), word.hasPrefix("k"), let number = Int(word.dropFirst()) else { return nil }
    guard kernels.indices.contains(number) else {
      throw cursor.fail(
        "there is no kernel k\(number)",
        help: kernels.isEmpty
          ? "the text has no kernels: they precede the plan" : "the text has kernels k0 to k\(kernels.count - 1)")
    }
    cursor = ahead
    let kernel = kernels[number]
    if !(try isNext(name: kernel.name)) {
      throw cursor.fail("k\(number) is @\(kernel.name)", help: "kernels are counted in the order of the text, from 0")
    }
    var draft = DraftLaunch(Launch(kernel: number, arguments: try arguments(kernel), origin: ""))
    if cursor.accept("serial") {
      draft.launch.isSerial = true
    } else {
      try cursor.expect("units")
      let place = cursor.position
      guard try cursor.integer("a number of units") == kernel.units else {
        throw cursor.fail("k\(number) has \(kernel.units) units", at: place)
      }
    }
    while cursor.accept(",") {
      if try acceptDetail(of: &draft) { return draft }
    }
    throw cursor.fail("expected where the launch comes from, as: from \"%3 = relu\"")
  }

  private mutating func isNext(name: String) throws -> Bool {
    var ahead = cursor
    guard try ahead.name() == name else { return false }
    cursor = ahead
    return true
  }

  private mutating func arguments(_ kernel: Kernel) throws -> [Location] {
    var arguments: [Location] = []
    try cursor.expect("(")
    if cursor.accept(")") { return arguments }
    repeat {
      let place = cursor.position
      guard arguments.count < kernel.buffers.count else {
        throw cursor.fail("@\(kernel.name) takes \(kernel.buffers.count) buffers", at: place)
      }
      let use = kernel.buffers[arguments.count].use.mnemonic
      guard cursor.word() == use else {
        throw cursor.fail("expected '\(use)'", at: place, help: "that is what @\(kernel.name) does with the buffer")
      }
      arguments.append(try location())
    } while cursor.accept(",")
    try cursor.expect(")")
    return arguments
  }

  /// One part of a launch after its units.
  /// - Returns: whether it is the last.
  private mutating func acceptDetail(of draft: inout DraftLaunch) throws -> Bool {
    if cursor.accept("from") {
      draft.launch.origin = try cursor.string("a node")
      return true
    }
    if cursor.accept("failures") {
      try cursor.expect("after")
      draft.launch.failureBase = try cursor.integer("a number of failures")
    } else if !isPlan, cursor.accept("in") {
      try cursor.expect("place")
      let write = try cursor.integer("the position of a buffer that is written")
      try cursor.expect("=")
      draft.inPlace.append((write: write, read: try cursor.integer("the position of a buffer that is read")))
    } else {
      let count = try cursor.integer("flops, bytes, failures or from")
      if cursor.accept("flops") {
        draft.launch.flopCount = count
      } else {
        try cursor.expect("bytes")
        draft.launch.byteCount = count
      }
    }
    return false
  }

  /// `b3`
  mutating func buffer() throws -> Int {
    let place = cursor.position
    guard let word = cursor.word(), word.hasPrefix("b"), let number = Int(word.dropFirst()) else {
      throw cursor.fail("expected a buffer, as b3", at: place)
    }
    guard number < bufferCount else {
      throw cursor.fail("there is no buffer b\(number)", at: place, help: "there are \(bufferCount) buffers")
    }
    return number
  }

  /// `b3+64-i1*128`
  mutating func location() throws -> Location {
    var location = Location(buffer: try buffer())
    while true {
      let sign: Int
      if cursor.accept("+") { sign = 1 } else if cursor.accept("-") { sign = -1 } else { return location }
      let place = cursor.position
      guard let word = cursor.word() else { throw cursor.fail("expected bytes, or i0*64, found \(cursor.nextToken)") }
      if let bytes = Int(word) {
        location.offset += sign * bytes
      } else if word.hasPrefix("i"), let loop = Int(word.dropFirst()), (0..<64).contains(loop) {
        try cursor.expect("*")
        while location.strides.count <= loop { location.strides.append(0) }
        location.strides[loop] = sign * (try cursor.integer("a number of bytes"))
      } else {
        throw cursor.fail("expected bytes, or i0*64", at: place)
      }
    }
  }
}
