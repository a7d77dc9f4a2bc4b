//! Nothing of one tenant can be reached from another: every tenant route, generated from the route table.

use reqwest::Method;
use serde_json::{Value, json};
use wisdom_server::{Route, routes};

use crate::harness::{Person, Reply, Server, Setup, eventually, on_both};
use crate::listener::Listener;
use crate::mutual_tls::good;
use crate::roles::body_for;

on_both! {
    what_is_another_tenants_does_not_exist;
}

/// One id of everything that a tenant has.
#[derive(Debug, Clone)]
struct Things {
    tenant: String,
    member: String,
    invitation: String,
    endpoint: String,
    delivery: String,
    key: String,
    client: String,
    thumbprint: String,
}

impl Things {
    /// Ids that belong to nobody.
    fn unknown() -> Self {
        let id = |prefix: &str| format!("{prefix}_01kaaaaaaaaaaaaaaaaaaaaaaa");
        Self {
            tenant: id("tnt"),
            member: id("mem"),
            invitation: id("inv"),
            endpoint: id("whe"),
            delivery: id("dlv"),
            key: id("akey"),
            client: id("svc"),
            thumbprint: "A".repeat(43),
        }
    }

    fn path(&self, route: &Route, tenant: &str) -> String {
        let mut path = route.path.replace("{tenant}", tenant);
        for name in route.parameters().filter(|name| *name != "tenant") {
            let id = match name {
                "member" => &self.member,
                "invitation" => &self.invitation,
                "endpoint" => &self.endpoint,
                "delivery" => &self.delivery,
                "key" => &self.key,
                "client" => &self.client,
                "thumbprint" => &self.thumbprint,
                other => panic!("what is {{{other}}}? Give this test an id of one"),
            };
            path = path.replace(&format!("{{{name}}}"), id);
        }
        path
    }
}

async fn furnish(server: &Server, owner: &Person, receiver: &Listener) -> Things {
    let tenant = format!("/v1/tenants/{}", owner.tenant);
    let body = json!({ "url": receiver.url });
    let endpoint = server
        .post(&format!("{tenant}/webhook-endpoints"), &owner.access, &body)
        .await
        .expect(201)
        .text("id");
    let body = json!({ "email": "someone@example.org", "role": "viewer" });
    let invitation = server
        .post(&format!("{tenant}/invitations"), &owner.access, &body)
        .await
        .expect(201)
        .text("id");
    let body = json!({ "name": "Key", "role": "admin" });
    let key = server
        .post(&format!("{tenant}/api-keys"), &owner.access, &body)
        .await
        .expect(201)
        .text("key");
    let client = server
        .post(&format!("{tenant}/service-clients"), &owner.access, &body)
        .await
        .expect(201)
        .text("client");
    let shown = good();
    let body = json!({ "name": "Laptop", "certificate": shown.certificate });
    let path = format!("{tenant}/service-clients/{client}/certificates");
    server.post(&path, &owner.access, &body).await.expect(201);
    let path = format!("{tenant}/webhook-endpoints/{endpoint}/deliveries");
    let delivery = eventually("a delivery", async || {
        let list = server.get(&path, &owner.access).await.expect(200);
        list.body["items"][0]["id"].as_str().map(str::to_owned)
    });
    Things {
        tenant: owner.tenant.clone(),
        member: owner.member.clone(),
        invitation,
        endpoint,
        delivery: delivery.await,
        key,
        client,
        thumbprint: shown.thumbprint,
    }
}

async fn try_route(server: &Server, who: &Person, route: &Route, path: &str) -> Reply {
    let call = server
        .call(
            Method::from_bytes(route.method.as_str().as_bytes()).unwrap(),
            path,
        )
        .token(&who.access);
    match body_for(route) {
        Some(body) => call.body(&body).send().await,
        None => call.send().await,
    }
}

/// A refusal without what is different each time.
fn shape(reply: &Reply) -> (u16, Value) {
    let mut body = reply.body.clone();
    body.as_object_mut().unwrap().remove("instance");
    (reply.status, body)
}

async fn what_is_another_tenants_does_not_exist(setup: Setup) {
    let server = setup.start().await;
    let receiver = Listener::start().await;
    let (ada, eve) = (server.founder("ada").await, server.founder("eve").await);
    let hers = furnish(&server, &ada, &receiver).await;
    let unknown = Things::unknown();
    let mut tried = 0;
    for route in routes::all()
        .iter()
        .filter(|route| route.path.contains("{tenant}"))
    {
        let foreign = try_route(&server, &eve, route, &hers.path(route, &hers.tenant)).await;
        let nobodys = try_route(&server, &eve, route, &unknown.path(route, &unknown.tenant)).await;
        assert_eq!(
            foreign.status, 404,
            "{} {}: {foreign:?}",
            route.method, route.path
        );
        assert_eq!(
            shape(&foreign),
            shape(&nobodys),
            "{} {}",
            route.method,
            route.path
        );
        tried += 1;
        if route.parameters().count() > 1 {
            let foreign = try_route(&server, &eve, route, &hers.path(route, &eve.tenant)).await;
            let nobodys = try_route(&server, &eve, route, &unknown.path(route, &eve.tenant)).await;
            assert_eq!(
                foreign.status, 404,
                "own tenant, {} {}: {foreign:?}",
                route.method, route.path
            );
            assert_eq!(
                shape(&foreign),
                shape(&nobodys),
                "own tenant, {} {}",
                route.method,
                route.path
            );
        }
    }
    assert!(tried > 15, "the route table has lost its tenant routes");
    // Two sources that name different tenants: who is a member of one only is told nothing.
    let mixed = server
        .call(Method::GET, &format!("/v1/tenants/{}", eve.tenant))
        .token(&eve.access);
    mixed
        .header("wisdom-tenant", &hers.tenant)
        .send()
        .await
        .expect(404);
    let second = server
        .post("/v1/tenants", &eve.access, &json!({ "name": "Second" }))
        .await
        .expect(201)
        .text("id");
    let mixed = server
        .call(Method::GET, &format!("/v1/tenants/{}", eve.tenant))
        .token(&eve.access);
    let mixed = mixed.header("wisdom-tenant", &second).send().await.expect(400);
    assert_eq!(mixed.code(), "tenant.mismatch");
    // And nothing of it left a trace there.
    let name = server
        .get(&format!("/v1/tenants/{}", ada.tenant), &ada.access)
        .await
        .expect(200)
        .text("name");
    assert_eq!(name, "ada Works");
    let members = server
        .get(&format!("/v1/tenants/{}/members", ada.tenant), &ada.access)
        .await
        .expect(200);
    assert_eq!(members.body["items"].as_array().unwrap().len(), 1);
    let list = server
        .get(
            &format!("/v1/tenants/{}/webhook-endpoints", ada.tenant),
            &ada.access,
        )
        .await
        .expect(200);
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1);
}
