//! Keys' texts and the door for operators are for who proved lately who they are, and nobody else in the session.

#![cfg(feature = "testkit")]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wisdom_adapters::config::Config;
use wisdom_adapters::{Call, Wisdom, WisdomBuilder};
use wisdom_auth::error::AuthError;
use wisdom_auth::kit::AuthHost as _;
use wisdom_auth::session::sign_in::{Proof, SignIn, SignInOutcome};
use wisdom_auth::session::start::SessionGrant;
use wisdom_auth::store::IdentityTx;
use wisdom_auth::user::{NewUser, User, register};
use wisdom_core::access::Access;
use wisdom_core::catalogue::Host as _;
use wisdom_core::clock::ManualClock;
use wisdom_core::context::{SystemContext, SystemReason};
use wisdom_core::failure::Failure;
use wisdom_core::id::{TenantId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::{DisplayName, EmailAddress};

#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
struct AddUser {}

impl Operation for AddUser {
    const NAME: &'static str = "test.user.add";
    const SUMMARY: &'static str = "Adds a user.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = UserId;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for AddUser {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<UserId>, AuthError> {
        let new = NewUser {
            email: EmailAddress::parse("ada@acme.example").unwrap(),
            display_name: DisplayName::parse("Ada").unwrap(),
            phc: "$".to_owned(),
            verified: true,
        };
        let User { id, .. } = register(tx, new).await?;
        Ok(Outcome::unaudited(id, "a test's own"))
    }
}

fn system(wisdom: &Wisdom) -> SystemContext {
    SystemContext::worker(SystemReason("test"), wisdom.request(None, None))
}

async fn start(wisdom: &Wisdom, user: UserId) -> SessionGrant {
    let start = SignIn {
        user,
        label: String::new(),
        tenant: None,
        proof: Proof::Password,
        remembered_device: None,
        verified_hash: None,
    };
    match wisdom.runner().system(&system(wisdom), &start).await.unwrap() {
        SignInOutcome::Started(grant) => grant,
        _ => unreachable!("the user may sign in"),
    }
}

/// Calls with a new access token of the session: how old its proof is does not depend on the token's age.
async fn call(
    wisdom: &Wisdom,
    grant: &SessionGrant,
    tenant: Option<TenantId>,
    operation: &str,
    input: Value,
) -> Result<Value, Failure> {
    let now = wisdom.kit().clock.now();
    let token = wisdom.auth().tokens.issue_for(&grant.principal(), now).unwrap();
    let reply = wisdom
        .call(Call {
            token: Some(token.expose()),
            tenant,
            ..Call::new(operation, input, wisdom.request(None, None))
        })
        .await?;
    Ok(serde_json::from_slice(&reply.body).unwrap())
}

#[tokio::test]
async fn an_old_proof_gets_no_text_of_a_key_and_lets_nobody_in() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000).unwrap());
    let wisdom = WisdomBuilder::new(Config::in_memory())
        .clock(Arc::new(clock.clone()))
        .build()
        .await
        .unwrap();
    let user = wisdom
        .runner()
        .system(&system(&wisdom), &AddUser {})
        .await
        .unwrap();
    let ada = start(&wisdom, user).await;
    let tenant = call(
        &wisdom,
        &ada,
        None,
        "tenancy.tenant.create",
        json!({ "name": "Acme" }),
    )
    .await
    .unwrap();
    let tenant: TenantId = serde_json::from_value(tenant["id"].clone()).unwrap();
    let personal = json!({ "name": "Mine" });
    let own = json!({ "name": "Ours", "role": "viewer" });

    clock.advance(Duration::from_secs(600));
    let made = call(
        &wisdom,
        &ada,
        Some(tenant),
        "auth.api_key.create_personal",
        personal.clone(),
    );
    let key = made.await.unwrap()["key"].clone();
    let rotate = json!({ "key": key });
    let asking = [
        ("auth.api_key.create_personal", personal),
        ("auth.api_key.create", own),
        ("auth.api_key.rotate", rotate.clone()),
        ("tenancy.support_access.open", json!({ "hours": 1 })),
        ("tenancy.support_access.set", json!({ "mode": "always" })),
    ];

    clock.advance(Duration::from_secs(1));
    for (operation, input) in &asking {
        let refused = call(&wisdom, &ada, Some(tenant), operation, input.clone()).await;
        assert_eq!(refused.unwrap_err().code, "step_up.required", "{operation}");
    }
    // Looking and ending need no such proof: who loses a key must be able to end it at once.
    let listed = call(&wisdom, &ada, Some(tenant), "auth.api_key.list", json!({})).await;
    assert_eq!(listed.unwrap()["items"].as_array().unwrap().len(), 1);

    let again = start(&wisdom, user).await;
    for (operation, input) in asking {
        let made = call(&wisdom, &again, Some(tenant), operation, input)
            .await
            .unwrap();
        let done = if operation.starts_with("auth.api_key.") {
            "text"
        } else {
            "mode"
        };
        assert!(made[done].is_string(), "{operation}");
    }
    clock.advance(Duration::from_secs(601));
    let revoked = call(&wisdom, &ada, Some(tenant), "auth.api_key.revoke", rotate).await;
    assert!(revoked.is_ok());
    let closed = call(
        &wisdom,
        &ada,
        Some(tenant),
        "tenancy.support_access.close",
        json!({}),
    )
    .await;
    assert!(closed.is_ok());
}
