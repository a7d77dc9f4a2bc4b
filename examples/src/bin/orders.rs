//! A team's own business inside Wisdom: own table, use cases, event and consumer, in the same tenant transaction.
//!
//! ```text
//! orders                            on an SQLite file in a temporary folder
//! orders --postgres                 on a private PostgreSQL of the test kit
//! orders --database URL             on a PostgreSQL database of its own, or sqlite:PATH
//! ```
//!
//! Checks each promise as it goes and ends with 0 only when all are kept.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use wisdom_adapters::config::{Config, StorageConfig};
use wisdom_adapters::storage::sql::Statement;
use wisdom_adapters::{Wisdom, WisdomBuilder, testkit};
use wisdom_core::audit::AuditRecord;
use wisdom_core::failure::FailureKind;
use wisdom_core::page::Page;
use wisdom_examples::listener::{Listener, Message};
use wisdom_examples::orders::{self, ORDER_PLACED, Order, OrderPolicy};
use wisdom_examples::owner::Owner;

/// The whole program, promises and all.
const PATIENCE: Duration = Duration::from_secs(30);
/// From commit to a webhook that arrived.
const DELIVERY: Duration = Duration::from_secs(10);
/// Orders a tenant may have here, so that the one after is refused.
const MAX_ORDERS: u32 = 3;

const ALL_ORDERS: Statement = Statement::new("orders.all", "SELECT count(*) FROM orders");
const ORDERS: Statement = Statement::new("orders.own", "SELECT count(*) FROM orders WHERE tenant_id = $1");
const EVENTS: Statement = Statement::new(
    "events.own",
    "SELECT count(*) FROM outbox_events WHERE tenant_id = $1 AND kind = $2",
);
const TOTAL: Statement = Statement::new(
    "order_totals.own",
    "SELECT quantity FROM order_totals WHERE tenant_id = $1 AND item = $2",
);

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let fault = match tokio::time::timeout(PATIENCE, run()).await {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("not done within {} s", PATIENCE.as_secs()),
    };
    eprintln!("orders: {fault}");
    ExitCode::FAILURE
}

/// A promise that was not kept.
#[derive(Debug)]
struct Broken(&'static str);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a promise was not kept: {}", self.0)
    }
}

impl Error for Broken {}

fn promise(text: &'static str, kept: bool) -> Result<(), Broken> {
    if !kept {
        return Err(Broken(text));
    }
    println!("  kept: {text}");
    Ok(())
}

async fn run() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let mut arguments = std::env::args().skip(1);
    // Dropped last, which drops its database.
    let private;
    let url = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => format!("sqlite:{}", folder.path().join("orders.db").display()),
        (Some("--postgres"), None) => {
            private = testkit::postgres().await?;
            private.url().to_owned()
        }
        (Some("--database"), Some(url)) => match url.strip_prefix("sqlite:") {
            Some(path) => format!("sqlite:{}", std::path::absolute(path)?.display()),
            None => url,
        },
        _ => return Err("usage: orders [--postgres | --database URL]".into()),
    };
    let is_postgres = url.starts_with("postgres");
    println!("Orders on {}", if is_postgres { "PostgreSQL" } else { "SQLite" });
    let wisdom = open(folder.path(), &url).await?;
    let workers = wisdom.start_workers();
    let outcome = keep_promises(&wisdom, is_postgres).await;
    workers.stop(Duration::from_secs(5)).await;
    outcome
}

/// Wisdom with orders in it.
async fn open(folder: &Path, url: &str) -> Outcome<Arc<Wisdom>> {
    let storage = StorageConfig {
        url: url.to_owned(),
        ..StorageConfig::default()
    };
    let config = Config {
        data_dir: folder.to_owned(),
        storage,
        ..Config::default()
    };
    let policy = OrderPolicy {
        max_orders: MAX_ORDERS,
    };
    let wisdom = orders::add_to(WisdomBuilder::new(config), policy).build().await?;
    orders::migrate(url).await?;
    Ok(wisdom)
}

async fn keep_promises(wisdom: &Wisdom, is_postgres: bool) -> Outcome<()> {
    let acme = Owner::arrives(wisdom, "ada@acme.example", "Acme").await?;
    let globex = Owner::arrives(wisdom, "grace@globex.example", "Globex").await?;
    let listener = Listener::start().await?;
    let endpoint = json!({ "url": listener.url(), "event_kinds": ["orders.*"] });
    let endpoint: Value = acme.ask("webhooks.endpoint.create", endpoint).await?;
    let secret = endpoint["secret"].as_str().unwrap_or_default();

    println!("Globex orders 7 anvils; Acme orders 1, 2 and 3 kettles");
    let foreign = globex.places("anvil", 7).await?;
    let mut placed = Vec::new();
    for quantity in 1..=MAX_ORDERS {
        placed.push(acme.places("kettle", quantity).await?);
    }
    let listed: Page<Order> = acme.ask("orders.order.list", json!({})).await?;
    promise(
        "an order that was asked for twice under one key is placed once",
        listed.items.len() == placed.len(),
    )?;
    promise(
        "a tenant lists its own orders, and no others",
        listed.items == placed,
    )?;

    refusals(&acme).await?;
    webhooks(&listener, secret, &acme, &placed).await?;
    totals(&acme).await?;
    isolation(&acme, &globex, &foreign, is_postgres).await?;
    let seen = listener.seen();
    promise(
        "nothing else was sent to Acme's webhook",
        seen.len() == placed.len(),
    )?;
    println!("All promises kept.");
    Ok(())
}

