//! The client for programs without an async runtime.
