"""Tools for assistants, over the Model Context Protocol: questions whose answers cite claims."""
