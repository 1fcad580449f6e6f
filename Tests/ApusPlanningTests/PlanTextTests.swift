import ApusCore
import ApusKernels
import ApusPlanning
import Testing

/// Printing and parsing drafts and plans are inverses, and what cannot be read is said with its place.
@Suite struct PlanTextTests {
  /// All that a draft is, in words.
  private func content(_ draft: ProgramDraft) -> [String] {
    [draft.name, "\(draft.buffers)", "\(draft.steps)", "\(draft.updates)", "\(draft.failures)"]
  }

  private func content(_ program: KernelProgram) -> [String] {
    [
      program.name, "\(program.buffers)", "\(program.steps)", "\(program.failures)", "\(program.arenaByteCount)",
      "\(program.largestLiveSet)", "\(program.flushesSubnormals)",
    ]
  }

  @Test func randomDraftsAndTheirPlansSurvive() throws {
    for seed in UInt64(0)..<120 {
      let maker = RandomDraft.make(seed: seed)
      let draft = try ProgramDraft.parse(maker.draft.text(isComplete: true))
      #expect(draft.kernels == maker.draft.kernels, "seed \(seed)")
      #expect(content(draft) == content(maker.draft), "seed \(seed)")
      var plan = try Planner.plan(maker.draft, options: DraftMaker.options)
      plan.flushesSubnormals = seed % 2 == 1
      try plan.verify()
      let read = try KernelProgram.parse(plan.text(isComplete: true))
      #expect(read.kernels == plan.kernels, "seed \(seed)")
      #expect(content(read) == content(plan), "seed \(seed)")
      #expect(read.description == plan.description)
    }
  }

  @Test func constantsKeepTheirBits() throws {
    let tensors = [
      Tensor([1, 2.5, -0.0, .nan, .infinity] as [Float]), Tensor([Double(bitPattern: 0xfff8_0000_0000_0001)]),
      try Tensor((0..<64).map(Int64.init), [8, 8]), try Tensor(repeating: 3, .bf16, [5]), Tensor(scalar: true),
      try Tensor(zeros: .u8, [0]), Tensor((0..<17).map { UInt8($0 * 15) }), try Tensor(zeros: .f16, [2, 0]),
    ]
    for tensor in tensors {
      var draft = ProgramDraft(name: "constants")
      draft.buffers = [DraftBuffer(name: "c", byteCount: tensor.byteCount, role: .constant(tensor))]
      let read = try ProgramDraft.parse(draft.text(isComplete: true))
      #expect(read.buffers.map(\.role) == [.constant(tensor)], "\(draft.text(isComplete: true))")
    }
  }

  static let plan = """
    kernel @copy(b0: read u8[64], b1: write u8[64]) units 8 {
    }

    plan @small {
      arena 64 bytes, largest live set 64
      b0: parameter 0, 64 bytes, live 0 to 0, for "x"
      b1: arena +0, 64 bytes, live 0 to 1, for "a \\"quoted\\" name"
      b2: output 0, 64 bytes, unused, for "y"
      failure 1: "{value} is odd", from "%1", help "use another"
      0: k0 @copy(read b0, write b1) units 8, 12 flops, 128 bytes, failures after 1, from "%1"
      barrier
      1: k0 @copy(read b1, write b2) serial, from "%2"
    }

    """

  @Test func detailsAreRead() throws {
    let program = try KernelProgram.parse(Self.plan)
    #expect(program.buffers[1].name == "a \"quoted\" name")
    #expect(program.buffers[2].lifetime == nil)
    #expect(program.failures == [ProgramFailure(origin: "%1", message: "{value} is odd", help: "use another")])
    let launches = program.launches
    #expect(launches.map(\.isSerial) == [false, true])
    #expect(launches[0].flopCount == 12 && launches[0].byteCount == 128 && launches[0].failureBase == 1)
    #expect(try KernelProgram.parse(program.text(isComplete: true)).description == program.description)
  }

  /// A part of the plan, what replaces it, and what is said then.
  static let faults: [(part: String, text: String, message: String)] = [
    ("k0 @copy(read b0", "k1 @copy(read b0", "there is no kernel k1"),
    ("0: k0 @copy(read b0", "0: k0 @move(read b0", "k0 is @copy"),
    ("(read b0, write b1) units 8", "(write b0, write b1) units 8", "expected 'read'"),
    ("(read b0, write b1) units 8", "(read b0, write b7) units 8", "there is no buffer b7"),
    ("(read b0, write b1) units 8", "(read b0, write b1) units 9", "k0 has 8 units"),
    ("1: k0", "2: k0", "expected step 1"),
    ("b1: arena", "b2: arena", "expected buffer b1"),
    ("b1: arena +0", "b1: somewhere", "expected where the buffer is"),
    ("live 0 to 1", "live 1 to 0", "the buffer's last step precedes its first"),
    ("failure 1", "failure 2", "expected failure 1"),
    (", from \"%2\"", "", "expected where the launch comes from"),
    ("\"y\"", "\"y", "the string does not end on its line"),
  ]

  @Test(arguments: faults.indices) func faultsAreSaidWithTheirPlace(_ index: Int) throws {
    let (part, text, message) = Self.faults[index]
    #expect(Self.plan.contains(part))
    do {
      _ = try KernelProgram.parse(Self.plan.replacing(part, with: text, maxReplacements: 1), file: "small.plan")
      Issue.record("this was read: \(text)")
    } catch let error as ApusError {
      #expect(error.fault == .input)
      #expect(error.message.contains(message), "\(error)")
      #expect(error.description.hasPrefix("small.plan:"), "\(error)")
    }
  }

  /// Cut anywhere, with any character changed: an error, never a crash.
  @Test func damagedTextsAreRefusedOrRead() {
    let bytes = Array(Self.plan.utf8)
    for position in bytes.indices {
      _ = try? KernelProgram.parse(String(decoding: bytes[..<position], as: UTF8.self))
      for byte in [UInt8(ascii: "%"), 0xff, UInt8(ascii: "9"), UInt8(ascii: "}")] {
        var damaged = bytes
        damaged[position] = byte
        _ = try? KernelProgram.parse(String(decoding: damaged, as: UTF8.self)).verify()
      }
    }
  }

  /// What is wrong with a plan by itself.
  @Test func plansThatNameWhatIsNotThereAreRefused() throws {
    func refusal(_ change: (inout KernelProgram) -> Void) throws -> String {
      var program = try KernelProgram.parse(Self.plan)
      change(&program)
      do { try program.verify() } catch let error as ApusError { return error.message }
      return "nothing"
    }
    #expect(try refusal { _ in } == "nothing")
    #expect(
      try refusal { $0.buffers[1].byteCount = 63 }
        == "plan @small: %1 is given bytes 0 to 63 of a \"quoted\" name, which has 63")
    #expect(
      try refusal { $0.buffers[2].place = .parameter(1) }.contains("%2 writes y, which only the caller may change"))
    #expect(try refusal { $0.kernels[0].units = -1 }.contains("it has -1 units of work"))
    #expect(try refusal { $0.kernels = [] }.contains("launches k0, but there are 0 kernels"))
    #expect(
      try refusal { program in
        program.steps = [
          .loop(
            count: 3,
            [
              .launch(
                Launch(
                  kernel: 0, arguments: [Location(buffer: 0, strides: [1]), Location(buffer: 1)], origin: "moving"))
            ])
        ]
      }.contains("moving is given bytes 0 to 65 of x"))
  }
}
