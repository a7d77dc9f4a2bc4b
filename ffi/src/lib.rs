//! Wisdom.
