/// The steps of a plan or of a draft, as their texts have them: what either can hold.
typealias TextStep = Step<DraftLaunch>

extension [ProgramStep] {
  /// As the text has them.
  var asText: [TextStep] {
    mapSteps { leaf, _ in
      switch leaf {
      case .launch(let launch): [.launch(DraftLaunch(launch))]
      case .barrier, .loop, .branch, .whileLoop: [.barrier]
      }
    }
  }
}

extension [TextStep] {
  /// As steps of a plan, whose loops carry nothing.
  var planned: [ProgramStep] {
    mapSteps { leaf, _ in
      switch leaf {
      case .launch(let launch): [.launch(launch.launch)]
      case .barrier, .loop, .branch, .whileLoop: [.barrier]
      }
    }
  }

  /// As steps of a draft, which has no barriers.
  var drafted: [DraftStep] { mapSteps { leaf, _ in leaf.isLaunch ? [leaf] : [] } }
}
