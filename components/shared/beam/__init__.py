"""Dataflow: runs Beam's pipelines as jobs; submits, follows and cancels them."""
