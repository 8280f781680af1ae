"""Tests on the all-in-one cloud, through the public APIs, as its users would."""
