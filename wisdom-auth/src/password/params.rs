//! The cost of a password hash and the bounds on hashing at the same moment.

use std::num::NonZeroUsize;

use thiserror::Error;

/// Least memory of a hash, in KiB: the smallest that the OWASP password storage cheat sheet names.
const MIN_MEMORY_KIB: u32 = 7 * 1024;
/// Least memory times passes: what the same sheet holds to be equal in strength (7 MiB with 5 passes).
const MIN_WORK_KIB: u32 = 5 * MIN_MEMORY_KIB;
/// Most memory of a hash, in KiB, configured or stored.
pub(super) const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// Most passes that are configured.
const MAX_PASSES: u32 = 10;
/// Most lanes that are configured.
const MAX_LANES: u32 = 4;
/// Most hashes waiting for a permit.
const MAX_QUEUE: usize = 4096;

/// The configured cost is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PasswordParamsError {
    /// 7 to 256 MiB.
    #[error("the memory of a password hash must be 7168 to 262144 KiB")]
    Memory,
    /// 1 to 10.
    #[error("the passes of a password hash must be 1 to 10")]
    Passes,
    /// 1 to 4.
    #[error("the lanes of a password hash must be 1 to 4")]
    Lanes,
    /// Cheaper than 7 MiB with 5 passes.
    #[error("memory times passes of a password hash must be at least 35840 KiB")]
    Work,
    /// At least one permit, at most 4096 waiting.
    #[error("there must be at least one hashing permit and at most 4096 waiting")]
    Queue,
}

/// Cost of a hash (Argon2id, RFC 9106) and how many run and wait at the same moment.
///
/// The default is 19 MiB, 2 passes, 1 lane (OWASP password storage cheat sheet); one permit for each core, 64 waiting.
/// The memory that hashing takes is at most permits times memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordParams {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    permits: usize,
    queue: usize,
}

impl Default for PasswordParams {
    fn default() -> Self {
        let permits = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
            permits,
            queue: 64,
        }
    }
}

impl PasswordParams {
    /// Another cost: memory in KiB, passes, lanes.
    ///
    /// # Errors
    /// When a figure is out of bounds, or all together are too cheap.
    pub fn cost(mut self, memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, PasswordParamsError> {
        if !(MIN_MEMORY_KIB..=MAX_MEMORY_KIB).contains(&memory_kib) {
            return Err(PasswordParamsError::Memory);
        }
        if !(1..=MAX_PASSES).contains(&passes) {
            return Err(PasswordParamsError::Passes);
        }
        if !(1..=MAX_LANES).contains(&lanes) {
            return Err(PasswordParamsError::Lanes);
        }
        if memory_kib.saturating_mul(passes) < MIN_WORK_KIB {
            return Err(PasswordParamsError::Work);
        }
        (self.memory_kib, self.passes, self.lanes) = (memory_kib, passes, lanes);
        Ok(self)
    }

    /// Other bounds: hashes at the same moment, and how many may wait for that.
    ///
    /// # Errors
    /// [`PasswordParamsError::Queue`].
    pub fn concurrency(mut self, permits: usize, queue: usize) -> Result<Self, PasswordParamsError> {
        if permits == 0 || permits > MAX_QUEUE || queue > MAX_QUEUE {
            return Err(PasswordParamsError::Queue);
        }
        (self.permits, self.queue) = (permits, queue);
        Ok(self)
    }

    /// **For tests only**: a hash so cheap that whoever gets the table has the passwords.
    #[must_use]
    pub fn insecure_for_tests() -> Self {
        Self {
            memory_kib: 64,
            passes: 1,
            ..Self::default()
        }
    }

    /// Memory of a hash in KiB.
    #[must_use]
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    #[must_use]
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// Lanes.
    #[must_use]
    pub const fn lanes(&self) -> u32 {
        self.lanes
    }

    /// Hashes at the same moment.
    #[must_use]
    pub const fn permits(&self) -> usize {
        self.permits
    }

    /// Hashes that may wait.
    #[must_use]
    pub const fn queue(&self) -> usize {
        self.queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_costs_within_bounds_are_taken() {
        let params = PasswordParams::default();
        assert!(params.cost(19_456, 2, 1).is_ok());
        assert!(params.cost(47_104, 1, 1).is_ok());
        assert_eq!(params.cost(7_167, 10, 1), Err(PasswordParamsError::Memory));
        assert_eq!(
            params.cost(MAX_MEMORY_KIB + 1, 1, 1),
            Err(PasswordParamsError::Memory)
        );
        assert_eq!(params.cost(19_456, 0, 1), Err(PasswordParamsError::Passes));
        assert_eq!(params.cost(19_456, 11, 1), Err(PasswordParamsError::Passes));
        assert_eq!(params.cost(19_456, 2, 5), Err(PasswordParamsError::Lanes));
        assert_eq!(params.cost(19_456, 1, 1), Err(PasswordParamsError::Work));
        assert_eq!(params.concurrency(0, 1), Err(PasswordParamsError::Queue));
        assert!(params.concurrency(1, 0).is_ok());
    }
}
