import Apus
import ApusCore
import ApusNative
import Testing

/// What runs where native code does not.
@Suite struct AvailabilityTests {
  private static let avx2: Set<String> = ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"]

  @Test func processorsAreToldApart() {
    let old = HostProcessor(isX86: true, flags: ["sse2", "avx"])
    let usual = HostProcessor(isX86: true, flags: Self.avx2)
    let wide = HostProcessor(
      isX86: true, flags: Self.avx2.union(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]))
    let arm = HostProcessor(isX86: false, flags: [])
    #expect(NativeTarget.native(on: usual).cpu == "x86-64-v3")
    #expect(NativeTarget.native(on: wide).cpu == "x86-64-v4")
    for (host, reason) in [(old, "this processor lacks avx2, "), (arm, "this architecture")] {
      guard case .unavailable(let said, nil) = NativeBackend.availability(on: host, hasLLVM: true) else {
        Issue.record("native code runs on \(host)")
        continue
      }
      #expect(said.contains(reason), "\(said)")
    }
    #expect(NativeBackend.availability(on: usual, hasLLVM: true) == .available)
    #expect(
      NativeBackend.availability(on: wide, hasLLVM: false)
        == .unavailable(
          reason: "the LLVM library was not found", help: "install the package libllvm22 (or 21, 20, 19)"))
  }

  @Test func theInterpreterStandsIn() {
    var warnings: [String] = []
    let native = NativeBackend(workers: 3)
    #expect(DefaultBackend.make(native, .available) { warnings.append($0) } is NativeBackend)
    #expect(warnings.isEmpty)
    let fallback = DefaultBackend.make(native, .unavailable(reason: "it is closed", help: "open it")) {
      warnings.append($0)
    }
    #expect(fallback is InterpreterBackend)
    #expect(warnings.count == 1)
    for part in ["because it is closed", "open it", "--backend interpreter"] {
      #expect(warnings[0].contains(part), "\(warnings)")
    }
    #expect(!warnings[0].contains("\n"))
  }

  @Test func flagsAreReadFromTheSystem() {
    let text = "processor\t: 0\nflags\t\t: fpu avx2 fma\nbugs\t\t: none\n\nprocessor\t: 1\nflags\t\t: fpu\n"
    #expect(HostProcessor.flags(in: text) == ["fpu", "avx2", "fma"])
    #expect(HostProcessor.flags(in: "Features : fp asimd\n").isEmpty)
    #expect(HostProcessor.flags(in: nil).isEmpty)
  }
}
