"""The technician's console: a local page on which a visit is run. The engine lives in a process of its own."""
