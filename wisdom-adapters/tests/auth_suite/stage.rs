//! A tiny host around a store, and people who sign in.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use wisdom_adapters::storage::DynStore;
use wisdom_auth::authenticate::authenticate;
use wisdom_auth::error::AuthError;
use wisdom_auth::federation::Federation;
use wisdom_auth::kit::{AuthHost, AuthServices};
use wisdom_auth::mailed_proof::{IssueProof, ProofWish, WISHED};
use wisdom_auth::operation::{LogIn, Refresh};
use wisdom_auth::passkey::PasskeyService;
use wisdom_auth::password::{PasswordParams, Passwords};
use wisdom_auth::session::Session;
use wisdom_auth::session::confirmation::{ConfirmGeneration, Confirmations};
use wisdom_auth::session::renew::TokenPair;
use wisdom_auth::session::revocation::Revocations;
use wisdom_auth::session::sign_in::SignedIn;
use wisdom_auth::token::{AccessTokenPolicy, AccessTokens, KeyRing, SigningAlgorithm};
use wisdom_auth::user::{NewUser, User, UserState, register};
use wisdom_core::catalogue::Host;
use wisdom_core::conformance::{TestKit, save};
use wisdom_core::context::{Caller, Principal};
use wisdom_core::event::StoredEvent;
use wisdom_core::failure::OperationError;
use wisdom_core::id::SessionId;
use wisdom_core::mail::{MAIL_REQUESTED, MailRequest};
use wisdom_core::port::rate_limit::{RateDecision, RateKey, RateLimit, RatePolicy};
use wisdom_core::port::{PortError, PortErrorKind};
use wisdom_core::runner::{RetryPolicy, Runner};
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::Flow as _;
use wisdom_core::value::{DisplayName, EmailAddress};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "seven green bicycles in the rain";

/// The host. Clones share everything.
#[derive(Clone)]
pub(crate) struct Stage {
    test: TestKit,
    runner: Runner<DynStore>,
    auth: Arc<AuthServices>,
    limiter: Arc<Burst>,
    guard: Arc<dyn Any + Send + Sync>,
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

/// Allows each key its burst and then nothing, until it is told to start over or to fail.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    taken: Mutex<HashMap<(String, Vec<u8>), u32>>,
    away: AtomicBool,
    open: AtomicBool,
}

impl Burst {
    pub(crate) fn start_over(&self) {
        self.taken.lock().unwrap().clear();
    }

