"""One AWS account on a laptop: moto's server, extended by what moto lacks (one module for each)."""
