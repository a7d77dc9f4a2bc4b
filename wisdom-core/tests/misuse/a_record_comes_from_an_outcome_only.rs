use wisdom_core::outcome::Record;
use wisdom_core::storage::StorageError;
use wisdom_core::unit_of_work::UnitOfWork;

async fn commit<Tx: UnitOfWork + ?Sized>(tx: Box<Tx>) -> Result<(), StorageError> {
    tx.commit(Record { audit: None, events: Vec::new(), idempotency: None }).await
}

fn main() {}
