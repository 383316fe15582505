"""Models without a graph network, on the same samples and test sets as the networks."""
