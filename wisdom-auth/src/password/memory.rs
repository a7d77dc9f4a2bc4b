//! The memory that hashes are computed in, kept from one hash to the next.
//!
//! Each hash of its own would be an allocation of many MiB on whichever thread computes it. Allocators keep such pieces
//! for each thread, so that a crowd that signs in would leave a multiple of what ever ran at the same moment. Here it is
//! permits times memory, from the first hashes to the end of the process.

use std::sync::{Mutex, PoisonError};

use argon2::Block;

/// Memory for hashes of today's cost: one piece for each that runs at the same moment.
#[derive(Debug)]
pub(super) struct HashMemory {
    blocks: usize,
    most: usize,
    idle: Mutex<Vec<Piece>>,
}

type Piece = Box<[Block]>;

impl HashMemory {
    /// For hashes of so many blocks of 1 KiB, at most so many at the same moment.
    pub(super) const fn new(blocks: usize, most: usize) -> Self {
        Self {
            blocks,
            most,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Lends so many blocks, whose content is anything. More than a hash of today's takes are had for this time only.
    pub(super) fn lend<T>(&self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        if blocks > self.blocks {
            return work(&mut piece(blocks));
        }
        let idle = self.idle().pop();
        let mut memory = idle.unwrap_or_else(|| piece(self.blocks));
        let answer = work(&mut memory[..blocks]);
        let mut idle = self.idle();
        if idle.len() < self.most {
            idle.push(memory);
        }
        answer
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Piece>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn piece(blocks: usize) -> Piece {
    vec![Block::new(); blocks].into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_kept_up_to_the_most_and_larger_ones_are_not() {
        let memory = HashMemory::new(8, 2);
        let kept = || memory.idle().len();
        memory.lend(8, |first| {
            memory.lend(4, |second| {
                memory.lend(8, |third| {
                    assert_eq!((first.len(), second.len(), third.len()), (8, 4, 8));
                    assert_eq!(kept(), 0);
                });
            });
        });
        assert_eq!(kept(), 2);
        memory.lend(9, |larger| assert_eq!(larger.len(), 9));
        memory.lend(1, |_| assert_eq!(kept(), 1));
        assert_eq!(kept(), 2);
    }
}
