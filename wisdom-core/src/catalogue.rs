//! The catalogue: the one list of operations that every door is made from.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Instant;

use serde_json::Value;

use crate::access::{Access, Callers};
use crate::context::Caller;
use crate::failure::{Failure, OperationError};
use crate::idempotency::IdempotencyClaim;
use crate::json::read_input;
use crate::runner::{Once, Runner, admit, system_context};
use crate::unit_of_work::{Effect, Store};
use crate::use_case::{Flow, Operation, UseCase};

/// What hosts a catalogue: the assembly that has a runner, and whatever its flows need.
pub trait Host: Send + Sync + 'static {
    /// The store its runner works on.
    type Store: Store + ?Sized;

    /// The runner.
    fn runner(&self) -> &Runner<Self::Store>;
}

/// The answer of a call: JSON, and whether it is a stored one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The output as JSON.
    pub body: Vec<u8>,
    /// Whether it was answered before, under the same idempotency key.
    pub replayed: bool,
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send + 'a>>;
type Handler<H> = for<'a> fn(&'a H, &'a Caller, Value, Option<&'a IdempotencyClaim>) -> Answer<'a>;

/// How an operation is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One unit of work of a tenant.
    Tenant,
    /// One unit of work outside of any tenant.
    System,
    /// Several units of work, with slow or outside work between them.
    Flow,
}

/// One operation of the catalogue.
pub struct Entry<H> {
    /// [`Operation::NAME`].
    pub name: &'static str,
    /// [`Operation::SUMMARY`].
    pub summary: &'static str,
    /// [`Operation::ACCESS`].
    pub access: Access,
    /// [`Operation::EFFECT`].
    pub effect: Effect,
    /// [`Operation::CALLERS`].
    pub callers: Callers,
    /// How it is carried out.
    pub kind: Kind,
    input: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    output: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    handler: Handler<H>,
    timing: OnceLock<[metrics::Histogram; 2]>,
}

impl<H> fmt::Debug for Entry<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.name)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

impl<H: Host> Entry<H> {
    /// An operation that is one unit of work of a tenant.
    #[must_use]
    pub fn tenant<U>() -> Self
    where
        U: UseCase<<H::Store as Store>::TenantTx>,
    {
        Self::new::<U>(Kind::Tenant, |host, caller, input, claim| {
            Box::pin(async move {
                let Caller::Tenant(context) = caller else {
                    admit::<U>(caller)?;
                    return Err(Failure::not_found());
                };
                // Before the input is looked at: what is wrong with it is nobody's business who may not call.
                host.runner().admit::<U>(context).await?;
                let operation: U = read_input(input)?;
                reply(host.runner().tenant_once(context, &operation, claim).await?)
            })
        })
    }

    /// An operation that is one unit of work outside of any tenant.
    #[must_use]
    pub fn system<U>() -> Self
    where
        U: UseCase<<H::Store as Store>::SystemTx>,
    {
        Self::new::<U>(Kind::System, |host, caller, input, claim| {
            Box::pin(async move {
                admit::<U>(caller)?;
                let operation: U = read_input(input)?;
                let context = system_context(caller, U::NAME);
                reply(host.runner().system_once(&context, &operation, claim).await?)
            })
        })
    }

    /// An operation that is a flow. Flows take no idempotency key: what they do outside cannot be undone by a rollback,
    /// so each is made safe to repeat in its own way.
    #[must_use]
    pub fn flow<F>() -> Self
    where
        F: Flow<H>,
    {
        Self::new::<F>(Kind::Flow, |host, caller, input, _claim| {
            Box::pin(async move {
                admit::<F>(caller)?;
                let operation: F = read_input(input)?;
                let value = operation
                    .run(host, caller)
                    .await
                    .map_err(OperationError::into_failure)?;
                reply(Once::Fresh(value))
            })
        })
    }

    fn new<O: Operation>(kind: Kind, handler: Handler<H>) -> Self {
        Self {
            name: O::NAME,
            summary: O::SUMMARY,
            access: O::ACCESS,
            effect: O::EFFECT,
            callers: O::CALLERS,
            kind,
            input: |generator| generator.subschema_for::<O>(),
            output: |generator| generator.subschema_for::<O::Output>(),
            handler,
            timing: OnceLock::new(),
        }
    }

    /// Runs the operation with this input for this caller.
    ///
    /// # Errors
    /// The refusal, ready to be shown.
    #[expect(clippy::disallowed_methods, reason = "a duration of telemetry")]
    pub async fn call(
        &self,
        host: &H,
        caller: &Caller,
        input: Value,
        claim: Option<&IdempotencyClaim>,
    ) -> Result<Reply, Failure> {
        let started = Instant::now();
        let result = (self.handler)(host, caller, input, claim).await;
        let [ok, refused] = self.timing.get_or_init(|| {
            ["ok", "refused"].map(
                |label| metrics::histogram!("wisdom_operation_seconds", "operation" => self.name, "result" => label),
            )
        });
        let histogram = if result.is_ok() { ok } else { refused };
        histogram.record(started.elapsed().as_secs_f64());
        result
    }

    /// The input's JSON schema (2020-12), with its parts registered in the generator.
    pub fn input_schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        (self.input)(generator)
    }

    /// The output's JSON schema.
    pub fn output_schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        (self.output)(generator)
    }
}

/// Room for the answer of most operations, so that it need not grow while it is written.
const USUAL_BODY: usize = 512;

fn reply<T: serde::Serialize>(answer: Once<T>) -> Result<Reply, Failure> {
    match answer {
        Once::Fresh(value) => {
            let mut body = Vec::with_capacity(USUAL_BODY);
            serde_json::to_writer(&mut body, &value).map_err(Failure::internal)?;
            Ok(Reply {
                body,
                replayed: false,
            })
        }
        Once::Replay(body) => Ok(Reply { body, replayed: true }),
    }
}

/// Two operations have one name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("two operations are called {0}")]
pub struct DuplicateOperation(pub &'static str);

/// A place in a [`Catalogue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position(usize);

/// All operations of an assembly, by name.
#[derive(Debug)]
pub struct Catalogue<H> {
    entries: Vec<Entry<H>>,
    by_name: HashMap<&'static str, usize>,
}

impl<H: Host> Catalogue<H> {
    /// A catalogue of these operations, in this order.
    ///
    /// # Errors
    /// [`DuplicateOperation`] when a name comes twice.
    pub fn new(entries: Vec<Entry<H>>) -> Result<Self, DuplicateOperation> {
        let mut by_name = HashMap::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            if by_name.insert(entry.name, index).is_some() {
                return Err(DuplicateOperation(entry.name));
            }
        }
        Ok(Self { entries, by_name })
    }

    /// All operations.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<H>> {
        self.entries.iter()
    }

    /// The operation of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Entry<H>> {
        self.get(self.position(name)?)
    }

    /// Where the operation of this name stands, for doors that look it up once and use it often.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<Position> {
        self.by_name.get(name).copied().map(Position)
    }

    /// The operation at a position of this catalogue; `None` for one of another, longer catalogue.
    #[must_use]
    pub fn get(&self, position: Position) -> Option<&Entry<H>> {
        self.entries.get(position.0)
    }
}
