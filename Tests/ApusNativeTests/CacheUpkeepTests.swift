import Apus
import ApusCore
import ApusNative
import Foundation
import TestSupport
import Testing

/// The folder of compiled code stays small without delaying its users.
@Suite struct CacheUpkeepTests {
  private static let object = Data(count: 1000)

  private static func key(_ number: Int) -> [UInt8] {
    (0..<32).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 4))) }
  }

  /// A cache of one build in a folder of its own.
  private static func cache(_ folder: TemporaryFolder, build: String = "a", sizeLimit: Int = 1 << 20) throws
    -> ObjectCache
  {
    ObjectCache(folder: URL(fileURLWithPath: folder.path, isDirectory: true), sizeLimit: sizeLimit, build: build)
  }

  private static func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path)
    return folder
  }

  private static func age(_ path: String, seconds: Double) throws {
    try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -seconds)], ofItemAtPath: path)
  }

  /// The folders of builds.
  private static func builds(_ folder: TemporaryFolder) throws -> [String] {
    try folder.names.filter { $0.count == 16 }
  }

  @Test func looksOnceAProcessAndOnceAnHour() throws {
    let folder = try Self.folder()
    let cache = try Self.cache(folder)
    cache.store(Self.object, for: Self.key(1))
    #expect(cache.trimIfDue())
    // The same process does not look again, however old the stamp is.
    try Self.age(folder.file("trimmed"), seconds: 7200)
    for number in 2..<50 {
      cache.store(Self.object, for: Self.key(number))
      #expect(!cache.trimIfDue())
    }
    // Another process is a folder that this one has not seen: the stamp alone decides.
    for (age, isDue) in [(10.0, false), (3590, false), (3700, true)] {
      let other = try Self.folder()
      try Data().write(to: URL(fileURLWithPath: other.file("trimmed")))
      try Self.age(other.file("trimmed"), seconds: age)
      #expect(try Self.cache(other).trimIfDue() == isDue, "\(age) seconds")
    }
  }

  /// A process that compiles much does not wait for an hour.
  @Test func theLimitHoldsMeanwhile() throws {
    let folder = try Self.folder()
    let limit = 40 * 4096
    let cache = try Self.cache(folder, sizeLimit: limit)
    var trims = 0
    var largest = 0
    for number in 0..<400 {
      cache.store(Data(count: 4000), for: Self.key(number))
      if cache.trimIfDue() { trims += 1 }
      if number % 10 == 0 {
        let name = try #require(try Self.builds(folder).first)
        largest = max(largest, try FileManager.default.contentsOfDirectory(atPath: folder.file(name)).count)
      }
    }
    #expect(largest <= 40 + 11, "\(largest) files")
    #expect((10...45).contains(trims), "\(trims) trims")
  }

  @Test func oldBuildsGo() throws {
    let folder = try Self.folder()
    // As a version without folders left them, and files of others.
    _ = try folder.write("flat", as: String(repeating: "0", count: 64) + ".apus-object")
    _ = try folder.write("draft", as: "draft-1")
    _ = try folder.write("mine", as: "notes.txt")
    try FileManager.default.createDirectory(atPath: folder.file("keep"), withIntermediateDirectories: true)
    for number in 0..<8 {
      let before = Set(try Self.builds(folder))
      try Self.cache(folder, build: "build \(number)").store(Self.object, for: Self.key(number))
      let name = try #require(try Self.builds(folder).first { !before.contains($0) })
      try Self.age(folder.file(name), seconds: Double(1000 - number))
    }
    // The oldest is this process's own, and stays.
    let own = try Self.cache(folder, build: "build 0")
    own.trim()
    #expect(try Self.builds(folder).count == ObjectCache.buildLimit)
    let left = try (0..<8).filter {
      try Self.cache(folder, build: "build \($0)").object(for: Self.key($0)) != nil
    }
    #expect(left == [0, 5, 6, 7])
    #expect(try folder.names.filter { $0.count != 16 } == ["keep", "notes.txt"])
  }

  /// Two builds with the same key do not see each other's objects.
  @Test func buildsAreApart() throws {
    let folder = try Self.folder()
    let (a, b) = (try Self.cache(folder, build: "a"), try Self.cache(folder, build: "b"))
    a.store(Self.object, for: Self.key(1))
    #expect(b.object(for: Self.key(1)) == nil)
    b.store(Self.object + Self.object, for: Self.key(1))
    #expect(a.object(for: Self.key(1)) == Self.object)
    a.clear()
    #expect(b.object(for: Self.key(1)) == nil)
  }

  /// What tuning has found is no code: another build knows it, too.
  @Test func measurementsOutliveBuilds() throws {
    let folder = try Self.folder()
    let builder = GraphBuilder("small")
    let x = try builder.parameter("x", .f32, [1, 8, 8, 4])
    let w = try builder.variable("w", .f32, [3, 3, 4, 4], .glorotUniform)
    let v = try builder.variable("v", .f32, [3, 3, 4, 2], .glorotUniform)
    let graph = try builder.build([x.convolution(w, padding: .same).convolution(v, padding: .same)])
    var backend = NativeBackend(workers: 1)
    backend.cache = try Self.cache(folder, build: "a")
    // The times are made up: one layer is fastest with the largest tiles, the other one with those of 2; and the last way
    // to be tried, in which both have what suits them, is the fastest.
    var layerTimes = [3.0, 2, 1, 3, 1, 2]
    var time = 10.0
    let found = try backend.tune(graph) { _ in
      time -= 1
      return time
    } layerSeconds: { _, _ in
      layerTimes.removeFirst()
    }
    #expect(found.trials.first?.way == .perLayer && Set(found.record.tiles.values) == [2, 4])
    try Self.cache(folder, build: "a").trim()
    for build in ["a", "b"] {
      backend.cache = try Self.cache(folder, build: build)
      #expect(backend.remembered(for: graph) == found.record, "build \(build)")
    }
  }

  /// Tests, and the programs that they start, leave the user's cache alone.
  @Test func testsHaveACacheOfTheirOwn() throws {
    let environment = ProcessInfo.processInfo.environment
    let folder = try #require(environment["APUS_CACHE"])
    if folder != "off" {
      #expect(ObjectCache.standard?.folder.path == folder)
      let users = ObjectCache.standard(environment.filter { $0.key != "APUS_CACHE" })
      #expect(users?.folder.path != folder)
    }
    #expect(TestCache.folder.contains("apus-test-cache"))
  }
}
