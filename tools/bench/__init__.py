"""Benchmarks of the driver on the all-in-one cloud, as ratios to a peer.

Run one with ``tools/bench/run spawn``, ``boot``, ``density`` or ``ping``.
"""
