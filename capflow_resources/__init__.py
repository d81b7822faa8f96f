"""Everything that touches disk, network or environment: home, lake, engines, sources, registry."""
