"""How good a parameter set is, by truth lists: metrics, losses, calibration checks, comparison, sweep report."""
