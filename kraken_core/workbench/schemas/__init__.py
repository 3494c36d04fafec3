"""JSON Schemas of the documents that programs read: those of ``--json``, and the answers of the server."""
