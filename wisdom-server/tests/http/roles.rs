//! Who may do what: the whole catalogue, as written down and as answered.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};
use wisdom_adapters::assembly::operations;
use wisdom_core::access::{Access, Callers, Role};
use wisdom_server::{Route, routes};

use crate::harness::{Person, Server, Setup};

/// Who calls, from nobody to owner, and a personal key of the owner with all their rights.
const CALLERS: [&str; 7] = [
    "anonymous",
    "non-member",
    "viewer",
    "member",
    "admin",
    "owner",
    "key",
];

fn may(access: Access, callers: Callers, caller: &str) -> bool {
    match access {
        Access::Public => true,
        Access::Authenticated => !["anonymous", "key"].contains(&caller),
        Access::Tenant(_) if caller == "key" => callers != Callers::InPerson,
        Access::Tenant(permission) => caller
            .parse::<Role>()
            .is_ok_and(|role| role >= permission.floor()),
        Access::System => false,
    }
}

#[test]
fn the_matrix_is_the_one_that_was_agreed() {
    let mut table = format!("{:<38}", "operation");
    for caller in CALLERS {
        write!(table, " {caller:<10}").unwrap();
    }
    for entry in operations() {
        write!(table, "\n{:<38}", entry.name).unwrap();
        for caller in CALLERS {
            write!(
                table,
                " {:<10}",
                if may(entry.access, entry.callers, caller) {
                    "yes"
                } else {
                    "-"
                }
            )
            .unwrap();
        }
    }
    let table: Vec<&str> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(table.join("\n"));
}

/// A body that a route takes, so that nothing but access can be in the way.
pub(crate) fn body_for(route: &Route) -> Option<Value> {
    if route.method == Method::GET || route.method == Method::DELETE {
        return None;
    }
    Some(match route.operation {
        "auth.sign_up" => {
            json!({ "email": "x@example.org", "password": "short", "display_name": "X", "tenant_name": "X" })
        }
        "auth.email.verify" | "tenancy.invitation.accept" | "tenancy.invitation.decline" => {
            json!({ "token": "x" })
        }
        "tenancy.invitation.accept_and_register" => {
            json!({ "token": "x", "password": "long enough for that", "display_name": "X" })
        }
        "auth.password.check" => json!({ "email": "x@example.org", "password": "x" }),
        "auth.password.change" => json!({ "current_password": "x", "new_password": "x" }),
        "auth.session.log_in" => json!({ "email": "nobody@example.org", "password": "x" }),
        "auth.email.request_verification"
        | "auth.password.request_reset"
        | "auth.session.request_link"
        | "auth.session.request_code"
        | "auth.email.request_change"
        | "auth.provider.discover" => json!({ "email": "nobody@example.org" }),
        "auth.session.second_factor" => json!({ "challenge": "x", "code": "x" }),
        "auth.password.reset" => json!({ "token": "x", "password": "long enough for that" }),
        "auth.session.log_in_with_link"
        | "auth.email.change"
        | "auth.oauth.introspect"
        | "auth.oauth.revoke_token" => json!({ "token": "x" }),
        "auth.session.log_in_with_code" => json!({ "email": "nobody@example.org", "code": "000000" }),
        "auth.session.step_up" => json!({ "password": "x" }),
        "auth.totp.confirm" => json!({ "code": "000000" }),
        "auth.provider.complete" | "auth.identity.link" => {
            json!({ "binding": "x", "state": "x", "code": "x" })
        }
        "auth.passkey.add" => json!({ "ceremony": "x", "name": "X", "credential": {} }),
        "auth.passkey.log_in" | "auth.passkey.step_up" => json!({ "ceremony": "x", "credential": {} }),
        "auth.passkey.begin_second_factor" => json!({ "challenge": "x" }),
        "auth.passkey.second_factor" => json!({ "challenge": "x", "ceremony": "x", "credential": {} }),
        "auth.passkey.rename" => json!({ "name": "X" }),
        "auth.session.refresh" => json!({ "refresh_token": "x" }),
        "tenancy.tenant.create" => json!({ "name": "Another" }),
        "tenancy.tenant.update" => json!({ "name": "Renamed", "expected_version": 9999 }),
        "tenancy.support_access.set" => json!({ "mode": "ask" }),
        "tenancy.support_access.open" => json!({ "hours": 1 }),
        "tenancy.invitation.create" => json!({ "email": "somebody@example.org", "role": "viewer" }),
        "tenancy.member.change_role" => json!({ "role": "viewer" }),
        "auth.impersonation.start" => json!({
            "tenant": "tnt_01kaaaaaaaaaaaaaaaaaaaaaaa", "user": "usr_01kaaaaaaaaaaaaaaaaaaaaaaa",
            "reason": "Somebody asked for it",
        }),
        "auth.oauth.issue_token" => json!({ "grant_type": "client_credentials" }),
        "auth.api_key.create" | "auth.client.create" => json!({ "name": "Key", "role": "viewer" }),
        "auth.api_key.create_personal" => json!({ "name": "Key" }),
        "auth.client.add_certificate" => json!({ "name": "Key", "certificate": "none" }),
        "webhooks.endpoint.create" => json!({ "url": "http://127.0.0.1:9/hook" }),
        "webhooks.endpoint.update" => json!({ "description": "changed" }),
        "auth.session.rename" => json!({ "label": "Laptop" }),
        "auth.provider.begin"
        | "auth.passkey.begin"
        | "auth.passkey.begin_log_in"
        | "auth.passkey.begin_step_up"
        | "auth.identity.begin_link"
        | "auth.session.log_out"
        | "auth.totp.enrol"
        | "auth.recovery_codes.renew"
        | "tenancy.member.leave"
        | "tenancy.support_access.close"
        | "auth.api_key.rotate"
        | "auth.client.rotate_secret"
        | "webhooks.endpoint.rotate_secret"
        | "webhooks.endpoint.send_example"
        | "webhooks.delivery.replay" => json!({}),
        other => panic!("give this test a body for {other}"),
    })
}

