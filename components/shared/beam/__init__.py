"""Beam as the stages use it: options, row ranges, counts and shards, local runs and jobs on Dataflow."""
