extension Pipeline {
  /// `O2`: what sessions run unless they are told otherwise.
  public static let standard = Pipeline([
    Simplify(), ExpandComposites(), FoldConstants(), Simplify(), CommonSubexpressions(), DeadCode(), Fuse(),
  ])
}
