//! API keys: whose rights they have, and what becomes of them.

use wisdom_auth::api_key::create::{CreatePersonalKey, CreateTenantKey};
use wisdom_auth::api_key::read::{GetApiKey, ListApiKeys};
use wisdom_auth::api_key::revoke::RevokeApiKey;
use wisdom_auth::api_key::rotate::RotateApiKey;
use wisdom_auth::api_key::verify::FindApiKey;
use wisdom_auth::api_key::{ApiKey, KeyPrefix, permission, text};
use wisdom_core::access::{Grants, Permission, Role};
use wisdom_core::context::{TenantContext, VerifiedMembership};
use wisdom_core::random::{ManualRandom, SecureRandomExt as _};
use wisdom_core::secret::SecretText;
use wisdom_tenancy::membership::{LeaveTenant, RemoveMember};
use wisdom_tenancy::permission as tenancy;
use wisdom_tenancy::tenant::Tenant;

use super::stage::{Stage, code, name};

/// The permissions that can be scopes on the stage.
pub(crate) fn scopes() -> Vec<Permission> {
    tenancy::ALL.into_iter().chain(permission::ALL).collect()
}

fn tenant_key(role: Role, scopes: Option<&[&str]>) -> CreateTenantKey {
    CreateTenantKey {
        name: name("Robot"),
        role,
        scopes: scopes.map(|names| names.iter().map(|n| (*n).to_owned()).collect()),
        addresses: Vec::new(),
        expires_at: None,
    }
}

fn personal_key(scopes: Option<&[&str]>) -> CreatePersonalKey {
    CreatePersonalKey {
        name: name("Mine"),
        scopes: scopes.map(|names| names.iter().map(|n| (*n).to_owned()).collect()),
        addresses: Vec::new(),
        expires_at: None,
    }
}

/// The key that a text names, as the edge reads it, if the text is good now.
async fn presented(stage: &Stage, secret: &SecretText) -> Option<ApiKey> {
    let parsed = text::parse(&KeyPrefix::default(), secret.expose()).unwrap();
    let find = FindApiKey {
        public_id: parsed.public_id.to_owned(),
    };
    let found = stage
        .runner()
        .system(&stage.test().system(), &find)
        .await
        .unwrap();
    found
        .key
        .filter(|key| key.accepts(&parsed.hash, None, stage.test().now()))
}

/// A context of the tenant for a key of its own.
fn acting(stage: &Stage, key: &ApiKey) -> TenantContext {
    TenantContext::of_service(key.principal(), stage.test().request()).unwrap()
}

pub(crate) async fn a_key_is_good_until_it_is_revoked(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let acme = stage.tenant(&ada, "Acme").await;
    let owner = stage.context(&acme, &ada, Role::Owner);
    let made = stage
        .runner()
        .tenant(&owner, &tenant_key(Role::Member, None))
        .await
        .unwrap();
    let key = presented(stage, &made.text).await.unwrap();
    assert_eq!((key.tenant, key.role, key.owner), (acme.id, Role::Member, None));
    let rotate = |overlap_seconds| RotateApiKey {
        key: key.id,
        overlap_seconds,
    };
    let second = stage.runner().tenant(&owner, &rotate(60)).await.unwrap();
    assert!(presented(stage, &made.text).await.is_some(), "both are good");
    assert!(presented(stage, &second.text).await.is_some());
    let third = stage.runner().tenant(&owner, &rotate(60)).await.unwrap();
    assert!(presented(stage, &made.text).await.is_none(), "two at most");
    assert!(presented(stage, &second.text).await.is_some());
    stage.test().advance(std::time::Duration::from_secs(60));
    assert!(
        presented(stage, &second.text).await.is_none(),
        "the overlap is over"
    );
    assert!(presented(stage, &third.text).await.is_some());
    let revoke = RevokeApiKey { key: key.id };
    for _ in 0..2 {
        stage.runner().tenant(&owner, &revoke).await.unwrap();
    }
    assert!(presented(stage, &third.text).await.is_none());
    assert_eq!(
        code(stage.runner().tenant(&owner, &rotate(0)).await),
        (409, "api_key.ended")
    );
    let get = GetApiKey { key: key.id };
    let view = stage.runner().tenant(&owner, &get).await.unwrap();
    assert!(view.revoked_at.is_some(), "revoked keys stay in sight");
    assert_eq!(stage.audit(&acme, "auth.api_key.revoke").await.len(), 1);
    let told: Vec<_> = stage.drain().await.into_iter().map(|event| event.kind).collect();
    for kind in ["created", "rotated", "revoked"] {
        assert!(told.contains(&format!("auth.api_key.{kind}")), "{told:?}");
    }
}

