"""The simulated fleet at somebody's server: over sockets, as real experts and terminals speak."""
