//! From nothing to the first tenant, on an SQLite file: `cargo run -p wisdom-examples --bin quickstart [FOLDER]`.

use std::error::Error;

use serde_json::{Value, json};
use wisdom_adapters::config::Config;
use wisdom_adapters::{Call, WisdomBuilder};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "data/quickstart".to_owned());

    let config = Config {
        data_dir: folder.clone().into(),
        ..Config::default()
    };
    let wisdom = WisdomBuilder::new(config).build().await?;
    let ask = async |operation: &str, token: Option<&str>, input: Value| -> Result<Value, Box<dyn Error>> {
        let call = Call {
            token,
            ..Call::new(operation, input, wisdom.request(None, None))
        };
        Ok(serde_json::from_slice(&wisdom.call(call).await?.body)?)
    };
    let (email, password) = ("ada@acme.example", "violet kettle sings at noon");
    let ada = json!({ "email": email, "password": password, "display_name": "Ada", "tenant_name": "Acme" });
    ask("auth.sign_up", None, ada).await?;
    let credentials = json!({ "email": email, "password": password });
    let session = ask("auth.session.log_in", None, credentials).await?;
    let token = session["access_token"].as_str();
    let labs = ask("tenancy.tenant.create", token, json!({ "name": "Acme Labs" })).await?;
    let tenants = ask("tenancy.tenant.list", token, json!({})).await?;

    println!("Everything is in {folder}; a second run goes on with it.");
    println!("{email} signed up and logged in, and founded {}.", labs["name"]);
    for standing in tenants["items"].as_array().into_iter().flatten() {
        let tenant = &standing["tenant"];
        println!(
            "  {} is {} of {} ({})",
            email, standing["role"], tenant["name"], tenant["id"]
        );
    }
    let operations = wisdom.catalogue().iter().count();
    println!("There are {operations} operations; the first of them:");
    for entry in wisdom.catalogue().iter().take(5) {
        println!("  {:<24} {}", entry.name, entry.summary);
    }
    Ok(())
}