/// A use case that fails after its insert leaves nothing; one asked twice under one key is done once.
async fn refusals(acme: &Owner<'_>) -> Outcome<()> {
    let refusal = acme.places("kettle", 4).await.err();
    promise(
        "the order over the limit is refused",
        refusal.is_some_and(|f| f.kind == FailureKind::Quota && f.code == "orders.too_many"),
    )?;
    let invalid = acme.places("kettle", 0).await.err();
    promise(
        "an order of nothing is refused",
        invalid.is_some_and(|f| f.kind == FailureKind::InvalidArgument),
    )?;
    let tenant = acme.tenant.into();
    promise(
        "a refused order left no row",
        acme.count(&ORDERS, &[tenant]).await? == i64::from(MAX_ORDERS),
    )?;
    promise(
        "a refused order left no event",
        acme.count(&EVENTS, &[tenant, ORDER_PLACED.into()]).await? == i64::from(MAX_ORDERS),
    )?;
    let page: Page<AuditRecord> = acme
        .ask("audit.entry.list", json!({ "action": "orders.order.place" }))
        .await?;
    promise(
        "the audit log tells of the placed orders alone",
        page.items.len() == MAX_ORDERS as usize,
    )?;
    Ok(())
}

/// Orders reach the tenant's webhook, signed as Standard Webhooks says.
async fn webhooks(listener: &Listener, secret: &str, acme: &Owner<'_>, placed: &[Order]) -> Outcome<()> {
    let verifier = Webhook::new(secret)?;
    let messages = listener.wait_for(placed.len(), DELIVERY).await;
    promise(
        "every order reached Acme's webhook",
        messages.len() == placed.len(),
    )?;
    let signed = |Message { headers, body }: &Message| verifier.verify(body, headers).is_ok();
    promise("each message is signed", messages.iter().all(signed))?;
    let forged = messages.iter().map(|Message { headers, body }| Message {
        headers: headers.clone(),
        body: [body, b" ".as_slice()].concat().into(),
    });
    promise(
        "a changed message does not pass",
        !forged.into_iter().any(|message| signed(&message)),
    )?;
    let mut told = Vec::new();
    let mut own = true;
    for Message { body, .. } in &messages {
        let event: Value = serde_json::from_slice(body)?;
        own &= event["type"] == ORDER_PLACED && event["tenantid"] == acme.tenant.to_string();
        told.push(serde_json::from_value::<Order>(event["data"].clone())?);
    }
    promise("each message is a CloudEvent of Acme's own", own)?;
    told.sort_by_key(|order| order.quantity);
    promise(
        "the messages tell the orders as they were answered",
        told == placed,
    )?;
    Ok(())
}

/// Our consumer of our event adds each order once.
async fn totals(acme: &Owner<'_>) -> Outcome<()> {
    let values = [acme.tenant.into(), "kettle".into()];
    let counted = async {
        while acme.count(&TOTAL, &values).await? < 6 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        acme.count(&TOTAL, &values).await
    };
    let total = tokio::time::timeout(DELIVERY, counted).await??;
    promise("the consumer counted each order once", total == 6)?;
    Ok(())
}

/// What one tenant sees of the other: nothing.
async fn isolation(acme: &Owner<'_>, globex: &Owner<'_>, foreign: &Order, is_postgres: bool) -> Outcome<()> {
    let page: Page<Order> = globex.ask("orders.order.list", json!({})).await?;
    promise(
        "the same use case shows Globex its own order alone",
        page.items == [foreign.clone()],
    )?;
    let mut trespasser = globex.clone();
    trespasser.tenant = acme.tenant;
    let trespass = trespasser.ask::<Value>("orders.order.list", json!({})).await;
    promise(
        "Globex's owner does not learn that Acme exists",
        trespass.is_err_and(|f| f.kind == FailureKind::NotFound),
    )?;
    if !is_postgres {
        println!("  SQLite has no second wall: isolation is the tenant's id in each statement");
        return Ok(());
    }
    promise(
        "SQL that forgets the tenant sees its own rows alone (row-level security)",
        globex.count(&ALL_ORDERS, &[]).await? == 1,
    )?;
    promise(
        "SQL that asks for another tenant's rows gets none",
        globex.count(&ORDERS, &[acme.tenant.into()]).await? == 0,
    )?;
    // The same statement for the own tenant passes, so it is the tenant that stands in the way.
    let own = globex.may_write(globex.tenant).await?;
    let foreign = globex.may_write(acme.tenant).await?;
    promise("a row of another tenant cannot be written", own && !foreign)?;
    Ok(())
}
