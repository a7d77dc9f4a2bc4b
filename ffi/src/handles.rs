//! Handles: numbers in the shape of pointers, checked at every use.
//!
//! A handle is never dereferenced. It holds a slot and the slot's generation, so that a handle that was freed, or never
//! given out, is found out. Zero is never a handle.

use std::sync::{Arc, PoisonError, RwLock};

use crate::client::{Client, wisdom_client};

const SLOT_BITS: u32 = 12;
const MAX_SLOTS: usize = 1 << SLOT_BITS;

struct Slot {
    generation: usize,
    client: Option<Arc<Client>>,
}

static SLOTS: RwLock<Vec<Slot>> = RwLock::new(Vec::new());

/// Gives a client a handle; `None` when 4096 clients are open.
pub(crate) fn insert(client: Arc<Client>) -> Option<*mut wisdom_client> {
    let mut slots = SLOTS.write().unwrap_or_else(PoisonError::into_inner);
    let index = match slots.iter().position(|slot| slot.client.is_none()) {
        Some(index) => index,
        None if slots.len() < MAX_SLOTS => {
            slots.push(Slot {
                generation: 0,
                client: None,
            });
            slots.len() - 1
        }
        None => return None,
    };
    let slot = slots.get_mut(index)?;
    slot.generation += 1;
    slot.client = Some(client);
    Some(std::ptr::without_provenance_mut(
        slot.generation << SLOT_BITS | index,
    ))
}

fn parts(handle: *const wisdom_client) -> (usize, usize) {
    (handle.addr() & (MAX_SLOTS - 1), handle.addr() >> SLOT_BITS)
}

/// The client behind a handle that was not freed.
pub(crate) fn find(handle: *const wisdom_client) -> Option<Arc<Client>> {
    let (index, generation) = parts(handle);
    let slots = SLOTS.read().unwrap_or_else(PoisonError::into_inner);
    let slot = slots.get(index).filter(|slot| slot.generation == generation)?;
    slot.client.clone()
}

/// Takes the client out, so that its handle is worth nothing any more.
pub(crate) fn remove(handle: *const wisdom_client) -> Option<Arc<Client>> {
    let (index, generation) = parts(handle);
    let mut slots = SLOTS.write().unwrap_or_else(PoisonError::into_inner);
    let slot = slots
        .get_mut(index)
        .filter(|slot| slot.generation == generation)?;
    slot.client.take()
}