fn rules() -> BTreeMap<&'static str, (Access, Callers)> {
    operations()
        .iter()
        .map(|entry| (entry.name, (entry.access, entry.callers)))
        .collect()
}

/// The route's path with ids that nothing has.
fn path_of(route: &Route, tenant: &str) -> String {
    let unknown = "01kaaaaaaaaaaaaaaaaaaaaaaa";
    route
        .path
        .replace("{tenant}", tenant)
        .replace("{thumbprint}", &"A".repeat(43))
        .replace("{member}", &format!("mem_{unknown}"))
        .replace("{provider}", "nobody")
        .replace("{identity}", &format!("idn_{unknown}"))
        .replace("{passkey}", &format!("pky_{unknown}"))
        .replace("{invitation}", &format!("inv_{unknown}"))
        .replace("{endpoint}", &format!("whe_{unknown}"))
        .replace("{delivery}", &format!("dlv_{unknown}"))
        .replace("{key}", &format!("akey_{unknown}"))
        .replace("{client}", &format!("svc_{unknown}"))
        .replace("{impersonation}", &format!("imp_{unknown}"))
        .replace("{session}", &format!("ses_{unknown}"))
}

/// The person's own key, as if it were the person.
async fn keyed(server: &Server, person: &Person, scopes: Option<&[&str]>) -> Person {
    let path = format!("/v1/tenants/{}/personal-api-keys", person.tenant);
    let body = match scopes {
        None => json!({ "name": "Key" }),
        Some(scopes) => json!({ "name": "Key", "scopes": scopes }),
    };
    let made = server.post(&path, &person.access, &body).await.expect(201);
    Person {
        access: made.text("text"),
        ..person.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_one_scope_opens_what_the_scope_names() {
    let server = Setup::sqlite().start().await;
    let owner = server.founder("olga").await;
    let rules = rules();
    let mut scopes: Vec<&str> = Vec::new();
    for (access, _) in rules.values() {
        if let Access::Tenant(permission) = access
            && !scopes.contains(&permission.name())
        {
            scopes.push(permission.name());
        }
    }
    for scope in scopes {
        let key = keyed(&server, &owner, Some(&[scope])).await;
        for route in &routes::all() {
            let (Access::Tenant(permission), callers) = rules[route.operation] else {
                continue;
            };
            let method = Method::from_bytes(route.method.as_str().as_bytes()).unwrap();
            let mut call = server
                .call(method, &path_of(route, &owner.tenant))
                .token(&key.access);
            if let Some(body) = body_for(route) {
                call = call.body(&body);
            }
            let reply = call.send().await;
            let expected = match callers {
                Callers::InPerson => "session.required",
                _ if permission.name() != scope => "forbidden",
                _ => {
                    let refused = ["session.required", "forbidden", "unauthenticated"];
                    assert!(
                        !refused.contains(&reply.code()),
                        "{scope}: {} {reply:?}",
                        route.path
                    );
                    continue;
                }
            };
            assert_eq!(
                (reply.status, reply.code()),
                (403, expected),
                "{scope}: {}",
                route.path
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_answers_by_the_matrix() {
    let server = Setup::sqlite().start().await;
    let owner = server.founder("olga").await;
    let mut people: BTreeMap<&str, Option<Person>> = BTreeMap::new();
    people.insert("anonymous", None);
    people.insert("non-member", Some(server.founder("nora").await));
    for role in ["viewer", "member", "admin"] {
        people.insert(role, Some(server.join(&owner, role, role).await));
    }
    people.insert("owner", Some(owner.clone()));
    people.insert("key", Some(keyed(&server, &owner, None).await));
    let access = rules();
    let mut lines = routes::all();
    // These two change what the caller is, so they come last.
    lines.sort_by_key(|route| match route.operation {
        "tenancy.member.leave" => 1,
        "auth.session.log_out" => 2,
        _ => 0,
    });
    for route in &lines {
        let (access, callers) = access[route.operation];
        let path = path_of(route, &owner.tenant);
        for caller in CALLERS {
            let method = Method::from_bytes(route.method.as_str().as_bytes()).unwrap();
            let mut call = server.call(method, &path);
            if let Some(person) = &people[caller] {
                call = call.token(&person.access);
            }
            if let Some(body) = body_for(route) {
                call = call.body(&body);
            }
            let reply = call.send().await;
            let what = format!("{caller}: {} {path}: {reply:?}", route.method);
            if may(access, callers, caller) {
                assert_ne!(reply.code(), "session.required", "{what}");
                assert_ne!(reply.code(), "forbidden", "{what}");
                assert_ne!(reply.code(), "unauthenticated", "{what}");
                assert!(reply.status < 500, "{what}");
            } else {
                let expected = match caller {
                    "anonymous" => (401, "unauthenticated"),
                    "non-member" => (404, "not_found"),
                    "key" => (403, "session.required"),
                    _ => (403, "forbidden"),
                };
                assert_eq!((reply.status, reply.code()), expected, "{what}");
            }
        }
    }
}
