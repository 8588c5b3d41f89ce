"""What wraps a stage as a KFP component and records it."""
