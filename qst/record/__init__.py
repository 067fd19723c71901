"""The visit log: records, the append-only file, its reader and its verifier."""
