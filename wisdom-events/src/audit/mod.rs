//! The tenant's audit log, for reading. Entries are written by commit and by nothing else.

pub mod list_entries;