pub(crate) async fn keys_are_never_above_who_makes_them(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let acme = stage.tenant(&ada, "Acme").await;
    let (bob, _) = stage.join(&acme, "bob@acme.example", Role::Admin).await;
    let (cleo, _) = stage.join(&acme, "cleo@acme.example", Role::Viewer).await;
    let owner = stage.context(&acme, &ada, Role::Owner);
    let admin = stage.context(&acme, &bob, Role::Admin);
    let viewer = stage.context(&acme, &cleo, Role::Viewer);
    let run = stage.runner();
    assert_eq!(
        code(run.tenant(&admin, &tenant_key(Role::Owner, None)).await),
        (400, "input.invalid")
    );
    assert_eq!(
        code(run.tenant(&viewer, &tenant_key(Role::Viewer, None)).await),
        (403, "forbidden")
    );
    for names in [&["tenancy.tenant.update"][..], &["no.such.thing"], &[]] {
        let refused = run.tenant(&viewer, &personal_key(Some(names))).await;
        assert_eq!(code(refused), (400, "input.invalid"), "{names:?}");
        let refused = run.tenant(&admin, &tenant_key(Role::Viewer, Some(names))).await;
        assert_eq!(code(refused), (400, "input.invalid"), "{names:?}");
    }
    // A context from before a demotion is worth no more than what storage knows.
    let stale = stage.context(&acme, &cleo, Role::Owner);
    assert_eq!(
        code(run.tenant(&stale, &tenant_key(Role::Viewer, None)).await),
        (403, "forbidden")
    );
    // Whoever rotates a key can use it.
    let high = run.tenant(&owner, &tenant_key(Role::Owner, None)).await.unwrap();
    let mine = run.tenant(&owner, &personal_key(None)).await.unwrap();
    for key in [high.view.key, mine.view.key] {
        let rotate = RotateApiKey {
            key,
            overlap_seconds: 0,
        };
        assert_eq!(code(run.tenant(&admin, &rotate).await), (400, "input.invalid"));
        assert_eq!(code(run.tenant(&viewer, &rotate).await), (404, "not_found"));
        let revoke = RevokeApiKey { key };
        assert_eq!(code(run.tenant(&admin, &revoke).await), (403, "forbidden"));
        assert_eq!(code(run.tenant(&viewer, &revoke).await), (404, "not_found"));
    }
    let seen = run.tenant(&viewer, &ListApiKeys::default()).await.unwrap();
    assert!(seen.items.is_empty(), "others' keys are nobody's business");
    // A key makes no keys, whatever its rights.
    let robot = acting(stage, &presented(stage, &high.text).await.unwrap());
    assert_eq!(
        code(run.tenant(&robot, &tenant_key(Role::Viewer, None)).await),
        (403, "session.required")
    );
    let rotate = RotateApiKey {
        key: high.view.key,
        overlap_seconds: 0,
    };
    assert_eq!(code(run.tenant(&robot, &rotate).await), (403, "session.required"));
    assert_eq!(
        code(run.tenant(&robot, &LeaveTenant {}).await),
        (403, "session.required")
    );
    let audit = stage.audit(&acme, "auth.api_key.create").await;
    assert!(
        audit.iter().any(|entry| entry.actor == robot.actor()),
        "denials name the key"
    );
}

