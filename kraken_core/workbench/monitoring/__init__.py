"""A home in figures, for programs that watch over others."""
