//! Whether operators come in is the tenant's choice, and its end is an end.

use std::time::Duration;

use wisdom_auth::api_key::{ApiKeyPolicy, text};
use wisdom_auth::conformance::new_session;
use wisdom_auth::impersonation::{ImpersonationPolicy, OperatorName};
use wisdom_auth::session::Session;
use wisdom_auth::user::User;
use wisdom_core::access::Role;
use wisdom_core::conformance::save;
use wisdom_core::context::Caller;
use wisdom_core::event::StoredEvent;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::Flow as _;
use wisdom_tenancy::impersonation::{
    FindImpersonation, ImpersonationError, StartImpersonation, StartedImpersonation,
};
use wisdom_tenancy::support_access::{
    CloseSupportAccess, OpenSupportAccess, SetSupportAccess, SupportAccess, SupportMode,
};
use wisdom_tenancy::tenant::{GetTenant, Tenant};

use super::stage::{Stage, code, email};

const REASON: &str = "Ticket 4711: the export is empty";
const HOUR: Duration = Duration::from_secs(3600);
const CLOSED: (u16, &str) = (403, "impersonation.closed");
const NOT_GRANTED: (u16, &str) = (403, "impersonation.not_granted");

/// The policy of the suite's stages.
pub(crate) fn operators() -> ImpersonationPolicy {
    let names = vec![OperatorName::Email(email("ops@wisdom.example"))];
    ImpersonationPolicy::new(Vec::new(), names, HOUR)
}

/// A tenant of ada's with bob in it, and somebody who would like to act for bob.
struct Scene<'a> {
    stage: &'a Stage,
    ada: User,
    bob: User,
    tenant: Tenant,
    ops: User,
}

impl<'a> Scene<'a> {
    async fn new(stage: &'a Stage) -> Self {
        let ada = stage.person("ada@acme.example", true).await;
        let tenant = stage.tenant(&ada, "Acme").await;
        let (bob, _) = stage.join(&tenant, "bob@acme.example", Role::Admin).await;
        let ops = stage.person("ops@wisdom.example", true).await;
        stage.drain().await;
        Self {
            stage,
            ada,
            bob,
            tenant,
            ops,
        }
    }

    /// Starts as the operator, who has just proven a second factor.
    async fn start(&self) -> Result<StartedImpersonation, ImpersonationError> {
        let stage = self.stage;
        stage.step();
        let now = stage.test().now();
        let session = Session {
            second_factor_at: Some(now),
            absolute_until: now.saturating_add(HOUR * 1000),
            idle_until: now.saturating_add(HOUR * 1000),
            ..new_session(stage.test(), self.ops.id)
        };
        let context = stage.test().system();
        let mut tx = stage
            .runner()
            .store()
            .begin_system(&context, Effect::Write)
            .await
            .unwrap();
        tx.sessions().insert(&session).await.unwrap();
        save(tx).await;
        let caller = Caller::Authenticated(session.principal(), stage.test().request());
        let start = StartImpersonation {
            tenant: self.tenant.id,
            user: self.bob.id,
            reason: REASON.to_owned(),
            write: false,
        };
        start.run(stage, &caller).await
    }

    /// Whether the token is still worth something.
    async fn goes_on(&self, started: &StartedImpersonation) -> bool {
        let prefix = ApiKeyPolicy::default().prefix.of_impersonations();
        let presented = text::parse(&prefix, started.access_token.expose()).unwrap();
        let find = FindImpersonation {
            public_id: presented.public_id.to_owned(),
        };
        let found = self
            .stage
            .runner()
            .system(&self.stage.test().system(), &find)
            .await;
        found.unwrap().impersonation.is_some()
    }

    async fn set(&self, mode: SupportMode) -> SupportAccess {
        let context = self.stage.context(&self.tenant, &self.ada, Role::Owner);
        let set = SetSupportAccess { mode };
        self.stage.runner().tenant(&context, &set).await.unwrap()
    }

    async fn open(&self, hours: u8) -> Result<SupportAccess, wisdom_tenancy::error::TenancyError> {
        let context = self.stage.context(&self.tenant, &self.ada, Role::Owner);
        self.stage
            .runner()
            .tenant(&context, &OpenSupportAccess { hours })
            .await
    }

    async fn close(&self) -> SupportAccess {
        let context = self.stage.context(&self.tenant, &self.ada, Role::Owner);
        self.stage
            .runner()
            .tenant(&context, &CloseSupportAccess {})
            .await
            .unwrap()
    }

    /// What the tenant was told since, mails by their template.
    async fn told(&self) -> Vec<String> {
        let events: Vec<StoredEvent> = self.stage.drain().await;
        let mails = self.stage.mails(&events).into_iter().map(|mail| {
            assert_eq!(mail.to, self.ada.email, "owners only");
            format!("mail {}", mail.template)
        });
        let kinds = events
            .iter()
            .filter(|event| {
                event.kind.starts_with("auth.impersonation.") || event.kind.starts_with("tenancy.support")
            })
            .inspect(|event| assert_eq!(event.tenant, Some(self.tenant.id)))
            .map(|event| event.kind.clone());
        let mut told: Vec<String> = mails.chain(kinds).collect();
        told.sort();
        told
    }
}

