//! A tiny host around a store, and the people and tenants that cases begin with.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use wisdom_adapters::storage::DynStore;
use wisdom_auth::federation::Federation;
use wisdom_auth::kit::{AuthHost, AuthServices};
use wisdom_auth::passkey::PasskeyService;
use wisdom_auth::password::{PasswordParams, Passwords};
use wisdom_auth::session::confirmation::Confirmations;
use wisdom_auth::session::revocation::Revocations;
use wisdom_auth::token::{AccessTokenPolicy, AccessTokens, KeyRing, SigningAlgorithm};
use wisdom_auth::user::{NewUser, User, register};
use wisdom_core::access::Role;
use wisdom_core::audit::AuditRecord;
use wisdom_core::catalogue::Host;
use wisdom_core::conformance::{TestKit, save};
use wisdom_core::context::{Caller, TenantContext};
use wisdom_core::event::StoredEvent;
use wisdom_core::failure::OperationError;
use wisdom_core::mail::{MAIL_REQUESTED, MailRequest};
use wisdom_core::page::PageRequest;
use wisdom_core::port::PortError;
use wisdom_core::port::rate_limit::{RateDecision, RateKey, RateLimit, RatePolicy};
use wisdom_core::runner::{RetryPolicy, Runner};
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::value::{DisplayName, EmailAddress, Slug};
use wisdom_tenancy::invitation::{AcceptInvitation, InvitationView, Invite};
use wisdom_tenancy::membership::Membership;
use wisdom_tenancy::tenant::{CreateTenant, Standing, Tenant};

/// A password that the policy lets through.
pub(crate) const PASSWORD: &str = "seven green bicycles in the rain";

/// The host. Clones share everything.
#[derive(Clone)]
pub(crate) struct Stage {
    test: TestKit,
    runner: Runner<DynStore>,
    auth: Arc<AuthServices>,
    _guard: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").finish_non_exhaustive()
    }
}

impl Host for Stage {
    type Store = DynStore;

    fn runner(&self) -> &Runner<DynStore> {
        &self.runner
    }
}

impl AuthHost for Stage {
    fn auth(&self) -> &AuthServices {
        &self.auth
    }
}

/// Allows each key its burst, and then nothing ever again.
#[derive(Debug, Default)]
struct Burst(Mutex<HashMap<(String, Vec<u8>), u32>>);

#[async_trait]
impl RateLimit for Burst {
    async fn check(&self, policy: &RatePolicy, key: &RateKey, cost: u32) -> Result<RateDecision, PortError> {
        let mut taken = self.0.lock().unwrap();
        let taken = taken
            .entry((policy.name().to_owned(), key.as_bytes().to_vec()))
            .or_default();
        let allowed = *taken + cost <= policy.burst().get();
        *taken += if allowed { cost } else { 0 };
        Ok(RateDecision {
            allowed,
            remaining: policy.burst().get() - *taken,
            reset_after: policy.window(),
            retry_after: (!allowed).then(|| policy.window()),
        })
    }
}

impl Stage {
    /// A host around a store with empty tables that was opened with the kit of `test`. `guard` lives as long.
    pub(crate) fn new(store: Arc<DynStore>, test: TestKit, guard: impl Any + Send + Sync) -> Self {
        let kit = Arc::clone(test.kit());
        let ring = KeyRing::generate(SigningAlgorithm::EdDsa, &kit).unwrap();
        let policy = AccessTokenPolicy::new("https://acme.example", "acme").unwrap();
        let auth = AuthServices {
            passwords: Passwords::new(PasswordParams::insecure_for_tests(), Arc::clone(&kit.random)).unwrap(),
            tokens: AccessTokens::new(ring, policy, Arc::clone(&kit.ids)),
            revocations: Revocations::new(Duration::from_secs(660), 1_000),
            confirmations: Confirmations::new(1_000),
            federation: Federation::default(),
            passkeys: PasskeyService::default(),
            rate_limit: Arc::new(Burst::default()),
        };
        // Parallel cases are about who wins, not about how soon the losers give up.
        let retry = RetryPolicy {
            attempts: 50,
            ..RetryPolicy::default()
        };
        let runner = Runner::new(store, kit, retry);
        Self {
            test,
            runner,
            auth: Arc::new(auth),
            _guard: Arc::new(guard),
        }
    }

    pub(crate) fn test(&self) -> &TestKit {
        &self.test
    }

    pub(crate) fn runner(&self) -> &Runner<DynStore> {
        &self.runner
    }

    /// Lets a moment pass, so that what comes next is newer than what came before.
    pub(crate) fn step(&self) {
        self.test.advance(Duration::from_millis(1));
    }

    /// Nobody who signed in.
    pub(crate) fn stranger(&self) -> Caller {
        Caller::Anonymous(self.test.request())
    }

    /// The user, signed in.
    pub(crate) fn signed_in(&self, user: &User) -> Caller {
        Caller::Authenticated(self.test.principal(user.id), self.test.request())
    }

    /// The user as a member with this role, whatever storage knows.
    pub(crate) fn context(&self, tenant: &Tenant, user: &User, role: Role) -> TenantContext {
        self.test.member(tenant.id, user.id, role)
    }

    /// A person with an account.
    pub(crate) async fn person(&self, address: &str, verified: bool) -> User {
        self.step();
        let mut tx = self
            .runner
            .store()
            .begin_system(&self.test.system(), Effect::Write)
            .await
            .unwrap();
        let new = NewUser {
            email: email(address),
            display_name: name("Somebody"),
            phc: "$argon2id$none".to_owned(),
            verified,
        };
        let user = register(&mut *tx, new).await.unwrap();
        save(tx).await;
        user
    }

