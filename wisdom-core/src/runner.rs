//! The runner: access, begin, run, commit, retry, for every use case alike.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use thiserror::Error;
use tracing::Instrument as _;

use crate::access::{Access, AccessError};
use crate::audit::AuditEntry;
use crate::context::{Caller, Principal, SystemContext, SystemReason, TenantContext};
use crate::failure::{Failure, FailureKind, OperationError};
use crate::idempotency::{IdempotencyClaim, IdempotencyRecord, IdempotencyState, KEPT_FOR};
use crate::outcome::Outcome;
use crate::seal::{Context, Purpose};
use crate::storage::{StorageError, StorageErrorKind};
use crate::trace::RequestInfo;
use crate::unit_of_work::{Effect, Kit, Store, UnitOfWork};
use crate::use_case::{Operation, UseCase};

const ANSWER: Purpose = Purpose("idempotency.answer.v1");
/// Denials being written at the same moment; more are counted in a metric and not written.
const MAX_DENIALS_AT_WORK: usize = 8;

/// How often and how fast a unit of work that met contention runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Runs in total, 1 or more.
    pub attempts: u32,
    /// The wait before the second run; doubles each time, with full jitter.
    pub base: Duration,
    /// The longest wait.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            base: Duration::from_millis(5),
            cap: Duration::from_millis(200),
        }
    }
}

/// An answer that is new, or the stored one of an earlier request with the same idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once<T> {
    /// The work was done now.
    Fresh(T),
    /// It was done before: the JSON answered then.
    Replay(Vec<u8>),
}

/// Why a call with an idempotency key was refused.
#[derive(Debug, Error)]
pub enum OnceError<E> {
    /// The operation itself refused.
    #[error(transparent)]
    Operation(E),
    /// Another call with the key is at work.
    #[error("a call with this idempotency key is at work")]
    InFlight,
    /// The key came with another request before.
    #[error("the idempotency key was used for another request")]
    Mismatch,
}

impl<E: OperationError> From<OnceError<E>> for Failure {
    fn from(error: OnceError<E>) -> Self {
        match error {
            OnceError::Operation(error) => error.into_failure(),
            OnceError::InFlight => Self::new(
                FailureKind::Conflict,
                "idempotency.in_flight",
                "A request with this idempotency key is still at work.",
            )
            .retry_after(Duration::from_secs(1)),
            OnceError::Mismatch => Self::new(
                FailureKind::Mismatch,
                "idempotency.mismatch",
                "This idempotency key was used for another request.",
            ),
        }
    }
}

/// Runs use cases against a store.
#[derive(Debug)]
pub struct Runner<S: Store + ?Sized> {
    store: Arc<S>,
    kit: Arc<Kit>,
    retry: RetryPolicy,
    denials: Arc<AtomicUsize>,
}

impl<S: Store + ?Sized> Clone for Runner<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            kit: Arc::clone(&self.kit),
            retry: self.retry,
            denials: Arc::clone(&self.denials),
        }
    }
}

type Begun<'a, Tx> = Pin<Box<dyn Future<Output = Result<Box<Tx>, StorageError>> + Send + 'a>>;

