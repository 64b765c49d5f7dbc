//! Attachments without a network.
