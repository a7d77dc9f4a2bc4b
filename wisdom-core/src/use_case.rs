//! Operations: plain data that says what is wanted, and the ways to carry them out.

use std::fmt::Debug;
use std::future::Future;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access::{Access, Callers};
use crate::context::Caller;
use crate::failure::OperationError;
use crate::outcome::Outcome;
use crate::unit_of_work::Effect;

/// What every door sees of an operation: its input as plain data, its name and its access rule.
///
/// The same value is an HTTP body, a C ABI call, a job's payload, a command line and a test case; so it holds no ports.
/// Give it `#[serde(deny_unknown_fields)]`: a misspelled or smuggled field is an error, never ignored.
pub trait Operation: DeserializeOwned + JsonSchema + Debug + Send + Sync + 'static {
    /// `area.thing.verb`: span, metric, audit action, C ABI name and `OpenAPI` operation id.
    const NAME: &'static str;
    /// What it does, in one sentence for people.
    const SUMMARY: &'static str;
    /// Who may run it.
    const ACCESS: Access;
    /// Whether it changes anything.
    const EFFECT: Effect;
    /// Which kinds of callers it is open to, of those whom [`Operation::ACCESS`] admits.
    const CALLERS: Callers = Callers::Any;
    /// What it answers.
    type Output: Serialize + JsonSchema + Send + 'static;
    /// How it refuses.
    type Error: OperationError;
}

/// An operation that is one unit of work.
///
/// `Tx` is bounded by the ports it may touch, for example `impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for RenameTenant`.
/// It may run more than once: the runner repeats it on contention.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run in a unit of work of type `{Tx}`",
    note = "a tenant's use case runs in the tenant's unit of work, one of identity in the system's"
)]
pub trait UseCase<Tx: ?Sized>: Operation {
    /// Does the work. Nothing outside of the unit of work is called from here.
    fn run(&self, tx: &mut Tx) -> impl Future<Output = Result<Outcome<Self::Output>, Self::Error>> + Send;
}

/// An operation that needs slow or outside work between units of work: it runs use cases through the host's runner and
/// holds no transaction while it waits.
pub trait Flow<Host: ?Sized>: Operation {
    /// Does the work for the caller, who was admitted by [`Operation::ACCESS`] already.
    fn run(
        &self,
        host: &Host,
        caller: &Caller,
    ) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;
}
