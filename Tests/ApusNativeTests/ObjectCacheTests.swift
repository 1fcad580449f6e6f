import Apus
import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Foundation
import Testing

@Suite struct ObjectCacheTests {
  /// A cache in a folder of its own that goes when the body ends.
  private func withCache(sizeLimit: Int = 1 << 30, _ body: (ObjectCache) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "apus-cache-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(ObjectCache(folder: folder, sizeLimit: sizeLimit))
  }

  private func key(_ number: Int) -> [UInt8] { (0..<32).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 4))) } }

  /// Objects of all builds.
  private func files(_ cache: ObjectCache) throws -> [URL] {
    let walk = FileManager.default.enumerator(at: cache.folder, includingPropertiesForKeys: nil)
    return (walk?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "apus-object" }
      .sorted { $0.path < $1.path }
  }

  /// y = factor · x, 16 numbers a unit.
  static func kernel(_ factor: Double, units: Int = 4, name: String = "times") -> Kernel {
    let b = KernelBuilder(target: NativeTarget.host.vector)
    let (x, y) = (b.buffer(.f32, .read, count: 16 * units), b.buffer(.f32, .write, count: 16 * units))
    b.forEachUnit { unit in
      let at = b.multiply(unit, 16)
      let value = b.load(x, at, lanes: 16)
      b.store(y, at, b.multiply(value, b.constant(factor, b.type(of: value))))
    }
    return b.build(name: name, units: units)
  }

  @Test func whatIsStoredIsFound() throws {
    try withCache { cache in
      let object = Data((0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) })
      #expect(cache.object(for: key(1)) == nil)
      cache.store(object, for: key(1))
      #expect(cache.object(for: key(1)) == object)
      #expect(cache.object(for: key(2)) == nil)
      cache.store(object + object, for: key(1))
      #expect(cache.object(for: key(1)) == object + object)
      let count = try files(cache).count
      #expect(count == 1)
      cache.clear()
      #expect(cache.object(for: key(1)) == nil)
    }
  }

  /// Whatever happens to a file, it gives what was stored or nothing, and is written anew.
  @Test func damagedFilesAreIgnored() throws {
    try withCache { cache in
      let object = Data((0..<200).map { UInt8(truncatingIfNeeded: $0 * 31) })
      cache.store(object, for: key(1))
      let file = try #require(try files(cache).first)
      let whole = try Data(contentsOf: file)
      for position in whole.indices {
        var damaged = whole
        damaged[position] ^= 1 << UInt8(position % 8)
        try damaged.write(to: file)
        #expect(cache.object(for: key(1)) == nil, "byte \(position)")
        try whole.prefix(position).write(to: file)
        #expect(cache.object(for: key(1)) == nil, "cut off at \(position)")
      }
      try (whole + [0]).write(to: file)
      #expect(cache.object(for: key(1)) == nil)
      try Data("something else".utf8).write(to: file)
      #expect(cache.object(for: key(1)) == nil)
      // Another object's file under this one's name.
      cache.store(object, for: key(2))
      let other = try #require(try files(cache).first { $0 != file })
      try Data(contentsOf: other).write(to: file)
      #expect(cache.object(for: key(1)) == nil)
      cache.store(object, for: key(1))
      #expect(cache.object(for: key(1)) == object)
    }
  }

  @Test func theOldestGoFirst() throws {
    try withCache { cache in
      let object = Data(count: 1000)
      for number in 1...8 {
        cache.store(object, for: key(number))
        Thread.sleep(forTimeInterval: 0.01)
      }
      // Use makes the first one young.
      #expect(cache.object(for: key(1)) != nil)
      var small = cache
      // Files take whole pages.
      small.sizeLimit = 4 * 4096
      small.trim()
      let left = (1...8).filter { cache.object(for: key($0)) != nil }
      #expect(left == [1, 6, 7, 8])
    }
  }

  @Test func othersFoldersAreNotTrusted() throws {
    try withCache { cache in
      cache.store(Data([1, 2, 3]), for: key(1))
      #expect(cache.object(for: key(1)) != nil)
      try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: cache.folder.path)
      #expect(cache.object(for: key(1)) == nil)
      cache.store(Data([1, 2, 3]), for: key(2))
      try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: cache.folder.path)
      #expect(cache.object(for: key(1)) != nil)
      #expect(cache.object(for: key(2)) == nil)
    }
  }

  @Test func aFolderThatCannotBeMadeIsNoError() throws {
    let cache = ObjectCache(folder: URL(fileURLWithPath: "/proc/nothing/here"))
    cache.store(Data([1]), for: key(1))
    cache.trim()
    #expect(cache.object(for: key(1)) == nil)
  }

  @Test func whereItIs() {
    #expect(ObjectCache.standard(["HOME": "/home/a"])?.folder.path == "/home/a/.cache/apus")
    #expect(ObjectCache.standard(["HOME": "/home/a", "XDG_CACHE_HOME": "/c"])?.folder.path == "/c/apus")
    #expect(ObjectCache.standard(["HOME": "/home/a", "XDG_CACHE_HOME": "c"])?.folder.path == "/home/a/.cache/apus")
    #expect(ObjectCache.standard(["HOME": "/home/a", "APUS_CACHE": "/d"])?.folder.path == "/d")
    #expect(ObjectCache.standard(["HOME": "/home/a", "APUS_CACHE": "off"]) == nil)
    #expect(ObjectCache.standard([:]) == nil)
  }

  @Test func equalKernelsAreCompiledOnce() throws {
    try withCache { cache in
      let compiler = KernelCompiler(verifies: true, cache: cache)
      let kernels = [
        ObjectCacheTests.kernel(2), ObjectCacheTests.kernel(3), ObjectCacheTests.kernel(2, name: "another name"),
        ObjectCacheTests.kernel(2, units: 5),
      ]
      let first = try compiler.compile(kernels)
      // How many units there are is for those who call.
      #expect(first.objects.count == 2 && first.cachedCount == 0)
      #expect(first.symbols[0] == first.symbols[2] && first.symbols[0] == first.symbols[3])
      #expect(first.symbols[0] != first.symbols[1])
      let second = try compiler.compile(kernels.reversed())
      #expect(second.cachedCount == 2)
      #expect(second.symbols == first.symbols.reversed())
      #expect(Set(second.objects) == Set(first.objects))
      // Another processor's code is another object; the same code comes out of one thread and of several.
      let another = NativeTarget.host.cpu == "x86-64-v3" ? "x86-64-v4" : "x86-64-v3"
      let other = KernelCompiler(target: try .named(another), cache: cache)
      let others = try other.compile(kernels)
      #expect(others.cachedCount == 0)
      let alone = try KernelCompiler(threadCount: 1).compile(kernels)
      #expect(alone.objects == first.objects)
    }
  }

  @Test func cachedCodeRuns() throws {
    try withCache { cache in
      for _ in 0..<2 {
        let kernel = ObjectCacheTests.kernel(2.5)
        var buffers = [Elements((0..<64).map(Float.init)), Elements(zeros: 64, .f32)]
        try run(CompiledKernel(kernel, cache: cache), kernel, &buffers, units: [0..<4])
        #expect(buffers[1].floats == (0..<64).map { Float($0) * 2.5 })
      }
    }
  }

  /// Writers, readers and trimmers at once, as in several processes: none ever sees half of a file.
  @Test func manyAtOnce() throws {
    try withCache(sizeLimit: 100_000) { cache in
      let objects = (0..<8).map { number in Data((0..<5000).map { UInt8(truncatingIfNeeded: $0 * (number + 3)) }) }
      let keys = (0..<8).map(key)
      DispatchQueue.concurrentPerform(iterations: 8) { worker in
        for round in 0..<60 {
          let number = (round * 5 + worker) % 8
          if round % 3 == 0 { cache.store(objects[number], for: keys[number]) }
          if let found = cache.object(for: keys[number]) { #expect(found == objects[number]) }
          if round % 20 == worker { cache.trim() }
        }
      }
      let count = try files(cache).count
      #expect(count <= 8)
    }
  }

  /// The bytes that keys are made of tell kernels apart by all that their code depends on, but not by their names.
  /// Kernels of other sizes share their code; programs that call them do not.
  @Test func programsOfOtherSizesAreOthers() throws {
    try withCache { cache in
      for height in [8, 20, 12] {
        let builder = GraphBuilder("tiles")
        let x = try builder.parameter("x", .f32, Shape([1, height, 8, 16]))
        let graph = try builder.build([x.winogradTransform(.data, tile: 2, padding: .same)])
        var backend = NativeBackend(workers: 2)
        backend.cache = cache
        let feed = Tensor((0..<height * 128).map { Float($0 % 17) - 8 })
        let input = try Tensor(feed.elements(as: Float.self), [1, height, 8, 16])
        let result = try backend.compile(graph).run([input], variables: []).outputs[0]
        let expected = try InterpreterBackend().prepare(graph).run([input], variables: []).outputs[0]
        #expect(TensorComparison.firstDifference(expected, result) == nil, "height \(height)")
      }
    }
  }

  @Test func canonicalBytes() {
    let base = ObjectCacheTests.kernel(2)
    #expect(base.canonicalBytes == ObjectCacheTests.kernel(2, name: "other").canonicalBytes)
    var variants = [base, ObjectCacheTests.kernel(2.0000002), ObjectCacheTests.kernel(2, units: 3)]
    var changed = base
    changed.buffers[0].dtype = .i32
    variants.append(changed)
    changed = base
    changed.types[0].lanes = 2
    variants.append(changed)
    changed = base
    changed.body.statements.removeLast()
    variants.append(changed)
    #expect(Set(variants.map(\.canonicalBytes)).count == variants.count)
  }
}