impl<S: Store + ?Sized> Runner<S> {
    /// A runner over a store, with the kit the store was opened with.
    #[must_use]
    pub fn new(store: Arc<S>, kit: Arc<Kit>, retry: RetryPolicy) -> Self {
        Self {
            store,
            kit,
            retry,
            denials: Arc::new(AtomicUsize::new(0)),
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// Time, ids, randomness, sealing.
    #[must_use]
    pub fn kit(&self) -> &Kit {
        &self.kit
    }

    /// Runs a use case for a tenant.
    ///
    /// # Errors
    /// The use case's own, an [`AccessError`] when the context lacks the permission, a [`StorageError`] when storage
    /// fails or contention does not end.
    pub async fn tenant<U>(&self, context: &TenantContext, operation: &U) -> Result<U::Output, U::Error>
    where
        U: UseCase<S::TenantTx>,
    {
        fresh(self.tenant_once(context, operation, None).await)
    }

    /// Runs a use case for a tenant, at most once for an idempotency claim.
    ///
    /// # Errors
    /// As [`Runner::tenant`], and those of the claim.
    pub async fn tenant_once<U>(
        &self,
        context: &TenantContext,
        operation: &U,
        claim: Option<&IdempotencyClaim>,
    ) -> Result<Once<U::Output>, OnceError<U::Error>>
    where
        U: UseCase<S::TenantTx>,
    {
        self.admit::<U>(context)
            .await
            .map_err(|denied| OnceError::Operation(denied.into()))?;
        self.repeat(context.request(), operation, claim, || {
            self.store.begin(context, U::EFFECT)
        })
        .await
    }

    /// Whether the context may run the operation. A refused write is noted in the tenant's audit log.
    ///
    /// # Errors
    /// [`AccessError::Forbidden`], and those of [`Callers::admit`](crate::access::Callers::admit).
    pub async fn admit<O: Operation>(&self, context: &TenantContext) -> Result<(), AccessError> {
        let admitted = admit_kind::<O>(context.principal()).and_then(|()| match O::ACCESS {
            Access::Tenant(permission) => context.require(permission),
            _ => Ok(()),
        });
        if admitted.is_err() && O::EFFECT == Effect::Write {
            self.record_denial(context, O::NAME).await;
        }
        admitted
    }

    /// Runs a use case outside of any tenant.
    ///
    /// # Errors
    /// The use case's own, and a [`StorageError`] when storage fails or contention does not end.
    pub async fn system<U>(&self, context: &SystemContext, operation: &U) -> Result<U::Output, U::Error>
    where
        U: UseCase<S::SystemTx>,
    {
        fresh(self.system_once(context, operation, None).await)
    }

    /// Runs a use case outside of any tenant, at most once for an idempotency claim.
    ///
    /// # Errors
    /// As [`Runner::system`], and those of the claim.
    pub async fn system_once<U>(
        &self,
        context: &SystemContext,
        operation: &U,
        claim: Option<&IdempotencyClaim>,
    ) -> Result<Once<U::Output>, OnceError<U::Error>>
    where
        U: UseCase<S::SystemTx>,
    {
        self.repeat(context.request(), operation, claim, || {
            self.store.begin_system(context, U::EFFECT)
        })
        .await
    }

    /// Runs a use case outside of any tenant, on behalf of a caller.
    ///
    /// # Errors
    /// As [`Runner::system`].
    pub async fn on_behalf<U>(&self, caller: &Caller, operation: &U) -> Result<U::Output, U::Error>
    where
        U: UseCase<S::SystemTx>,
    {
        self.system(&system_context(caller, U::NAME), operation).await
    }

    #[expect(clippy::disallowed_methods, reason = "a duration of telemetry")]
    async fn repeat<'a, Tx, U>(
        &self,
        request: &RequestInfo,
        operation: &U,
        claim: Option<&IdempotencyClaim>,
        begin: impl Fn() -> Begun<'a, Tx> + Send + Sync,
    ) -> Result<Once<U::Output>, OnceError<U::Error>>
    where
        Tx: UnitOfWork + ?Sized,
        U: UseCase<Tx>,
    {
        let span = tracing::debug_span!("use_case", name = U::NAME, request_id = %request.id);
        let started = Instant::now();
        let mut attempt = 1;
        let result = async {
            loop {
                let result = match begin().await {
                    Ok(tx) => self.attempt(tx, operation, claim).await,
                    Err(error) => Err(OnceError::Operation(U::Error::from(error))),
                };
                match result {
                    Err(OnceError::Operation(error))
                        if attempt < self.retry.attempts
                            && error.storage().is_some_and(StorageError::is_contention) =>
                    {
                        metrics::counter!("wisdom_contention_retries_total", "use_case" => U::NAME)
                            .increment(1);
                        tokio::time::sleep(self.pause(attempt)).await;
                        attempt += 1;
                    }
                    result => break result,
                }
            }
        }
        .instrument(span)
        .await;
        let label = if result.is_ok() { "ok" } else { "refused" };
        metrics::histogram!("wisdom_use_case_seconds", "use_case" => U::NAME, "result" => label)
            .record(started.elapsed().as_secs_f64());
        result
    }

    async fn attempt<Tx, U>(
        &self,
        mut tx: Box<Tx>,
        operation: &U,
        claim: Option<&IdempotencyClaim>,
    ) -> Result<Once<U::Output>, OnceError<U::Error>>
    where
        Tx: UnitOfWork + ?Sized,
        U: UseCase<Tx>,
    {
        let storage = |e: StorageError| OnceError::Operation(U::Error::from(e));
        if let Some(claim) = claim {
            let known = tx.idempotency().claim(claim).await.map_err(storage)?;
            if known != IdempotencyState::Fresh {
                // Ended here and not by the drop, so that the key is free again before the caller hears of it.
                undo(tx, U::NAME).await;
                return self.answered(known, claim).map_err(|refusal| match refusal {
                    OnceError::Operation(error) => storage(error),
                    OnceError::InFlight => OnceError::InFlight,
                    OnceError::Mismatch => OnceError::Mismatch,
                });
            }
        }
        let outcome = match operation.run(&mut tx).await {
            Ok(outcome) => outcome,
            Err(refusal) => {
                undo(tx, U::NAME).await;
                return Err(OnceError::Operation(refusal));
            }
        };
        let frame = Arc::clone(tx.frame());
        let (value, mut record) = outcome.into_record(&frame, U::NAME).map_err(storage)?;
        if let Some(claim) = claim {
            let internal = |e: Box<dyn std::error::Error + Send + Sync>| {
                storage(StorageError::new(StorageErrorKind::Internal, "idempotency").caused_by(e))
            };
            let plain = serde_json::to_vec(&value).map_err(|e| internal(e.into()))?;
            let answer = self
                .kit
                .sealer
                .seal(ANSWER, answer_context(claim).as_bytes(), &plain)
                .map_err(|e| internal(e.into()))?;
            record = record.with_idempotency(IdempotencyRecord {
                claim: claim.clone(),
                answer,
                expires_at: frame.now().saturating_add(KEPT_FOR),
            });
        }
        tx.commit(record).await.map_err(storage)?;
        Ok(Once::Fresh(value))
    }

    /// What a claim that is not fresh is answered with.
    fn answered<T>(
        &self,
        state: IdempotencyState,
        claim: &IdempotencyClaim,
    ) -> Result<Once<T>, OnceError<StorageError>> {
        match state {
            IdempotencyState::InFlight => Err(OnceError::InFlight),
            IdempotencyState::Mismatch => Err(OnceError::Mismatch),
            IdempotencyState::Replay(sealed) => {
                let opened = self
                    .kit
                    .sealer
                    .open(ANSWER, answer_context(claim).as_bytes(), &sealed);
                opened.map(Once::Replay).map_err(|e| {
                    OnceError::Operation(
                        StorageError::new(StorageErrorKind::Corrupt, "idempotency").caused_by(e),
                    )
                })
            }
            IdempotencyState::Fresh => Err(OnceError::Operation(StorageError::new(
                StorageErrorKind::Internal,
                "idempotency",
            ))),
        }
    }

    fn pause(&self, attempt: u32) -> Duration {
        let full = self
            .retry
            .base
            .saturating_mul(1 << attempt.min(16))
            .min(self.retry.cap);
        let mut noise = [0_u8; 4];
        // Without randomness the pause is the full one, which is right as well.
        if self.kit.random.fill(&mut noise).is_err() {
            return full;
        }
        full.mul_f64(f64::from(u32::from_be_bytes(noise)) / f64::from(u32::MAX))
    }

    /// Writes a denial to the tenant's audit log in a unit of work of its own, within bounds.
    async fn record_denial(&self, context: &TenantContext, action: &'static str) {
        metrics::counter!("wisdom_denied_total", "operation" => action).increment(1);
        if self.denials.fetch_add(1, Ordering::AcqRel) < MAX_DENIALS_AT_WORK {
            let written = async {
                let tx = self.store.begin(context, Effect::Write).await?;
                let entry = AuditEntry::on("operation", action).denied();
                let ((), record) = Outcome::audited((), entry).into_record(tx.frame(), action)?;
                tx.commit(record).await
            };
            if let Err(error) = written.await {
                tracing::warn!(operation = action, %error, "a denial could not be written to the audit log");
            }
        }
        self.denials.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Rolls back. A rollback that fails ends with the connection.
async fn undo<Tx: UnitOfWork + ?Sized>(tx: Box<Tx>, name: &'static str) {
    if let Err(error) = tx.rollback().await {
        tracing::debug!(use_case = name, %error, "rollback failed");
    }
}

fn admit_kind<O: Operation>(principal: Option<&Principal>) -> Result<(), AccessError> {
    principal.map_or(Ok(()), |principal| O::CALLERS.admit(principal, O::EFFECT))
}

/// Whether a caller may run an operation.
///
/// # Errors
/// The [`AccessError`] that says why not.
pub fn admit<O: Operation>(caller: &Caller) -> Result<(), AccessError> {
    if O::ACCESS != Access::Public {
        admit_kind::<O>(caller.principal())?;
    }
    match (O::ACCESS, caller) {
        (Access::Public, _) | (Access::System, Caller::System(..)) => Ok(()),
        (Access::Authenticated, caller) => caller.require_session().map(|_| ()),
        (Access::Tenant(permission), Caller::Tenant(context)) => context.require(permission),
        (Access::Tenant(_), Caller::Anonymous(_)) => Err(AccessError::Unauthenticated),
        (Access::Tenant(_), _) => Err(AccessError::NotTenant),
        (Access::System, _) => Err(AccessError::SystemOnly),
    }
}

/// The scope of a use case outside of any tenant, for a caller.
#[must_use]
pub fn system_context(caller: &Caller, name: &'static str) -> SystemContext {
    match caller {
        Caller::System(reason, request) => SystemContext::worker(*reason, *request),
        caller => {
            SystemContext::on_behalf(SystemReason(name), caller.principal().cloned(), *caller.request())
        }
    }
}

fn answer_context(claim: &IdempotencyClaim) -> Context {
    let tenant = claim.tenant.map(|t| t.as_uuid()).unwrap_or_default();
    Context::new()
        .part(tenant.as_bytes())
        .part(claim.caller.as_bytes())
        .part(claim.key.as_str())
}

fn fresh<T, E: From<StorageError>>(answer: Result<Once<T>, OnceError<E>>) -> Result<T, E> {
    match answer {
        Ok(Once::Fresh(value)) => Ok(value),
        Err(OnceError::Operation(error)) => Err(error),
        // Only a claim leads to the other arms, and callers of this function make none.
        Ok(Once::Replay(_)) | Err(OnceError::InFlight | OnceError::Mismatch) => {
            Err(StorageError::new(StorageErrorKind::Internal, "idempotency").into())
        }
    }
}