pub(crate) async fn nobody_comes_in_before_an_owner_was_asked_and_opens(stage: &Stage) {
    let scene = Scene::new(stage).await;
    assert_eq!(code(scene.start().await), NOT_GRANTED);
    assert_eq!(
        scene.told().await,
        [
            "auth.impersonation.requested",
            "mail auth.impersonation.requested"
        ]
    );
    let entry = stage
        .audit(&scene.tenant, "auth.impersonation.request")
        .await
        .remove(0);
    assert_eq!(entry.details["reason"], REASON);
    assert!(
        stage
            .audit(&scene.tenant, "auth.impersonation.start")
            .await
            .is_empty()
    );

    // Once an hour, however often they try.
    stage.test().advance(Duration::from_secs(3_599));
    assert_eq!(code(scene.start().await), NOT_GRANTED);
    assert!(scene.told().await.is_empty());
    stage.test().advance(Duration::from_secs(1));
    assert_eq!(code(scene.start().await), NOT_GRANTED);
    assert_eq!(scene.told().await.len(), 2);

    scene.open(2).await.unwrap();
    let started = scene.start().await.unwrap();
    assert!(scene.goes_on(&started).await);
    assert_eq!(
        scene.told().await,
        [
            "auth.impersonation.started",
            "mail auth.impersonation.started",
            "tenancy.support_access.opened"
        ]
    );
    // Who is refused because the tenant is closed leaves nothing behind.
    scene.set(SupportMode::Never).await;
    scene.told().await;
    stage.test().advance(HOUR * 2);
    assert_eq!(code(scene.start().await), CLOSED);
    assert!(scene.told().await.is_empty());
}

pub(crate) async fn what_was_opened_ends_on_the_hour(stage: &Stage) {
    let scene = Scene::new(stage).await;
    let access = scene.open(1).await.unwrap();
    let end = access.open_until.unwrap();
    assert_eq!(end, stage.test().now().saturating_add(HOUR));
    stage.test().advance(Duration::from_secs(50 * 60));
    let started = scene.start().await.unwrap();
    assert_eq!(started.view.expires_at, end, "no longer than it is open");
    assert_eq!(started.expires_in, 599, "what is left of ten minutes");
    stage.test().advance(Duration::from_secs(599));
    assert!(scene.goes_on(&started).await);
    stage.test().advance(Duration::from_secs(1));
    assert!(!scene.goes_on(&started).await);
    assert_eq!(code(scene.start().await), NOT_GRANTED);
    // Open again, what had ended stays so.
    scene.open(72).await.unwrap();
    assert!(!scene.goes_on(&started).await);
    let started = scene.start().await.unwrap();
    assert_eq!(started.expires_in, 30 * 60);
}

pub(crate) async fn an_end_is_an_end(stage: &Stage) {
    let scene = Scene::new(stage).await;
    for end in ["close", "never", "back to ask"] {
        scene
            .set(if end == "back to ask" {
                SupportMode::Always
            } else {
                SupportMode::Ask
            })
            .await;
        if end != "back to ask" {
            scene.open(1).await.unwrap();
        }
        let (one, two) = (scene.start().await.unwrap(), scene.start().await.unwrap());
        scene.told().await;
        match end {
            "close" => scene.close().await,
            "never" => scene.set(SupportMode::Never).await,
            _ => scene.set(SupportMode::Ask).await,
        };
        let told = scene.told().await;
        let ended = told.iter().filter(|kind| *kind == "auth.impersonation.ended");
        assert_eq!(ended.count(), 2, "{end}: {told:?}");
        // Not even when all is open again.
        scene.set(SupportMode::Always).await;
        for it in [&one, &two] {
            assert!(!scene.goes_on(it).await, "{end}");
        }
    }
    // Under `always` an owner ends what goes on, and the next may begin.
    let started = scene.start().await.unwrap();
    assert_eq!(scene.close().await.mode, SupportMode::Always);
    assert!(!scene.goes_on(&started).await);
    let again = scene.start().await.unwrap();
    assert!(scene.goes_on(&again).await);
    // With nothing to close nothing is told.
    scene.close().await;
    scene.told().await;
    scene.close().await;
    assert!(scene.told().await.is_empty());
}

pub(crate) async fn owners_alone_decide(stage: &Stage) {
    let scene = Scene::new(stage).await;
    // A context from before a demotion is worth nothing, and neither is one that storage knows better than.
    let pretended = stage.context(&scene.tenant, &scene.bob, Role::Owner);
    let forbidden = (403, "forbidden");
    let set = SetSupportAccess {
        mode: SupportMode::Always,
    };
    let open = OpenSupportAccess { hours: 1 };
    let runner = stage.runner();
    assert_eq!(code(runner.tenant(&pretended, &set).await), forbidden);
    assert_eq!(code(runner.tenant(&pretended, &open).await), forbidden);
    assert_eq!(
        code(runner.tenant(&pretended, &CloseSupportAccess {}).await),
        forbidden
    );
    for hours in [0, 73, u8::MAX] {
        assert_eq!(code(scene.open(hours).await), (400, "input.invalid"));
    }
    for mode in [SupportMode::Never, SupportMode::Always] {
        scene.set(mode).await;
        assert_eq!(code(scene.open(1).await), (409, "support_access.not_asked"));
    }
    let context = stage.context(&scene.tenant, &scene.ada, Role::Owner);
    let tenant = runner.tenant(&context, &GetTenant {}).await.unwrap();
    assert_eq!(tenant.support_access.mode, SupportMode::Always);
    let entries = stage.audit(&scene.tenant, "tenancy.support_access.set").await;
    assert_eq!(entries[0].details["previous_mode"], "never");
}