    /// A tenant the user owns.
    pub(crate) async fn tenant(&self, owner: &User, text: &str) -> Tenant {
        self.step();
        let create = CreateTenant {
            name: name(text),
            slug: None,
        };
        self.runner
            .on_behalf(&self.signed_in(owner), &create)
            .await
            .unwrap()
    }

    /// A new person with a membership of this role, made without any invitation.
    pub(crate) async fn join(&self, tenant: &Tenant, address: &str, role: Role) -> (User, Membership) {
        let user = self.person(address, true).await;
        let membership = self.enrol(tenant, &user, role).await;
        (user, membership)
    }

    /// A membership of this role, made without any invitation.
    pub(crate) async fn enrol(&self, tenant: &Tenant, user: &User, role: Role) -> Membership {
        self.step();
        let membership = Membership {
            id: self.test.id(),
            user: user.id,
            role,
            created_at: self.test.now(),
            version: 1,
        };
        let mut tx = self
            .runner
            .store()
            .begin(&self.test.tenant(tenant.id), Effect::Write)
            .await
            .unwrap();
        tx.memberships().insert(&membership).await.unwrap();
        save(tx).await;
        membership
    }

    /// An invitation by a member, and the token from its mail.
    pub(crate) async fn invite(
        &self,
        tenant: &Tenant,
        by: &User,
        address: &str,
        role: Role,
    ) -> (InvitationView, SecretText) {
        self.step();
        let rank = self.membership(tenant, by).await.unwrap().role;
        let context = self.context(tenant, by, rank);
        self.drain().await;
        let view = self
            .runner
            .tenant(
                &context,
                &Invite {
                    email: email(address),
                    role,
                },
            )
            .await
            .unwrap();
        let mail = self.mails(&self.drain().await).remove(0);
        (view, secret(&mail.params["token"]))
    }

    /// Accepts as the user.
    pub(crate) async fn accept(
        &self,
        user: &User,
        token: &SecretText,
    ) -> Result<wisdom_tenancy::invitation::Joined, wisdom_tenancy::error::TenancyError> {
        let accept = AcceptInvitation { token: token.clone() };
        self.runner.on_behalf(&self.signed_in(user), &accept).await
    }

    pub(crate) async fn user_at(&self, address: &str) -> Option<User> {
        let mut tx = self
            .runner
            .store()
            .begin_system(&self.test.system(), Effect::Read)
            .await
            .unwrap();
        tx.users().find_by_email(&email(address)).await.unwrap()
    }

    pub(crate) async fn password_hash(&self, address: &str) -> Option<String> {
        let user = self.user_at(address).await?;
        let mut tx = self
            .runner
            .store()
            .begin_system(&self.test.system(), Effect::Read)
            .await
            .unwrap();
        tx.users().password_hash(user.id).await.unwrap()
    }

    pub(crate) async fn standings(&self, user: &User) -> Vec<Standing> {
        let mut tx = self
            .runner
            .store()
            .begin_system(&self.test.system(), Effect::Read)
            .await
            .unwrap();
        tx.tenants()
            .list_of_user(user.id, &PageRequest::first(100))
            .await
            .unwrap()
            .items
    }

    pub(crate) async fn membership(&self, tenant: &Tenant, user: &User) -> Option<Membership> {
        let mut tx = self
            .runner
            .store()
            .begin(&self.test.tenant(tenant.id), Effect::Read)
            .await
            .unwrap();
        tx.memberships()
            .find_by_user(user.id)
            .await
            .unwrap()
            .map(|member| member.membership)
    }

    /// The tenant's audit entries of an action, newest first.
    pub(crate) async fn audit(&self, tenant: &Tenant, action: &str) -> Vec<AuditRecord> {
        let mut tx = self
            .runner
            .store()
            .begin(&self.test.tenant(tenant.id), Effect::Read)
            .await
            .unwrap();
        tx.audit_log()
            .list(Some(action), &PageRequest::first(100))
            .await
            .unwrap()
            .items
    }

    /// Takes every event out of the outbox, of one subject in order.
    pub(crate) async fn drain(&self) -> Vec<StoredEvent> {
        let mut events = Vec::new();
        loop {
            let mut tx = self
                .runner
                .store()
                .begin_system(&self.test.system(), Effect::Write)
                .await
                .unwrap();
            let claimed = tx
                .outbox()
                .claim(100, self.test.now(), Duration::from_secs(30))
                .await
                .unwrap();
            for claim in &claimed {
                assert!(
                    tx.outbox()
                        .complete(claim.event.id, claim.fence, self.test.now())
                        .await
                        .unwrap()
                );
            }
            save(tx).await;
            if claimed.is_empty() {
                return events;
            }
            events.extend(claimed.into_iter().map(|claim| claim.event));
        }
    }

    /// The mails that these events ask for.
    pub(crate) fn mails(&self, events: &[StoredEvent]) -> Vec<MailRequest> {
        let sealer = self.test.kit().sealer.as_ref();
        let asked = events.iter().filter(|event| event.kind == MAIL_REQUESTED);
        asked
            .map(|event| MailRequest::from_event(event, sealer).unwrap())
            .collect()
    }
}

pub(crate) fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub(crate) fn name(text: &str) -> DisplayName {
    DisplayName::parse(text).unwrap()
}

pub(crate) fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

pub(crate) fn secret(text: &str) -> SecretText {
    SecretText::from(text.to_owned())
}

/// Status and code of a refusal.
pub(crate) fn code<T: fmt::Debug, E: OperationError>(answer: Result<T, E>) -> (u16, &'static str) {
    let failure = answer.expect_err("a refusal").into_failure();
    (failure.kind.http_status(), failure.code)
}
