"""A home for other programs: over HTTP, and for assistants over the Model Context Protocol. Both call the workbench."""
