use schemars::JsonSchema;
use serde::Deserialize;
use wisdom_core::access::{Access, Permission, Role};
use wisdom_core::context::SystemContext;
use wisdom_core::failure::{Failure, OperationError};
use wisdom_core::outcome::Outcome;
use wisdom_core::runner::Runner;
use wisdom_core::storage::StorageError;
use wisdom_core::unit_of_work::{Effect, Store, UnitOfWork};
use wisdom_core::use_case::{Operation, UseCase};

trait OrdersTx: UnitOfWork {}

#[derive(Debug, Deserialize, JsonSchema)]
struct PlaceOrder {}

#[derive(Debug)]
struct OrderError;
impl std::fmt::Display for OrderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}
impl std::error::Error for OrderError {}
impl From<StorageError> for OrderError {
    fn from(_: StorageError) -> Self {
        Self
    }
}
impl From<wisdom_core::access::AccessError> for OrderError {
    fn from(_: wisdom_core::access::AccessError) -> Self {
        Self
    }
}
impl OperationError for OrderError {
    fn into_failure(self) -> Failure {
        Failure::internal(self)
    }
    fn storage(&self) -> Option<&StorageError> {
        None
    }
}

impl Operation for PlaceOrder {
    const NAME: &'static str = "orders.order.place";
    const SUMMARY: &'static str = "Places an order.";
    const ACCESS: Access = Access::Tenant(Permission::new("orders.order.place", Role::Member));
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = OrderError;
}

impl<Tx: OrdersTx + ?Sized> UseCase<Tx> for PlaceOrder {
    async fn run(&self, _: &mut Tx) -> Result<Outcome<()>, OrderError> {
        Ok(Outcome::unaudited((), "an example"))
    }
}

async fn outside<S: Store<TenantTx: OrdersTx>>(runner: &Runner<S>, context: &SystemContext) {
    let _ = runner.system(context, &PlaceOrder {}).await;
}

fn main() {}
