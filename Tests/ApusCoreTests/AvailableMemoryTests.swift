import ApusCore
import Foundation
import Testing

/// What Linux says about memory, from files as it writes them.
@Suite struct AvailableMemoryTests {
  /// - Parameter files: texts by path.
  private func described(_ files: [String: String]) throws -> AvailableMemory {
    let root = FileManager.default.temporaryDirectory.appending(path: "apus-memory-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    for (path, text) in files {
      let file = root.appending(path: path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return AvailableMemory.described(below: root.path)
  }

  private let machine = """
    MemTotal:       24684092 kB
    MemFree:         1000000 kB
    MemAvailable:    8000000 kB
    SwapFree:         500000 kB
    """

  @Test func theMachine() throws {
    let memory = try described(["proc/meminfo": machine])
    #expect(memory.byteCount == 8_500_000 * 1024)
    #expect(memory.reason == "of this machine")
    #expect(memory.usableByteCount < memory.byteCount)
  }

  @Test func theSecondVersionOfGroups() throws {
    let files = [
      "proc/meminfo": machine, "proc/self/cgroup": "0::/service/worker\n",
      "sys/fs/cgroup/service/memory.max": "1000000000\n", "sys/fs/cgroup/service/memory.current": "600000000\n",
      "sys/fs/cgroup/service/memory.stat": "anon 1\nfile 2\ninactive_file 100000000\n",
      "sys/fs/cgroup/service/worker/memory.max": "max\n", "sys/fs/cgroup/service/worker/memory.current": "1\n",
    ]
    let memory = try described(files)
    // The group around limits too; pages of files can be given back.
    #expect(memory.byteCount == 500_000_000)
    #expect(memory.reason.contains("control group"))
    // A container sees its own group at the top.
    let container = try described([
      "proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "2000000000\n",
      "sys/fs/cgroup/memory.current": "500000000\n",
    ])
    #expect(container.byteCount == 1_500_000_000)
  }

  @Test func theFirstVersionOfGroups() throws {
    let base = "sys/fs/cgroup/memory/job"
    let memory = try described([
      "proc/meminfo": machine, "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/job\n0::/\n",
      "\(base)/memory.limit_in_bytes": "300000000\n", "\(base)/memory.usage_in_bytes": "250000000\n",
      "\(base)/memory.stat": "cache 3\ntotal_inactive_file 20000000\n",
    ])
    #expect(memory.byteCount == 70_000_000)
    // No limit is a number that is larger than any memory.
    let unlimited = try described([
      "proc/meminfo": machine, "proc/self/cgroup": "4:memory:/job\n",
      "\(base)/memory.limit_in_bytes": "9223372036854771712\n", "\(base)/memory.usage_in_bytes": "250000000\n",
    ])
    #expect(unlimited.reason == "of this machine")
  }

  /// Without files nothing is known, and nothing refused.
  @Test func nothingKnown() throws {
    #expect(try described([:]).byteCount == .max)
    #expect(AvailableMemory.current().byteCount > 0)
  }

  @Test func moreThanThereIsIsRefused() throws {
    let little = AvailableMemory(byteCount: 160 << 20, reason: "of this test")
    try Memory.check(100 << 20, available: little)
    #expect(throws: ApusError.self) { try Memory.check(160 << 20, available: little) }
    var need = MemoryNeed()
    need.add(.max)
    need.add(1)
    #expect(need.byteCount == .max)
    need.parts = [("%small", 10), ("%large", 2_000_000_000), ("%large", 5)]
    do {
      try need.check("it needs", available: little)
      Issue.record("it was not refused")
    } catch let error as ApusError {
      #expect(error.description.contains("157 MB are left in the memory of this test"), "\(error)")
      #expect(error.description.contains("%large (2 GB), %small (10 bytes)"), "\(error)")
    }
  }

  @Test func tensorsThatDoNotFitAreErrors() {
    for dimensions in [[400_000, 400_000], [1 << 31, 1 << 31], [1 << 31, 1 << 31, 8]] {
      #expect(throws: ApusError.self) { try Tensor(uninitialized: .f64, dimensions) }
      #expect(throws: ApusError.self) { try Tensor(zeros: .u8, dimensions + [16]) }
      #expect(throws: ApusError.self) { try Tensor(repeating: 1, .f32, dimensions) }
    }
  }

  @Test func sizesReadWell() {
    let texts = [0: "0 bytes", 999: "999 bytes", 1000: "1 kB", 1500: "1.5 kB", 23_400: "23 kB", 999_999: "1 MB"]
    for (bytes, text) in texts { #expect(Memory.text(bytes: bytes) == text) }
    #expect(Memory.text(bytes: .max) == "9.2 EB")
  }
}