pub(crate) async fn a_creators_leaving_flags_the_tenants_keys(stage: &Stage) {
    let ada = stage.person("ada@acme.example", true).await;
    let acme = stage.tenant(&ada, "Acme").await;
    let owner = stage.context(&acme, &ada, Role::Owner);
    let run = stage.runner();
    let mut left = Vec::new();
    for (address, leaves) in [("bob@acme.example", false), ("cleo@acme.example", true)] {
        let (user, membership) = stage.join(&acme, address, Role::Admin).await;
        let admin = stage.context(&acme, &user, Role::Admin);
        let made = run.tenant(&admin, &tenant_key(Role::Member, None)).await.unwrap();
        stage.drain().await;
        if leaves {
            run.tenant(&admin, &LeaveTenant {}).await.unwrap();
        } else {
            let remove = RemoveMember {
                member: membership.id,
            };
            run.tenant(&owner, &remove).await.unwrap();
        }
        let told = stage.drain().await;
        let review: Vec<_> = told
            .iter()
            .filter(|event| event.kind == "auth.api_key.needs_review")
            .collect();
        assert_eq!(review.len(), 1);
        assert_eq!(review[0].subject, made.view.key.to_string());
        assert!(presented(stage, &made.text).await.is_some(), "it lives on");
        left.push(made.view.key);
    }
    let seen = run.tenant(&owner, &ListApiKeys::default()).await.unwrap();
    assert_eq!(seen.items.iter().map(|view| view.key).collect::<Vec<_>>(), left);
    assert!(seen.items.iter().all(|view| view.needs_review));
}

/// Draws `1 in n`.
fn below(random: &ManualRandom, n: u8) -> usize {
    let [byte] = random.bytes::<1>().unwrap();
    usize::from(byte % n)
}

/// Of 1,000 random wishes for keys and rotations, by callers of random rights, none gives more than the caller has.
pub(crate) async fn random_wishes_escalate_nothing(stage: &Stage) {
    let random = ManualRandom::new(42);
    let ada = stage.person("ada@acme.example", true).await;
    let acme: Tenant = stage.tenant(&ada, "Acme").await;
    let mut people = vec![(ada, Role::Owner)];
    for role in Role::ALL {
        let (user, _) = stage.join(&acme, &format!("{role}@acme.example"), role).await;
        people.push((user, role));
    }
    let all = scopes();
    let pick = |most: u8| -> Option<Vec<String>> {
        (below(&random, 3) > 0).then(|| {
            let count = 1 + below(&random, most);
            (0..count)
                .map(|_| {
                    all[below(&random, u8::try_from(all.len()).unwrap())]
                        .name()
                        .to_owned()
                })
                .collect()
        })
    };
    let mut known = Vec::new();
    let mut given = 0;
    for round in 0..1_000 {
        stage.step();
        let (user, role) = &people[below(&random, 5)];
        let mut held = Grants::of_role(*role);
        if let Some(only) = pick(12) {
            held = held.restricted_to(only);
        }
        let membership = VerifiedMembership::attested(acme.id, user.id, held.clone());
        let principal = stage.test().principal(user.id);
        let context = TenantContext::from_membership(membership, principal, stage.test().request()).unwrap();
        let wanted = pick(3);
        let answer = match below(&random, 3) {
            0 => {
                let create = CreateTenantKey {
                    role: Role::ALL[below(&random, 4)],
                    scopes: wanted,
                    ..tenant_key(Role::Viewer, None)
                };
                stage.runner().tenant(&context, &create).await
            }
            1 => {
                let create = CreatePersonalKey {
                    scopes: wanted,
                    ..personal_key(None)
                };
                stage.runner().tenant(&context, &create).await
            }
            _ if known.is_empty() => continue,
            _ => {
                let rotate = RotateApiKey {
                    key: known[below(&random, 200) % known.len()],
                    overlap_seconds: 0,
                };
                stage.runner().tenant(&context, &rotate).await
            }
        };
        let Ok(made) = answer else { continue };
        given += 1;
        let key = presented(stage, &made.text).await.unwrap();
        let rights = match key.owner {
            // What a personal key can do is bounded by its owner's role, at each use.
            Some(owner) => {
                assert_eq!(owner, user.id, "{round}: somebody else's key");
                Grants::of_role(*role).within(&key.ceiling())
            }
            None => key.ceiling(),
        };
        for permission in &all {
            assert!(
                held.allows(*permission) || !rights.allows(*permission),
                "{round}: {} by {role}",
                permission.name()
            );
        }
        if known.len() < 150 {
            known.push(key.id);
        } else {
            let owner = stage.context(&acme, &people[0].0, Role::Owner);
            let revoke = RevokeApiKey { key: key.id };
            stage.runner().tenant(&owner, &revoke).await.unwrap();
        }
    }
    assert!(given > 100, "wishes that are granted are tested as well: {given}");
}
