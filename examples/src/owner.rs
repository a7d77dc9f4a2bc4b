//! A customer of the program `orders`, through the same door as every client, and with SQL of their tenant's own.

use std::error::Error;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wisdom_adapters::storage::sql::{Statement, Value as SqlValue};
use wisdom_adapters::{Call, Wisdom};
use wisdom_core::catalogue::Host as _;
use wisdom_core::context::TenantContext;
use wisdom_core::failure::Failure;
use wisdom_core::id::{IdSourceExt as _, TenantId};
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_tenancy::tenant::Tenant;

use crate::orders::{Order, OrderId, OrderKind};

const PASSWORD: &str = "violet kettle sings at noon";

const WRITE: Statement = Statement::new(
    "orders.write",
    "INSERT INTO orders (tenant_id, id, item, quantity, placed_at) VALUES ($1, $2, 'anvil', 1, $3)",
);

/// A signed-in owner and their tenant.
#[derive(Debug, Clone)]
pub struct Owner<'a> {
    wisdom: &'a Wisdom,
    token: SecretText,
    /// Their tenant.
    pub tenant: TenantId,
}

impl<'a> Owner<'a> {
    /// Signs up, unless an earlier run did, logs in and founds a tenant.
    ///
    /// # Errors
    /// The refusal of any of these.
    pub async fn arrives(wisdom: &'a Wisdom, email: &str, name: &str) -> Result<Self, Box<dyn Error>> {
        let call = |operation, input| Call::new(operation, input, wisdom.request(None, None));
        let form = json!({ "email": email, "password": PASSWORD, "display_name": name, "tenant_name": name });
        let _: Value = ask(wisdom, call("auth.sign_up", form)).await?;
        let credentials = json!({ "email": email, "password": PASSWORD });
        let session: Value = ask(wisdom, call("auth.session.log_in", credentials)).await?;
        let token = session["access_token"].as_str().ok_or("no access token")?;
        let mut found = call("tenancy.tenant.create", json!({ "name": name }));
        found.token = Some(token);
        let tenant: Tenant = ask(wisdom, found).await?;
        let token = SecretText::from(token.to_owned());
        Ok(Self {
            wisdom,
            token,
            tenant: tenant.id,
        })
    }

    /// Runs an operation in the own tenant.
    ///
    /// # Errors
    /// The refusal.
    pub async fn ask<T: DeserializeOwned>(&self, operation: &str, input: Value) -> Result<T, Failure> {
        ask(self.wisdom, self.call(operation, input)).await
    }

    /// Places an order, and asks again under the same idempotency key as a client that lost the answer does.
    ///
    /// # Errors
    /// The refusal.
    pub async fn places(&self, item: &str, quantity: u32) -> Result<Order, Failure> {
        let key = self.wisdom.kit().ids.id::<OrderKind>().to_string();
        let place = async || -> Result<Order, Failure> {
            let input = json!({ "item": item, "quantity": quantity });
            let mut call = self.call("orders.order.place", input);
            call.idempotency_key = Some(&key);
            ask(self.wisdom, call).await
        };
        place().await?;
        place().await
    }

    fn call<'b>(&'b self, operation: &'b str, input: Value) -> Call<'b> {
        let mut call = Call::new(operation, input, self.wisdom.request(None, None));
        call.token = Some(self.token.expose());
        call.tenant = Some(self.tenant);
        call
    }

    /// Runs a statement in a unit of work of the tenant and answers its first number, 0 without a row.
    ///
    /// # Errors
    /// When storage fails, or is not an SQL one.
    pub async fn count(&self, statement: &Statement, values: &[SqlValue<'_>]) -> Result<i64, Box<dyn Error>> {
        let context = TenantContext::for_claimed_row(self.tenant, self.wisdom.request(None, None));
        let mut tx = self.wisdom.runner().store().begin(&context, Effect::Read).await?;
        let sql = tx.sql().ok_or("the store is not an SQL one")?;
        let row = sql.fetch_optional(statement, values).await?;
        let number = row.map_or(Ok(0), |row| row.int(0))?;
        tx.rollback().await?;
        Ok(number)
    }

    /// Tries to write a row in the name of a tenant and takes it back; answers whether it could be written.
    ///
    /// # Errors
    /// When storage fails, or is not an SQL one.
    pub async fn may_write(&self, tenant: TenantId) -> Result<bool, Box<dyn Error>> {
        let context = TenantContext::for_claimed_row(self.tenant, self.wisdom.request(None, None));
        let mut tx = self
            .wisdom
            .runner()
            .store()
            .begin(&context, Effect::Write)
            .await?;
        let (id, now): (OrderId, _) = (self.wisdom.kit().ids.id(), self.wisdom.kit().clock.now());
        let sql = tx.sql().ok_or("the store is not an SQL one")?;
        let written = sql
            .execute(&WRITE, &[tenant.into(), id.into(), now.into()])
            .await
            .is_ok();
        tx.rollback().await?;
        Ok(written)
    }
}

async fn ask<T: DeserializeOwned>(wisdom: &Wisdom, call: Call<'_>) -> Result<T, Failure> {
    let reply = wisdom.call(call).await?;
    serde_json::from_slice(&reply.body).map_err(Failure::internal)
}
