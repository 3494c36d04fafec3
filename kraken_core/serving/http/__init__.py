"""The HTTP server: read-only, on this machine unless it has a token."""