    /// Counts nothing from now on: for cases about who wins, which knock more often than people do.
    pub(crate) fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }

    pub(crate) fn go_away(&self) {
        self.away.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl RateLimit for Burst {
    async fn check(&self, policy: &RatePolicy, key: &RateKey, cost: u32) -> Result<RateDecision, PortError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(PortError::new("rate_limit", "check", PortErrorKind::Unavailable));
        }
        let mut taken = self.taken.lock().unwrap();
        let taken = taken
            .entry((policy.name().to_owned(), key.as_bytes().to_vec()))
            .or_default();
        if self.open.load(Ordering::SeqCst) {
            *taken = 0;
        }
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

/// Where people sign in.
#[cfg(feature = "passkeys")]
pub(crate) const ORIGIN: &str = "https://app.acme.example";

#[cfg(feature = "passkeys")]
fn passkeys() -> PasskeyService {
    use wisdom_auth::passkey::{RelyingParty, RelyingPartySettings, ResidentKey, UserVerification};

    let settings = RelyingPartySettings {
        id: "acme.example".to_owned(),
        name: "Acme".to_owned(),
        origins: vec![ORIGIN.to_owned(), "https://acme.example:8443".to_owned()],
        user_verification: UserVerification::Required,
        resident_key: ResidentKey::Preferred,
        life: Duration::from_mins(5),
    };
    PasskeyService::new(RelyingParty::new(&settings).unwrap())
}

#[cfg(not(feature = "passkeys"))]
fn passkeys() -> PasskeyService {
    PasskeyService::default()
}

impl Stage {
    /// A host around a store with empty tables that was opened with the kit of `test`. `guard` lives as long.
    pub(crate) fn new(store: Arc<DynStore>, test: TestKit, guard: impl Any + Send + Sync) -> Self {
        Self::with_params(store, test, guard, PasswordParams::insecure_for_tests())
    }

    pub(crate) fn with_params(
        store: Arc<DynStore>,
        test: TestKit,
        guard: impl Any + Send + Sync,
        params: PasswordParams,
    ) -> Self {
        let kit = Arc::clone(test.kit());
        let ring = KeyRing::generate(SigningAlgorithm::EdDsa, &kit).unwrap();
        let policy = AccessTokenPolicy::new("https://acme.example", "acme").unwrap();
        let limiter = Arc::new(Burst::default());
        let auth = AuthServices {
            passwords: Passwords::new(params, Arc::clone(&kit.random)).unwrap(),
            tokens: AccessTokens::new(ring, policy.clone(), Arc::clone(&kit.ids)),
            revocations: Revocations::new(policy.longest_use(), 1_000_000),
            confirmations: Confirmations::default(),
            federation: Federation::default(),
            passkeys: passkeys(),
            rate_limit: Arc::clone(&limiter) as Arc<dyn RateLimit>,
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
            limiter,
            guard: Arc::new(guard),
        }
    }

    /// The same store behind a host whose passwords cost this much.
    pub(crate) fn at_cost(&self, params: PasswordParams) -> Self {
        let store = Arc::clone(self.runner.store());
        Self::with_params(store, self.test.clone(), Arc::clone(&self.guard), params)
    }

    pub(crate) fn test(&self) -> &TestKit {
        &self.test
    }

    pub(crate) fn runner(&self) -> &Runner<DynStore> {
        &self.runner
    }

    pub(crate) fn services(&self) -> &AuthServices {
        &self.auth
    }

    pub(crate) fn limiter(&self) -> &Burst {
        &self.limiter
    }

    /// Nobody who signed in.
    pub(crate) fn stranger(&self) -> Caller {
        Caller::Anonymous(self.test.request())
    }

    /// Whoever the access token speaks for.
    pub(crate) fn caller(&self, pair: &TokenPair) -> Caller {
        Caller::Authenticated(self.authenticate(pair).unwrap(), self.test.request())
    }

    pub(crate) fn authenticate(&self, pair: &TokenPair) -> Result<Principal, AuthError> {
        authenticate(&self.auth, pair.access_token.expose(), self.test.now())
    }

    /// A person with an account and the password of everybody.
    pub(crate) async fn person(&self, address: &str) -> User {
        let phc = self.auth.passwords.hash(secret(PASSWORD)).await.unwrap();
        let mut tx = self
            .runner
            .store()
            .begin_system(&self.test.system(), Effect::Write)
            .await
            .unwrap();
        let display_name = DisplayName::parse("Somebody").unwrap();
        let new = NewUser {
            email: email(address),
            display_name,
            phc,
            verified: false,
        };
        let user = register(&mut *tx, new).await.unwrap();
        save(tx).await;
        user
    }

    /// The user, as stored.
    pub(crate) async fn stored_user(&self, address: &str) -> User {
        let mut tx = self
            .runner
            .store()
            .begin_system(&self.test.system(), Effect::Read)
            .await
            .unwrap();
        tx.users().find_by_email(&email(address)).await.unwrap().unwrap()
    }

    pub(crate) async fn password_hash(&self, address: &str) -> String {
        let user = self.stored_user(address).await;
        let mut tx = self
            .runner
            .store()
            .begin_system(&self.test.system(), Effect::Read)
            .await
            .unwrap();
        tx.users().password_hash(user.id).await.unwrap().unwrap()
    }

    pub(crate) async fn disable(&self, address: &str) {
        let user = self.stored_user(address).await;
        let mut tx = self
            .runner
            .store()
            .begin_system(&self.test.system(), Effect::Write)
            .await
            .unwrap();
        let disabled = User {
            state: UserState::Disabled,
            ..user
        };
        tx.users().update(&disabled, disabled.version).await.unwrap();
        save(tx).await;
    }

    pub(crate) async fn try_log_in(&self, address: &str, password: &str) -> Result<TokenPair, AuthError> {
        match self.begin_log_in(address, password).await? {
            SignedIn::Session(pair) => Ok(pair),
            SignedIn::Challenge(_) => panic!("the second factor is asked for"),
        }
    }

    /// Signs in with a password, as far as that goes.
    pub(crate) async fn begin_log_in(&self, address: &str, password: &str) -> Result<SignedIn, AuthError> {
        let log_in = LogIn {
            email: email(address),
            password: secret(password),
            device: Some("Test".to_owned()),
            remembered_device: None,
            device_token: None,
            remember_device: false,
        };
        log_in.run(self, &self.stranger()).await
    }

    /// Signs in with the right password, whatever the limiter counted before.
    pub(crate) async fn log_in(&self, address: &str) -> TokenPair {
        self.limiter.start_over();
        self.try_log_in(address, PASSWORD).await.unwrap()
    }

    pub(crate) async fn refresh(&self, pair: &TokenPair) -> Result<TokenPair, AuthError> {
        Refresh {
            refresh_token: pair.refresh_token.clone(),
            device: None,
        }
        .run(self, &self.stranger())
        .await
    }

    /// What the edge does when it sees an access token for the first time.
    pub(crate) async fn see(&self, pair: &TokenPair) {
        let principal = self.authenticate(pair).unwrap();
        let own = principal.session().unwrap();
        let confirm = ConfirmGeneration {
            session: own.session,
            generation: own.generation,
        };
        self.runner.on_behalf(&self.stranger(), &confirm).await.unwrap();
    }

    pub(crate) async fn session(&self, id: SessionId) -> Session {
        let mut tx = self
            .runner
            .store()
            .begin_system(&self.test.system(), Effect::Read)
            .await
            .unwrap();
        tx.sessions().find(id).await.unwrap().unwrap()
    }

    /// Takes every event out of the outbox.
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

    /// Does what the relay does with wishes for mailed proofs; answers every mail that was asked for.
    pub(crate) async fn deliver(&self) -> Vec<MailRequest> {
        let events = self.drain().await;
        let mut mails = self.mails(&events);
        mails.extend(self.redeliver(&events).await);
        mails
    }

    /// The mails that come of these wishes for mailed proofs.
    pub(crate) async fn redeliver(&self, events: &[StoredEvent]) -> Vec<MailRequest> {
        let sealer = self.test.kit().sealer.as_ref();
        let wishes: Vec<_> = events
            .iter()
            .filter(|event| event.kind == WISHED)
            .map(|event| ProofWish::from_event(event, sealer).unwrap())
            .collect();
        for wish in wishes {
            let context = self.test.system();
            self.runner.system(&context, &IssueProof { wish }).await.unwrap();
        }
        let issued = self.drain().await;
        self.mails(&issued)
    }

    /// Makes the address of a person a proven one.
    pub(crate) async fn verify(&self, address: &str) {
        let user = self.stored_user(address).await;
        let mut tx = self
            .runner
            .store()
            .begin_system(&self.test.system(), Effect::Write)
            .await
            .unwrap();
        let verified = User {
            email_verified_at: Some(self.test.now()),
            ..user
        };
        tx.users().update(&verified, verified.version).await.unwrap();
        save(tx).await;
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

pub(crate) fn secret(text: &str) -> SecretText {
    SecretText::from(text.to_owned())
}

/// Status and code of a refusal.
pub(crate) fn code<T: fmt::Debug, E: OperationError>(answer: Result<T, E>) -> (u16, &'static str) {
    let failure = answer.expect_err("a refusal").into_failure();
    (failure.kind.http_status(), failure.code)
}
