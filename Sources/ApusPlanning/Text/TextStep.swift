/// The steps of a plan or of a draft, as their texts have them: what either can hold.
indirect enum TextStep {
  case launch(DraftLaunch)
  case barrier
  case loop(count: Int?, carries: [BufferUpdate], [TextStep])
  case branch(condition: Location, then: [TextStep], otherwise: [TextStep])
  case whileLoop(condition: Location, limit: Int?, carries: [BufferUpdate], test: [TextStep], body: [TextStep])

  init(_ step: ProgramStep) {
    switch step {
    case .launch(let launch): self = .launch(DraftLaunch(launch))
    case .barrier: self = .barrier
    case .loop(let count, let body): self = .loop(count: count, carries: [], body.map(TextStep.init))
    case .branch(let condition, let then, let otherwise):
      self = .branch(
        condition: condition, then: then.map(TextStep.init), otherwise: otherwise.map(TextStep.init))
    case .whileLoop(let condition, let limit, let test, let body):
      self = .whileLoop(
        condition: condition, limit: limit, carries: [], test: test.map(TextStep.init), body: body.map(TextStep.init))
    }
  }

  init(_ step: DraftStep) {
    switch step {
    case .launch(let launch): self = .launch(launch)
    case .loop(let count, let carries, let body):
      self = .loop(count: count, carries: carries, body.map(TextStep.init))
    case .branch(let condition, let then, let otherwise):
      self = .branch(
        condition: condition, then: then.map(TextStep.init), otherwise: otherwise.map(TextStep.init))
    case .whileLoop(let condition, let limit, let carries, let test, let body):
      self = .whileLoop(
        condition: condition, limit: limit, carries: carries, test: test.map(TextStep.init),
        body: body.map(TextStep.init))
    }
  }

  /// As a step of a plan; carries are gone.
  var planned: ProgramStep {
    switch self {
    case .launch(let launch): .launch(launch.launch)
    case .barrier: .barrier
    case .loop(let count, _, let body): .loop(count: count, body.map(\.planned))
    case .branch(let condition, let then, let otherwise):
      .branch(condition: condition, then: then.map(\.planned), otherwise: otherwise.map(\.planned))
    case .whileLoop(let condition, let limit, _, let test, let body):
      .whileLoop(condition: condition, limit: limit, test: test.map(\.planned), body: body.map(\.planned))
    }
  }

  /// As steps of a draft; barriers are gone, and a loop needs a count.
  var drafted: [DraftStep] {
    switch self {
    case .launch(let launch): [.launch(launch)]
    case .barrier: []
    case .loop(let count, let carries, let body):
      [.loop(count: count ?? 1, carries: carries, body.flatMap(\.drafted))]
    case .branch(let condition, let then, let otherwise):
      [.branch(condition: condition, then: then.flatMap(\.drafted), otherwise: otherwise.flatMap(\.drafted))]
    case .whileLoop(let condition, let limit, let carries, let test, let body):
      [
        .whileLoop(
          condition: condition, limit: limit, carries: carries, test: test.flatMap(\.drafted),
          body: body.flatMap(\.drafted))
      ]
    }
  }
}
